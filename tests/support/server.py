"""The emulator server of tests: started once, behind which each test or trial has an emulator of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from airflow_provider_xai_collections.emulator import Emulator, HttpReply, HttpRequest, Settings, running
from airflow_provider_xai_collections.emulator.server import ServerUrls

#: Keys that a search through logs and messages cannot miss.
MANAGEMENT_KEY = "xai-token-management-0123456789"
API_KEY = "xai-0123456789-files-and-search"
CONN_ID = "xai_collections_default"


def playing(**settings: Any) -> Settings:
    """Settings of the emulator with the keys that the tests' connection sends."""
    return Settings(management_key=MANAGEMENT_KEY, api_key=API_KEY, **settings)


def connection_document(urls: ServerUrls, **changes: Any) -> str:
    """The connection that leads to a server, as Airflow reads it from the environment.

    :param changes: ``host``, ``password`` and ``port``; any other is an extra.
    """
    fields = {"password": MANAGEMENT_KEY, "host": urls.management_url, "port": None}
    fields.update((name, changes.pop(name)) for name in fields.keys() & changes.keys())
    extra = {"api_key": API_KEY, "api_host": urls.api_url, **changes}
    return json.dumps({"conn_type": "xai_collections", **fields, "extra": extra})


class RecordingEmulator(Emulator):
    """The emulator, which keeps what came over the wire as well."""

    def __init__(self, settings: Settings, *args: Any, **options: Any) -> None:
        super().__init__(settings, *args, **options)
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


class SharedEmulator(Emulator):
    """The emulator that a server asks, which hands requests on to the emulator of the running test."""

    playing: Emulator | None = None

    def handle(self, request: HttpRequest) -> HttpReply:
        if self.playing is None:
            return HttpReply(410, {}, b"the test that this request belongs to has ended")
        return self.playing.handle(request)


@contextmanager
def shared_server() -> Iterator[tuple[SharedEmulator, ServerUrls]]:
    """Serve on two loopback ports until the block ends: starting a server takes longer than most tests."""
    with closing(SharedEmulator()) as shared, running(shared, api_port=0) as urls:
        yield shared, urls
