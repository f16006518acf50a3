"""The server of trials: behind it, each trial has an emulator of its own; before it, relays that can do harm."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import pytest

from airflow_provider_xai_collections.api.protocol import Host
from airflow_provider_xai_collections.client.settings import ClientSettings
from airflow_provider_xai_collections.emulator import Emulator, HttpReply, HttpRequest, Settings
from airflow_provider_xai_collections.emulator.messages import Json
from airflow_provider_xai_collections.emulator.routes import find_route
from airflow_provider_xai_collections.emulator.server import ServerUrls
from tests.chaos.relay import ChooseHarm, Relay
from tests.support.caller import key_of
from tests.support.clock import FlyingTime
from tests.support.server import SharedEmulator, connection_document, shared_server

CONN_ID = "xai_chaos"
#: Tries of a call.
ATTEMPTS = 3
KEYS = {host: key_of(host) for host in Host}

#: What one poll after another sees of a document: a status, or ``None`` if it does not see the document. The last one
#: stays. (A number is what a gateway makes of a word that is too new for it.)
Script: TypeAlias = Sequence[str | int | None]
_SHOWS_DOCUMENTS = ("batch_get_documents", "list_documents")


class OddEmulator(Emulator):
    """The emulator, which gives odd answers if it is told to.

    :ivar scripts: for documents, by file id.
    :ivar circle: each list begins again with every page, and carries these tokens in turn.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(Settings(**settings))
        self.scripts: Mapping[str, Script] = {}
        self.circle: Sequence[str] = ()
        self._polls: Counter[str] = Counter()
        self._pages = 0

    def handle(self, request: HttpRequest) -> HttpReply:
        if not (self.circle or self.scripts):
            return super().handle(request)
        endpoint = find_route(request).endpoint.name
        if self.circle and endpoint.startswith("list_"):
            query = tuple((name, value) for name, value in request.query if name != "pagination_token")
            reply = super().handle(replace(request, query=query))
            token = self.circle[self._pages % len(self.circle)]
            self._pages += 1
            return _with_body(reply, {**reply.json(), "pagination_token": token})
        reply = super().handle(request)
        if endpoint in _SHOWS_DOCUMENTS and reply.status == 200:
            body = reply.json()
            shown = (self._shown(document) for document in body["documents"])
            return _with_body(reply, {**body, "documents": [document for document in shown if document is not None]})
        return reply

    def _shown(self, document: Json) -> Json | None:
        file_id = document["file_metadata"]["file_id"]
        if not (script := self.scripts.get(file_id)):
            return document
        status = script[min(self._polls[file_id], len(script) - 1)]
        self._polls[file_id] += 1
        return None if status is None else {**document, "status": status}


def _with_body(reply: HttpReply, body: Json) -> HttpReply:
    return replace(reply, body=json.dumps(body).encode())


@dataclass(frozen=True, slots=True)
class Server:
    """A running server and the relays that lead to it.

    :param ports: of the two services.
    :param relays: the usual ones. (New ones for each trial would be new addresses, and Airflow hides in its logs every
        address that a connection ever had.)
    :param clock: of this process.
    """

    shared: SharedEmulator
    ports: Mapping[Host, int]
    relays: Mapping[Host, Relay]
    clock: FlyingTime

    @contextmanager
    def serving(
        self,
        emulator: Emulator,
        choose_harm: Callable[[Host], ChooseHarm] = lambda host: lambda method, path: None,
        refusing: Host | None = None,
    ) -> Iterator[Mapping[Host, Relay]]:
        """Serve this emulator until the block ends, which closes it and all connections; the value are the relays.

        :param refusing: the service at which nobody listens yet.
        """
        relays = dict(self.relays)
        if refusing is not None:
            relays[refusing] = Relay(self.ports[refusing], refusing=True)
        for host, relay in relays.items():
            relay.choose_harm, relay.forwarded = choose_harm(host), 0
        self.shared.playing = emulator
        try:
            yield relays
        finally:
            for relay in relays.values():
                relay.cut()
            if refusing is not None:
                relays[refusing].close()
            self.shared.playing = None
            emulator.close()


@contextmanager
def server() -> Iterator[Server]:
    """Serve until the block ends. Meanwhile no client of this process waits: for an answer hardly longer than for a
    byte of it."""
    with ExitStack() as stack:
        shared, urls = stack.enter_context(shared_server())
        ports = {
            Host.MANAGEMENT: urlsplit(urls.management_url).port or 0,
            Host.API: urlsplit(urls.api_url).port or 0,
        }
        relays = {host: stack.enter_context(closing(Relay(port))) for host, port in ports.items()}
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setattr(ClientSettings, "answer_timeout", property(lambda settings: 1.2 * settings.request_timeout))
        clock = FlyingTime()
        clock.install(patch.setattr)
        yield Server(shared, ports, relays, clock)


@contextmanager
def connected(relays: Mapping[Host, Relay], **extra: Any) -> Iterator[str]:
    """The id of an Airflow connection over these relays, while the block runs.

    :param extra: more extras of the connection.
    """
    name = f"AIRFLOW_CONN_{CONN_ID.upper()}"
    urls = ServerUrls(relays[Host.MANAGEMENT].url, relays[Host.API].url)
    keys = {"password": KEYS[Host.MANAGEMENT], "api_key": KEYS[Host.API]}
    os.environ[name] = connection_document(urls, **keys, **extra)
    try:
        yield CONN_ID
    finally:
        del os.environ[name]


def keys_in(folder: Path) -> list[str]:
    """Return the files below a folder that show a key."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return [path.name for path in files if any(key.encode() in path.read_bytes() for key in KEYS.values())]
