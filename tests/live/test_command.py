"""The command, and the keys: no eight characters of one in a row are shown, wherever a text was cut."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from airflow_provider_xai_collections.emulator.server import ServerUrls
from tests.conftest import API_KEY, MANAGEMENT_KEY, RecordingEmulator, Stage, playing
from tests.operators.stage import Xai

from .conftest import holds
from .masking import PIECE, Mask, masked_terminal
from .place import PREFIX

Command: TypeAlias = Callable[..., subprocess.Popen[str]]
PIECES = [key[n : n + PIECE] for key in (MANAGEMENT_KEY, API_KEY) for n in range(len(key) - PIECE + 1)]
MASK = Mask([MANAGEMENT_KEY, API_KEY])


@pytest.fixture
def command(connection: str, stage: tuple[Stage, ServerUrls], tmp_path: Path) -> Command:
    """Starts the command, which writes to ``report.md``."""

    def command(*arguments: str, **keys: str) -> subprocess.Popen[str]:
        urls = stage[1]
        called = [sys.executable, "-m", "tests.live", "--host", urls.management_url, "--api-host", urls.api_url]
        called += ["--poll-interval", "0.02", "--report", str(tmp_path / "deep" / "report.md"), *arguments]
        environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
        environment |= {"XAI_MANAGEMENT_API_KEY": MANAGEMENT_KEY, "XAI_API_KEY": API_KEY, **keys}
        return subprocess.Popen(called, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    return command


# Without its beginning, by which the provider knows a key; and the text of the service is cut in the midst of it.
@pytest.mark.parametrize(
    "emulator_settings", [playing(violation_text=f"{'x' * 150} bad key {MANAGEMENT_KEY[4:]} y")], ids=["quoting"]
)
def test_it_writes_the_report_and_prints_it_without_a_key_that_the_service_quotes(
    command: Command, xai: Xai, tmp_path: Path
) -> None:
    process = command()
    said, _ = process.communicate()
    assert process.returncode == 0, said
    report = (tmp_path / "deep" / "report.md").read_text()
    assert report in said
    assert "at most 20 searches ($0.05), 500 requests" in said
    assert "bad key ***" in report
    assert [piece for piece in PIECES if piece in said + report] == []
    assert holds(xai) == set()


def test_when_it_is_cancelled_it_deletes_what_it_has_made(
    command: Command, emulator: RecordingEmulator, xai: Xai
) -> None:
    handle = emulator.handle

    def handle_and_end(request: Any) -> Any:
        reply = handle(request)
        if emulator.count("add_document") == 1:
            process.send_signal(signal.SIGTERM)
        return reply

    emulator.handle = handle_and_end  # type: ignore[method-assign]
    process = command()
    process.communicate()
    assert process.returncode == 128 + signal.SIGTERM
    assert emulator.count("create_collection") >= 1
    assert holds(xai) == set()


def test_it_can_clear_what_a_killed_one_has_left_and_nothing_else(command: Command, xai: Xai) -> None:
    xai.collection(f"{PREFIX}20260101000000-abcdef-sync")
    xai.file(f"{PREFIX}20260101000000-abcdef-a.md")
    theirs = {xai.collection(f"not {PREFIX}"), xai.file(f"not-{PREFIX}a.md")}
    process = command("--clear")
    said, _ = process.communicate()
    assert process.returncode == 0, said
    assert "2 collections and files of earlier runs deleted" in said
    assert holds(xai) == theirs


@pytest.mark.parametrize(("key", "said"), [(" ", "set XAI_API_KEY: "), ('xai-a"quoted-key', "XAI_API_KEY: a key has")])
def test_without_a_key_that_can_be_hidden_it_asks_nothing(
    command: Command, emulator: RecordingEmulator, key: str, said: str
) -> None:
    process = command(XAI_API_KEY=key)
    output, _ = process.communicate()
    assert process.returncode == 2
    assert said in output
    assert key.strip() == "" or key not in output
    assert emulator.requests == []


@pytest.mark.parametrize("key", [MANAGEMENT_KEY, API_KEY])
def test_a_key_and_each_piece_of_it_is_hidden_and_nothing_else_is(key: str) -> None:
    assert MASK(f"bad key {key}, see\nxai.com") == "bad key ***, see\nxai.com"
    for start in range(len(key)):
        for end in range(start + PIECE, len(key) + 1):
            assert MASK(f"a {key[start:end]}… b") == "a ***… b"
    assert MASK(key[: PIECE - 1]) == key[: PIECE - 1]


def test_nothing_reaches_the_terminal_unmasked(capsys: pytest.CaptureFixture[str]) -> None:
    def run() -> None:
        print("half", MANAGEMENT_KEY[:6], end="")
        print(MANAGEMENT_KEY[6:], "a whole", API_KEY)
        print("no end of line", API_KEY, end="", file=sys.stderr)
        raise RuntimeError(f"with {API_KEY} in it")

    with pytest.raises(SystemExit) as ended, masked_terminal(MASK):
        run()
    out, err = capsys.readouterr()
    assert ended.value.code == 1
    assert out == "half *** a whole ***\n"
    assert err.startswith("no end of line ***")
    assert "RuntimeError: with *** in it" in err
