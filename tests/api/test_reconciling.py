from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_xai_collections.api.collections import (
    CreateCollection,
    FieldDefinition,
    FieldDefinitionOperation,
    FieldDefinitionUpdate,
    UpdateCollection,
)
from airflow_provider_xai_collections.api.endpoints import GET_COLLECTION, UPDATE_COLLECTION
from airflow_provider_xai_collections.api.protocol import Flow
from airflow_provider_xai_collections.api.reconciling import (
    UPDATE_TRIES,
    Changes,
    change_collection,
    needed_of,
    update_of,
    update_to_match,
)
from airflow_provider_xai_collections.exceptions import (
    XAIArgumentError,
    XAIConflictError,
    XAIError,
    XAIInvalidRequestError,
    XAIOutcomeUnknownError,
)
from tests.api.driving import a_collection, play

CHARS = {"chars_configuration": {"max_chunk_size_chars": 100, "chunk_overlap_chars": 10}}
TOKENS = {"tokens_configuration": {"max_chunk_size_tokens": 100, "chunk_overlap_tokens": 10}}
EXISTING: dict[str, Any] = {
    "collection_description": "All we know.",
    "chunk_configuration": {**CHARS, "strip_whitespace": True},
    "field_definitions": [{"key": "year", "required": True}, {"key": "theirs"}],
    "index_configuration": {"model_name": "grok-embedding-small"},
    "metric_space": "HNSW_METRIC_COSINE",
}


def changes(wanted: dict[str, Any], existing: dict[str, Any] = EXISTING) -> dict[str, Any]:
    collection = a_collection(**existing)
    found = needed_of(update_to_match(collection, CreateCollection(collection_name="docs", **wanted)), collection)
    UPDATE_COLLECTION.request(collection_id="c", **found)  # an update that can be sent
    return found


def test_settings_that_are_not_given_stay() -> None:
    assert changes({}) == {}


def test_a_collection_as_wanted_needs_no_change_although_it_has_more() -> None:
    wanted = {**EXISTING, "chunk_configuration": CHARS, "field_definitions": [{"key": "year", "required": True}]}
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
    wanted = {name: EXISTING[name] for name in ("collection_description", "chunk_configuration", "field_definitions")}
    assert changes(wanted, {}).keys() == {
        "collection_description",
        "chunk_configuration",
        "field_definition_updates",
    }


@pytest.mark.parametrize(
    ("name", "other"),
    [("index_configuration", {"model_name": "grok-embedding-large"}), ("metric_space", "HNSW_METRIC_EUCLIDEAN")],
)
def test_settings_that_are_fixed_at_creation_cannot_be_changed(name: str, other: Any) -> None:
    with pytest.raises(XAIArgumentError, match=f"^docs: {name} is fixed when a collection is created, and differs"):
        changes({name: other})


@pytest.mark.parametrize("name", ["index_configuration", "metric_space"])
def test_settings_that_the_service_does_not_show_are_no_difference(name: str) -> None:
    assert changes({name: EXISTING[name]}, {}) == {}


def test_a_model_that_is_left_out_is_not_a_difference() -> None:
    assert changes({"index_configuration": EXISTING["index_configuration"]}, {"index_configuration": {}}) == {}


def test_a_zero_a_no_and_an_empty_text_that_are_left_out_are_not_differences() -> None:
    chars = {"max_chunk_size_chars": 100}
    wanted = {
        "collection_description": "",
        "chunk_configuration": {
            "chars_configuration": {**chars, "chunk_overlap_chars": 0},
            "strip_whitespace": False,
        },
        "field_definitions": [{"key": "year", "required": False, "description": ""}],
    }
    existing = {"chunk_configuration": {"chars_configuration": chars}, "field_definitions": [{"key": "year"}]}
    assert changes(wanted, existing) == {}


def test_a_strategy_with_nothing_in_it_is_a_difference() -> None:
    assert changes({"chunk_configuration": {"ast_configuration": {}}}).keys() == {"chunk_configuration"}


# Updates


def an_update(**asked: Any) -> UpdateCollection:
    return update_of("c", **asked)


def operations(found: dict[str, Any]) -> dict[str, FieldDefinitionOperation]:
    return {one.field_definition.key: one.operation for one in found.get("field_definition_updates", ())}


def test_of_an_update_only_what_differs_is_needed() -> None:
    update = an_update(
        collection_name="docs",
        collection_description="New.",
        chunk_configuration=CHARS,
        add_fields=[{"key": "year"}, {"key": "kind"}],
        delete_fields=["theirs", "nobody's", "theirs"],
    )
    found = needed_of(update, a_collection(**EXISTING))
    assert found.keys() == {"collection_description", "field_definition_updates"}
    assert operations(found) == {"kind": FieldDefinitionOperation.ADD, "theirs": FieldDefinitionOperation.DELETE}


