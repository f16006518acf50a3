"""The six endpoints of ``…/documents``: each with its full parameter list, by method and by flow."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_provider_xai_collections.api import endpoints
from airflow_provider_xai_collections.api.protocol import call
from airflow_provider_xai_collections.exceptions import XAINotFoundError
from airflow_provider_xai_collections.hooks.collections import XAICollectionsHook
from tests.conftest import RecordingEmulator

from .asking import Ask, add_document, add_file, every


@pytest.fixture
def collection_id(hook: XAICollectionsHook) -> str:
    return hook.create_collection(collection_name="Whales").collection_id


def define(hook: XAICollectionsHook, collection_id: str, *keys: str) -> None:
    """Declare fields, which only the method does by itself."""
    updates = [{"field_definition": {"key": key}, "operation": "FIELD_DEFINITION_ADD"} for key in keys]
    hook.update_collection(collection_id=collection_id, field_definition_updates=updates)


def test_add_document(
    hook: XAICollectionsHook, emulator: RecordingEmulator, collection_id: str, tmp_path: Path, ask: Ask
) -> None:
    file_id = add_file(hook, tmp_path, "moby.txt")
    params = every(
        endpoints.ADD_DOCUMENT,
        collection_id=collection_id,
        file_id=file_id,
        team_id="team-7",
        fields={"author": "Melville", "Ort": "Nantucket, äußerst"},
    )
    define(hook, collection_id, *params["fields"])
    ask(hook, endpoints.ADD_DOCUMENT, **params)
    assert emulator.last_json["team_id"] == "team-7"
    document = hook.get_document(collection_id=collection_id, file_id=file_id)
    assert document.name == "moby.txt"
    assert document.fields == {"author": "Melville", "Ort": "Nantucket, äußerst"}


def test_list_documents(
    hook: XAICollectionsHook, emulator: RecordingEmulator, collection_id: str, tmp_path: Path, ask: Ask
) -> None:
    for name, size, author in [("b.txt", 3, "M"), ("a.txt", 9, "M"), ("c.txt", 6, "M"), ("d.txt", 1, "H")]:
        add_document(hook, tmp_path, collection_id, name, "x" * size, author=author)
    add_document(hook, tmp_path, collection_id, "e.md", "xxxx", author="M")
    wanted = {
        "collection_id": collection_id,
        "team_id": "team-7",
        "limit": 2,
        "order": "ORDERING_ASCENDING",
        "sort_by": "DOCUMENTS_SORT_BY_SIZE",
        "filter": 'fields.author:"M"',
        "name": ".txt",
    }
    first = hook.run(call(endpoints.LIST_DOCUMENTS.request(**wanted)))
    assert [document.name for document in first.items] == ["b.txt", "c.txt"]
    params = every(endpoints.LIST_DOCUMENTS, pagination_token=first.pagination_token, **wanted)
    others = ask(hook, endpoints.LIST_DOCUMENTS, **params)
    assert [document.name for document in others] == ["a.txt"]
    assert emulator.last_query["team_id"] == "team-7"


def test_get_document(
    hook: XAICollectionsHook, emulator: RecordingEmulator, collection_id: str, tmp_path: Path, ask: Ask
) -> None:
    file_id = add_document(hook, tmp_path, collection_id, "moby.txt", "call me Ishmael", author="Melville")
    params = every(endpoints.GET_DOCUMENT, collection_id=collection_id, file_id=file_id, team_id="team-7")
    document = ask(hook, endpoints.GET_DOCUMENT, **params)
    assert (document.file_id, document.name, document.file_metadata.size_bytes) == (file_id, "moby.txt", 15)
    assert document.status == "DOCUMENT_STATUS_PROCESSED"
    assert emulator.last_query == {"team_id": "team-7"}


def test_reindex_document(
    hook: XAICollectionsHook, emulator: RecordingEmulator, collection_id: str, tmp_path: Path, ask: Ask
) -> None:
    file_id = add_document(hook, tmp_path, collection_id, "moby.txt", "call me Ishmael " * 20)
    small = {"chars_configuration": {"max_chunk_size_chars": 40, "chunk_overlap_chars": 0}}
    hook.update_collection(collection_id=collection_id, chunk_configuration=small)
    assert hook.get_document(collection_id=collection_id, file_id=file_id).chunk_count == 1
    params = every(endpoints.REINDEX_DOCUMENT, collection_id=collection_id, file_id=file_id, team_id="team-7")
    ask(hook, endpoints.REINDEX_DOCUMENT, **params)
    sent = emulator.requests[-1]
    assert (sent.method, sent.query, sent.body) == ("PATCH", (("team_id", "team-7"),), b"")
    assert (hook.get_document(collection_id=collection_id, file_id=file_id).chunk_count or 0) > 1


def test_remove_document(
    hook: XAICollectionsHook, emulator: RecordingEmulator, collection_id: str, tmp_path: Path, ask: Ask
) -> None:
    file_id = add_document(hook, tmp_path, collection_id, "moby.txt")
    params = every(endpoints.REMOVE_DOCUMENT, collection_id=collection_id, file_id=file_id, team_id="team-7")
    ask(hook, endpoints.REMOVE_DOCUMENT, **params)
    assert emulator.last_query == {"team_id": "team-7"}
    with pytest.raises(XAINotFoundError, match=f"get_document\\({collection_id}/{file_id}\\): does not exist"):
        hook.get_document(collection_id=collection_id, file_id=file_id)
    assert hook.get_file(file_id=file_id).id == file_id, "the file stays"
    assert not hook.remove_document(collection_id=collection_id, file_id=file_id)


def test_batch_get_documents(
    hook: XAICollectionsHook, emulator: RecordingEmulator, collection_id: str, tmp_path: Path, ask: Ask
) -> None:
    file_ids = [add_document(hook, tmp_path, collection_id, name) for name in ("a.txt", "b.txt", "c.txt")]
    params = every(
        endpoints.BATCH_GET_DOCUMENTS,
        collection_id=collection_id,
        file_ids=[file_ids[0], file_ids[2], "file_unknown"],
        team_id="team-7",
    )
    documents = ask(hook, endpoints.BATCH_GET_DOCUMENTS, **params)
    assert {document.name for document in documents} == {"a.txt", "c.txt"}
    sent = emulator.requests[-1].query
    assert [value for name, value in sent if name == "file_ids"] == params["file_ids"]
    assert ("team_id", "team-7") in sent


def test_an_id_with_a_slash_stays_in_its_place(hook: XAICollectionsHook, emulator: RecordingEmulator, ask: Ask) -> None:
    with pytest.raises(XAINotFoundError):
        ask(hook, endpoints.GET_DOCUMENT, collection_id="../files", file_id="a/b?c#d")
    assert emulator.requests[-1].path == "/v1/collections/..%2Ffiles/documents/a%2Fb%3Fc%23d"
