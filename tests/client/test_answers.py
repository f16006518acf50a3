"""Answers that are too large, too slow or quote a key, to either driver."""

from __future__ import annotations

import gzip
import socket
import threading
import time
import tracemalloc
from contextlib import suppress
from typing import Any

import anyio
import httpx
import pytest

from airflow_provider_xai_collections.api.protocol import call
from airflow_provider_xai_collections.api.retries import RetryPolicy
from airflow_provider_xai_collections.client import drivers, exchange
from airflow_provider_xai_collections.client.drivers import AsyncClient
from airflow_provider_xai_collections.client.exchange import LARGEST_ANSWER, LARGEST_ERROR, BoundedAnswer
from airflow_provider_xai_collections.client.settings import ClientSettings
from airflow_provider_xai_collections.exceptions import (
    XAIError,
    XAIInvalidRequestError,
    XAINotFoundError,
    XAIOutcomeUnknownError,
    XAIResponseError,
    XAITransportError,
)

from .driving import CREATE, GET, Run, answering, head_of, listening, run_async, saying, settings_for

KEY = "secret"
MB = 1_000_000


def answer(status: int, body: bytes, *heads: str) -> bytes:
    head = "\r\n".join((f"HTTP/1.1 {status} Whatever", f"content-length: {len(body)}", *heads))
    return f"{head}\r\n\r\n".encode() + body


def packed(status: int, body: bytes) -> bytes:
    return answer(status, gzip.compress(body), "content-encoding: gzip", "content-type: application/json")


def bomb(status: int, megabytes: int) -> bytes:
    """A small body that is large once it is decompressed."""
    body = b'{"error": "it failed" ' if status >= 400 else b'{"collection_id": "c", "x": "'
    return packed(status, body + b" " * megabytes * MB)


@pytest.mark.parametrize(("status", "error"), [(400, XAIInvalidRequestError), (200, XAIResponseError)])
def test_an_answer_that_swells_does_not_fill_the_memory(run: Run, status: int, error: type[XAIError]) -> None:
    with listening(saying(bomb(status, 400))) as server:
        tracemalloc.start()
        try:
            with pytest.raises(error):
                run(call(GET), settings_for(server.url))
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak < (4 * LARGEST_ANSWER if status == 200 else 20 * LARGEST_ERROR)


def test_a_compressed_answer_is_read(run: Run) -> None:
    with listening(saying(packed(200, b'{"collection_id": "c"}'))) as server:
        assert run(call(GET), settings_for(server.url)).collection_id == "c"


@pytest.mark.parametrize(
    ("encoding", "said"),
    [
        *((other, f"compressed as '{other}', which nobody asked for") for other in ("br", "gzip, gzip", "nonsense")),
        ("gzip", "cannot be decompressed"),
    ],
)
def test_an_answer_that_cannot_be_unpacked_is_refused_and_an_error_keeps_its_status(
    run: Run, encoding: str, said: str
) -> None:
    with listening(saying(answer(200, b"{}", f"content-encoding: {encoding}"))) as server:
        with pytest.raises(XAIResponseError, match=said):
            run(call(GET), settings_for(server.url))
    with listening(saying(answer(404, b"{}", f"content-encoding: {encoding}"))) as server:
        with pytest.raises(XAINotFoundError):
            run(call(GET), settings_for(server.url))


def test_a_write_whose_answer_is_too_large_may_have_been_done(run: Run) -> None:
    with listening(saying(bomb(200, 80))) as server:
        with pytest.raises(XAIOutcomeUnknownError, match="the answer is larger than 64 MB"):
            run(call(CREATE), settings_for(server.url))


def test_only_the_beginning_of_an_error_is_read(run: Run) -> None:
    cut_off = threading.Event()

    def pour(connection: socket.socket) -> None:
        head_of(connection)
        try:
            connection.sendall(answer(500, b"It failed " + b"x" * 100 * MB, "content-type: text/plain"))
        except OSError:
            cut_off.set()

    with listening(pour) as server:
        with pytest.raises(XAIError, match=r'the service says: "It failed x+…"'):
            run(call(GET), settings_for(server.url))
        assert cut_off.wait(10)


