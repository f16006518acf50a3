"""Answers that are too large, too slow or quote a key: as much of them is read as is wanted, by either driver."""

from __future__ import annotations

import gzip
import socket
import time
import tracemalloc
from contextlib import suppress
from typing import Any

import pytest

from airflow_provider_xai_collections.api.protocol import call
from airflow_provider_xai_collections.api.retries import RetryPolicy
from airflow_provider_xai_collections.client.exchange import LARGEST_ERROR
from airflow_provider_xai_collections.client.settings import Settings
from airflow_provider_xai_collections.exceptions import (
    XAIError,
    XAIInvalidRequestError,
    XAIOutcomeUnknownError,
    XAIResponseError,
    XAITransportError,
)

from .test_sockets import CREATE, GET, Run, answering, head_of, listening, run, settings_for

__all__ = ["run"]

KEY = "secret"


def answer(status: int, body: bytes, *heads: str) -> bytes:
    head = "\r\n".join((f"HTTP/1.1 {status} Whatever", f"content-length: {len(body)}", *heads))
    return f"{head}\r\n\r\n".encode() + body


def bomb(status: int, megabytes: int) -> bytes:
    """A small body that is large once it is decompressed."""
    beginning = b'{"error": "it failed" ' if status >= 400 else b'{"collection_id": "c", "x": "'
    body = gzip.compress(beginning + b" " * megabytes * 1_000_000)
    return answer(status, body, "content-encoding: gzip", "content-type: application/json")


def sending(reply: bytes) -> Any:
    def behave(connection: socket.socket) -> None:
        head_of(connection)
        with suppress(OSError):
            connection.sendall(reply)

    return behave


@pytest.mark.parametrize(("status", "error"), [(400, XAIInvalidRequestError), (200, XAIResponseError)])
def test_an_answer_that_swells_does_not_fill_the_memory(run: Run, status: int, error: type[XAIError]) -> None:
    with listening(sending(bomb(status, 400))) as server:
        tracemalloc.start()
        try:
            with pytest.raises(error):
                run(call(GET), settings_for(server.url))
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak < 300_000_000


def test_a_write_whose_answer_is_too_large_may_have_been_done(run: Run) -> None:
    with listening(sending(bomb(200, 80))) as server:
        with pytest.raises(XAIOutcomeUnknownError, match="the answer is larger than 64 MB"):
            run(call(CREATE), settings_for(server.url))


def test_of_an_error_the_beginning_is_read(run: Run) -> None:
    body = b"It failed " + b"x" * 3 * LARGEST_ERROR
    with listening(sending(answer(500, body, "content-type: text/plain"))) as server:
        with pytest.raises(XAIError, match=r'the service says: "It failed x+…"'):
            run(call(GET), settings_for(server.url))


def test_after_an_answer_that_was_cut_the_next_call_is_fine(run: Run) -> None:
    turns = iter([sending(answer(503, b"x" * 3 * LARGEST_ERROR)), answering])
    with listening(lambda connection: next(turns)(connection)) as server:
        stubborn = settings_for(server.url, retries=RetryPolicy(attempts=2, first=0))
        assert run(call(GET), stubborn).collection_id == "c"


def test_an_answer_that_drips_is_not_waited_for_for_ever(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Settings, "answer_timeout", 0.3)

    def drip(connection: socket.socket) -> None:
        head_of(connection)
        with suppress(OSError):
            connection.sendall(answer(200, b" " * 10_000)[:-10_000])
            for _ in range(10_000):
                connection.sendall(b" ")
                time.sleep(0.01)

    with listening(drip) as server:
        with pytest.raises(XAITransportError, match=r"the answer was not complete after 0\.3 seconds") as caught:
            run(call(GET), settings_for(server.url))
        assert caught.value.sent is True
        with pytest.raises(XAIOutcomeUnknownError, match="not complete"):
            run(call(CREATE), settings_for(server.url))


def test_patience_with_an_answer_follows_from_that_with_silence() -> None:
    assert Settings(request_timeout=3).answer_timeout == 30


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
    with listening(sending(reply)) as server:
        with pytest.raises(XAIError) as caught:
            run(call(GET), settings_for(server.url))
    shown = [str(caught.value), repr(caught.value), *map(repr, vars(caught.value).values())]
    assert [text for text in shown if KEY in text] == []
