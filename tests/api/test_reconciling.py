from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from airflow_provider_xai_collections.api.collections import CreateCollection, FieldDefinition, UpdateCollection
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
from tests.support.driving import a_collection, play

CHARS = {"chars_configuration": {"max_chunk_size_chars": 100, "chunk_overlap_chars": 10}}
TOKENS = {"tokens_configuration": {"max_chunk_size_tokens": 100, "chunk_overlap_tokens": 10}}
NOT_STRIPPED = {**CHARS, "strip_whitespace": False}
SMALLER = {"chars_configuration": {"max_chunk_size_chars": 50}}
SMALL = {"model_name": "grok-embedding-small"}
EXISTING: dict[str, Any] = {
    "collection_description": "All we know.",
    "chunk_configuration": {**CHARS, "strip_whitespace": True},
    "field_definitions": [{"key": "year", "required": True}, {"key": "theirs"}],
    "index_configuration": SMALL,
    "metric_space": "HNSW_METRIC_COSINE",
}
#: What protobuf's JSON may leave out: a zero, a no, and an empty text.
LEFT_OUT: dict[str, Any] = {
    "collection_description": "",
    "chunk_configuration": {
        "chars_configuration": {"max_chunk_size_chars": 100, "chunk_overlap_chars": 0},
        "strip_whitespace": False,
    },
    "field_definitions": [{"key": "year", "required": False, "description": ""}],
}
ALL_LEFT_OUT: dict[str, Any] = {
    "chunk_configuration": {"chars_configuration": {"max_chunk_size_chars": 100}},
    "field_definitions": [{"key": "year"}],
}

an_update = partial(update_of, "c")


