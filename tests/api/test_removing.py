"""Removal of documents with their files, in an order in which nothing is lost when the task dies in between."""

from __future__ import annotations

from functools import partial
from typing import Any, TypeAlias

import pytest

from airflow_provider_xai_collections.api.endpoints import DELETE_FILE, GET_COLLECTION, LIST_DOCUMENTS, REMOVE_DOCUMENT
from airflow_provider_xai_collections.api.files import DeletedFile
from airflow_provider_xai_collections.api.protocol import Sleep
from airflow_provider_xai_collections.api.removing import Removal, Removed
from airflow_provider_xai_collections.api.wire import Empty
from airflow_provider_xai_collections.exceptions import (
    XAIConflictError,
    XAIIncompleteListError,
    XAINotFoundError,
    XAIServerError,
)
from tests.support.driving import a_collection, a_document, play, some_documents

#: A request, and its answer or the error it meets.
Turn: TypeAlias = tuple[Any, Any]

DETACH = REMOVE_DOCUMENT.request(collection_id="c", file_id="f", team_id="t")
DELETE = DELETE_FILE.request(file_id="f")
NOT_FOUND = XAINotFoundError("does not exist", status=404)
DETACHED: Turn = (DETACH, Empty())
NO_DOCUMENT: Turn = (DETACH, NOT_FOUND)
DELETED: Turn = (DELETE, DeletedFile(id="f", deleted=True))
NO_FILE: Turn = (DELETE, NOT_FOUND)
STILL_ATTACHED: Turn = (DELETE, XAIConflictError("is in a collection", status=409))

a_removal = partial(Removal, "c", "t")


@pytest.mark.parametrize(
    ("script", "removed"),
    [
        pytest.param([DELETED, DETACHED], Removed(document=True, file=True), id="both"),
        pytest.param([DELETED, NO_DOCUMENT], Removed(document=True, file=True), id="by a service that detaches itself"),
        pytest.param([NO_FILE, DETACHED], Removed(document=True), id="only the document"),
        pytest.param([NO_FILE, NO_DOCUMENT], Removed(document=False), id="nothing"),
        pytest.param(
            [STILL_ATTACHED, DETACHED, STILL_ATTACHED],
            Removed(document=True, file_kept=True),
            id="not the file that is attached elsewhere",
        ),
    ],
)
def test_the_file_of_a_listed_document_goes_first(script: list[Turn], removed: Removed) -> None:
    assert play(a_removal(delete_files=True).of("f"), *script) == removed


def test_a_document_that_may_not_be_there_is_detached_first() -> None:
    removal = a_removal(delete_files=True, detach_first=True)
    assert play(removal.of("f"), NO_DOCUMENT, DELETED) == Removed(document=False, file=True)


def test_without_files_a_document_is_only_detached() -> None:
    assert play(a_removal().of("f"), DETACHED) == Removed(document=True)
    assert play(a_removal().of("f"), NO_DOCUMENT) == Removed(document=False)


def test_a_service_that_deletes_no_attached_file_is_asked_the_other_way_round_from_then_on() -> None:
    removal, both = a_removal(delete_files=True), Removed(document=True, file=True)
    assert play(removal.of("f"), STILL_ATTACHED, DETACHED, DELETED) == both
    assert removal.detach_first
    assert play(removal.of("f"), DETACHED, DELETED) == both


def test_a_file_that_cannot_be_deleted_leaves_its_document_in_the_list() -> None:
    with pytest.raises(XAIServerError):
        play(a_removal(delete_files=True).of("f"), (DELETE, XAIServerError("busy", status=503)))


@pytest.mark.parametrize("filter", ["name:a", None])
def test_documents_are_listed_each_once(filter: str | None) -> None:
    listed = LIST_DOCUMENTS.request(collection_id="c", filter=filter, limit=100, team_id="t")
    page = some_documents(a_document("f"), a_document("g"), a_document("f"))
    assert play(a_removal().listed(filter=filter), (listed, page)) == ["f", "g"]


def test_everything_is_all_that_the_collection_says_it_has() -> None:
    holds_two = (GET_COLLECTION.request(collection_id="c", team_id="t"), a_collection(documents_count=2))
    listed = LIST_DOCUMENTS.request(collection_id="c", limit=100, team_id="t")
    one, both = (some_documents(*map(a_document, ids)) for ids in ("f", "fg"))
    late: list[Turn] = [holds_two, (listed, one), (Sleep(1.0), None), holds_two]
    assert play(a_removal().everything(), *late, (listed, both)) == ["f", "g"]
    never = [*late, (listed, one), (Sleep(2.0), None), holds_two, (listed, one)]
    with pytest.raises(
        XAIIncompleteListError, match=r"2 documents, and its list shows 1.*delete_files=False keeps all"
    ):
        play(a_removal().everything(), *never)


def test_a_collection_that_does_not_exist_is_an_error() -> None:
    asked = GET_COLLECTION.request(collection_id="c", team_id="t")
    play(a_removal().collection_exists(), (asked, a_collection()))
    with pytest.raises(XAINotFoundError):
        play(a_removal().collection_exists(), (asked, NOT_FOUND))
