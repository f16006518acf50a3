"""One Airflow for all system tests."""

from __future__ import annotations

import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from tests.system.broker import find_redis
from tests.system.database import find_postgresql
from tests.system.scenario import Scenarios
from tests.system.scenarios.backfill import backfills as backfills
from tests.system.scenarios.recipes import recipes as recipes
from tests.system.scenarios.shown import shown as shown
from tests.system.scenarios.waits import forty_waits as forty_waits
from tests.system.scenarios.waits import marked_failed as marked_failed
from tests.system.scenarios.waits import timed_out as timed_out
from tests.system.scenarios.wide import wide as wide
from tests.system.scenarios.workers import killed_during_attach as killed_during_attach
from tests.system.scenarios.workers import killed_during_upload as killed_during_upload
from tests.system.scenarios.workers import killed_during_wait as killed_during_wait
from tests.system.scenarios.workers import orphaned_during_upload as orphaned_during_upload
from tests.system.stack import ROOT, Stack

#: What a run leaves for people to look at: screenshots, and the logs of a run that failed.
ARTEFACTS = ROOT / ".system"


def pytest_report_header() -> str:
    found, broker = find_postgresql(), find_redis()
    database = f"PostgreSQL in {found}" if found else "SQLite, for want of PostgreSQL"
    return f"metadata database: {database}; Celery's broker: {broker or 'none, for want of Redis'}"


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
def artefacts() -> Path:
    ARTEFACTS.mkdir(exist_ok=True)
    return ARTEFACTS


@pytest.fixture(scope="session")
def scenarios(request: pytest.FixtureRequest, stack: Stack) -> Scenarios:
    """The stories that the chosen tests look at, all begun."""
    names = {name for item in request.session.items for name in getattr(item, "fixturenames", ())}
    return Scenarios(stack, names)
