from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_xai_collections.api.collections import (
    CreateCollection,
    FieldDefinition,
    FieldDefinitionOperation,
    FieldDefinitionUpdate,
)
from airflow_provider_xai_collections.api.endpoints import UPDATE_COLLECTION
from airflow_provider_xai_collections.api.reconciling import changes_to_match
from airflow_provider_xai_collections.exceptions import XAIArgumentError
from tests.api.driving import a_collection

CHARS = {"chars_configuration": {"max_chunk_size_chars": 100, "chunk_overlap_chars": 10}}
TOKENS = {"tokens_configuration": {"max_chunk_size_tokens": 100, "chunk_overlap_tokens": 10}}
HELD: dict[str, Any] = {
    "collection_description": "All we know.",
    "chunk_configuration": {**CHARS, "strip_whitespace": True},
    "field_definitions": [{"key": "year", "required": True}, {"key": "theirs"}],
    "index_configuration": {"model_name": "grok-embedding-small"},
    "metric_space": "HNSW_METRIC_COSINE",
}


def changes(wanted: dict[str, Any], held: dict[str, Any] = HELD) -> dict[str, Any]:
    found = changes_to_match(a_collection(**held), CreateCollection(collection_name="docs", **wanted))
    UPDATE_COLLECTION.request(collection_id="c", **found)  # an update that can be sent
    return found


def test_what_is_not_asked_for_stays() -> None:
    assert changes({}) == {}


def test_a_collection_as_wanted_needs_no_change_although_it_has_more() -> None:
    wanted = {**HELD, "chunk_configuration": CHARS, "field_definitions": [{"key": "year", "required": True}]}
    assert changes(wanted) == {}


def test_another_description_is_written() -> None:
    assert changes({"collection_description": "New."}) == {"collection_description": "New."}


@pytest.mark.parametrize(
    "chunking", [TOKENS, {**CHARS, "strip_whitespace": False}, {"chars_configuration": {"max_chunk_size_chars": 50}}]
)
def test_another_chunking_is_written(chunking: dict[str, Any]) -> None:
    assert changes({"chunk_configuration": chunking}).keys() == {"chunk_configuration"}


def test_fields_that_are_new_or_other_are_declared_and_no_field_is_deleted() -> None:
    wanted = {
        "field_definitions": [{"key": "year", "required": True}, {"key": "kind"}, {"key": "theirs", "unique": True}]
    }
    assert changes(wanted) == {
        "field_definition_updates": tuple(
            FieldDefinitionUpdate(field_definition=definition, operation=FieldDefinitionOperation.ADD)
            for definition in (FieldDefinition(key="kind"), FieldDefinition(key="theirs", unique=True))
        )
    }


def test_everything_is_written_to_a_collection_that_has_nothing() -> None:
    wanted = {name: HELD[name] for name in ("collection_description", "chunk_configuration", "field_definitions")}
    assert changes(wanted, {}).keys() == {
        "collection_description",
        "chunk_configuration",
        "field_definition_updates",
    }


@pytest.mark.parametrize(
    ("name", "other"),
    [("index_configuration", {"model_name": "grok-embedding-large"}), ("metric_space", "HNSW_METRIC_EUCLIDEAN")],
)
def test_what_is_fixed_at_creation_cannot_be_asked_for_otherwise(name: str, other: Any) -> None:
    with pytest.raises(XAIArgumentError, match=f"^c: {name} is fixed when a collection is created, and differs"):
        changes({name: other})


@pytest.mark.parametrize("name", ["index_configuration", "metric_space"])
def test_what_the_service_does_not_show_is_not_a_difference(name: str) -> None:
    assert changes({name: HELD[name]}, {}) == {}
