"""Collections: created, found, changed, deleted."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_provider_xai_collections.api import endpoints
from airflow_provider_xai_collections.api.collections import CollectionPage
from airflow_provider_xai_collections.emulator import Emulator, Settings
from tests.support.caller import Caller, Clock, declared, message_of

CHARS = {"chars_configuration": {"max_chunk_size_chars": 100, "chunk_overlap_chars": 0}}


def names(page: CollectionPage) -> list[str]:
    return [collection.collection_name for collection in page.collections]


def test_a_new_collection_says_what_it_was_made_of(caller: Caller) -> None:
    made = caller.call(
        endpoints.CREATE_COLLECTION,
        collection_name="whales",
        collection_description="of the sea",
        index_configuration={"model_name": "grok-embedding-large"},
        metric_space="HNSW_METRIC_COSINE",
        chunk_configuration=CHARS,
        field_definitions=[{"key": "year", "required": True}],
    )
    assert made.collection_id.startswith("collection_")
    assert made == caller.call(endpoints.GET_COLLECTION, collection_id=made.collection_id)
    assert made.index_configuration is not None
    assert made.index_configuration.model_name == "grok-embedding-large"
    assert made.chunk_configuration is not None
    assert list(made.chunk_configuration.strategies) == ["chars_configuration"]
    assert made.documents_count == 0
    assert made.metric_space is None, "no answer is known to have it"


def test_names_are_not_unique(caller: Caller) -> None:
    assert caller.collection("twin") != caller.collection("twin")


def test_documents_are_counted_and_sizes_summed_as_text(caller: Caller) -> None:
    collection_id = caller.collection()
    caller.attach(collection_id, caller.file(content=b"12345"))
    caller.attach(collection_id, caller.file(content=b"123"))
    reply = caller.send(endpoints.GET_COLLECTION, collection_id=collection_id)
    assert reply.json()["documents_count"] == 2
    assert reply.json()["total_file_size"] == "8"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "[WKE=form-invalid:not-empty:collection_name]\n"),
        ({"collection_name": ""}, "[WKE=form-invalid:not-empty:collection_name]\n"),
        ({"collection_name": None}, "[WKE=form-invalid:not-empty:collection_name]\n"),
        ({"collection_name": 1}, "collection_name: Input should be a valid string"),
        ({"collection_name": "a", "chunk_configuration": {}}, "exactly one chunking strategy"),
        ({"collection_name": "a", "field_definitions": [{"key": "a"}, {"key": "a"}]}, "a key occurs twice"),
        ({"collection_name": "a", "field_definitions": [{}]}, "[WKE=form-invalid:not-empty:field_definitions.0.key]"),
        ([], "the body must be a JSON object"),
    ],
)
def test_a_wrong_body_is_refused(caller: Caller, body: Any, message: str) -> None:
    reply = caller.raw("POST", "/v1/collections", json.dumps(body).encode())
    assert (reply.status, reply.json()["code"]) == (400, 3)
    assert message in message_of(reply)
    assert caller.call(endpoints.LIST_COLLECTIONS).collections == ()


def test_keys_that_nobody_knows_are_ignored(caller: Caller) -> None:
    definitions = [{"key": "year", "uniq": True}]
    body = {"collection_name": "whales", "colour": "blue", "field_definitions": definitions}
    made = caller.raw("POST", "/v1/collections", json.dumps(body).encode()).json()
    assert "colour" not in made
    assert made["field_definitions"] == [
        {"key": "year", "required": False, "inject_into_chunk": False, "unique": False}
    ]


def test_what_is_false_or_nothing_is_written_out(caller: Caller) -> None:
    made = caller.send(endpoints.CREATE_COLLECTION, collection_name="whales", chunk_configuration=CHARS).json()
    assert made["chunk_configuration"] == {**CHARS, "strip_whitespace": False, "inject_name_into_chunks": False}
    assert (made["documents_count"], made["total_file_size"], made["field_definitions"]) == (0, "0", [])
    assert made["disable_rag_lookup"] is False


def test_broken_json_is_refused(caller: Caller) -> None:
    reply = caller.raw("POST", "/v1/collections", b"{")
    assert (reply.status, reply.json()["code"]) == (400, 3)
    assert "the body is not JSON" in message_of(reply)


def test_lists_go_by_name_descending_unless_told(caller: Caller, clock: Clock) -> None:
    caller = Caller(Emulator(clock=clock))
    for name in ("b", "c", "a"):
        caller.collection(name)
        clock.now += 1
    assert names(caller.call(endpoints.LIST_COLLECTIONS)) == ["c", "b", "a"]
    assert names(caller.call(endpoints.LIST_COLLECTIONS, order="ORDERING_ASCENDING")) == ["a", "b", "c"]
    assert names(caller.call(endpoints.LIST_COLLECTIONS, sort_by="COLLECTIONS_SORT_BY_AGE")) == ["a", "c", "b"]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ('collection_name:"ale"', ["whales", "ALE house"]),
        ('collection_name = "whale"', ["whales"]),
        ("documents_count:>0", ["whales"]),
        ("created_at:>2023-11-14T22:13:25Z AND collection_name:a", ["ALE house"]),
        ("created_at < 2023-11-14T22:13:25", ["whales"]),
        ("", ["whales", "ALE house"]),
    ],
)
def test_filters(clock: Clock, wanted: str, expected: list[str]) -> None:
    caller = Caller(Emulator(clock=clock))
    collection_id = caller.collection("whales")
    clock.now += 10
    caller.collection("ALE house")
    caller.attach(collection_id, caller.file())
    assert names(caller.call(endpoints.LIST_COLLECTIONS, filter=wanted)) == expected
    by_id = caller.call(endpoints.LIST_COLLECTIONS, filter=f'collection_id = "{collection_id}"')
    assert names(by_id) == ["whales"]


def test_an_update_changes_what_it_names_in_either_spelling(caller: Caller) -> None:
    collection_id = caller.collection(collection_description="old", chunk_configuration=CHARS)
    body = {
        "collectionName": "renamed",
        "fieldDefinitionUpdates": [
            {"fieldDefinition": {"key": "isNew", "injectIntoChunk": True}, "operation": "FIELD_DEFINITION_ADD"}
        ],
    }
    reply = caller.raw("PUT", f"/v1/collections/{collection_id}", json.dumps(body).encode())
    assert reply.status == 200, reply.body
    changed = caller.call(endpoints.GET_COLLECTION, collection_id=collection_id)
    assert (changed.collection_name, changed.collection_description) == ("renamed", "old")
    assert [(field.key, field.inject_into_chunk) for field in changed.field_definitions] == [("isNew", True)]
    bytes_configuration = {"max_chunk_size_bytes": 64, "chunk_overlap_bytes": 0}
    caller.call(
        endpoints.UPDATE_COLLECTION,
        collection_id=collection_id,
        chunk_configuration={"bytes_configuration": bytes_configuration},
    )
    rechunked = caller.call(endpoints.GET_COLLECTION, collection_id=collection_id)
    assert rechunked.chunk_configuration is not None
    assert list(rechunked.chunk_configuration.strategies) == ["bytes_configuration"]


@pytest.mark.parametrize("name", ["index_configuration", "metric_space"])
def test_what_is_fixed_stays_fixed(caller: Caller, name: str) -> None:
    collection_id = caller.collection()
    before = caller.send(endpoints.GET_COLLECTION, collection_id=collection_id).json()
    body = json.dumps({name: {"model_name": "another"}}).encode()
    reply = caller.raw("PUT", f"/v1/collections/{collection_id}", body)
    assert (reply.status, reply.json()) == (200, before)


def field_update(caller: Caller, collection_id: str, operation: str, **definition: Any) -> tuple[int, str]:
    update = {"field_definition": definition, "operation": f"FIELD_DEFINITION_{operation}"}
    reply = caller.send(endpoints.UPDATE_COLLECTION, collection_id=collection_id, field_definition_updates=[update])
    return reply.status, reply.json().get("message", "")


def test_a_deleted_field_takes_its_values_along(caller: Caller) -> None:
    collection_id, file_id = caller.collection(field_definitions=declared("year", "author")), caller.file()
    caller.attach(collection_id, file_id, year="1851", author="Melville")
    assert field_update(caller, collection_id, "DELETE", key="year") == (200, "")
    assert caller.document(collection_id, file_id).fields == {"author": "Melville"}
    assert field_update(caller, collection_id, "DELETE", key="year")[0] == 400


def test_only_a_field_that_is_there_may_become_required(caller: Caller) -> None:
    collection_id = caller.collection(field_definitions=[{"key": "year"}])
    assert field_update(caller, collection_id, "ADD", key="year", required=True) == (200, "")
    status, message = field_update(caller, collection_id, "ADD", key="author", required=True)
    assert (status, message) == (400, "field_definition_updates: the new field author cannot be required")


def test_a_new_field_may_be_required_if_the_service_says_so() -> None:
    caller = Caller(Emulator(Settings(new_required_field="accept")))
    collection_id = caller.collection()
    assert field_update(caller, collection_id, "ADD", key="year", required=True) == (200, "")
    status, message = caller.refused(endpoints.ADD_DOCUMENT, collection_id=collection_id, file_id=caller.file())
    assert (status, message) == (400, "fields: year is required")


def test_adding_a_field_that_is_there_has_two_answers(caller: Caller) -> None:
    collection_id = caller.collection(field_definitions=declared("year"))
    assert field_update(caller, collection_id, "ADD", key="year", unique=True) == (200, "")
    (field,) = caller.call(endpoints.GET_COLLECTION, collection_id=collection_id).field_definitions
    assert field.unique
    caller = Caller(Emulator(Settings(add_existing_field="refuse")))
    collection_id = caller.collection(field_definitions=declared("year"))
    expected = "field_definition_updates: the field year exists already"
    assert field_update(caller, collection_id, "ADD", key="year", unique=True) == (400, expected)
    assert field_update(caller, collection_id, "ADD", key="author") == (200, "")


def test_a_refused_update_leaves_no_trace(caller: Caller) -> None:
    collection_id, file_id = caller.collection(field_definitions=[{"key": "year"}]), caller.file()
    caller.attach(collection_id, file_id, year="1851")
    updates = [
        {"field_definition": {"key": "year"}, "operation": "FIELD_DEFINITION_DELETE"},
        {"field_definition": {"key": "new", "required": True}, "operation": "FIELD_DEFINITION_ADD"},
    ]
    caller.refused(endpoints.UPDATE_COLLECTION, collection_id=collection_id, field_definition_updates=updates)
    assert caller.document(collection_id, file_id).fields == {"year": "1851"}


def test_a_deleted_collection_leaves_the_files(caller: Caller) -> None:
    collection_id, file_id = caller.collection(), caller.file()
    caller.attach(collection_id, file_id)
    caller.call(endpoints.DELETE_COLLECTION, collection_id=collection_id)
    status, message = caller.refused(endpoints.DELETE_COLLECTION, collection_id=collection_id)
    assert (status, message) == (404, f"collection {collection_id} not found")
    assert caller.call(endpoints.GET_FILE, file_id=file_id).id == file_id


def test_empty_arrays_may_be_null(caller: Caller) -> None:
    caller = Caller(Emulator(Settings(empty_arrays="null")))
    assert caller.send(endpoints.LIST_COLLECTIONS).json() == {"collections": None}
