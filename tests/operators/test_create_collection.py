"""XAICreateCollectionOperator: one collection per name, whatever happens on the way."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from airflow_provider_xai_collections.airflow_errors import XAIFailException
from airflow_provider_xai_collections.operators.collections import XAICreateCollectionOperator
from tests.conftest import Connect
from tests.operators.stage import Xai, run

CHARS = {"chars_configuration": {"max_chunk_size_chars": 500, "chunk_overlap_chars": 50}}
TOKENS = {
    "tokens_configuration": {"max_chunk_size_tokens": 64, "chunk_overlap_tokens": 8, "encoding_name": "o200k_base"}
}
AUTHOR = {"key": "author", "required": True, "unique": True, "inject_into_chunk": True, "description": "who wrote it"}


def task(**arguments: Any) -> XAICreateCollectionOperator:
    return XAICreateCollectionOperator(**{"task_id": "create", "collection_name": "whales", **arguments})


def test_every_argument_reaches_the_wire(xai: Xai) -> None:
    collection_id = run(
        task(
            index_configuration={"model_name": "grok-embedding-small"},
            chunk_configuration=CHARS,
            metric_space="HNSW_METRIC_COSINE",
            field_definitions=[AUTHOR],
            collection_description="about whales",
            team_id="team_7",
        )
    )
    by_name = {"team_id": "team_7", "filter": 'collection_name:"whales"', "limit": "100"}
    assert xai.queries("list_collections") == [by_name] * 2, (
        "before, and after: somebody else may have made one as well"
    )
    assert xai.bodies("create_collection") == [
        {
            "collection_name": "whales",
            "team_id": "team_7",
            "index_configuration": {"model_name": "grok-embedding-small"},
            "chunk_configuration": CHARS,
            "metric_space": "HNSW_METRIC_COSINE",
            "field_definitions": [AUTHOR],
            "collection_description": "about whales",
        }
    ]
    assert xai.describe(collection_id).collection_name == "whales"


def test_the_collection_of_that_very_name_is_reused_as_it_is(xai: Xai) -> None:
    xai.collection("whales and dolphins")
    there = xai.collection("whales", collection_description="old")
    assert run(task(collection_description="new")) == there
    assert xai.emulator.counts == {"list_collections": 1}
    assert xai.describe(there).collection_description == "old"


def test_update_changes_what_differs_and_nothing_else(xai: Xai) -> None:
    there = xai.collection("whales", chunk_configuration=CHARS, field_definitions=[{"key": "year"}, {"key": "author"}])
    year = {"key": "year", "inject_into_chunk": True}
    update = task(
        if_exists="update",
        collection_description="about whales",
        chunk_configuration=TOKENS,
        field_definitions=[year, {"key": "author"}, {"key": "title"}],
    )
    assert run(update) == there
    [sent] = xai.bodies("update_collection")
    assert sent["collection_description"] == "about whales"
    assert sent["chunk_configuration"] == TOKENS
    assert [change["field_definition"]["key"] for change in sent["field_definition_updates"]] == ["year", "title"]
    assert {change["operation"] for change in sent["field_definition_updates"]} == {"FIELD_DEFINITION_ADD"}
    definitions = {definition.key: definition for definition in xai.describe(there).field_definitions}
    assert definitions.keys() == {"year", "author", "title"}
    assert definitions["year"].inject_into_chunk


def test_the_team_of_the_connection_is_the_default(xai: Xai, connect: Connect) -> None:
    connect(team_id="team_of_connection")
    run(task())
    assert [body["team_id"] for body in xai.bodies("create_collection")] == ["team_of_connection"]


def test_a_collection_that_must_not_exist_fails_the_task_at_once(xai: Xai) -> None:
    there = xai.collection("whales")
    with pytest.raises(XAIFailException, match=rf"'whales' exists \({there}\).*Take another name"):
        run(task(if_exists="fail"))


def test_in_fail_mode_a_retry_recognises_the_collection_of_its_first_try(xai: Xai) -> None:
    began = datetime.now(UTC) - timedelta(minutes=1)
    made = run(task(if_exists="fail"), began=began)
    assert run(task(if_exists="fail"), try_number=2, began=began) == made


def test_in_fail_mode_a_retry_does_not_take_an_older_collection_for_its_own(xai: Xai) -> None:
    xai.collection("whales")
    with pytest.raises(XAIFailException, match="exists"):
        run(task(if_exists="fail"), try_number=2, began=datetime.now(UTC) + timedelta(minutes=1))
