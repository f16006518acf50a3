"""Single exchanges through both drivers. The service is a plain function, which httpx calls from either."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from airflow_provider_xai_collections import __version__
from airflow_provider_xai_collections.api.endpoints import (
    ADD_DOCUMENT,
    LIST_DOCUMENTS,
    REINDEX_DOCUMENT,
    UPLOAD_FILE,
)
from airflow_provider_xai_collections.api.flows import delete_collection
from airflow_provider_xai_collections.api.protocol import Host, Upload, call
from airflow_provider_xai_collections.api.retries import RetryPolicy
from airflow_provider_xai_collections.client.drivers import Client
from airflow_provider_xai_collections.client.exchange import ONE_PIECE
from airflow_provider_xai_collections.client.settings import ClientSettings, Service
from airflow_provider_xai_collections.emulator.multipart import parse_multipart
from airflow_provider_xai_collections.exceptions import (
    XAIArgumentError,
    XAICredentialError,
    XAISourceError,
    XAITransportError,
)

from .driving import CREATE, GET, Run

SETTINGS = ClientSettings(
    management=Service("https://management.example/base/", "management-secret"),
    api=Service("https://api.example", "api-secret"),
    retries=RetryPolicy(attempts=3, first=0, first_rate_limit=0),
)
COLLECTION = {"collection_id": "c", "collection_name": "docs"}
pytestmark = pytest.mark.usefixtures("no_long_pause")


class Answers(list[httpx.Request]):
    """A service that gives its answers in turn, the last one for ever. As a list it is what it received."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        super().__init__()
        self._answers = list(answers)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.append(request)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)


def fine(body: Any = COLLECTION) -> httpx.Response:
    return httpx.Response(200, json=body)


def test_a_read_is_a_bare_request_with_our_name_and_the_key(run: Run) -> None:
    service = Answers(fine())
    assert run(call(GET), SETTINGS, service).collection_id == "c"
    (request,) = service
    assert (request.method, str(request.url)) == ("GET", "https://management.example/base/v1/collections/c")
    assert request.headers["authorization"] == "Bearer management-secret"
    assert request.headers["user-agent"] == f"airflow-provider-xai-collections/{__version__}"
    assert request.headers["accept"] == "application/json"
    assert request.content == b""
    assert "content-type" not in request.headers


@pytest.mark.parametrize(
    ("request_", "method", "body"),
    [
        (ADD_DOCUMENT.request(collection_id="c", file_id="f", fields={"k": "ü"}), "POST", {"fields": {"k": "ü"}}),
        (ADD_DOCUMENT.request(collection_id="c", file_id="f"), "POST", {}),
        (REINDEX_DOCUMENT.request(collection_id="c", file_id="f"), "PATCH", None),
    ],
    ids=["parameters", "no parameters", "no body"],
)
def test_a_body_is_an_object_in_json_or_none(run: Run, request_: Any, method: str, body: Any) -> None:
    service = Answers(fine({}))
    run(call(request_), SETTINGS, service)
    assert service[0].method == method
    assert (json.loads(service[0].content) if service[0].content else None) == body
    assert service[0].headers.get("content-type") == (None if body is None else "application/json")


def parts(request: httpx.Request) -> list[tuple[str, bytes]]:
    """Return name and content of each part of a form, in their order."""
    return [(part.name, part.content) for part in parse_multipart(request.headers["content-type"], request.content)]


def test_an_upload_sends_its_form_first_and_the_file_last(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"hello\r\n--world")
    service = Answers(fine({"id": "file_1"}))
    upload = Upload("Überblick.txt", lambda: path.open("rb"), 14, "text/plain")
    run(call(UPLOAD_FILE.request(upload=upload, purpose="assistants", expires_after=3600)), SETTINGS, service)
    (request,) = service
    assert str(request.url) == "https://api.example/v1/files"
    assert request.headers["authorization"] == "Bearer api-secret"
    assert int(request.headers["content-length"]) == len(request.content)
    assert parts(request) == [
        ("expires_after", b"3600"),
        ("purpose", b"assistants"),
        ("file", b"hello\r\n--world"),
    ]
    assert 'filename="Überblick.txt"'.encode() in request.content
    assert b"Content-Type: text/plain\r\n" in request.content


