"""Real connections: cut ones, slow ones, pools, and how much of a file is read ahead."""

from __future__ import annotations

import io
import socket
import threading
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_xai_collections.api.endpoints import UPLOAD_FILE
from airflow_provider_xai_collections.api.protocol import Upload, call
from airflow_provider_xai_collections.api.retries import RetryPolicy
from airflow_provider_xai_collections.client.drivers import AsyncClient, Client
from airflow_provider_xai_collections.client.settings import ClientSettings
from airflow_provider_xai_collections.exceptions import XAIOutcomeUnknownError, XAITransportError

from .driving import (
    CREATE,
    FINE,
    GET,
    Run,
    RunMany,
    answering,
    head_of,
    listening,
    run_many_async,
    run_many_sync,
    saying,
    settings_for,
)

STORED = b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 10\r\n\r\n{"id":"f"}'
MEGABYTE = 1 << 20


def say_nothing(connection: socket.socket) -> None:
    head_of(connection)
    connection.recv(1)  # nothing comes, until the client gives up


@pytest.mark.parametrize(
    "behave",
    [
        pytest.param(saying(b""), id="it hangs up"),
        pytest.param(saying(FINE[:30]), id="it hangs up in the headers"),
        pytest.param(saying(FINE[:-5]), id="it hangs up in the body"),
        pytest.param(saying(b"220 mail.example ESMTP\r\n"), id="it is no web server"),
        pytest.param(say_nothing, id="it says nothing"),
    ],
)
def test_an_answer_that_does_not_come_whole_leaves_the_request_sent(run: Run, behave: Any) -> None:
    with listening(behave) as server:
        impatient = settings_for(server.url, request_timeout=0.2)
        with pytest.raises(XAITransportError, match="no usable answer from 127") as caught:
            run(call(GET), impatient)
        assert caught.value.sent is True
        with pytest.raises(XAIOutcomeUnknownError):
            run(call(CREATE), impatient)


def test_a_read_survives_a_connection_that_was_cut(run: Run) -> None:
    answers = iter([saying(b""), saying(FINE[:-5]), answering])
    with listening(lambda connection: next(answers)(connection)) as server:
        stubborn = settings_for(server.url, retries=RetryPolicy(attempts=3, first=0))
        assert run(call(GET), stubborn).collection_id == "c"
        assert server.connections == 3


# The pool


def test_a_client_keeps_its_connection_and_closes_it_at_the_end(run_many: RunMany) -> None:
    hung_up = threading.Event()

    def behave(connection: socket.socket) -> None:
        answering(connection)
        hung_up.set()

    with listening(behave) as server:
        assert len(run_many((call(GET) for _ in range(5)), settings_for(server.url), concurrency=1)) == 5
        assert hung_up.wait(5)
        assert server.connections == 1


async def test_a_client_that_was_never_used_closes_in_peace() -> None:
    Client(ClientSettings()).close()
    await AsyncClient(ClientSettings()).close()


@pytest.mark.parametrize(("run_many", "most"), [(run_many_sync, 10), (run_many_async, 3)])
def test_flows_never_take_a_connection_from_each_other_and_open_no_more_than_they_may(
    run_many: RunMany, most: int
) -> None:
    with listening(answering) as server:
        flows = (call(GET) for _ in range(200))
        outcomes = run_many(flows, settings_for(server.url, connections=3), concurrency=10)
        assert [outcome for _, outcome in outcomes if isinstance(outcome, Exception)] == []
        assert 1 <= server.connections <= most


# Uploads


class CountingStream(io.FileIO):
    """A file that keeps count of how it is read."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.sizes: list[int | None] = []
        self.total = 0

    def read(self, size: int | None = -1) -> bytes:
        self.sizes.append(size)
        chunk = super().read(-1 if size is None else size) or b""
        self.total += len(chunk)
        return chunk


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
        request = UPLOAD_FILE.request(upload=Upload("large.bin", lambda: stream, size))
        assert run(call(request), settings_for(server.url)).id == "f"
    assert stream.closed
    assert stream.total == size < received[0]
    assert all(0 < (asked or 0) <= MEGABYTE for asked in stream.sizes)
    assert max(read_ahead) < size / 2  # what lies in the buffers of the system, not the file
