"""A caller of the emulator that stands where a client would: requests from the contract table, real encodings."""

from __future__ import annotations

from dataclasses import dataclass, field
from io import BytesIO
from typing import Any, TypeVar

import httpx

from airflow_provider_xai_collections.api import endpoints
from airflow_provider_xai_collections.api.documents import Document
from airflow_provider_xai_collections.api.errors import error_from
from airflow_provider_xai_collections.api.protocol import Endpoint, Flow, Host, Request, Response, Upload
from airflow_provider_xai_collections.api.wire import Answer
from airflow_provider_xai_collections.emulator import Emulator, HttpReply, HttpRequest
from tests.support.driving import FlowDriver

T = TypeVar("T")
A = TypeVar("A", bound=Answer)


class Clock:
    """Time that passes when the test says so."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


def upload(name: str, content: bytes = b"a document about whales") -> Upload:
    """A file to send."""
    return Upload(name, lambda: BytesIO(content), len(content))


@dataclass
class Caller:
    """Calls endpoints in process."""

    emulator: Emulator = field(default_factory=Emulator)

    def send(self, endpoint: Endpoint[Any], **params: Any) -> HttpReply:
        """The raw answer."""
        return self.emulator.handle(encode(endpoint.request(**params)))

    def call(self, endpoint: Endpoint[A], **params: Any) -> A:
        """The answer, which must be a success, read as the client reads it."""
        reply = self.send(endpoint, **params)
        assert reply.status == 200, reply.body
        return endpoint.decode(Response(reply.status, reply.headers, reply.body))

    def run(self, flow: Flow[T]) -> T:
        """The value of a flow that asks the emulator."""
        return FlowDriver(self._answer).run(flow)

    def _answer(self, request: Request[Any]) -> Any:
        reply = self.emulator.handle(encode(request))
        response = Response(reply.status, reply.headers, reply.body)
        if (error := error_from(request, response)) is not None:
            raise error
        return request.endpoint.decode(response)

    def refused(self, endpoint: Endpoint[Any], **params: Any) -> tuple[int, str]:
        """Status and message of an answer that must be an error."""
        reply = self.send(endpoint, **params)
        assert reply.status >= 400
        return reply.status, message_of(reply)

    def raw(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        query: tuple[tuple[str, str], ...] = (),
        content_type: str = "application/json",
        host: Host = Host.MANAGEMENT,
    ) -> HttpReply:
        """Send what the contract table would refuse to build."""
        headers = {"authorization": f"Bearer {key_of(host)}", "content-type": content_type}
        return self.emulator.handle(HttpRequest(method, host, path, query, headers, body))

    # Shortcuts for what most tests begin with.

    def collection(self, name: str = "whales", **params: Any) -> str:
        return self.call(endpoints.CREATE_COLLECTION, collection_name=name, **params).collection_id

    def file(self, name: str = "moby.txt", content: bytes = b"a document about whales", **params: Any) -> str:
        return self.call(endpoints.UPLOAD_FILE, upload=upload(name, content), **params).id

    def attach(self, collection_id: str, file_id: str, **fields: str) -> None:
        self.call(endpoints.ADD_DOCUMENT, collection_id=collection_id, file_id=file_id, fields=fields)

    def document(self, collection_id: str, file_id: str) -> Document:
        return self.call(endpoints.GET_DOCUMENT, collection_id=collection_id, file_id=file_id)

    def status(self, collection_id: str, file_id: str) -> str:
        return str(self.document(collection_id, file_id).status).removeprefix("DOCUMENT_STATUS_")

    def found(self, query: str, *collection_ids: str, **params: Any) -> list[str]:
        """File ids of the passages a search finds, best first."""
        source = {"collection_ids": collection_ids}
        results = self.call(endpoints.SEARCH_DOCUMENTS, query=query, source=source, **params)
        return [match.file_id for match in results.matches]


def message_of(reply: HttpReply) -> str:
    """The text of an error, which each host puts under a name of its own."""
    said = reply.json()
    return str(said["message"] if "message" in said else said["error"])


def declared(*keys: str) -> list[dict[str, str]]:
    """Definitions of fields that documents are going to have."""
    return [{"key": key} for key in keys]


def key_of(host: Host) -> str:
    return "emulator-management-key" if host is Host.MANAGEMENT else "emulator-api-key"


def encode(request: Request[Any]) -> HttpRequest:
    """The request as an HTTP library puts it on the wire."""
    files = None
    if request.upload is not None:
        part = request.endpoint.file_part or ""
        files = {part: (request.upload.filename, request.upload.open().read())}
    wire = httpx.Request(
        request.endpoint.method,
        f"http://emulator{request.path}",
        params=request.query or None,
        headers={"authorization": f"Bearer {key_of(request.endpoint.host)}"},
        json=request.json,
        data=dict(request.form) or None,
        files=files,
    )
    wire.read()
    headers = {name.lower(): value for name, value in wire.headers.items()}
    path = wire.url.raw_path.partition(b"?")[0].decode()
    return HttpRequest(wire.method, request.endpoint.host, path, request.query, headers, wire.content)
