"""Declaration of fields before they are used."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_xai_collections.api.collections import Collection
from airflow_provider_xai_collections.api.declaring import DECLARE_TRIES, Declarations
from airflow_provider_xai_collections.api.endpoints import GET_COLLECTION, UPDATE_COLLECTION
from airflow_provider_xai_collections.api.identity import MANAGED_FIELDS, MANAGED_KEYS, VERSION_KEY
from airflow_provider_xai_collections.api.protocol import Request
from airflow_provider_xai_collections.exceptions import (
    XAIArgumentError,
    XAIAuthError,
    XAIConflictError,
    XAIError,
    XAIInvalidRequestError,
    XAIOutcomeUnknownError,
)
from tests.support.driving import a_collection, play

EXISTS = GET_COLLECTION.request(collection_id="c", team_id="t")
LOST = XAIOutcomeUnknownError("the answer was lost")
CLASH = XAIConflictError("the field exists", status=409)


def declaring(*definitions: dict[str, Any], heard: list[str] | None = None, **other: Any) -> Declarations:
    heard = [] if heard is None else heard
    return Declarations.of(defining(*definitions), "t", on_declared=heard.append, **other)


def defining(*definitions: dict[str, Any]) -> Collection:
    return a_collection(field_definitions=definitions)


def adding(*keys: str) -> Request[Any]:
    updates = [{"field_definition": {"key": key}, "operation": "FIELD_DEFINITION_ADD"} for key in keys]
    return UPDATE_COLLECTION.request(collection_id="c", team_id="t", field_definition_updates=updates)


def test_a_fresh_collection_gets_all_our_fields_and_none_is_required() -> None:
    missing = declaring().missing(definition.key for definition in MANAGED_FIELDS)
    assert missing == list(MANAGED_FIELDS)
    assert not any(definition.required for definition in missing)
    assert [definition.key for definition in missing if definition.unique] == [VERSION_KEY]


def test_definitions_of_others_stay_as_they_are_but_a_version_key_has_to_be_unique() -> None:
    ours = [{"key": key, "description": "mine"} for key in MANAGED_KEYS]
    assert [each.key for each in declaring(*ours).missing(MANAGED_KEYS)] == [VERSION_KEY]


def test_missing_fields_are_declared_as_optional_and_said_once() -> None:
    heard: list[str] = []
    declared = declaring({"key": "year"}, heard=heard)
    play(declared.require(["year", "kind", "kind"]), (adding("kind"), a_collection()))
    play(declared.require(["kind"]))
    assert heard == ["docs: declared kind, which its documents are about to have"]


@pytest.mark.parametrize("refusal", [CLASH, XAIInvalidRequestError("the field exists", status=400)], ids=str)
def test_a_refusal_is_no_error_if_another_task_has_declared_something(refusal: XAIError) -> None:
    heard: list[str] = []
    other = (EXISTS, defining({"key": "kind"}))
    play(declaring(heard=heard).require(["kind"]), (adding("kind"), refusal), other)
    assert heard == [], "it was declared by somebody else"
    rest = ((adding("kind", "year"), refusal), other, (adding("year"), a_collection()))
    play(declaring().require(["kind", "year"]), *rest)
    with pytest.raises(type(refusal)):
        play(declaring().require(["kind"]), (adding("kind"), refusal), (EXISTS, defining()))


def test_a_declaration_whose_answer_was_lost_is_checked_and_sent_again() -> None:
    lost: tuple[Any, ...] = ((adding("kind"), LOST), (EXISTS, defining()))
    play(declaring().require(["kind"]), (adding("kind"), LOST), (EXISTS, defining({"key": "kind"})))
    play(declaring().require(["kind"]), *lost, (adding("kind"), a_collection()))
    with pytest.raises(XAIOutcomeUnknownError):
        play(declaring().require(["kind"]), *lost * DECLARE_TRIES)


def test_any_other_error_is_raised_at_once() -> None:
    with pytest.raises(XAIAuthError):
        play(declaring().require(["kind"]), (adding("kind"), XAIAuthError("no permission", status=403)))


def test_fields_that_may_not_be_declared_are_refused_with_the_way_to_declare_them() -> None:
    declared = declaring({"key": "year"}, may_declare=False)
    play(declared.require(["year"]))
    with pytest.raises(XAIArgumentError) as caught:
        play(declared.require(["year", "kind", VERSION_KEY]))
    assert str(caught.value) == (
        "docs does not define the fields kind, airflow_version_key, and xAI refuses documents with fields that are not "
        "defined. Leave out declare_fields=False, or declare them with XAIUpdateCollectionOperator("
        "add_fields=[{'key': 'kind'}, {'key': 'airflow_version_key', 'unique': True}])"
    )
