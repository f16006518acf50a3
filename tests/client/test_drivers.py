"""Single exchanges through both drivers. The service is a plain function, which httpx calls from either."""

from __future__ import annotations

import asyncio
import io
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from email.parser import BytesParser
from email.policy import HTTP
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import httpx
import pytest

from airflow_provider_xai_collections import __version__
from airflow_provider_xai_collections.api.endpoints import (
    ADD_DOCUMENT,
    BATCH_GET_DOCUMENTS,
    CREATE_COLLECTION,
    GET_COLLECTION,
    GET_FILE,
    LIST_DOCUMENTS,
    REINDEX_DOCUMENT,
    UPLOAD_DOCUMENT,
    UPLOAD_FILE,
)
from airflow_provider_xai_collections.api.flows import delete_collection
from airflow_provider_xai_collections.api.protocol import Flow, Host, Now, Sleep, Upload, call
from airflow_provider_xai_collections.api.retries import RetryPolicy
from airflow_provider_xai_collections.client.drivers import AsyncClient, Client
from airflow_provider_xai_collections.client.exchange import ONE_PIECE
from airflow_provider_xai_collections.client.settings import ClientSettings, Service
from airflow_provider_xai_collections.exceptions import (
    XAIArgumentError,
    XAIAuthError,
    XAICredentialError,
    XAIOutcomeUnknownError,
    XAIServerError,
    XAISourceError,
    XAIStatusError,
    XAITransportError,
)

T = TypeVar("T")
Run = Callable[..., Any]
Handler = Callable[[httpx.Request], httpx.Response]

SETTINGS = ClientSettings(
    management=Service("https://management.example/base/", "management-secret"),
    api=Service("https://api.example", "api-secret"),
    retries=RetryPolicy(attempts=3, first=0, first_rate_limit=0),
)
GET = GET_COLLECTION.request(collection_id="c")
CREATE = CREATE_COLLECTION.request(collection_name="docs")
COLLECTION = {"collection_id": "c", "collection_name": "docs"}


def run_sync(flow: Flow[T], handler: Handler, settings: ClientSettings = SETTINGS) -> T:
    with Client(settings, transport=httpx.MockTransport(handler)) as client:
        return client.run(flow)


def run_async(flow: Flow[T], handler: Handler, settings: ClientSettings = SETTINGS) -> T:
    async def run() -> T:
        async with AsyncClient(settings, transport=httpx.MockTransport(handler)) as client:
            return await client.run(flow)

    return asyncio.run(run())


@pytest.fixture(params=[run_sync, run_async])
def run(request: pytest.FixtureRequest) -> Run:
    """Either driver."""
    chosen: Run = request.param
    return chosen


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


# What goes over the wire


def test_a_read_is_a_bare_request_with_our_name_and_the_key(run: Run) -> None:
    service = Answers(fine())
    assert run(call(GET), service).collection_id == "c"
    (request,) = service
    assert (request.method, str(request.url)) == ("GET", "https://management.example/base/v1/collections/c")
    assert request.headers["authorization"] == "Bearer management-secret"
    assert request.headers["user-agent"] == f"airflow-provider-xai-collections/{__version__}"
    assert request.headers["accept"] == "application/json"
    assert request.content == b""
    assert "content-type" not in request.headers


def test_ids_and_queries_arrive_as_they_are_meant(run: Run) -> None:
    service = Answers(fine({"documents": []}))
    run(call(BATCH_GET_DOCUMENTS.request(collection_id="a/b?c", file_ids=["x&y", "ü z"], team_id="t")), service)
    path, _, query = service[0].url.raw_path.partition(b"?")
    assert path == b"/base/v1/collections/a%2Fb%3Fc/documents:batchGet"
    assert httpx.QueryParams(query.decode()).multi_items() == [
        ("file_ids", "x&y"),
        ("file_ids", "ü z"),
        ("team_id", "t"),
    ]


def test_a_body_is_json(run: Run) -> None:
    service = Answers(fine({}))
    run(call(ADD_DOCUMENT.request(collection_id="c", file_id="f", fields={"name": "ü"})), service)
    assert service[0].headers["content-type"] == "application/json"
    assert json.loads(service[0].content) == {"fields": {"name": "ü"}}


def test_a_body_of_no_parameters_is_an_empty_object(run: Run) -> None:
    service = Answers(fine({}))
    run(call(ADD_DOCUMENT.request(collection_id="c", file_id="f")), service)
    assert service[0].content == b"{}"


def test_a_patch_carries_no_body(run: Run) -> None:
    service = Answers(fine({}))
    run(call(REINDEX_DOCUMENT.request(collection_id="c", file_id="f")), service)
    assert (service[0].method, service[0].content) == ("PATCH", b"")


def parts(request: httpx.Request) -> list[tuple[Any, ...]]:
    """Name, filename, content type and content of each part of a multipart body, in their order."""
    head = f"content-type: {request.headers['content-type']}\r\n\r\n".encode()
    message = BytesParser(policy=HTTP).parsebytes(head + request.content)
    return [
        (
            part.get_param("name", header="content-disposition"),
            part.get_filename(),
            part.get("content-type", ""),
            part.get_payload(decode=True),
        )
        for part in message.iter_parts()
    ]


