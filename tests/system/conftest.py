"""One Airflow for all system tests."""

from __future__ import annotations

import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest
from playwright.sync_api import Browser

from tests.system.browsers import chromium
from tests.system.scenario import Scenarios
from tests.system.stack import ARTEFACTS, Stack
from tests.system.test_recipes import recipes as recipes
from tests.system.wheels import Environments


def _end(*_: object) -> NoReturn:
    """Tear fixtures down, and with them all processes, undisturbed by whoever is in a hurry."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    pytest.exit("SIGTERM", returncode=128 + signal.SIGTERM)


def pytest_configure() -> None:
    signal.signal(signal.SIGTERM, _end)


@pytest.fixture(scope="session")
def stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """Airflow and all it needs. The logs of a run with failures are kept in ``.system/logs``."""
    with tempfile.TemporaryDirectory(prefix="airflow-system-") as folder:
        home = Path(folder)
        home.chmod(0o755)  # PostgreSQL runs as another user
        kept = ARTEFACTS / "logs"
        shutil.rmtree(kept, ignore_errors=True)
        stack = None
        try:
            stack = Stack(home)
            yield stack
        finally:
            if stack:
                stack.stop()
            if stack is None or request.session.testsfailed:
                others = shutil.ignore_patterns("postgresql", "*.sqlite", "latest")
                shutil.copytree(home, kept, symlinks=True, ignore=others)


@pytest.fixture(scope="session")
def scenarios(request: pytest.FixtureRequest, stack: Stack) -> Scenarios:
    """The stories that the chosen tests look at, all begun."""
    names = {name for item in request.session.items for name in getattr(item, "fixturenames", ())}
    return Scenarios(stack, names)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests."""
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
def screenshots() -> Path:
    """The folder of screenshots of this run."""
    folder = ARTEFACTS / "screenshots"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


@pytest.fixture(scope="session")
def environments() -> Iterator[Environments]:
    """Virtual environments with the wheel of this tree."""
    with tempfile.TemporaryDirectory(prefix="airflow-wheels-") as folder:
        yield Environments(Path(folder))
