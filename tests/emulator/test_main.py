"""The command: what it says, its options, its end."""

from __future__ import annotations

import json
import re
import shlex
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import fields
from pathlib import Path

import httpx
import pytest
from airflow.models import Connection

from airflow_provider_xai_collections.emulator import FaultRule, Settings
from airflow_provider_xai_collections.emulator.__main__ import main
from airflow_provider_xai_collections.emulator.routes import PLAYED
from tests.emulator.announced import VARIABLE, started


@contextmanager
def client(url: str, key: str) -> Iterator[httpx.Client]:
    headers = {"authorization": f"Bearer {key}"}
    with httpx.Client(base_url=url, headers=headers, trust_env=False) as client:
        yield client


def test_its_connection_leads_to_it_and_its_memory_survives(tmp_path: Path) -> None:
    arguments = ("--db", str(tmp_path / "emulator.db"), "--management-key", "mine", "--set", "attach_twice=ok")
    with started(*arguments) as announced:
        assert announced.lines[0].startswith("This is an emulator, not xAI.")
        connection = announced.connection
        assert connection == {
            "conn_type": "xai_collections",
            "host": connection["host"],
            "password": "mine",
            "extra": {"api_key": "emulator-api-key", "api_host": connection["host"]},
        }
        with client(connection["host"], "mine") as mine:
            made = mine.post("/v1/collections", json={"collection_name": "whales"}).json()
    with started(*arguments, "--api-port", "0", stop=signal.SIGINT) as announced:
        connection = announced.connection
        assert connection["host"] != connection["extra"]["api_host"]
        with client(connection["host"], "mine") as mine:
            assert mine.get(f"/v1/collections/{made['collection_id']}").json() == made


#: What a shell, JSON and Airflow might each take for something of theirs.
WILD_KEY = """it's "a" key: $HOME `id` \\ % {é}\n!"""


def test_its_lines_can_be_pasted_into_a_shell(tmp_path: Path) -> None:
    with started("--management-key", WILD_KEY) as announced:
        (line,) = (line for line in announced.lines if line.startswith(f"export {VARIABLE}"))
        shell = subprocess.run(
            ["sh", "-c", f'{line}\nprintf %s "${VARIABLE}"'], capture_output=True, text=True, check=True
        )
        connection = Connection.from_json(shell.stdout)
        assert connection.password == WILD_KEY
        assert connection.host == announced.connection["host"]
        assert connection.extra_dejson == announced.connection["extra"]

        *command, conn_id, option, document = announced.words_of("airflow ")
        assert (command, conn_id) == (["airflow", "connections", "add"], "xai_collections_default")
        assert (option, json.loads(document)) == ("--conn-json", announced.connection)


def test_the_command_line_reaches_it_with_what_it_says() -> None:
    with started() as announced:
        exports = [line for line in announced.lines if line.startswith("export XAI_")]
        command = f"{sys.executable} -m airflow_provider_xai_collections.cli.main"
        shell = "\n".join((*exports, f"{command} doctor -o plain && {command} ls -o json"))
        done = subprocess.run(["sh", "-c", shell], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout.endswith("[]\n")) == (0, True), done.stdout + done.stderr