@pytest.mark.parametrize(("size", "in_one_piece"), [(ONE_PIECE, True), (ONE_PIECE + 1, False)])
def test_a_small_upload_is_sent_in_one_piece_and_a_large_one_as_it_is_read(size: int, in_one_piece: bool) -> None:
    pieces: list[int] = []

    class Counting(httpx.BaseTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            assert isinstance(request.stream, httpx.SyncByteStream)
            pieces.append(len(list(request.stream)))
            return fine({"id": "f"})

    upload = Upload("a.txt", lambda: io.BytesIO(bytes(size)), size)
    with Client(SETTINGS, transport=Counting()) as client:
        client.run(call(UPLOAD_FILE.request(upload=upload)))
    assert (pieces == [1]) is in_one_piece


def test_what_the_service_wants_remembered_is_not_sent_back(run: Run) -> None:
    service = Answers(httpx.Response(503, headers={"set-cookie": "who=you"}), fine())
    run(call(GET), SETTINGS, service)
    assert ["cookie" in request.headers for request in service] == [False, False]


def test_a_missing_key_says_where_it_belongs_and_nothing_is_sent(run: Run) -> None:
    service = Answers(fine())
    keyless = replace(
        SETTINGS,
        management=Service("https://management.example"),
        missing_key=lambda host: f"put the {host.key_name} there" if host is Host.MANAGEMENT else "no",
    )
    message = r"^get_collection\(c\): needs the management key; put the management key there$"
    with pytest.raises(XAICredentialError, match=message):
        run(call(GET), keyless, service)
    assert service == []


@pytest.mark.parametrize("kind", [httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError])
def test_a_write_that_never_left_is_repeated(run: Run, kind: type[httpx.TransportError]) -> None:
    assert run(call(CREATE), SETTINGS, Answers(kind("x"), fine())).collection_id == "c"


def test_a_broken_exchange_names_the_call_the_host_and_what_happened(run: Run) -> None:
    with pytest.raises(XAITransportError) as caught:
        run(call(GET), SETTINGS, Answers(httpx.ReadError("connection reset")))
    assert str(caught.value) == (
        "get_collection(c): no usable answer from management.example:443 (ReadError: connection reset). If this "
        "repeats, look for a proxy or firewall in between that cuts connections. It failed 3 times in 0.0 s"
    )
    assert caught.value.sent is True
    with pytest.raises(XAITransportError, match=r"management\.example:443 \(ReadTimeout\)\. "):
        run(call(GET), SETTINGS, Answers(httpx.ReadTimeout("")))


def test_an_address_that_cannot_be_called_is_our_error(run: Run) -> None:
    odd = replace(SETTINGS, management=Service("https://man\x01agement.example", "k"))
    with pytest.raises(XAIArgumentError, match=r"^get_collection\(c\): .* make no address \(.*\)\. Check the host"):
        run(call(GET), odd, Answers(fine()))


@pytest.mark.parametrize(
    "request_",
    [
        LIST_DOCUMENTS.request(collection_id="c", filter='name:"\ud800"'),
        ADD_DOCUMENT.request(collection_id="c", file_id="f", fields={"name": "\ud800"}),
        UPLOAD_FILE.request(upload=Upload("a.md", io.BytesIO, 0), purpose="\ud800"),
    ],
    ids=["in a query", "in a body", "in a form"],
)
def test_half_a_character_cannot_be_sent_and_is_our_error(run: Run, request_: Any) -> None:
    service = Answers(fine())
    with pytest.raises(XAIArgumentError, match=r"'\\ud800' in one of the arguments is half a character"):
        run(call(request_), SETTINGS, service)
    assert service == []


def a_file(content: bytes, kind: type[io.BytesIO] = io.BytesIO) -> tuple[Upload, list[io.BytesIO]]:
    """Return a file to send, and all that is opened of it."""
    opened: list[io.BytesIO] = []

    def open_file() -> io.BytesIO:
        opened.append(kind(content))
        return opened[-1]

    return Upload("a.txt", open_file, len(content)), opened


class BrokenStream(io.BytesIO):
    def read(self, size: int | None = -1) -> bytes:
        raise OSError(5, "Input/output error")


def test_a_repeated_upload_opens_the_file_again_and_sends_all_of_it(run: Run) -> None:
    upload, opened = a_file(b"hello" * 50_000)
    service = Answers(httpx.Response(429, headers={"retry-after": "0"}), fine({"id": "file_1"}))
    assert run(call(UPLOAD_FILE.request(upload=upload)), SETTINGS, service).id == "file_1"
    assert len(opened) == 2
    assert [parts(request)[-1] for request in service] == [("file", b"hello" * 50_000)] * 2
    assert all(stream.closed for stream in opened)


def test_a_file_that_vanished_is_an_error_of_the_source(run: Run, tmp_path: Path) -> None:
    service = Answers(fine({"id": "file_1"}))
    upload = Upload("a.txt", lambda: (tmp_path / "missing.txt").open("rb"), 5)
    with pytest.raises(
        XAISourceError, match=r"^upload_file\(a\.txt\): the file .* \(No such file or directory\)\. It may"
    ):
        run(call(UPLOAD_FILE.request(upload=upload)), SETTINGS, service)
    assert service == []


@pytest.mark.parametrize("size", [5, ONE_PIECE + 1])
def test_a_file_that_breaks_while_it_is_read_is_an_error_of_the_source_and_closed(run: Run, size: int) -> None:
    upload, opened = a_file(bytes(size), BrokenStream)
    with pytest.raises(XAISourceError, match=r"cannot be read \(Input/output error\)"):
        run(call(UPLOAD_FILE.request(upload=upload)), SETTINGS, Answers(fine({"id": "f"})))
    assert [stream.closed for stream in opened] == [True]


def test_errors_are_thrown_into_the_flow_which_may_know_what_to_do(run: Run) -> None:
    assert run(delete_collection("c"), SETTINGS, Answers(httpx.Response(404))) is False
