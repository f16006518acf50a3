"""What tests share: an Airflow that is nobody's, an emulator on a real socket, the connection that leads there."""

from __future__ import annotations

import json
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
from airflow_provider_xai_collections.emulator import Emulator, HttpReply, HttpRequest, Settings, running  # noqa: E402
from airflow_provider_xai_collections.emulator.server import ServerUrls  # noqa: E402

#: Keys that a search through logs and messages cannot miss.
MANAGEMENT_KEY = "xai-token-management-0123456789"
API_KEY = "xai-0123456789-files-and-search"
CONN_ID = "xai_collections_default"

# A slow machine is no finding.
hypothesis.settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("any machine")

Connect: TypeAlias = Callable[..., str]
Logged: TypeAlias = Callable[[], str]


class RecordingEmulator(Emulator):
    """The emulator, which keeps what came over the wire as well."""

    def __init__(self, settings: Settings, **options: Any) -> None:
        super().__init__(settings, **options)
        self.requests: list[HttpRequest] = []

    def handle(self, request: HttpRequest) -> HttpReply:
        self.requests.append(request)
        return super().handle(request)

    @property
    def last_query(self) -> dict[str, str]:
        """The query of the last request; a name that is repeated counts with its last value."""
        return dict(self.requests[-1].query)

    @property
    def last_json(self) -> Any:
        """The body of the last request, read as JSON."""
        return self.json_of(self.requests[-1])

    @staticmethod
    def json_of(request: HttpRequest) -> Any:
        """The body of a request, read as JSON."""
        return json.loads(request.body)


class Stage(Emulator):
    """Where one server finds the emulator of the running test."""

    playing: Emulator | None = None

    def handle(self, request: HttpRequest) -> HttpReply:
        if self.playing is None:
            return HttpReply(410, {}, b"the test that this request belongs to has ended")
        return self.playing.handle(request)


@pytest.fixture(scope="session")
def stage() -> Iterator[tuple[Stage, ServerUrls]]:
    """One server for all tests, on two loopback ports: starting one takes longer than most tests."""
    stage = Stage()
    with running(stage, api_port=0) as urls:
        yield stage, urls
    stage.close()


@pytest.fixture
def emulator_settings() -> Settings:
    """How the emulator behaves. Otherwise: ``@pytest.mark.parametrize("emulator_settings", [playing(...)])``."""
    return playing()


def playing(**settings: Any) -> Settings:
    """Settings of the emulator with the keys that ``connection`` sends."""
    return Settings(management_key=MANAGEMENT_KEY, api_key=API_KEY, **settings)


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
        fields = {"password": MANAGEMENT_KEY, "host": urls.management_url, "port": None}
        fields.update((name, changes.pop(name)) for name in fields.keys() & changes.keys())
        extra = {"api_key": API_KEY, "api_host": urls.api_url, **changes}
        document = {"conn_type": "xai_collections", **fields, "extra": extra}
        monkeypatch.setenv(f"AIRFLOW_CONN_{CONN_ID.upper()}", json.dumps(document))
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
