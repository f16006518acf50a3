"""The five endpoints of ``/v1/collections``: each with its full parameter list, by method and by flow."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_provider_xai_collections.api import endpoints
from airflow_provider_xai_collections.api.protocol import call
from airflow_provider_xai_collections.exceptions import XAINotFoundError
from airflow_provider_xai_collections.hooks.collections import XAICollectionsHook
from tests.conftest import RecordingEmulator

from .asking import Ask, add_document, every


def test_create_collection(hook: XAICollectionsHook, emulator: RecordingEmulator, ask: Ask) -> None:
    created = ask(
        hook,
        endpoints.CREATE_COLLECTION,
        **every(
            endpoints.CREATE_COLLECTION,
            collection_name="Whales",
            team_id="team-7",
            index_configuration={"model_name": "grok-embedding-large"},
            chunk_configuration={
                "chars_configuration": {"max_chunk_size_chars": 900, "chunk_overlap_chars": 90},
                "strip_whitespace": True,
                "inject_name_into_chunks": True,
            },
            metric_space="HNSW_METRIC_EUCLIDEAN",
            field_definitions=[{"key": "isbn", "required": True, "unique": True, "description": "of the book"}],
            collection_description="Books about whales",
        ),
    )
    stored = hook.get_collection(collection_id=created.collection_id)
    assert stored.collection_name == "Whales"
    assert stored.index_configuration is not None
    assert stored.index_configuration.model_name == "grok-embedding-large"
    assert stored.chunk_configuration is not None
    assert stored.chunk_configuration.chars_configuration is not None
    assert stored.chunk_configuration.chars_configuration.max_chunk_size_chars == 900
    assert stored.chunk_configuration.strip_whitespace
    assert stored.chunk_configuration.inject_name_into_chunks
    (field,) = stored.field_definitions
    assert (field.key, field.required, field.unique, field.description) == ("isbn", True, True, "of the book")
    assert stored.collection_description == "Books about whales"
    sent = next(request for request in emulator.requests if request.method == "POST")
    assert (emulator.json_of(sent)["team_id"], emulator.json_of(sent)["metric_space"]) == (
        "team-7",
        "HNSW_METRIC_EUCLIDEAN",
    )


def test_list_collections(hook: XAICollectionsHook, emulator: RecordingEmulator, ask: Ask) -> None:
    for name in ("b whales", "sharks", "a whales", "c whales"):
        hook.create_collection(collection_name=name)
    wanted = {
        "team_id": "team-7",
        "limit": 2,
        "order": "ORDERING_ASCENDING",
        "sort_by": "COLLECTIONS_SORT_BY_NAME",
        "filter": 'collection_name:"whales"',
    }
    first = hook.run(call(endpoints.LIST_COLLECTIONS.request(**wanted)))
    assert [collection.collection_name for collection in first.items] == ["a whales", "b whales"]
    others = ask(
        hook,
        endpoints.LIST_COLLECTIONS,
        **every(endpoints.LIST_COLLECTIONS, pagination_token=first.pagination_token, **wanted),
    )
    assert [collection.collection_name for collection in others] == ["c whales"]
    assert emulator.last_query["team_id"] == "team-7"


@pytest.mark.parametrize(
    ("order", "sort_by", "names"),
    [
        ("ORDERING_ASCENDING", "COLLECTIONS_SORT_BY_NAME", ["a", "b", "c"]),
        ("ORDERING_DESCENDING", "COLLECTIONS_SORT_BY_NAME", ["c", "b", "a"]),
        ("ORDERING_ASCENDING", "COLLECTIONS_SORT_BY_AGE", ["b", "c", "a"]),
        ("ORDERING_DESCENDING", "COLLECTIONS_SORT_BY_AGE", ["a", "c", "b"]),
    ],
)
def test_a_list_comes_in_the_order_asked_for(
    hook: XAICollectionsHook, ask: Ask, order: str, sort_by: str, names: list[str]
) -> None:
    for name in ("b", "c", "a"):
        hook.create_collection(collection_name=name)
    listed = ask(hook, endpoints.LIST_COLLECTIONS, order=order, sort_by=sort_by)
    assert [collection.collection_name for collection in listed] == names


def test_get_collection(hook: XAICollectionsHook, emulator: RecordingEmulator, ask: Ask) -> None:
    created = hook.create_collection(collection_name="Whales")
    params = every(endpoints.GET_COLLECTION, collection_id=created.collection_id, team_id="team-7")
    assert ask(hook, endpoints.GET_COLLECTION, **params) == created
    assert emulator.last_query == {"team_id": "team-7"}


def test_update_collection(hook: XAICollectionsHook, emulator: RecordingEmulator, tmp_path: Path, ask: Ask) -> None:
    created = hook.create_collection(
        collection_name="Whales", field_definitions=[{"key": "author"}, {"key": "shelf", "inject_into_chunk": True}]
    )
    collection_id = created.collection_id
    file_id = add_document(hook, tmp_path, collection_id, "moby.txt", author="Melville", shelf="12")
    params = every(
        endpoints.UPDATE_COLLECTION,
        collection_id=collection_id,
        team_id="team-7",
        collection_name="Great whales",
        chunk_configuration={"bytes_configuration": {"max_chunk_size_bytes": 64, "chunk_overlap_bytes": 8}},
        field_definition_updates=[
            {"field_definition": {"key": "isbn", "unique": True}, "operation": "FIELD_DEFINITION_ADD"},
            {"field_definition": {"key": "shelf"}, "operation": "FIELD_DEFINITION_DELETE"},
        ],
        collection_description="Only the large ones",
    )
    updated = ask(hook, endpoints.UPDATE_COLLECTION, **params)
    assert emulator.last_json["team_id"] == "team-7"
    assert updated == hook.get_collection(collection_id=collection_id)
    assert updated.collection_name == "Great whales"
    assert list(updated.chunk_configuration.strategies) == ["bytes_configuration"]
    assert [(field.key, field.unique) for field in updated.field_definitions] == [("author", False), ("isbn", True)]
    assert updated.collection_description == "Only the large ones"
    document = hook.get_document(collection_id=collection_id, file_id=file_id)
    assert document.fields == {"author": "Melville"}, "deleting a definition erases the values"


def test_an_update_changes_only_what_it_names(hook: XAICollectionsHook, ask: Ask) -> None:
    created = hook.create_collection(collection_name="Whales", collection_description="Large")
    updated = ask(
        hook, endpoints.UPDATE_COLLECTION, collection_id=created.collection_id, collection_description="Small"
    )
    assert (updated.collection_name, updated.collection_description) == ("Whales", "Small")


def test_delete_collection(hook: XAICollectionsHook, emulator: RecordingEmulator, tmp_path: Path, ask: Ask) -> None:
    collection_id = hook.create_collection(collection_name="Whales").collection_id
    file_id = add_document(hook, tmp_path, collection_id, "moby.txt")
    ask(
        hook,
        endpoints.DELETE_COLLECTION,
        **every(endpoints.DELETE_COLLECTION, collection_id=collection_id, team_id="team-7"),
    )
    assert emulator.last_query == {"team_id": "team-7"}
    with pytest.raises(XAINotFoundError, match=f"get_collection\\({collection_id}\\): does not exist"):
        hook.get_collection(collection_id=collection_id)
    assert hook.get_file(file_id=file_id).filename == "moby.txt", "its files stay"


def test_deleting_says_whether_the_collection_was_there(hook: XAICollectionsHook) -> None:
    collection_id = hook.create_collection(collection_name="Whales").collection_id
    assert hook.delete_collection(collection_id=collection_id)
    assert not hook.delete_collection(collection_id=collection_id)
