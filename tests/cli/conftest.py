"""The command, run in this process, against the emulator."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from airflow_provider_xai_collections.cli.main import main
from airflow_provider_xai_collections.emulator.server import ServerUrls
from tests.conftest import API_KEY, MANAGEMENT_KEY, Connect, Stage


@dataclass(frozen=True)
class Ended:
    """A command that has ended: its exit code, what it answered, and what it said beside that."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[list[str]]:
        """The values of each line of ``-o plain``."""
        return [line.split("\t") for line in self.out.splitlines()]


Cli: TypeAlias = Callable[..., Ended]


@pytest.fixture
def cli(
    connect: Connect,
    stage: tuple[Stage, ServerUrls],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Cli]:
    """``cli("ls", "-o", "json")`` with keys in the environment."""
    connect()
    _, urls = stage
    monkeypatch.setenv("XAI_MANAGEMENT_API_KEY", MANAGEMENT_KEY)
    monkeypatch.setenv("XAI_API_KEY", API_KEY)
    monkeypatch.setenv("XAI_MANAGEMENT_HOST", urls.management_url)
    monkeypatch.setenv("XAI_API_HOST", urls.api_url)

    def run(*arguments: str) -> Ended:
        capsys.readouterr()
        code = main(arguments)
        return Ended(code, *capsys.readouterr())

    # The command is a process of its own; here it shares one with other tests, which may have set up Airflow's logs.
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    levels = {name: logging.getLogger(name).level for name in ("airflow", "httpcore", "httpx")}
    yield run
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    """A folder with three documents."""
    folder = tmp_path / "docs"
    folder.mkdir()
    for name in ("ahab", "ishmael", "queequeg"):
        (folder / f"{name}.md").write_text(f"# {name}\n\nOf {name} and the whale.\n")
    return folder
