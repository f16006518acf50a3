from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from airflow_provider_xai_collections.api.collections import (
    FieldDefinition,
    FieldDefinitionOperation,
    FieldDefinitionUpdate,
    HNSWMetric,
)
from airflow_provider_xai_collections.api.endpoints import (
    CREATE_COLLECTION,
    GET_COLLECTION,
    LIST_COLLECTIONS,
    UPDATE_COLLECTION,
    VALIDATE_MANAGEMENT_KEY,
)
from airflow_provider_xai_collections.api.protocol import Response
from airflow_provider_xai_collections.exceptions import XAIArgumentError

SEEN = b"""{
    "collection_id": "collection_42", "collection_name": "docs", "created_at": "2025-11-02T10:11:12.123456Z",
    "index_configuration": {"model_name": "grok-embedding-small"},
    "chunk_configuration": {"chars_configuration": {"max_chunk_size_chars": 100, "chunk_overlap_chars": 10},
        "tokens_configuration": null, "strip_whitespace": true},
    "documents_count": 7, "total_file_size": "9007199254740993", "metric_space": "HNSW_METRIC_COSINE",
    "field_definitions": [{"key": "year", "required": true, "something_new": 1}], "shiny": {}
}"""


def decoded(endpoint: Any, body: bytes) -> Any:
    return endpoint.decode(Response(200, {}, body))


def test_a_collection_is_read_as_it_was_seen() -> None:
    collection = decoded(GET_COLLECTION, SEEN)
    assert (collection.collection_id, collection.collection_name) == ("collection_42", "docs")
    assert collection.created_at == datetime(2025, 11, 2, 10, 11, 12, 123456, tzinfo=UTC)
    assert collection.index_configuration.model_name == "grok-embedding-small"
    assert collection.chunk_configuration.strategies.keys() == {"chars_configuration"}
    assert (collection.documents_count, collection.total_file_size) == (7, 2**53 + 1)
    assert collection.metric_space is HNSWMetric.COSINE
    assert collection.field_definitions == (FieldDefinition(key="year", required=True),)


def test_a_metric_nobody_knows_yet_is_kept_as_text() -> None:
    assert decoded(GET_COLLECTION, b'{"collection_id": "c", "metric_space": "HNSW_WARP"}').metric_space == "HNSW_WARP"


def test_a_collection_needs_nothing_but_its_id() -> None:
    collection = decoded(GET_COLLECTION, b'{"collection_id": "c", "field_definitions": null}')
    assert (collection.field_definitions, collection.documents_count, collection.chunk_configuration) == ((), 0, None)


def test_a_model_without_a_name_does_not_hide_the_collection() -> None:
    collection = decoded(GET_COLLECTION, b'{"collection_id": "c", "index_configuration": {}}')
    assert collection.index_configuration.model_name is None


def test_an_empty_list_may_come_without_its_array() -> None:
    assert decoded(LIST_COLLECTIONS, b"{}").items == ()
    assert decoded(LIST_COLLECTIONS, b'{"collections": null, "pagination_token": ""}').items == ()


def test_a_create_sends_everything_it_is_given() -> None:
    request = CREATE_COLLECTION.request(
        collection_name="docs",
        team_id="t",
        index_configuration={"model_name": "grok-embedding-small"},
        metric_space=HNSWMetric.COSINE,
        field_definitions=[{"key": "year", "unique": True}],
        collection_description="All we know.",
    )
    assert (request.path, str(request)) == ("/v1/collections", "create_collection(docs)")
    assert request.json == {
        "collection_name": "docs",
        "team_id": "t",
        "index_configuration": {"model_name": "grok-embedding-small"},
        "metric_space": "HNSW_METRIC_COSINE",
        "field_definitions": [{"key": "year", "required": False, "inject_into_chunk": False, "unique": True}],
        "collection_description": "All we know.",
    }


def test_an_update_says_what_becomes_of_each_field() -> None:
    update = FieldDefinitionUpdate(
        field_definition=FieldDefinition(key="year"), operation=FieldDefinitionOperation.DELETE
    )
    request = UPDATE_COLLECTION.request(collection_id="c", field_definition_updates=[update])
    assert request.path == "/v1/collections/c"
    assert request.json is not None
    assert request.json.keys() == {"field_definition_updates"}
    (sent,) = request.json["field_definition_updates"]
    assert (sent["field_definition"]["key"], sent["operation"]) == ("year", "FIELD_DEFINITION_DELETE")


def test_an_update_can_empty_the_description() -> None:
    assert UPDATE_COLLECTION.request(collection_id="c", collection_description="").json == {
        "collection_description": ""
    }


@pytest.mark.parametrize(
    ("mistake", "named"),
    [
        ({"collection_name": ""}, "collection_name: "),
        ({"metric_space": "COSINE"}, "metric_space: "),
        ({"field_definitions": [{"key": ""}]}, "field_definitions.0.key: "),
        ({"index_configuration": {}}, "index_configuration: model_name is needed"),
        ({"index_configuration": {"model_name": ""}}, "index_configuration: model_name is needed"),
        (
            {"field_definitions": [{"key": "a", "mandatory": True}]},
            "field_definitions.0: unknown: mandatory; known are ",
        ),
        ({"name": "docs"}, "name: "),
    ],
)
def test_a_create_with_a_mistake_is_refused_and_the_mistake_named(mistake: dict[str, object], named: str) -> None:
    with pytest.raises(XAIArgumentError) as caught:
        CREATE_COLLECTION.request(**{"collection_name": "docs", **mistake})
    assert str(caught.value).startswith(f"create_collection: {named}")


@pytest.mark.parametrize("limit", [0, 101])
def test_a_page_size_the_service_refuses_is_refused(limit: int) -> None:
    with pytest.raises(XAIArgumentError, match="list_collections: limit: "):
        LIST_COLLECTIONS.request(limit=limit)


def test_a_management_key_is_read_from_camel_case() -> None:
    key = decoded(
        VALIDATE_MANAGEMENT_KEY,
        b'{"apiKeyId": "k", "scope": "SCOPE_TEAM", "scopeId": "s", "teamId": "t", "name": "ci", "acls": ["a:b"]}',
    )
    assert (key.api_key_id, key.scope, key.scope_id, key.team_id, key.name, key.acls) == (
        "k",
        "SCOPE_TEAM",
        "s",
        "t",
        "ci",
        ("a:b",),
    )