@pytest.mark.parametrize(("status", "limit"), [(200, LARGEST_ANSWER), (500, LARGEST_ERROR)])
def test_an_answer_is_read_up_to_its_limit_and_no_byte_more(status: int, limit: int) -> None:
    read = BoundedAnswer(ClientSettings(), GET, httpx.Response(status))
    assert read.takes(b"x" * (limit - 1))
    assert read.takes(b"x")
    if status == 200:
        with pytest.raises(XAIResponseError, match="larger than 64 MB"):
            read.takes(b"x")
    else:
        assert not read.takes(b"xx")
    assert len(read.received().body) == limit


def test_after_an_answer_that_was_cut_the_next_call_is_fine(run: Run) -> None:
    answers = iter([saying(answer(503, b"x" * 3 * LARGEST_ERROR)), answering])
    with listening(lambda connection: next(answers)(connection)) as server:
        stubborn = settings_for(server.url, retries=RetryPolicy(attempts=2, first=0))
        assert run(call(GET), stubborn).collection_id == "c"


@pytest.mark.parametrize(("drop", "encoding"), [(b" ", "identity"), (b"\x00\x00\x00\xff\xff", "gzip")])
def test_an_answer_that_drips_is_not_waited_for_for_ever(
    run: Run, monkeypatch: pytest.MonkeyPatch, drop: bytes, encoding: str
) -> None:
    """An empty block of a compressed body arrives, and is no byte of the body."""
    monkeypatch.setattr(ClientSettings, "answer_timeout", 0.3)
    beginning = gzip.compress(b"")[:10] if encoding == "gzip" else b""

    def drip(connection: socket.socket) -> None:
        head_of(connection)
        with suppress(OSError):
            head = answer(200, b" " * 10_000, f"content-encoding: {encoding}")[:-10_000]
            connection.sendall(head + beginning)
            for _ in range(1_500):
                connection.sendall(drop)
                time.sleep(0.01)

    with listening(drip) as server:
        with pytest.raises(XAITransportError, match=r"answer of 127\.0\.0\.1:\d+ was not complete after 0\.3 seconds"):
            run(call(GET), settings_for(server.url))
        with pytest.raises(XAIOutcomeUnknownError, match="not complete"):
            run(call(CREATE), settings_for(server.url))


def test_the_time_for_an_answer_follows_from_the_timeout() -> None:
    assert ClientSettings(request_timeout=3).answer_timeout == 30


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(answer(400, b'{"error": "bad key secret"}'), id="body"),
        pytest.param(answer(400, b"", "x-request-id: req-secret-7"), id="request id"),
        pytest.param(answer(200, b"[]", "content-type: text/secret", "x-request-id: secret"), id="of a success"),
        pytest.param(answer(503, b"", "retry-after: secret"), id="retry after"),
    ],
)
def test_a_key_that_is_quoted_is_in_no_message(run: Run, reply: bytes) -> None:
    with listening(saying(reply)) as server:
        with pytest.raises(XAIError) as caught:
            run(call(GET), settings_for(server.url))
    shown = [str(caught.value), repr(caught.value), *map(repr, vars(caught.value).values())]
    assert [text for text in shown if KEY in text] == []


def test_modules_of_the_first_request_are_not_loaded_on_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    loading: list[threading.Thread] = []
    monkeypatch.setattr(drivers, "load_for_event_loop", lambda: loading.append(threading.current_thread()))
    with listening(answering) as server:
        run_async(call(GET), settings_for(server.url))
    assert [thread is threading.current_thread() for thread in loading] == [False]


def test_an_event_loop_of_anyio_is_one_like_others() -> None:
    async def get() -> Any:
        async with AsyncClient(settings) as client:
            return await client.run(call(GET))

    exchange._load_anyio.cache_clear()
    with listening(answering) as server:
        settings = settings_for(server.url)
        assert anyio.run(get).collection_id == "c"