def test_another_name_is_needed() -> None:
    assert needed_of(an_update(collection_name="papers"), a_collection()) == {"collection_name": "papers"}


def test_a_field_keeps_what_its_new_definition_does_not_mention() -> None:
    found = needed_of(an_update(add_fields=[{"key": "year", "unique": True}]), a_collection(**EXISTING))
    [change] = found["field_definition_updates"]
    assert change.field_definition == FieldDefinition(key="year", required=True, unique=True)


def test_changes_are_told_by_kind() -> None:
    update = an_update(
        collection_name="papers",
        chunk_configuration=TOKENS,
        add_fields=[{"key": "year", "unique": True}, {"key": "kind"}],
        delete_fields=["theirs"],
    )
    collection = a_collection(**EXISTING)
    changes = Changes.of(needed_of(update, collection), collection)
    assert changes == Changes(
        settings=("collection_name", "chunk_configuration"), added=("kind",), changed=("year",), deleted=("theirs",)
    )
    assert str(changes) == "set collection_name, chunk_configuration; add kind; change year; delete theirs"


def test_no_change_is_called_nothing() -> None:
    assert str(Changes.of({}, a_collection())) == "nothing"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"add_fields": [{"key": "year", "unik": True}]}, "update_collection: .*unik"),
        ({"add_fields": [{"key": "a"}, {"key": "b"}, {"key": "b"}, {"key": "a"}]}, "^a, b: a field can be added,"),
        ({"add_fields": [{"key": "year"}], "delete_fields": ["year"]}, "^year: a field can be added, changed or"),
    ],
)
def test_an_update_that_cannot_be_meant_is_refused(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(XAIArgumentError, match=said):
        an_update(**wrong)


GET = GET_COLLECTION.request(collection_id="c", team_id="t")
RENAME = UPDATE_COLLECTION.request(collection_id="c", team_id="t", collection_name="papers")
BEFORE, AFTER = a_collection(), a_collection(collection_name="papers")
RENAMED = Changes(settings=("collection_name",))


def renaming(*, dry_run: bool = False) -> Flow[Changes]:
    return change_collection(an_update(collection_name="papers", team_id="t"), dry_run=dry_run)


def test_a_change_that_is_needed_is_sent() -> None:
    assert play(renaming(), (GET, BEFORE), (RENAME, AFTER)) == RENAMED


def test_a_change_that_is_not_needed_is_not_sent() -> None:
    assert play(renaming(), (GET, AFTER)) == Changes()


def test_a_dry_run_sends_no_change() -> None:
    assert play(renaming(dry_run=True), (GET, BEFORE)) == RENAMED


def test_an_update_to_match_is_for_the_team_that_asks() -> None:
    assert update_to_match(a_collection(), CreateCollection(collection_name="docs", team_id="t")).team_id == "t"


LOST = XAIOutcomeUnknownError("the answer was lost")
REFUSED = [XAIInvalidRequestError("no such field"), XAIConflictError("no such field")]


@pytest.mark.parametrize("error", [LOST, *REFUSED])
def test_a_collection_that_is_as_wanted_settles_it(error: XAIError) -> None:
    assert play(renaming(), (GET, BEFORE), (RENAME, error), (GET, AFTER)) == RENAMED


@pytest.mark.parametrize("error", REFUSED)
def test_a_refusal_stands_if_it_is_not(error: XAIError) -> None:
    with pytest.raises(type(error), match="no such field"):
        play(renaming(), (GET, BEFORE), (RENAME, error), (GET, BEFORE))


def test_after_a_lost_answer_only_what_is_still_to_be_done_is_sent_again() -> None:
    flow = change_collection(an_update(collection_name="papers", collection_description="New.", team_id="t"))
    both = UPDATE_COLLECTION.request(
        collection_id="c", team_id="t", collection_name="papers", collection_description="New."
    )
    half = a_collection(collection_description="New.")
    changes = Changes(settings=("collection_name", "collection_description"))
    assert play(flow, (GET, BEFORE), (both, LOST), (GET, half), (RENAME, AFTER)) == changes


def test_an_answer_that_is_lost_again_and_again_stays_unknown() -> None:
    with pytest.raises(XAIOutcomeUnknownError):
        play(renaming(), (GET, BEFORE), *[(RENAME, LOST), (GET, BEFORE)] * UPDATE_TRIES)


def test_a_refusal_that_follows_a_lost_answer_may_come_from_it() -> None:
    script = [(RENAME, LOST), (GET, BEFORE), (RENAME, REFUSED[0]), (GET, AFTER)]
    assert play(renaming(), (GET, BEFORE), *script) == RENAMED
