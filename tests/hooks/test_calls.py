"""The hook's methods: each sends all its parameters, and returns the answer. Uploads have tests of their own."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_xai_collections.api import endpoints
from airflow_provider_xai_collections.emulator import HttpRequest
from airflow_provider_xai_collections.exceptions import XAIError, XAIIncompleteListError, XAINotFoundError
from airflow_provider_xai_collections.hooks.collections import XAICollectionsHook
from tests.conftest import RecordingEmulator, playing
from tests.support.caller import encode

from .conftest import HookWith, add_document, add_file

BY_NAME = {endpoint.name: endpoint for endpoint in endpoints.ENDPOINTS}
DOCUMENT = {"collection_id": "collection_1", "file_id": "file_1", "team_id": "team-7"}
PAGE = {"limit": 2, "order": "ORDERING_ASCENDING", "pagination_token": "t"}
#: Each call with all its parameters.
CALLS: dict[str, dict[str, Any]] = {
    "create_collection": {
        "collection_name": "Whales",
        "team_id": "team-7",
        "index_configuration": {"model_name": "grok-embedding-large"},
        "chunk_configuration": {"chars_configuration": {"max_chunk_size_chars": 900, "chunk_overlap_chars": 90}},
        "metric_space": "HNSW_METRIC_EUCLIDEAN",
        "field_definitions": [{"key": "isbn", "required": True, "unique": True, "description": "of the book"}],
        "collection_description": "Books about whales",
    },
    "list_collections": {
        **PAGE,
        "team_id": "team-7",
        "sort_by": "COLLECTIONS_SORT_BY_NAME",
        "filter": 'collection_name:"whales"',
    },
    "get_collection": {"collection_id": "collection_1", "team_id": "team-7"},
    "update_collection": {
        "collection_id": "collection_1",
        "team_id": "team-7",
        "collection_name": "Great whales",
        "chunk_configuration": {"bytes_configuration": {"max_chunk_size_bytes": 64, "chunk_overlap_bytes": 8}},
        "field_definition_updates": [{"field_definition": {"key": "isbn"}, "operation": "FIELD_DEFINITION_ADD"}],
        "collection_description": "Only the large ones",
    },
    "delete_collection": {"collection_id": "collection_1", "team_id": "team-7"},
    "add_document": {**DOCUMENT, "fields": {"author": "Melville", "Ort": "Nantucket, äußerst"}},
    "list_documents": {
        **PAGE,
        "collection_id": "collection_1",
        "team_id": "team-7",
        "sort_by": "DOCUMENTS_SORT_BY_SIZE",
        "filter": 'fields.author:"M"',
        "name": ".txt",
    },
    "get_document": DOCUMENT,
    "reindex_document": DOCUMENT,
    "remove_document": DOCUMENT,
    "batch_get_documents": {"collection_id": "collection_1", "file_ids": ["file_1", "file_2"], "team_id": "team-7"},
    "list_files": {**PAGE, "sort_by": "FILES_SORT_BY_SIZE", "filter": "size_bytes > 1"},
    "get_file": {"file_id": "file_1"},
    "delete_file": {"file_id": "file_1"},
    "validate_management_key": {},
}


def wire(request: HttpRequest) -> tuple[Any, ...]:
    return request.method, request.host, request.path, request.query, request.body


@pytest.mark.parametrize("team", ["of the call", "of the connection"])
@pytest.mark.parametrize("name", CALLS)
def test_a_call_sends_each_parameter_and_a_team(
    hook_with: HookWith, emulator: RecordingEmulator, name: str, team: str
) -> None:
    endpoint, params = BY_NAME[name], dict(CALLS[name])
    assert params.keys() == endpoint.params.model_fields.keys()
    hook = hook_with(team_id="team-7" if team == "of the connection" else "team-8")
    if name == "add_document":  # it reads the collection first
        params["collection_id"] = hook.create_collection(collection_name="Whales").collection_id
    expected = wire(encode(endpoint.request(**params)))
    if team == "of the connection":
        params.pop("team_id", None)
    with suppress(XAIError):
        getattr(hook, name)(**params)
    assert expected in map(wire, emulator.requests)


def test_calls_that_are_no_endpoint_have_the_team_too(hook_with: HookWith, emulator: RecordingEmulator) -> None:
    hook = hook_with(team_id="team-7")
    assert hook.team_id == "team-7"
    collection_id = hook.ensure_collection(**{**CALLS["create_collection"], "team_id": None}).collection_id
    assert wire(encode(endpoints.CREATE_COLLECTION.request(**CALLS["create_collection"]))) in map(
        wire, emulator.requests
    )
    for given, sent in ((None, "team-7"), ("team-8", "team-8")):
        emulator.requests.clear()
        hook.find_collections(collection_name="Whales", team_id=given)
        hook.ensure_collection(collection_name="Whales", team_id=given)
        hook.wait_for_documents(collection_id=collection_id, team_id=given)
        assert {dict(request.query)["team_id"] for request in emulator.requests} == {sent}


def test_a_connection_without_team_sends_none(hook: XAICollectionsHook, emulator: RecordingEmulator) -> None:
    assert hook.team_id is None
    hook.list_collections()
    assert "team_id" not in emulator.last_query


def test_the_life_of_a_collection(hook: XAICollectionsHook, emulator: RecordingEmulator) -> None:
    made = hook.ensure_collection(collection_name="Whales", collection_description="Large")
    whales = made.collection_id
    assert made.collection_description == "Large"
    assert hook.ensure_collection(collection_name="Whales") == made
    assert emulator.count("create_collection") == 1
    assert hook.get_collection(collection_id=whales) == made
    changed = hook.update_collection(collection_id=whales, collection_description="Small")
    assert (changed.collection_name, changed.collection_description) == ("Whales", "Small")
    assert hook.list_collections() == hook.find_collections(collection_name="Whales") == [changed]
    assert hook.delete_collection(collection_id=whales) is True
    assert hook.delete_collection(collection_id=whales) is False
    with pytest.raises(XAINotFoundError, match=f"get_collection\\({whales}\\): does not exist"):
        hook.get_collection(collection_id=whales)


def test_the_life_of_a_document_and_its_file(hook: XAICollectionsHook, whales: str, tmp_path: Path) -> None:
    file_id = add_file(hook, tmp_path, "moby.txt")
    assert hook.add_document(collection_id=whales, file_id=file_id, fields={"author": "M"}) is True
    assert hook.add_document(collection_id=whales, file_id=file_id, fields={"author": "M"}) is False
    document = hook.get_document(collection_id=whales, file_id=file_id)
    assert (document.file_id, document.name, document.fields) == (file_id, "moby.txt", {"author": "M"})
    assert hook.list_documents(collection_id=whales) == [document]
    assert hook.batch_get_documents(collection_id=whales, file_ids=[file_id, "file_unknown"]) == [document]
    assert hook.remove_document(collection_id=whales, file_id=file_id) is True
    assert hook.remove_document(collection_id=whales, file_id=file_id) is False
    assert hook.list_files() == [hook.get_file(file_id=file_id)], "the file stays"
    assert hook.delete_file(file_id=file_id) is True
    assert hook.delete_file(file_id=file_id) is False
    with pytest.raises(XAINotFoundError, match=f"get_file\\({file_id}\\): does not exist"):
        hook.get_file(file_id=file_id)


@pytest.mark.parametrize("emulator_settings", [playing(), playing(pagination_end="repeat")])
def test_iterating_asks_for_a_page_when_it_needs_one(
    hook: XAICollectionsHook, emulator: RecordingEmulator, whales: str, tmp_path: Path
) -> None:
    for name in "abcd":
        add_document(hook, tmp_path, whales, name)
    documents = hook.iter_documents(collection_id=whales, limit=2, order="ORDERING_ASCENDING")
    emulator.reset_log()
    assert [next(documents).name for _ in range(2)] == ["a", "b"]
    assert emulator.count("list_documents") == 1
    assert [next(documents).name for _ in range(2)] == ["c", "d"]
    if emulator.settings.pagination_end == "repeat":  # all that was shown is handed out, and yet more may be there
        with pytest.raises(XAIIncompleteListError, match=r"^list_documents\(.*After 4 items the service sent "):
            next(documents)
    else:
        assert list(documents) == []


def test_search_documents(hook: XAICollectionsHook, emulator: RecordingEmulator, whales: str, tmp_path: Path) -> None:
    moby = add_document(hook, tmp_path, whales, "moby.txt", "a white whale", author="Melville")
    params: dict[str, Any] = {
        "query": "whale",
        "filter": 'author = "Melville"',
        "limit": 2,
        "instructions": "Prefer the newest",
        "retrieval_mode": {"type": "keyword", "reranker": "strict"},
        "group_by": {"keys": ["author"]},
    }
    (match,) = hook.search_documents(collection_ids=[whales], **params)
    assert emulator.last_json == {**params, "source": {"collection_ids": [whales]}}
    assert (match.file_id, match.collection_ids) == (moby, (whales,))
    assert (match.fields["author"], match.fields["title"]) == ("Melville", "moby.txt")
    assert "a white whale" in match.text
    assert match.score > 0


@pytest.mark.parametrize("emulator_settings", [playing(team_id="team-of-the-key")])
def test_validate_management_key(hook: XAICollectionsHook) -> None:
    key = hook.validate_management_key()
    assert (key.team_id, key.name) == ("team-of-the-key", "emulator")
    assert "AddFileToCollection" in str(key.acls)
