"""Both drivers, run from one place: on a network that is a function, or on real connections."""

from __future__ import annotations

import asyncio
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import aclosing, closing, contextmanager, suppress
from itertools import islice
from typing import Any, TypeAlias

import httpx

from airflow_provider_xai_collections.api.endpoints import CREATE_COLLECTION, GET_COLLECTION
from airflow_provider_xai_collections.api.protocol import Flow
from airflow_provider_xai_collections.api.retries import RetryPolicy
from airflow_provider_xai_collections.client.drivers import AsyncClient, Client
from airflow_provider_xai_collections.client.settings import ClientSettings, Service

GET = GET_COLLECTION.request(collection_id="c")
CREATE = CREATE_COLLECTION.request(collection_name="docs")
FINE = b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 21\r\n\r\n{"collection_id":"c"}'

Handler: TypeAlias = Callable[[httpx.Request], httpx.Response]
#: ``run(flow, settings)``: its value. With a handler, it stands in for the network.
Run: TypeAlias = Callable[..., Any]
#: ``run_many(flows, settings, concurrency=3)``: pairs of position and outcome. With ``take``, it leaves after so many.
RunMany: TypeAlias = Callable[..., list[tuple[int, Any]]]


def _network(handler: Handler | None) -> Any:
    return None if handler is None else httpx.MockTransport(handler)


def run_sync(flow: Flow[Any], settings: ClientSettings, handler: Handler | None = None) -> Any:
    with Client(settings, transport=_network(handler)) as client:
        return client.run(flow)


def run_async(flow: Flow[Any], settings: ClientSettings, handler: Handler | None = None) -> Any:
    async def run() -> Any:
        async with AsyncClient(settings, transport=_network(handler)) as client:
            return await client.run(flow)

    return asyncio.run(run())


def run_many_sync(
    flows: Any, settings: ClientSettings, handler: Handler | None = None, *, concurrency: int, take: int | None = None
) -> list[tuple[int, Any]]:
    with Client(settings, transport=_network(handler)) as client:
        results: Any = client.run_many(flows, concurrency=concurrency)
        with closing(results):
            return list(islice(results, take))


def run_many_async(
    flows: Any, settings: ClientSettings, handler: Handler | None = None, *, concurrency: int, take: int | None = None
) -> list[tuple[int, Any]]:
    async def run() -> list[tuple[int, Any]]:
        pairs: list[tuple[int, Any]] = []
        async with AsyncClient(settings, transport=_network(handler)) as client:
            try:
                results: Any = client.run_many(flows, concurrency=concurrency)
                async with aclosing(results):
                    async for pair in results:
                        pairs.append(pair)
                        if len(pairs) == take:
                            break
            finally:
                assert len(asyncio.all_tasks()) == 1, "nothing is left on the loop"
        return pairs

    return asyncio.run(run())


class Listener(socketserver.ThreadingTCPServer):
    """A server on loopback, which has a thread for each connection."""

    connections = 0
    url = ""

    def verify_request(self, *_: Any) -> bool:
        self.connections += 1
        return True


@contextmanager
def listening(behave: Callable[[socket.socket], None]) -> Iterator[Listener]:
    """Hand each connection to ``behave``, and close it after that."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.settimeout(10)
            with suppress(ConnectionError):
                behave(self.request)

    with Listener(("127.0.0.1", 0), Handler) as listener:
        listener.url = f"http://127.0.0.1:{listener.server_address[1]}"
        accepting = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.01})
        accepting.start()
        try:
            yield listener
        finally:
            listener.shutdown()
            accepting.join()


def settings_for(url: str, **other: Any) -> ClientSettings:
    usual: dict[str, Any] = {"retries": RetryPolicy(attempts=1, first=0), "request_timeout": 5.0}
    service = Service(url, "secret")
    return ClientSettings(management=service, api=service, **{**usual, **other})


def head_of(connection: socket.socket) -> bytes:
    """Return the request line and headers; nothing when the client hangs up."""
    received = b""
    while not received.endswith(b"\r\n\r\n") and (byte := connection.recv(1)):
        received += byte
    return received


def answering(connection: socket.socket) -> None:
    """Keep the connection and answer each request without a body."""
    while head_of(connection):
        connection.sendall(FINE)


def saying(reply: bytes) -> Callable[[socket.socket], None]:
    """Answer one request, and hang up."""

    def behave(connection: socket.socket) -> None:
        head_of(connection)
        with suppress(OSError):
            connection.sendall(reply)

    return behave
