"""The emulator on loopback sockets. The only module that knows ASGI, and the only one that waits."""

from __future__ import annotations

import asyncio
import socket
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

import uvicorn
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive, Scope, Send

from airflow_provider_xai_collections.api.protocol import Host
from airflow_provider_xai_collections.emulator.messages import HttpReply, HttpRequest
from airflow_provider_xai_collections.emulator.service import Emulator

if TYPE_CHECKING:
    from uvicorn.protocols.http.h11_impl import H11Protocol as HttpProtocol
else:
    from uvicorn.protocols.http.auto import AutoHTTPProtocol as HttpProtocol  # the fastest that is installed

#: No TLS and well-known keys: the emulator is for this machine only, so no other address can be given.
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class ServerUrls:
    """URLs of a running emulator: the same twice if one port serves both."""

    management_url: str
    api_url: str


@contextmanager
def running(
    emulator: Emulator, *, port: int = 0, api_port: int | None = None, in_turn: bool = False
) -> Iterator[ServerUrls]:
    """Serve in a background thread until the block ends.

    :param emulator: what answers.
    :param port: of the management host; 0 takes a free one.
    :param api_port: of the API host; ``None`` lets one port serve both.
    :param in_turn: work on one request after the other, instead of each in a thread. That takes less CPU; but a large
        one keeps the others waiting, and nothing that answers may wait for another.
    :raises OSError: if a port is taken.
    """
    with ExitStack() as stack:
        management = stack.enter_context(socket.create_server((LOOPBACK, port)))
        if api_port is None:
            sockets, hosts = [management], {}
            api = management
        else:
            api = stack.enter_context(socket.create_server((LOOPBACK, api_port)))
            sockets, hosts = [management, api], {_port(management): Host.MANAGEMENT, _port(api): Host.API}
        server = uvicorn.Server(
            uvicorn.Config(
                EmulatorApp(emulator, hosts, in_turn=in_turn),
                http=CuttableProtocol,
                loop="asyncio",
                lifespan="off",
                ws="none",
                log_config=None,
                log_level="warning",
                access_log=False,
                timeout_graceful_shutdown=1,
            )
        )
        thread = threading.Thread(target=server.run, args=(sockets,), name="emulator", daemon=True)
        thread.start()
        while thread.is_alive() and not server.started:
            time.sleep(0.005)
        try:
            yield ServerUrls(f"http://{LOOPBACK}:{_port(management)}", f"http://{LOOPBACK}:{_port(api)}")
        finally:
            server.should_exit = True
            thread.join()


def _port(listener: socket.socket) -> int:
    port: int = listener.getsockname()[1]
    return port


class CuttableProtocol(HttpProtocol):
    """uvicorn's protocol, whose connection the application can close: ``request.state.hang_up()``."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's
        super().connection_made(transport)
        # asyncio does this only for sockets made as TCP by name; without it each answer waits 40 ms for an ACK.
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.app_state = {**self.app_state, "hang_up": transport.close}


class EmulatorApp:
    """One ASGI application for every path.

    :param hosts: which service each port plays; a port that is not in it plays both.
    :param in_turn: see :func:`running`.
    """

    def __init__(self, emulator: Emulator, hosts: Mapping[int, Host], *, in_turn: bool = False) -> None:
        self._emulator = emulator
        self._hosts = hosts
        self._in_turn = in_turn

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            asked = await self._read(request)
        except ClientDisconnect:
            return
        arrived = time.monotonic()
        handle = self._emulator.handle
        reply = handle(asked) if self._in_turn else await run_in_threadpool(handle, asked)
        await asyncio.sleep(arrived + reply.delay - time.monotonic())
        if reply.cut not in ("before", "after"):
            await _send(reply, send)
        if reply.cut:
            request.state.hang_up()
            # Until the connection is known to be gone, uvicorn would complete the answer with one of its own.
            await receive()

    async def _read(self, request: Request) -> HttpRequest:
        _, port = request.scope["server"]
        body, dropped = await _body(request, self._emulator.settings.max_kept_bytes)
        return HttpRequest(
            method=request.method,
            host=self._hosts.get(port),
            path=request.scope["raw_path"].decode("ascii", "replace"),
            query=tuple(parse_qsl(request.url.query, keep_blank_values=True)),
            headers=dict(request.headers),
            body=body,
            dropped=dropped,
        )


async def _body(request: Request, most: int | None) -> tuple[bytes, int]:
    """Return the body, and the number of bytes left out of the middle of one longer than ``most``."""
    half = (most or sys.maxsize) // 2
    beginning, end, size = bytearray(), b"", 0
    async for block in request.stream():
        room = half - len(beginning)
        beginning += block[:room]
        end = (end + block[room:])[-half:]
        size += len(block)
    return bytes(beginning) + end, size - len(beginning) - len(end)


async def _send(reply: HttpReply, send: Send) -> None:
    """Send the answer; a ``partial`` one promises more than its body and stops in the middle."""
    partial = reply.cut == "partial"
    length = len(reply.body) + partial
    headers = {**reply.headers, "content-length": str(length)}
    raw_headers = [(name.encode(), value.encode("latin-1", "replace")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": reply.status, "headers": raw_headers})
    body = reply.body[: length // 2] if partial else reply.body
    await send({"type": "http.response.body", "body": body, "more_body": partial})
