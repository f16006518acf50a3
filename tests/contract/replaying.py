"""Recorded requests, asked of an emulator that is in the state of the live service then."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from airflow_provider_xai_collections.api.documents import DocumentStatus
from airflow_provider_xai_collections.api.endpoints import UPLOAD_FILE
from airflow_provider_xai_collections.emulator import Emulator, HttpReply, HttpRequest, Settings
from tests.support.caller import Caller, key_of, upload

from .recorded import EXCHANGES, Exchange

#: Contents of files by their names: one is in the recordings, of the others the hash is.
CONTENTS = {
    "content-test.json": b'{"test":"content download"}',
    "doc1.txt": b"Content 1",
    "doc2.txt": b"Content 2",
    "test-doc.txt": b"Test document content",
}
#: How often a document was read before it has this status, if each read moves it on.
READS = {DocumentStatus.PROCESSING: 0, DocumentStatus.CHUNKED: 1, DocumentStatus.EMBEDDING: 2}
ATTACHED = frozenset({"batch_get_documents", "list_documents", "remove_document"})
_ID = re.compile(r"(?:collection|file)_[0-9a-f-]{36}")
_TEAM = re.compile(r"Your team ([0-9a-f-]{36}) has")


def metadata(exchange: Exchange) -> list[dict[str, Any]]:
    """Return the files of the documents of an answer."""
    documents = exchange.json.get("documents", []) if exchange.is_json else []
    return [document["file_metadata"] for document in documents]


def _files() -> Iterator[tuple[str, tuple[str, bytes]]]:
    """Yield each recorded id of a file with its name and content; unknown content has the right size at least."""
    for exchange in EXCHANGES:
        for file in metadata(exchange):
            yield file["file_id"], (file["name"], CONTENTS[file["name"]])
        if exchange.endpoint is UPLOAD_FILE:
            name, size = exchange.json["filename"], exchange.json["bytes"]
            yield exchange.json["id"], (name, CONTENTS.get(name, b"x" * size))


FILES = dict(_files())


def replay(exchange: Exchange) -> HttpReply:
    """Ask the emulator the same."""
    caller = Caller(Emulator(_settings(exchange)))
    if exchange.endpoint is UPLOAD_FILE:
        return caller.send(UPLOAD_FILE, upload=upload(*FILES[exchange.json["id"]]))
    ours = _state(caller, exchange)
    key = "another key" if exchange.status == 401 else key_of(exchange.host)
    request = HttpRequest(
        exchange.method,
        exchange.host,
        _ID.sub(lambda found: ours[found[0]], exchange.path),
        tuple((name, ours[value]) for name, value in exchange.query),
        {"authorization": f"Bearer {key}", "content-type": "application/json"},
        exchange.request_body,
    )
    return caller.emulator.handle(request)


def _settings(exchange: Exchange) -> Settings:
    if exchange.status == 429:
        (team_id,) = _TEAM.findall(exchange.body)
        return Settings(out_of_credits="429", team_id=team_id)
    return Settings(indexing="reads:1")


def _state(caller: Caller, exchange: Exchange) -> dict[str, str]:
    """Make what the request is about; the emulator's ids by the recorded ones."""
    named = [*_ID.findall(exchange.path), *(value for _, value in exchange.query)]
    collections = [recorded for recorded in named if recorded.startswith("collection_")]
    files = [recorded for recorded in named if recorded.startswith("file_")]
    files += [file["file_id"] for file in metadata(exchange) if file["file_id"] not in files]
    ours = {recorded: caller.collection() for recorded in collections}
    ours |= {recorded: caller.file(*FILES[recorded]) for recorded in files if recorded in FILES}
    if exchange.endpoint.name in ATTACHED:
        (collection_id,) = (ours[recorded] for recorded in collections)
        for recorded in files:
            caller.attach(collection_id, ours[recorded])
        for document in exchange.json.get("documents", []):
            for _ in range(READS[document["status"]]):
                caller.document(collection_id, ours[document["file_metadata"]["file_id"]])
    return ours