def test_a_broken_document_is_an_answer_and_no_line_on_the_console() -> None:
    with started("--indexing", "instant") as announced:
        with client(announced.connection["host"], "emulator-management-key") as http:
            collection_id = http.post("/v1/collections", json={"collection_name": "whales"}).json()["collection_id"]
            form = {"name": "broken.pdf", "content_type": "application/pdf"}
            parts = {"data": ("broken.pdf", b"%PDF-1.4 broken", "application/pdf")}
            said = http.post(f"/v1/collections/{collection_id}/documents", files=parts, data=form)
            assert said.status_code == 200, said.text
            (document,) = http.get(f"/v1/collections/{collection_id}/documents").json()["documents"]
            assert document["status"] == "DOCUMENT_STATUS_FAILED"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--set", "attach_twice"], "argument --set: 'attach_twice' is not NAME=VALUE"),
        (["--set", "colour=blue"], "argument --set: colour: Unexpected keyword argument"),
        (
            ["--set", "batch_get_max_status=418"],
            "argument --set: batch_get_max_status: Input should be 400, 413 or 414",
        ),
        (["--indexing", "fast"], "argument --indexing: 'fast' is not instant, reads:N or seconds:S"),
        (["--faults", "[{}]"], "argument --faults: 0: a fault needs"),
        (["--faults", "@/nowhere"], "argument --faults: [Errno 2]"),
        (["--port", "http"], "argument --port: 'http' is not a port, 0 to 65535"),
        (["--api-port", "99999"], "argument --api-port: '99999' is not a port, 0 to 65535"),
        (["--db", "/nowhere/at/all"], "argument --db: /nowhere/at/all: unable to open database file"),
    ],
)
def test_wrong_arguments_are_named(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err


def test_a_database_of_another_version_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    older = tmp_path / "older.db"
    with closing(sqlite3.connect(older)) as connection:
        connection.execute("CREATE TABLE files (file_id TEXT PRIMARY KEY, sha256 TEXT)")
    before = older.read_bytes()
    with pytest.raises(SystemExit):
        main(["--db", str(older)])
    assert f"argument --db: {older}: was written by another version of the emulator" in capsys.readouterr().err
    assert older.read_bytes() == before


def test_a_port_that_is_taken(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        with pytest.raises(SystemExit):
            main(["--port", str(taken.getsockname()[1])])
    assert "argument --port, --api-port: " in capsys.readouterr().err


def test_switches_are_json_or_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    faults = tmp_path / "faults.json"
    faults.write_text('[{"status": 503}]')
    assignments = ("retry_after_on_429=false", "out_of_credits=429", 'stuck=["a*"]', "attach_twice=ok")
    switches = [argument for assignment in assignments for argument in ("--set", assignment)]
    stop = threading.Event()
    stop.set()
    assert main([*switches, "--indexing", "reads:2", "--faults", f"@{faults}", "--api-key", "secret"], stop) == 0
    assert '"api_key": "secret"' in capsys.readouterr().out


@pytest.fixture
def help_text(capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as stopped:
        main(["--help"])
    assert stopped.value.code == 0
    return capsys.readouterr().out


def test_help_says_of_every_switch_what_it_takes_and_does(help_text: str) -> None:
    lines = help_text.splitlines()
    for switch in fields(Settings):
        (index,) = (index for index, line in enumerate(lines) if line.startswith(f"  {switch.name}="))
        assert lines[index + 1].startswith("      "), switch.name
    assert "  attach_twice=conflict|ok (conflict)" in lines
    assert "  rate_limit=NUMBER|null (null)" in lines
    assert "  json_chunks=true|false (false)" in lines
    assert "  stuck=LIST ([])" in lines


def test_help_says_of_every_key_of_a_fault_what_it_does(help_text: str) -> None:
    for key in fields(FaultRule):
        assert re.search(rf"^  {key.name}: \w", help_text, re.MULTILINE), key.name
    assert all(endpoint.name in help_text for endpoint in PLAYED)


def test_the_faults_and_switches_that_help_shows_are_understood(
    help_text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    rules = [line.strip().partition("   ")[0] for line in help_text.splitlines() if line.startswith("  [{")]
    assert len(rules) > 4
    (switches,) = (line for line in help_text.splitlines() if line.startswith("  --set attach"))
    stop = threading.Event()
    stop.set()
    for rule in rules:
        assert main(["--faults", rule, *shlex.split(switches)], stop) == 0


def test_the_faults_that_help_shows_can_be_set_while_it_runs(help_text: str) -> None:
    commands = [shlex.split(line) for line in help_text.splitlines() if line.startswith("  curl ")]
    with started() as announced:
        host = announced.connection["host"]
        for curl, url, option, rules in commands:
            assert (curl, option) == ("curl", "-d")
            address = url.replace("http://127.0.0.1:8321", host)
            answer = httpx.post(address, content=rules, trust_env=False)
            assert answer.json() == {"rules": len(json.loads(rules))}


def test_without_the_extra_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "airflow_provider_xai_collections.emulator.server", None)
    with pytest.raises(SystemExit):
        main([])
    assert "pip install 'airflow-provider-xai-collections[emulator]'" in capsys.readouterr().err
