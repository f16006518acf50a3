"""The two doors to the commands, keys, exit codes, and the help."""

from __future__ import annotations

import argparse
import os
import pty
import re
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_xai_collections.cli import doctor, showing
from airflow_provider_xai_collections.cli.definition import COMMANDS, get_cli_commands, parser
from airflow_provider_xai_collections.cli.main import main
from airflow_provider_xai_collections.emulator.server import ServerUrls
from airflow_provider_xai_collections.get_provider_info import get_provider_info
from tests.cli.conftest import Cli
from tests.conftest import CONN_ID, MANAGEMENT_KEY, Connect, Stage

each_command = pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)


@each_command
def test_help_has_examples_that_can_be_parsed(command: Any, capsys: pytest.CaptureFixture[str]) -> None:
    import shlex

    with pytest.raises(SystemExit) as ended:
        main([command.name, "--help"])
    assert ended.value.code == 0
    told = capsys.readouterr().out
    for example in command.examples:
        assert f"xai-collections {example}" in told
        parser().parse_args(shlex.split(example))


def test_without_a_command_the_usage_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([])
    assert ended.value.code == 2
    assert "usage: xai-collections" in capsys.readouterr().err


def test_the_keys_come_from_a_connection_if_it_is_named_or_the_environment_has_none(
    cli: Cli, connection: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XAI_MANAGEMENT_API_KEY", "wrong")
    assert cli("ls").code == 2
    assert cli("ls", "--conn-id", connection).code == 0
    monkeypatch.delenv("XAI_MANAGEMENT_API_KEY")
    monkeypatch.delenv("XAI_API_KEY")
    assert cli("ls").code == 0
    monkeypatch.delenv(f"AIRFLOW_CONN_{CONN_ID.upper()}")
    missing = cli("ls")
    assert missing.code == 2
    assert "set XAI_MANAGEMENT_API_KEY and XAI_API_KEY" in missing.err


def test_a_connection_that_cannot_be_read_is_not_one_that_is_missing(
    cli: Cli, connection: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"AIRFLOW_CONN_{CONN_ID.upper()}", '{"conn_type": "xai_collections"')
    ended = cli("ls", "--conn-id", connection)
    assert ended.code == 2
    assert f"AIRFLOW_CONN_{CONN_ID.upper()} in the environment cannot be read" in ended.err


def test_where_nobody_listens_the_environment_is_what_to_check(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XAI_MANAGEMENT_HOST", "http://127.0.0.1:1")
    ended = cli("ls")
    assert (ended.code, "check the port in the environment" in ended.err) == (2, True)


def test_a_key_that_is_missing_is_asked_for_by_its_variable(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XAI_MANAGEMENT_API_KEY")
    ended = cli("ls")
    assert ended.code == 2
    assert "set XAI_MANAGEMENT_API_KEY in the environment" in ended.err


def test_the_doctor_says_what_is_well_and_what_is_not(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    well = cli("doctor", "-o", "json")
    assert well.code == 0
    found = {each["check"]: each for each in well.json}
    assert found.keys() >= {"provider", "keys", "network", "clock", "management key", "API key"}
    assert (found["clock"]["result"], "triggerer" in found) == ("ok", False)
    monkeypatch.setenv("XAI_API_KEY", "wrong")
    ill = cli("doctor", "-o", "json")
    assert (ill.code, [each["check"] for each in ill.json if each["result"] == "wrong"]) == (1, ["API key"])
    monkeypatch.delenv("XAI_API_KEY")
    monkeypatch.setenv("XAI_MANAGEMENT_API_KEY", "wrong")
    ill = cli("doctor", "-o", "json")
    assert [each["check"] for each in ill.json if each["result"] == "wrong"] == ["management key"]
    assert "set XAI_API_KEY" in next(each["found"] for each in ill.json if each["check"] == "API key")


def test_the_doctor_looks_for_a_triggerer_where_tasks_wait_there(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__OPERATORS__DEFAULT_DEFERRABLE", "True")
    (found,) = [each for each in cli("doctor", "-o", "json").json if each["check"] == "triggerer"]
    assert found["result"] in ("wrong", "note"), "none runs here"


def test_the_doctor_sees_a_clock_that_is_wrong(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "LARGEST_DRIFT", -1.0)
    (found,) = [each for each in cli("doctor", "-o", "json").json if each["check"] == "clock"]
    assert (found["result"], "NTP" in found["found"]) == ("wrong", True)


def test_arguments_are_completed_for_the_shell(docs: Path) -> None:
    line, told = "xai-collections sync --max-p", docs / "told"
    environment = {
        **os.environ,
        "_ARGCOMPLETE": "1",
        "_ARGCOMPLETE_IFS": " ",
        "_ARGCOMPLETE_SUPPRESS_SPACE": "1",
        "_ARGCOMPLETE_STDOUT_FILENAME": str(told),
        "COMP_LINE": line,
        "COMP_POINT": str(len(line)),
        "COMP_TYPE": "9",
    }
    command = [sys.executable, "-m", "airflow_provider_xai_collections.cli.main"]
    subprocess.run(command, env=environment, check=True, capture_output=True)
    assert told.read_text().split() == ["--max-prune"]


def test_our_door_starts_the_emulator(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["emulator", "--help"])
    assert ended.value.code == 0
    assert "usage: xai-collections emulator" in capsys.readouterr().out


def test_airflows_door_starts_the_emulator(capsys: pytest.CaptureFixture[str]) -> None:
    (group,) = get_cli_commands()
    (command,) = [each for each in group.subcommands if each.name == "emulator"]
    made = argparse.ArgumentParser()
    for argument in command.args:
        argument.add_to_parser(made)
    options = made.parse_args(["--", "--help"])
    with pytest.raises(SystemExit) as ended:
        command.func(options)
    assert ended.value.code == 0
    assert "usage: airflow xai-collections emulator" in capsys.readouterr().out


def test_airflow_has_the_same_commands(cli: Cli) -> None:
    (path,) = get_provider_info()["cli"]
    assert path.endswith("cli.definition.get_cli_commands")
    (group,) = get_cli_commands()
    assert (group.name, [each.name for each in group.subcommands]) == (
        "xai-collections",
        [*(each.name for each in COMMANDS), "emulator"],
    )
    for ours, theirs in zip(COMMANDS, group.subcommands[:-1], strict=True):
        made = argparse.ArgumentParser()
        for argument in theirs.args:
            argument.add_to_parser(made)
        flags = {flag for action in made._actions for flag in action.option_strings} - {"-h", "--help"}
        assert flags == {flag for argument in ours.arguments for flag in argument.flags if flag.startswith("-")}
    with pytest.raises(SystemExit) as ended:
        group.subcommands[1].func(parser().parse_args(["ls"]))
    assert ended.value.code == 0


def test_it_starts_without_airflow(stage: tuple[Stage, ServerUrls], connect: Connect) -> None:
    connect()
    code = (
        "import sys; from airflow_provider_xai_collections.cli.main import main; main(['ls']); "
        "print([name for name in sys.modules if name.split('.')[0] == 'airflow'])"
    )
    _, urls = stage
    environment = {"XAI_MANAGEMENT_API_KEY": MANAGEMENT_KEY, "XAI_MANAGEMENT_HOST": urls.management_url}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.endswith("[]\n"), done.stdout


def test_a_terminal_shows_a_bar_and_then_the_counts(
    stage: tuple[Stage, ServerUrls], connect: Connect, docs: Path
) -> None:
    connect()
    _, urls = stage
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "airflow_provider_xai_collections.cli.main", "sync", str(docs), "whales"]
    environment = {
        "XAI_MANAGEMENT_API_KEY": MANAGEMENT_KEY,
        "XAI_MANAGEMENT_HOST": urls.management_url,
        "PATH": os.environ["PATH"],
        "TERM": "xterm",
        "COLUMNS": "120",
    }
    with subprocess.Popen(command, env=environment, stdin=theirs, stdout=theirs, stderr=theirs):
        os.close(theirs)
        shown = b""
        with suppress(OSError):  # the terminal is gone with the process
            while piece := os.read(ours, 10_000):
                shown += piece
    os.close(ours)
    text = shown.decode()
    assert "0/3" in text or "3/3" in text
    assert re.search(r"added +3", text)
    assert "Traceback" not in text


def test_only_the_answer_is_on_stdout(stage: tuple[Stage, ServerUrls], connect: Connect) -> None:
    connect()
    _, urls = stage
    code = (
        "import sys; from airflow_provider_xai_collections.cli import main, showing; ls = showing.ls\n"
        "def noisy(*both):\n    print('a line of a log')\n    return ls(*both)\n"
        "showing.ls = noisy; sys.exit(main.main(['ls', '-o', 'json']))"
    )
    environment = {"XAI_MANAGEMENT_API_KEY": MANAGEMENT_KEY, "XAI_MANAGEMENT_HOST": urls.management_url}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("[]\n", "a line of a log\n")


def test_a_reader_that_leaves_is_not_told_that_all_is_well(stage: tuple[Stage, ServerUrls], connect: Connect) -> None:
    connect()
    _, urls = stage
    environment = {"XAI_MANAGEMENT_API_KEY": MANAGEMENT_KEY, "XAI_MANAGEMENT_HOST": urls.management_url}
    command = [sys.executable, "-m", "airflow_provider_xai_collections.cli.main", "ls", "-o", "json"]
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(command, env=environment, stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")


def test_an_error_that_is_not_ours_is_trouble_too(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> int:
        raise OSError("no space left")

    monkeypatch.setattr(showing, "ls", broken)
    ended = cli("ls")
    assert (ended.code, ended.err) == (2, "xai-collections: OSError: no space left\n")
