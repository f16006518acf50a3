"""The command: its one line, its options, its end."""

from __future__ import annotations

import json
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
from typing import Any

import httpx
import pytest

from airflow_provider_xai_collections.emulator import Settings
from airflow_provider_xai_collections.emulator.__main__ import main

COMMAND = [sys.executable, "-m", "airflow_provider_xai_collections.emulator"]


@contextmanager
def started(*arguments: str, stop: signal.Signals = signal.SIGTERM) -> Iterator[dict[str, Any]]:
    """The command as a process; yields the connection from its line, and checks how it ends."""
    with subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            said, _, connection = line.partition(" AIRFLOW_CONN_XAI_COLLECTIONS_DEFAULT=")
            assert said == "This is an emulator, not xAI."
            yield json.loads(connection)
        finally:
            process.send_signal(stop)
            rest, errors = process.communicate(timeout=10)
        assert (process.returncode, rest, errors) == (0, "", "")


def test_its_line_is_a_connection_and_its_memory_survives(tmp_path: Path) -> None:
    arguments = ("--db", str(tmp_path / "emulator.db"), "--management-key", "mine", "--set", "attach_twice=ok")
    with started(*arguments) as connection:
        assert connection == {
            "conn_type": "xai_collections",
            "host": connection["host"],
            "password": "mine",
            "extra": {"api_key": "emulator-api-key", "api_host": connection["host"]},
        }
        headers = {"authorization": "Bearer mine"}
        with httpx.Client(base_url=connection["host"], headers=headers, trust_env=False) as client:
            made = client.post("/v1/collections", json={"collection_name": "whales"}).json()
    with started(*arguments, "--api-port", "0", stop=signal.SIGINT) as connection:
        assert connection["host"] != connection["extra"]["api_host"]
        with httpx.Client(base_url=connection["host"], headers=headers, trust_env=False) as client:
            assert client.get(f"/v1/collections/{made['collection_id']}").json() == made


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


def test_help_names_every_switch(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["--help"])
    assert stopped.value.code == 0
    words = set(capsys.readouterr().out.replace(",", " ").split())
    assert {field.name for field in fields(Settings)} <= words


def test_without_the_extra_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "airflow_provider_xai_collections.emulator.server", None)
    with pytest.raises(SystemExit):
        main([])
    assert "pip install 'airflow-provider-xai-collections[emulator]'" in capsys.readouterr().err
