"""Flows of a few requests, each step scripted. Lists, batches and waits of any size are in test_flows_at_length."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from airflow_provider_xai_collections.api.collections import CollectionPage
from airflow_provider_xai_collections.api.documents import DocumentStatus
from airflow_provider_xai_collections.api.endpoints import (
    ADD_DOCUMENT,
    BATCH_GET_DOCUMENTS,
    DELETE_COLLECTION,
    DELETE_FILE,
    GET_COLLECTION,
    GET_DOCUMENT,
    LIST_COLLECTIONS,
    LIST_DOCUMENTS,
    REMOVE_DOCUMENT,
)
from airflow_provider_xai_collections.api.files import DeletedFile
from airflow_provider_xai_collections.api.flows import (
    ADD_TRIES,
    add_document,
    batch_get_documents,
    delete_collection,
    delete_file,
    documents_to_reindex,
    list_all,
    look,
    remove_document,
    unfinished_documents,
)
from airflow_provider_xai_collections.api.protocol import Sleep
from airflow_provider_xai_collections.api.wire import Empty
from airflow_provider_xai_collections.exceptions import (
    XAIAuthError,
    XAIConflictError,
    XAIError,
    XAIInvalidRequestError,
    XAINotFoundError,
    XAIOutcomeUnknownError,
    XAIRateLimitError,
    XAIServerError,
    XAITooLargeError,
)
from tests.api.driving import a_collection, a_document, play, some_documents

LOST = XAIOutcomeUnknownError("the answer was lost")
GONE = XAINotFoundError("does not exist", status=404)
CLASH = XAIConflictError("clashes", status=409)
BAD = XAIInvalidRequestError("bad", status=400)

ADD = ADD_DOCUMENT.request(collection_id="c", file_id="f")
GET = GET_DOCUMENT.request(collection_id="c", file_id="f")
BATCH = BATCH_GET_DOCUMENTS.request(collection_id="c", file_ids=["f"])
EXISTS = GET_COLLECTION.request(collection_id="c")
NONE: tuple[Any, Any] = (GET, GONE)


# Attaching


def test_an_attach_that_is_answered_is_done() -> None:
    assert play(add_document("c", "f"), (ADD, Empty())) is True


@pytest.mark.parametrize("refusal", [CLASH, BAD])
def test_a_refusal_may_mean_that_it_is_attached_already(refusal: XAIError) -> None:
    assert play(add_document("c", "f"), (ADD, refusal), (GET, a_document("f"))) is False


@pytest.mark.parametrize("refusal", [CLASH, BAD])
def test_a_refusal_of_what_is_not_there_is_raised(refusal: XAIError) -> None:
    with pytest.raises(type(refusal)):
        play(add_document("c", "f"), (ADD, refusal), (GET, GONE))


@pytest.mark.parametrize("error", [GONE, XAIAuthError("no", status=403), XAIRateLimitError("slow", status=429)])
def test_other_errors_are_raised_without_a_look(error: XAIError) -> None:
    with pytest.raises(type(error)):
        play(add_document("c", "f"), (ADD, error))


def test_an_attach_with_a_lost_answer_is_looked_up() -> None:
    assert play(add_document("c", "f"), (ADD, LOST), (GET, a_document("f"))) is True


def test_a_document_may_show_only_a_moment_after_a_lost_answer() -> None:
    pauses: tuple[Any, ...] = ((ADD, LOST), NONE, (Sleep(1.0), None), NONE, (Sleep(2.0), None))
    assert play(add_document("c", "f"), *pauses, (GET, a_document("f"))) is True


THREE_LOOKS: tuple[Any, ...] = (NONE, (Sleep(1.0), None), NONE, (Sleep(2.0), None), NONE)


def test_an_attach_that_did_not_arrive_is_sent_again() -> None:
    assert play(add_document("c", "f"), (ADD, LOST), *THREE_LOOKS, (ADD, Empty())) is True


def test_a_second_attach_that_meets_the_first_counts_as_ours() -> None:
    script: tuple[Any, ...] = ((ADD, LOST), *THREE_LOOKS, (ADD, CLASH), (GET, a_document("f")))
    assert play(add_document("c", "f"), *script) is True


def test_a_second_attach_that_is_refused_and_not_there_is_raised_as_refused() -> None:
    with pytest.raises(XAIConflictError):
        play(add_document("c", "f"), (ADD, LOST), *THREE_LOOKS, (ADD, CLASH), *THREE_LOOKS)


def test_after_a_lost_answer_every_other_error_leaves_the_outcome_unknown() -> None:
    slow = XAIRateLimitError("slow down", status=429)
    with pytest.raises(XAIOutcomeUnknownError, match=r"^slow down\. An earlier try may have been done all the same$"):
        play(add_document("c", "f"), (ADD, LOST), *THREE_LOOKS, (ADD, slow))


@pytest.mark.parametrize("lost_first", [False, True])
def test_a_look_that_fails_after_a_lost_answer_settles_nothing(lost_first: bool) -> None:
    broken = XAIServerError("out of order", status=503)
    first, kind = ((ADD, LOST), XAIOutcomeUnknownError) if lost_first else ((ADD, CLASH), XAIServerError)
    with pytest.raises(kind, match="out of order"):
        play(add_document("c", "f"), first, (GET, broken))


def test_an_attach_whose_answers_are_all_lost_stays_unknown() -> None:
    with pytest.raises(XAIOutcomeUnknownError):
        play(add_document("c", "f"), *((ADD, LOST), *THREE_LOOKS) * ADD_TRIES)


def test_a_file_attached_with_other_fields_is_not_taken_for_ours() -> None:
    add = ADD_DOCUMENT.request(collection_id="c", file_id="f", fields={"year": "2024", "kind": "law"})
    held = a_document("f", fields={"year": "2023", "kind": "law"})
    with pytest.raises(XAIConflictError, match=r"^add_document\(c/f\): the file is .* with other values of year\. Rem"):
        play(add_document("c", "f", fields={"year": "2024", "kind": "law"}), (add, CLASH), (GET, held))


def test_a_file_attached_with_more_fields_than_ours_is_ours() -> None:
    add = ADD_DOCUMENT.request(collection_id="c", file_id="f", fields={"year": "2024"})
    held = a_document("f", fields={"year": "2024", "kind": "law"})
    assert play(add_document("c", "f", fields={"year": "2024"}), (add, CLASH), (GET, held)) is False


# Looking


def test_a_look_finds_the_document_or_nothing() -> None:
    assert play(look("c", "f"), (GET, a_document("f"))) == a_document("f")
    with pytest.raises(XAINotFoundError):
        play(look("c", "f"), (GET, GONE))


def test_looks_pause_in_between_but_not_after_the_last() -> None:
    with pytest.raises(XAINotFoundError):
        play(look("c", "f", looks=2), (GET, GONE), (Sleep(1.0), None), (GET, GONE))


# Batches and lists


def test_a_batch_asks_for_each_id_once_and_in_order() -> None:
    asked = BATCH_GET_DOCUMENTS.request(collection_id="c", file_ids=["b", "a"], team_id="t")
    found = some_documents(a_document("b"))
    assert play(batch_get_documents("c", ["b", "a", "b"], team_id="t"), (asked, found)) == [a_document("b")]


def test_no_ids_ask_for_nothing() -> None:
    assert play(batch_get_documents("c", [])) == []


@pytest.mark.parametrize("error", [GONE, BAD])
def test_an_id_the_service_refuses_is_left_out_once_the_collection_is_known_to_exist(error: XAIError) -> None:
    assert play(batch_get_documents("c", ["f"]), (BATCH, error), (EXISTS, a_collection())) == []


def test_a_refusal_that_is_not_about_ids_is_raised() -> None:
    with pytest.raises(XAIInvalidRequestError):
        play(batch_get_documents("c", ["f"]), (BATCH, XAIInvalidRequestError("405", status=405)))


def test_a_collection_that_does_not_exist_is_not_taken_for_missing_documents() -> None:
    with pytest.raises(XAINotFoundError):
        play(batch_get_documents("c", ["f"]), (BATCH, GONE), (EXISTS, GONE))


def test_one_id_that_is_too_large_to_ask_for_is_an_error() -> None:
    with pytest.raises(XAITooLargeError):
        play(batch_get_documents("c", ["f"]), (BATCH, XAITooLargeError("414", status=414)), (EXISTS, a_collection()))


def test_unfinished_documents_are_those_not_processed() -> None:
    asked = LIST_DOCUMENTS.request(collection_id="c", filter="status:!DOCUMENT_STATUS_PROCESSED", limit=100)
    page = some_documents(a_document("a"), a_document("b", DocumentStatus.FAILED), a_document("c", "DREAMING"))
    assert play(unfinished_documents("c"), (asked, page)) == ["b", "c"]


def test_unfinished_documents_can_be_narrowed() -> None:
    both = 'fields.year:"2024" AND status:!DOCUMENT_STATUS_PROCESSED'
    asked = LIST_DOCUMENTS.request(collection_id="c", filter=both, limit=100, team_id="t")
    flow = unfinished_documents("c", filter='fields.year:"2024"', team_id="t")
    assert play(flow, (asked, some_documents())) == []


def test_a_list_goes_on_from_a_token_it_is_given() -> None:
    asked = LIST_COLLECTIONS.request(limit=100, pagination_token="t")
    again = CollectionPage(collections=tuple(a_collection(str(n)) for n in range(100)), pagination_token="t")
    assert len(play(list_all(LIST_COLLECTIONS, pagination_token="t"), (asked, again))) == 100


# Deleting

REMOVALS: list[tuple[Any, Any]] = [
    (
        partial(remove_document, "c", "f", team_id="t"),
        REMOVE_DOCUMENT.request(collection_id="c", file_id="f", team_id="t"),
    ),
    (partial(delete_collection, "c", team_id="t"), DELETE_COLLECTION.request(collection_id="c", team_id="t")),
    (partial(delete_file, "f"), DELETE_FILE.request(file_id="f")),
]


@pytest.mark.parametrize(("remove", "request_"), REMOVALS)
def test_what_was_there_is_gone(remove: Any, request_: Any) -> None:
    answer = DeletedFile(id="f") if request_.endpoint is DELETE_FILE else Empty()
    assert play(remove(), (request_, answer)) is True


@pytest.mark.parametrize(("remove", "request_"), REMOVALS)
def test_what_was_not_there_is_gone_too(remove: Any, request_: Any) -> None:
    assert play(remove(), (request_, GONE)) is False


@pytest.mark.parametrize(("remove", "request_"), REMOVALS)
def test_what_is_gone_by_a_call_whose_answer_was_lost_was_there(remove: Any, request_: Any) -> None:
    gone = XAINotFoundError("does not exist", status=404)
    gone.after_doubt = True
    assert play(remove(), (request_, gone)) is True


@pytest.mark.parametrize(("remove", "request_"), REMOVALS)
def test_what_may_not_be_removed_is_an_error(remove: Any, request_: Any) -> None:
    with pytest.raises(XAIAuthError):
        play(remove(), (request_, XAIAuthError("no", status=403)))


# Choosing documents


def test_all_documents_are_reindexed_each_once() -> None:
    listed = LIST_DOCUMENTS.request(collection_id="c", limit=100, team_id="t")
    page = some_documents(a_document("a"), a_document("b", DocumentStatus.FAILED), a_document("a"))
    assert play(documents_to_reindex("c", team_id="t"), (listed, page)) == ["a", "b"]


def test_of_those_that_failed_only_they_although_the_service_may_list_more() -> None:
    listed = LIST_DOCUMENTS.request(collection_id="c", filter="status:DOCUMENT_STATUS_FAILED", limit=100)
    page = some_documents(a_document("a"), a_document("b", DocumentStatus.FAILED))
    assert play(documents_to_reindex("c", failed=True), (listed, page)) == ["b"]
