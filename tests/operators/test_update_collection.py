"""XAIUpdateCollectionOperator: what differs is changed, and nothing else is sent."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_xai_collections.airflow_errors import XAIFailException
from airflow_provider_xai_collections.operators.collections import XAIUpdateCollectionOperator
from tests.conftest import Logged
from tests.operators.stage import Xai, run

CHARS = {"chars_configuration": {"max_chunk_size_chars": 500, "chunk_overlap_chars": 50}}
YEAR = {"key": "year", "description": "of the first edition", "unique": True}


def task(**arguments: Any) -> XAIUpdateCollectionOperator:
    return XAIUpdateCollectionOperator(**{"task_id": "update", **arguments})


def result(collection_id: str, **changes: Any) -> dict[str, Any]:
    nothing: dict[str, Any] = {"settings": [], "fields_added": [], "fields_changed": [], "fields_deleted": []}
    return {"version": 1, "collection_id": collection_id, "dry_run": False, "created": False, **nothing, **changes}


def test_every_argument_reaches_the_wire(xai: Xai) -> None:
    whales = xai.collection(field_definitions=[{"key": "author"}, {"key": "kind"}])
    manifest = run(
        task(
            collection_id=whales,
            new_collection_name="cetaceans",
            collection_description="about whales",
            chunk_configuration=CHARS,
            add_fields=[YEAR, {"key": "kind", "inject_into_chunk": True}],
            delete_fields=["author"],
            allow_field_delete=True,
            team_id="team_7",
        )
    )
    assert manifest == result(
        whales,
        settings=["collection_name", "collection_description", "chunk_configuration"],
        fields_added=["year"],
        fields_changed=["kind"],
        fields_deleted=["author"],
    )
    assert xai.queries("get_collection") == [{"team_id": "team_7"}]
    [sent] = xai.bodies("update_collection")
    assert sent["team_id"] == "team_7"
    collection = xai.describe(whales)
    assert collection.collection_name == "cetaceans"
    assert collection.collection_description == "about whales"
    assert collection.chunk_configuration is not None
    assert collection.chunk_configuration.model_dump(exclude_none=True)["chars_configuration"] == {
        "max_chunk_size_chars": 500,
        "chunk_overlap_chars": 50,
    }
    definitions = {definition.key: definition for definition in collection.field_definitions}
    assert definitions.keys() == {"year", "kind"}
    assert definitions["kind"].inject_into_chunk
    assert definitions["year"].unique


def test_what_is_like_that_already_is_not_sent(xai: Xai) -> None:
    there = {"collection_description": "about whales", "chunk_configuration": CHARS}
    whales = xai.collection("whales", field_definitions=[YEAR], **there)
    update = task(
        collection_id=whales,
        new_collection_name="whales",
        add_fields=[YEAR],
        delete_fields=["author"],
        allow_field_delete=True,
        **there,
    )
    assert run(update) == result(whales)
    assert xai.emulator.counts == {"get_collection": 1}


def test_a_dry_run_tells_and_sends_no_write(xai: Xai, logged: Logged) -> None:
    whales = xai.collection("whales", field_definitions=[{"key": "author"}])
    update = task(
        collection_id=whales,
        new_collection_name="cetaceans",
        add_fields=[YEAR],
        delete_fields=["author"],
        allow_field_delete=True,
        dry_run=True,
    )
    expected = result(
        whales, dry_run=True, settings=["collection_name"], fields_added=["year"], fields_deleted=["author"]
    )
    assert run(update) == expected
    assert xai.emulator.counts == {"get_collection": 1}
    said = f"{whales}: would set collection_name; add year; delete author"
    assert said in logged()


def test_new_chunking_reminds_of_reindexing(xai: Xai, logged: Logged) -> None:
    run(task(collection_id=xai.collection(), chunk_configuration=CHARS))
    said = logged()
    assert ": set chunk_configuration" in said
    assert "Documents keep their chunks until they are reindexed: XAIReindexDocumentsOperator" in said


def test_a_refusal_fails_the_task_with_the_words_of_the_service(xai: Xai) -> None:
    with pytest.raises(XAIFailException, match=r"update_collection.*the new field year cannot be required"):
        run(task(collection_id=xai.collection(), add_fields=[{"key": "year", "required": True}]))
