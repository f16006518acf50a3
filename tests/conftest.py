"""Fixtures of all tests: an Airflow that is nobody's, an emulator on a real socket, the connection that leads there."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import hypothesis
import pytest

# Before the first import of Airflow, which makes its home where this points and reads its whole configuration once.
for _name in [name for name in os.environ if name.startswith("AIRFLOW_")]:
    del os.environ[_name]
_HOME = tempfile.TemporaryDirectory(prefix="airflow-home-")
os.environ["AIRFLOW_HOME"] = _HOME.name
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"

from airflow_provider_xai_collections.client.cancelling import CancelToken  # noqa: E402
from airflow_provider_xai_collections.emulator import Settings  # noqa: E402
from airflow_provider_xai_collections.emulator.server import ServerUrls  # noqa: E402
from tests.support.server import (  # noqa: E402
    API_KEY,
    CONN_ID,
    MANAGEMENT_KEY,
    RecordingEmulator,
    SharedEmulator,
    connection_document,
    playing,
    shared_server,
)

__all__ = ["API_KEY", "CONN_ID", "MANAGEMENT_KEY", "RecordingEmulator", "SharedEmulator", "playing"]

# A slow machine is no finding.
hypothesis.settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("any machine")

Stage: TypeAlias = SharedEmulator
Connect: TypeAlias = Callable[..., str]
Logged: TypeAlias = Callable[[], str]


@pytest.fixture(scope="session")
def stage() -> Iterator[tuple[Stage, ServerUrls]]:
    """One server for all tests, on two loopback ports: starting one takes longer than most tests."""
    with shared_server() as shared:
        yield shared


@pytest.fixture
def emulator_settings() -> Settings:
    """The settings of the emulator. Otherwise: ``@pytest.mark.parametrize("emulator_settings", [playing(...)])``."""
    return playing()


@pytest.fixture
def emulator(emulator_settings: Settings) -> Iterator[RecordingEmulator]:
    """An empty emulator, in this process. ``connection`` makes it reachable."""
    emulator = RecordingEmulator(emulator_settings)
    yield emulator
    emulator.close()


@pytest.fixture
def connect(
    emulator: RecordingEmulator, stage: tuple[Stage, ServerUrls], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Connect]:
    """Makes the emulator reachable: ``connect()`` puts the connection that leads there into the environment and
    returns its id. ``connect(host=…, password=…)`` changes a field, any other argument an extra."""
    server, urls = stage

    def connect(**changes: Any) -> str:
        monkeypatch.setenv(f"AIRFLOW_CONN_{CONN_ID.upper()}", connection_document(urls, **changes))
        return CONN_ID

    server.playing = emulator
    yield connect
    server.playing = None


@pytest.fixture
def connection(connect: Connect) -> str:
    """The id of a connection, the default one, to the running ``emulator``."""
    return connect()


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Lets no synchronous client sleep; the value lists the seconds it would have."""
    slept: list[float] = []

    def pause(stop: CancelToken, seconds: float) -> None:
        slept.extend([seconds] if seconds > 0 else [])
        stop.check()

    monkeypatch.setattr(CancelToken, "pause", pause)
    return slept


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> Logged:
    """``logged()``: what was logged. Airflow 3 prints it; Airflow 2 hands it to ``logging``, as httpx does always.
    (What Airflow 2 prints goes where output went when its logging was set up, perhaps by another test.)"""
    caplog.set_level(logging.DEBUG)
    return lambda: caplog.text + "".join(capfd.readouterr())
