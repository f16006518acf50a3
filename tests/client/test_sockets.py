"""Real connections: cut ones, slow ones, pools, proxies, and how much of a file is read ahead."""

from __future__ import annotations

import asyncio
import io
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_xai_collections.api.endpoints import CREATE_COLLECTION, GET_COLLECTION, UPLOAD_FILE
from airflow_provider_xai_collections.api.protocol import Flow, Upload, call
from airflow_provider_xai_collections.api.retries import RetryPolicy
from airflow_provider_xai_collections.client.drivers import AsyncClient, Client
from airflow_provider_xai_collections.client.settings import ClientSettings, Service
from airflow_provider_xai_collections.exceptions import (
    XAICredentialError,
    XAIOutcomeUnknownError,
    XAISourceError,
    XAITransportError,
)

GET = GET_COLLECTION.request(collection_id="c")
CREATE = CREATE_COLLECTION.request(collection_name="docs")
FINE = b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 21\r\n\r\n{"collection_id":"c"}'
STORED = b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 10\r\n\r\n{"id":"f"}'

Run = Callable[[Flow[Any], ClientSettings], Any]


def run_sync(flow: Flow[Any], settings: ClientSettings) -> Any:
    with Client(settings) as client:
        return client.run(flow)


def run_async(flow: Flow[Any], settings: ClientSettings) -> Any:
    async def run() -> Any:
        async with AsyncClient(settings) as client:
            return await client.run(flow)

    return asyncio.run(run())


@pytest.fixture(params=[run_sync, run_async])
def run(request: pytest.FixtureRequest) -> Run:
    """Either driver."""
    chosen: Run = request.param
    return chosen


class Listener:
    """A server on loopback: each connection is handed to ``behave``, on a thread of its own, and closed after it."""

    def __init__(self, behave: Callable[[socket.socket], None]) -> None:
        self.connections = 0
        self._stopping = False
        self._behave = behave
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._threads: list[threading.Thread] = []
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._accepting = threading.Thread(target=self._accept)
        self._accepting.start()

    def _accept(self) -> None:
        while True:
            connection, _ = self._socket.accept()
            if self._stopping:
                return connection.close()
            self.connections += 1
            self._threads.append(threading.Thread(target=self._serve, args=(connection,)))
            self._threads[-1].start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(ConnectionError):
            connection.settimeout(10)
            self._behave(connection)

    def stop(self) -> None:
        self._stopping = True
        socket.create_connection(self._socket.getsockname()).close()
        for thread in [self._accepting, *self._threads]:
            thread.join(10)
        self._socket.close()


@contextmanager
def listening(behave: Callable[[socket.socket], None]) -> Iterator[Listener]:
    listener = Listener(behave)
    try:
        yield listener
    finally:
        listener.stop()


def settings_for(url: str, **other: Any) -> ClientSettings:
    usual: dict[str, Any] = {"retries": RetryPolicy(attempts=1, first=0), "request_timeout": 5.0}
    service = Service(url, "secret")
    return ClientSettings(management=service, api=service, **{**usual, **other})


def head_of(connection: socket.socket) -> bytes:
    """The request line and headers; empty when the client hangs up."""
    received = b""
    while not received.endswith(b"\r\n\r\n") and (byte := connection.recv(1)):
        received += byte
    return received


def answering(connection: socket.socket) -> None:
    """Keep the connection and answer each request without a body."""
    while head_of(connection):
        connection.sendall(FINE)