def test_an_upload_sends_its_form_first_and_the_file_last(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"hello\r\n--world")
    service = Answers(fine({"id": "file_1"}))
    upload = Upload("Überblick.txt", lambda: path.open("rb"), 14, "text/plain")
    run(call(UPLOAD_FILE.request(upload=upload, purpose="assistants", expires_after=3600)), service)
    (request,) = service
    assert str(request.url) == "https://api.example/v1/files"
    assert int(request.headers["content-length"]) == len(request.content)
    assert [(name, content) for name, _, _, content in parts(request)] == [
        ("expires_after", b"3600"),
        ("purpose", b"assistants"),
        ("file", b"hello\r\n--world"),
    ]
    assert 'filename="Überblick.txt"'.encode() in request.content
    assert b"Content-Type: text/plain\r\n" in request.content


def test_the_one_call_upload_sends_fields_as_json_and_the_file_as_data(run: Run) -> None:
    service = Answers(fine({"file_metadata": {"file_id": "f"}}))
    upload = Upload("a.md", lambda: io.BytesIO(b"# Hi"), 4, "text/markdown")
    request = UPLOAD_DOCUMENT.request(
        collection_id="c", name="a.md", content_type="text/markdown", fields={"k": "v"}, upload=upload
    )
    run(call(request), service)
    assert parts(service[0]) == [
        ("name", None, "", b"a.md"),
        ("content_type", None, "", b"text/markdown"),
        ("fields", None, "", b'{"k": "v"}'),
        ("data", "a.md", "text/markdown", b"# Hi"),
    ]


# Keys


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
    run(call(GET), service)
    assert ["cookie" in request.headers for request in service] == [False, False]


def test_each_key_goes_to_its_own_host_only(run: Run) -> None:
    service = Answers(fine({**COLLECTION, "id": "file_1"}))

    def both() -> Flow[None]:
        yield from call(GET)
        yield from call(GET_FILE.request(file_id="f"))

    run(both(), service)
    assert [(request.url.host, request.headers["authorization"]) for request in service] == [
        ("management.example", "Bearer management-secret"),
        ("api.example", "Bearer api-secret"),
    ]


@pytest.mark.parametrize("key", [None, ""])
def test_a_missing_key_says_where_it_belongs_and_nothing_is_sent(run: Run, key: str | None) -> None:
    service = Answers(fine())
    keyless = replace(
        SETTINGS,
        management=Service("https://management.example", key),
        missing_key=lambda host: f"put the {host.key_name} there" if host is Host.MANAGEMENT else "no",
    )
    message = r"^get_collection\(c\): needs the management key; put the management key there$"
    with pytest.raises(XAICredentialError, match=message):
        run(call(GET), service, keyless)
    assert service == []


def test_a_key_that_the_service_quotes_does_not_get_into_the_message(run: Run) -> None:
    quoting = {"error": "Incorrect API key provided: management-secret, or was it api-secret?"}
    with pytest.raises(XAIAuthError, match=r"provided: \*\*\*, or was it \*\*\*\?") as caught:
        run(call(GET), Answers(httpx.Response(400, json=quoting)))
    assert "secret" not in str(caught.value)


def test_a_redirect_is_an_error_and_not_followed(run: Run) -> None:
    service = Answers(httpx.Response(307, headers={"location": "https://elsewhere.example/"}))
    with pytest.raises(XAIStatusError, match="redirected, which is refused because a key must not leave its host"):
        run(call(GET), service)
    assert [request.url.host for request in service] == ["management.example"]


# Trying again


@pytest.mark.parametrize("failure", [httpx.Response(503, headers={"retry-after": "0"}), httpx.ReadError("cut")])
def test_a_read_is_repeated_until_it_is_answered(run: Run, failure: Any) -> None:
    service = Answers(failure, failure, fine())
    assert run(call(GET), service).collection_id == "c"
    assert len(service) == 3


def test_tries_come_to_an_end(run: Run) -> None:
    service = Answers(httpx.Response(503))
    with pytest.raises(XAIServerError):
        run(call(GET), service)
    assert len(service) == 3


def test_a_write_that_was_refused_is_repeated(run: Run) -> None:
    service = Answers(httpx.Response(429, headers={"retry-after": "0"}), fine())
    assert run(call(CREATE), service).collection_id == "c"
    assert service[0].content == service[1].content


@pytest.mark.parametrize("failure", [httpx.Response(503), httpx.ReadTimeout("slow"), httpx.RemoteProtocolError("cut")])
def test_a_write_that_may_have_been_done_is_not_repeated(run: Run, failure: Any) -> None:
    service = Answers(failure, fine())
    with pytest.raises(XAIOutcomeUnknownError):
        run(call(CREATE), service)
    assert len(service) == 1


UNSENT = [httpx.ConnectError("x"), httpx.ConnectTimeout("x"), httpx.PoolTimeout("x"), httpx.ProxyError("x")]


@pytest.mark.parametrize("failure", UNSENT)
def test_a_write_that_never_left_is_repeated(run: Run, failure: Exception) -> None:
    service = Answers(failure, fine())
    assert run(call(CREATE), service).collection_id == "c"