def changes(update: UpdateCollection, existing: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters that would change something, which can be sent."""
    found = needed_of(update, a_collection(**existing))
    UPDATE_COLLECTION.request(collection_id="c", **found)
    return found


def matching(wanted: dict[str, Any], existing: dict[str, Any]) -> UpdateCollection:
    return update_to_match(a_collection(**existing), CreateCollection(collection_name="docs", **wanted))


@pytest.mark.parametrize(
    ("wanted", "existing", "changed"),
    [
        pytest.param({}, EXISTING, "", id="nothing is asked for"),
        pytest.param(
            {**EXISTING, "chunk_configuration": CHARS, "field_definitions": [{"key": "year", "required": True}]},
            EXISTING,
            "",
            id="it has more than that",
        ),
        pytest.param({"index_configuration": SMALL}, {}, "", id="the model is not shown"),
        pytest.param({"index_configuration": SMALL}, {"index_configuration": {}}, "", id="the model has no name"),
        pytest.param({"metric_space": "HNSW_METRIC_COSINE"}, {}, "", id="the metric is not shown"),
        pytest.param(LEFT_OUT, ALL_LEFT_OUT, "", id="left out"),
        pytest.param({"collection_description": "New."}, EXISTING, "collection_description", id="a description"),
        pytest.param({"chunk_configuration": TOKENS}, EXISTING, "chunk_configuration", id="another strategy"),
        pytest.param({"chunk_configuration": NOT_STRIPPED}, EXISTING, "chunk_configuration", id="another switch"),
        pytest.param({"chunk_configuration": SMALLER}, EXISTING, "chunk_configuration", id="another size"),
        pytest.param({"chunk_configuration": {"ast_configuration": {}}}, EXISTING, "chunk_configuration", id="no size"),
        pytest.param(
            {name: EXISTING[name] for name in LEFT_OUT},
            {},
            "collection_description chunk_configuration field_definition_updates",
            id="it has nothing",
        ),
    ],
)
def test_only_what_differs_is_written(wanted: dict[str, Any], existing: dict[str, Any], changed: str) -> None:
    assert " ".join(changes(matching(wanted, existing), existing)) == changed


def test_fields_that_are_new_or_other_are_declared_and_no_field_is_deleted() -> None:
    wanted = [{"key": "year", "required": True}, {"key": "kind"}, {"key": "theirs", "unique": True}]
    found = changes(matching({"field_definitions": wanted}, EXISTING), EXISTING)
    assert [(each.field_definition, each.operation) for each in found["field_definition_updates"]] == [
        (FieldDefinition(key="kind"), "FIELD_DEFINITION_ADD"),
        (FieldDefinition(key="theirs", unique=True), "FIELD_DEFINITION_ADD"),
    ]


@pytest.mark.parametrize(
    ("name", "other"),
    [("index_configuration", {"model_name": "grok-embedding-large"}), ("metric_space", "HNSW_METRIC_EUCLIDEAN")],
)
def test_settings_that_are_fixed_at_creation_cannot_be_changed(name: str, other: Any) -> None:
    with pytest.raises(XAIArgumentError, match=f"^docs: {name} is fixed when a collection is created, and differs"):
        matching({name: other}, EXISTING)


def test_an_update_to_match_is_for_the_team_that_asks() -> None:
    assert matching({"team_id": "t"}, {}).team_id == "t"


# Updates


def test_of_an_update_only_what_differs_is_needed_and_told_by_kind() -> None:
    update = an_update(
        collection_name="papers",
        collection_description="All we know.",
        chunk_configuration=TOKENS,
        add_fields=[{"key": "year", "unique": True}, {"key": "theirs"}, {"key": "kind"}],
        delete_fields=["nobody's", "nobody's"],
    )
    needed = changes(update, EXISTING)
    assert Changes.of(needed, a_collection(**EXISTING)) == Changes(
        settings=("collection_name", "chunk_configuration"), added=("kind",), changed=("year",)
    )
    year = needed["field_definition_updates"][0].field_definition
    assert year == FieldDefinition(key="year", required=True, unique=True), "it keeps what is not mentioned"
    deletes = Changes.of(changes(an_update(delete_fields=["theirs", "theirs"]), EXISTING), a_collection(**EXISTING))
    assert deletes == Changes(deleted=("theirs",))


def test_changes_are_said_in_one_line() -> None:
    every = Changes(settings=("collection_name", "x"), added=("kind",), changed=("year",), deleted=("theirs",))
    assert str(every) == "set collection_name, x; add kind; change year; delete theirs"
    assert str(Changes()) == "nothing"


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
OLD, NEW = (GET, a_collection()), (GET, a_collection(collection_name="papers"))
RENAMED = Changes(settings=("collection_name",))
LOST = XAIOutcomeUnknownError("the answer was lost")
EITHER_REFUSAL = [XAIInvalidRequestError("no such field"), XAIConflictError("no such field")]


def renaming(*, dry_run: bool = False) -> Flow[Changes]:
    return change_collection(an_update(collection_name="papers", team_id="t"), dry_run=dry_run)


def test_a_change_is_sent_if_it_is_needed_and_no_dry_run() -> None:
    assert play(renaming(), OLD, (RENAME, NEW[1])) == RENAMED
    assert play(renaming(), NEW) == Changes()
    assert play(renaming(dry_run=True), OLD) == RENAMED


@pytest.mark.parametrize("error", [LOST, *EITHER_REFUSAL])
def test_a_collection_that_is_as_wanted_settles_it(error: XAIError) -> None:
    assert play(renaming(), OLD, (RENAME, error), NEW) == RENAMED


@pytest.mark.parametrize("error", EITHER_REFUSAL)
def test_a_refusal_stands_if_it_is_not_unless_a_lost_answer_explains_it(error: XAIError) -> None:
    with pytest.raises(type(error), match="no such field"):
        play(renaming(), OLD, (RENAME, error), OLD)
    assert play(renaming(), OLD, (RENAME, LOST), OLD, (RENAME, error), NEW) == RENAMED


def test_after_a_lost_answer_only_what_is_still_to_be_done_is_sent_again() -> None:
    both = {"collection_name": "papers", "collection_description": "New."}
    flow = change_collection(an_update(**both, team_id="t"))
    send = UPDATE_COLLECTION.request(collection_id="c", team_id="t", **both)
    half = (GET, a_collection(collection_description="New."))
    assert play(flow, OLD, (send, LOST), half, (RENAME, NEW[1])) == Changes(settings=tuple(both))


def test_an_answer_that_is_lost_again_and_again_stays_unknown() -> None:
    with pytest.raises(XAIOutcomeUnknownError):
        play(renaming(), OLD, *[(RENAME, LOST), OLD] * UPDATE_TRIES)