@pytest.fixture
def nowhere() -> str:
    """An address nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as unused:
        return f"http://127.0.0.1:{unused.getsockname()[1]}"


# Connections that fail


@pytest.mark.parametrize("request_", [GET, CREATE])
def test_a_refused_connection_sent_nothing(run: Run, nowhere: str, request_: Any) -> None:
    with pytest.raises(XAITransportError, match=r"no usable answer from 127\.0\.0\.1:\d+ \(ConnectError: ") as caught:
        run(call(request_), settings_for(nowhere))
    assert caught.value.sent is False


def hang_up(connection: socket.socket) -> None:
    head_of(connection)


def hang_up_in_the_headers(connection: socket.socket) -> None:
    head_of(connection)
    connection.sendall(FINE[:30])


def hang_up_in_the_body(connection: socket.socket) -> None:
    head_of(connection)
    connection.sendall(FINE[:-5])


def say_nothing(connection: socket.socket) -> None:
    head_of(connection)
    connection.recv(1)  # nothing comes, until the client gives up


def babble(connection: socket.socket) -> None:
    head_of(connection)
    connection.sendall(b"220 mail.example ESMTP\r\n")


@pytest.mark.parametrize("behave", [hang_up, hang_up_in_the_headers, hang_up_in_the_body, say_nothing, babble])
def test_an_answer_that_does_not_come_whole_leaves_the_request_sent(run: Run, behave: Any) -> None:
    with listening(behave) as server:
        impatient = settings_for(server.url, request_timeout=0.2)
        with pytest.raises(XAITransportError, match="no usable answer from 127") as caught:
            run(call(GET), impatient)
        assert caught.value.sent is True
        with pytest.raises(XAIOutcomeUnknownError):
            run(call(CREATE), impatient)


def test_a_read_survives_a_connection_that_was_cut(run: Run) -> None:
    answers = iter([hang_up, hang_up_in_the_body, answering])
    with listening(lambda connection: next(answers)(connection)) as server:
        stubborn = settings_for(server.url, retries=RetryPolicy(attempts=3, first=0))
        assert run(call(GET), stubborn).collection_id == "c"
        assert server.connections == 3


# The pool


def test_a_client_keeps_its_connection_and_closes_it_at_the_end() -> None:
    hung_up = threading.Event()

    def behave(connection: socket.socket) -> None:
        answering(connection)
        hung_up.set()

    with listening(behave) as server:
        with Client(settings_for(server.url)) as client:
            for _ in range(5):
                client.run(call(GET))
            assert not hung_up.is_set()
        assert hung_up.wait(5)
        assert server.connections == 1


async def test_an_async_client_keeps_its_connection_and_closes_it_at_the_end() -> None:
    hung_up = threading.Event()

    def behave(connection: socket.socket) -> None:
        answering(connection)
        hung_up.set()

    with listening(behave) as server:
        async with AsyncClient(settings_for(server.url)) as client:
            for _ in range(5):
                await client.run(call(GET))
            assert not hung_up.is_set()
        assert hung_up.wait(5)
        assert server.connections == 1


async def test_a_client_that_was_never_used_closes_in_peace(nowhere: str) -> None:
    Client(settings_for(nowhere)).close()
    await AsyncClient(settings_for(nowhere)).close()


def test_threads_never_take_a_connection_from_each_other() -> None:
    with listening(answering) as server, Client(settings_for(server.url, connections=1)) as client:
        outcomes = [outcome for _, outcome in client.run_many((call(GET) for _ in range(200)), concurrency=10)]
        assert [outcome for outcome in outcomes if isinstance(outcome, Exception)] == []
        assert 1 <= server.connections <= 10


async def test_an_async_client_opens_no_more_connections_than_it_may() -> None:
    with listening(answering) as server:
        async with AsyncClient(settings_for(server.url, connections=3)) as client:
            flows = (call(GET) for _ in range(50))
            outcomes = [outcome async for _, outcome in client.run_many(flows, concurrency=10)]
        assert [outcome for outcome in outcomes if isinstance(outcome, Exception)] == []
        assert 1 <= server.connections <= 3


# Proxies


@pytest.fixture
def proxied(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)

    def use(url: str) -> None:
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, url)
            monkeypatch.setenv(name.upper(), url)

    return use


def test_a_proxy_is_not_used_for_this_machine(run: Run, nowhere: str, proxied: Callable[[str], None]) -> None:
    proxied(nowhere)
    with listening(answering) as server:
        assert run(call(GET), settings_for(server.url)).collection_id == "c"


def test_a_proxy_is_asked_for_a_tunnel_and_never_sees_the_key(run: Run, proxied: Callable[[str], None]) -> None:
    seen: list[bytes] = []

    def refuse(connection: socket.socket) -> None:
        seen.append(head_of(connection))
        connection.sendall(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n")

    with listening(refuse) as proxy:
        proxied(proxy.url)
        with pytest.raises(XAITransportError) as caught:
            run(call(CREATE), settings_for("https://management.invalid"))
    assert caught.value.sent is False
    (head,) = seen
    assert head.startswith(b"CONNECT management.invalid:443 ")
    assert b"secret" not in head


# Uploads


class CountingStream(io.RawIOBase):
    """A big file of nothing that keeps count of how it is read."""

    def __init__(self, path: Path) -> None:
        self.sizes: list[int] = []
        self.total = 0
        self._file = path.open("rb")

    def read(self, size: int | None = -1) -> bytes:
        self.sizes.append(-1 if size is None else size)
        chunk = self._file.read(size)
        self.total += len(chunk)
        return chunk

    def fileno(self) -> int:
        return self._file.fileno()

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def close(self) -> None:
        self._file.close()
        super().close()


MEGABYTE = 1 << 20


def test_a_large_file_is_read_in_chunks_as_the_service_takes_it(run: Run, tmp_path: Path) -> None:
    size = 64 * MEGABYTE
    path = tmp_path / "large.bin"
    with path.open("wb") as file:
        file.truncate(size)
    stream = CountingStream(path)
    read_ahead: list[int] = []
    received: list[int] = []

    def take(connection: socket.socket) -> None:
        head = head_of(connection)
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        buffer, taken = bytearray(MEGABYTE), 0
        while taken < length:
            taken += connection.recv_into(buffer)
            read_ahead.append(stream.total - taken)
        received.append(taken)
        connection.sendall(STORED)

    with listening(take) as server:
        request = UPLOAD_FILE.request(upload=Upload("large.bin", lambda: stream, size))  # type: ignore[arg-type,return-value]  # reads alone
        assert run(call(request), settings_for(server.url)).id == "f"
    assert stream.closed
    assert stream.total == size < received[0]
    assert all(0 < asked <= MEGABYTE for asked in stream.sizes)
    assert max(read_ahead) < size / 2  # what lies in the buffers of the system, not the file


def test_a_file_that_breaks_half_way_is_an_error_of_the_source(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(bytes(MEGABYTE))

    class Breaking(CountingStream):
        def read(self, size: int | None = -1) -> bytes:
            if self.total > MEGABYTE // 2:
                raise OSError(5, "Input/output error")
            return super().read(size)

    def take(connection: socket.socket) -> None:
        while connection.recv(MEGABYTE):
            pass

    with listening(take) as server:
        upload = Upload("a.bin", lambda: Breaking(path), MEGABYTE)  # type: ignore[arg-type,return-value]  # reads alone
        with pytest.raises(XAISourceError, match="cannot be read"):
            run(call(UPLOAD_FILE.request(upload=upload)), settings_for(server.url))


def test_without_a_key_nobody_is_called(run: Run) -> None:
    with listening(answering) as server:
        keyless = replace(settings_for(server.url), management=Service(server.url))
        with pytest.raises(XAICredentialError):
            run(call(GET), keyless)
        assert server.connections == 0
