"""Where trials take place: one server for all of them, behind which each has an emulator of its own."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx

from airflow_provider_xai_collections.api.protocol import Host
from airflow_provider_xai_collections.client.drivers import Client
from airflow_provider_xai_collections.client.settings import Service
from airflow_provider_xai_collections.client.settings import ClientSettings
from airflow_provider_xai_collections.emulator import Emulator, HttpReply, HttpRequest, Settings, running
from chaos.service import API_KEY, MANAGEMENT_KEY
from chaos.wire import Elsewhere, Harm, Weather, Wire

CONN_ID = "xai_chaos"

_KEY = {Host.MANAGEMENT: MANAGEMENT_KEY, Host.API: API_KEY}


class StrictEmulator(Emulator):
    """An emulator that notices a key which came to the service that it is not for.

    :ivar leaks: the requests that carried one.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(Settings(management_key=MANAGEMENT_KEY, api_key=API_KEY, **settings))
        self.leaks: list[str] = []

    def handle(self, request: HttpRequest) -> HttpReply:
        sent = f"{request.path}{request.query}{request.headers}".encode() + request.body
        if any(key.encode() in sent for host, key in _KEY.items() if host is not request.host):
            self.leaks.append(f"{request.method} {request.path}")
        return super().handle(request)


class Stage(Emulator):
    """Where the server finds the emulator of the running trial."""

    playing: Emulator | None = None

    def handle(self, request: HttpRequest) -> HttpReply:
        if self.playing is None:
            return HttpReply(410, {}, b"the trial that this request belongs to has ended")
        return self.playing.handle(request)


def _fair(method: str, path: str) -> Harm | None:
    return None


@dataclass(frozen=True, slots=True)
class Place:
    """A running server and the ways that lead to it.

    :param ports: of the two services.
    :param wires: the usual ways. (New ones for each trial would be new addresses, and Airflow hides in its logs every
        address that a connection ever had.)
    :param elsewhere: where nobody may go.
    """

    stage: Stage
    ports: Mapping[Host, int]
    wires: Mapping[Host, Wire]
    elsewhere: Elsewhere

    @contextmanager
    def playing(self, emulator: Emulator) -> Iterator[None]:
        """This emulator on the stage until the block ends, which closes it."""
        self.stage.playing = emulator
        try:
            yield
        finally:
            self.stage.playing = None
            emulator.close()

    @contextmanager
    def ways(
        self, weather: Callable[[Host], Weather] = lambda host: _fair, refusing: Host | None = None
    ) -> Iterator[Mapping[Host, Wire]]:
        """The ways for one trial, in this weather; no connection is left after it.

        :param refusing: the service at which nobody listens yet.
        """
        wires = dict(self.wires)
        if refusing is not None:
            wires[refusing] = Wire(self.ports[refusing], elsewhere=self.elsewhere.port, refusing=True)
        for host, wire in wires.items():
            wire.weather, wire.forwarded = weather(host), 0
        try:
            yield wires
        finally:
            for wire in wires.values():
                wire.cut()
            if refusing is not None:
                wires[refusing].close()


@contextmanager
def open_place() -> Iterator[Place]:
    """Serve until the block ends: starting a server takes longer than most trials."""
    stage = Stage()
    with ExitStack() as stack:
        stack.callback(stage.close)
        urls = stack.enter_context(running(stage, api_port=0))
        elsewhere = stack.enter_context(closing(Elsewhere()))
        ports = {Host.MANAGEMENT: _port(urls.management_url), Host.API: _port(urls.api_url)}
        wires = {
            host: stack.enter_context(closing(Wire(port, elsewhere=elsewhere.port))) for host, port in ports.items()
        }
        yield Place(stage, ports, wires, elsewhere)


def _port(url: str) -> int:
    return urlsplit(url).port or 0


@contextmanager
def connected(wires: Mapping[Host, Wire], **extra: Any) -> Iterator[str]:
    """The id of an Airflow connection that leads over these ways, while the block runs.

    :param extra: more extras of the connection.
    """
    name = f"AIRFLOW_CONN_{CONN_ID.upper()}"
    os.environ[name] = json.dumps(
        {
            "conn_type": "xai_collections",
            "host": wires[Host.MANAGEMENT].url,
            "password": MANAGEMENT_KEY,
            "extra": {"api_key": API_KEY, "api_host": wires[Host.API].url, **extra},
        }
    )
    try:
        yield CONN_ID
    finally:
        del os.environ[name]


def inside(emulator: Emulator) -> Client:
    """A client that asks the emulator without a socket: to prepare a trial and to see what it left."""
    settings = ClientSettings()
    hosts = {urlsplit(settings.service(host).url).hostname: host for host in Host}

    def answer(request: httpx.Request) -> httpx.Response:
        path, _, _ = request.url.raw_path.partition(b"?")
        headers = {name.lower(): value for name, value in request.headers.items()}
        query = tuple(request.url.params.multi_items())
        reply = emulator.handle(
            HttpRequest(request.method, hosts[request.url.host], path.decode(), query, headers, request.read())
        )
        return httpx.Response(reply.status, headers=dict(reply.headers), content=reply.body)

    return Client(
        ClientSettings(
            management=Service(settings.management.url, MANAGEMENT_KEY), api=Service(settings.api.url, API_KEY)
        ),
        transport=httpx.MockTransport(answer),
    )