def test_a_broken_exchange_names_the_call_the_host_and_what_happened(run: Run) -> None:
    with pytest.raises(XAITransportError) as caught:
        run(call(GET), Answers(httpx.ReadError("connection reset")))
    assert str(caught.value) == (
        "get_collection(c): no usable answer from management.example:443 (ReadError: connection reset). If this "
        "repeats, look for a proxy or firewall in between that cuts connections. It failed 3 times in 0.0 s"
    )
    assert caught.value.sent is True


def test_a_failure_without_words_is_named_by_its_kind(run: Run) -> None:
    with pytest.raises(XAITransportError, match=r"management\.example:443 \(ReadTimeout\)\. "):
        run(call(GET), Answers(httpx.ReadTimeout("")))


def test_an_address_that_cannot_be_called_is_our_error(run: Run) -> None:
    odd = replace(SETTINGS, management=Service("https://man\x01agement.example", "k"))
    with pytest.raises(XAIArgumentError, match=r"^get_collection\(c\): .* make no address \(.*\)\. Check the host"):
        run(call(GET), Answers(fine()), odd)


@pytest.mark.parametrize(
    "request_",
    [
        LIST_DOCUMENTS.request(collection_id="c", filter='name:"\ud800"'),
        ADD_DOCUMENT.request(collection_id="c", file_id="f", fields={"name": "\ud800"}),
        UPLOAD_DOCUMENT.request(
            collection_id="c",
            name="a.md",
            fields={"k": "v"},
            content_type="\ud800",
            upload=Upload("a.md", io.BytesIO, 0),
        ),
    ],
    ids=str,
)
def test_half_a_character_cannot_be_sent_and_is_our_error(run: Run, request_: Any) -> None:
    service = Answers(fine())
    with pytest.raises(XAIArgumentError, match=r"'\\ud800' in one of the arguments is half a character"):
        run(call(request_), service)
    assert service == []


# Files to send


class Source:
    """A file to send that counts how often it is opened and knows whether all it gave out was closed."""

    def __init__(self, content: bytes = b"hello", *, breaks: bool = False) -> None:
        self.opened: list[BinaryIO] = []
        self._content = content
        self._breaks = breaks

    def open(self) -> BinaryIO:
        stream = BrokenStream(self._content) if self._breaks else io.BytesIO(self._content)
        self.opened.append(stream)
        return stream

    @property
    def upload(self) -> Upload:
        return Upload("a.txt", self.open, len(self._content))


class BrokenStream(io.BytesIO):
    def read(self, size: int | None = -1) -> bytes:
        raise OSError(5, "Input/output error")


def test_a_repeated_upload_opens_the_file_again_and_sends_all_of_it(run: Run) -> None:
    source = Source(b"hello" * 50_000)
    service = Answers(httpx.Response(429, headers={"retry-after": "0"}), fine({"id": "file_1"}))
    assert run(call(UPLOAD_FILE.request(upload=source.upload)), service).id == "file_1"
    assert len(source.opened) == 2
    assert [parts(request)[0][3] for request in service] == [b"hello" * 50_000] * 2
    assert all(stream.closed for stream in source.opened)


def test_a_file_that_vanished_is_an_error_of_the_source(run: Run, tmp_path: Path) -> None:
    service = Answers(fine({"id": "file_1"}))
    upload = Upload("a.txt", lambda: (tmp_path / "missing.txt").open("rb"), 5)
    with pytest.raises(
        XAISourceError, match=r"^upload_file\(a\.txt\): the file .* \(No such file or directory\)\. It may"
    ):
        run(call(UPLOAD_FILE.request(upload=upload)), service)
    assert service == []


def test_a_file_that_breaks_while_it_is_read_is_an_error_of_the_source_and_closed(run: Run) -> None:
    source = Source(breaks=True)
    with pytest.raises(XAISourceError, match=r"\(Input/output error\)"):
        run(call(UPLOAD_FILE.request(upload=source.upload)), Answers(fine({"id": "f"})))
    assert [stream.closed for stream in source.opened] == [True]


# Flows


def test_errors_are_thrown_into_the_flow_which_may_know_what_to_do(run: Run) -> None:
    assert run(delete_collection("c"), Answers(httpx.Response(404))) is False


def test_a_flow_gets_the_wall_clock_and_its_pauses(run: Run) -> None:
    def clocks() -> Flow[tuple[float, float]]:
        before: float = yield Now()
        yield Sleep(0.02, jitter=0.02)
        after: float = yield Now()
        return before, after

    start = time.time()
    before, after = run(clocks(), Answers(fine()))
    assert start <= before <= after <= time.time()
    assert after - before >= 0.015


def test_what_is_no_error_of_ours_is_a_bug_and_passes(run: Run) -> None:
    def buggy() -> Flow[None]:
        yield Now()
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(buggy(), Answers(fine()))


@pytest.fixture(autouse=True)
def _no_test_takes_long() -> Iterator[None]:
    start = time.monotonic()
    yield
    assert time.monotonic() - start < 5
