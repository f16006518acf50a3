"""Removal of documents with their files, in an order in which nothing is lost when the task dies in between."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from airflow_provider_xai_collections.api.documents import DocumentPage
from airflow_provider_xai_collections.api.endpoints import (
    DELETE_FILE,
    GET_COLLECTION,
    LIST_DOCUMENTS,
    REMOVE_DOCUMENT,
)
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
from tests.api.driving import a_collection, a_document, play, some_documents

DETACH = REMOVE_DOCUMENT.request(collection_id="c", file_id="f", team_id="t")
DELETE = DELETE_FILE.request(file_id="f")
DONE, DELETED = Empty(), DeletedFile(id="f", deleted=True)
NOT_FOUND = XAINotFoundError("does not exist", status=404)
ATTACHED = XAIConflictError("is in a collection", status=409)
BUSY = XAIServerError("busy", status=503)

a_removal = partial(Removal, "c", "t")


def test_without_files_a_document_is_only_detached() -> None:
    assert play(a_removal().of("f"), (DETACH, DONE)) == Removed(document=True)
    assert play(a_removal().of("f"), (DETACH, NOT_FOUND)) == Removed(document=False)


def test_the_file_of_a_listed_document_goes_first() -> None:
    removal = a_removal(delete_files=True)
    assert play(removal.of("f"), (DELETE, DELETED), (DETACH, DONE)) == Removed(document=True, file=True)


def test_a_service_that_detaches_by_itself_removed_the_document_all_the_same() -> None:
    removal = a_removal(delete_files=True)
    assert play(removal.of("f"), (DELETE, DELETED), (DETACH, NOT_FOUND)) == Removed(document=True, file=True)


def test_a_document_that_is_not_there_is_no_error() -> None:
    removal = a_removal(delete_files=True)
    assert play(removal.of("f"), (DELETE, NOT_FOUND), (DETACH, DONE)) == Removed(document=True, file=False)
    assert play(removal.of("f"), (DELETE, NOT_FOUND), (DETACH, NOT_FOUND)) == Removed(document=False, file=False)


def test_a_service_that_deletes_no_attached_file_is_asked_the_other_way_round_from_then_on() -> None:
    removal = a_removal(delete_files=True)
    first = play(removal.of("f"), (DELETE, ATTACHED), (DETACH, DONE), (DELETE, DELETED))
    assert first == Removed(document=True, file=True)
    assert removal.detach_first
    assert play(removal.of("f"), (DETACH, DONE), (DELETE, DELETED)) == Removed(document=True, file=True)


def test_a_file_that_is_attached_elsewhere_stays_where_the_service_says_so() -> None:
    removal = a_removal(delete_files=True)
    end = play(removal.of("f"), (DELETE, ATTACHED), (DETACH, DONE), (DELETE, ATTACHED))
    assert end == Removed(document=True, file=False, file_kept=True)


def test_a_document_that_may_not_be_there_is_detached_first() -> None:
    removal = a_removal(delete_files=True, detach_first=True)
    assert play(removal.of("f"), (DETACH, NOT_FOUND), (DELETE, DELETED)) == Removed(document=False, file=True)


def test_a_file_that_cannot_be_deleted_leaves_its_document_in_the_list() -> None:
    with pytest.raises(XAIServerError):
        play(a_removal(delete_files=True).of("f"), (DELETE, BUSY))


def test_documents_that_match_are_listed_each_once() -> None:
    listed = LIST_DOCUMENTS.request(collection_id="c", filter="name:a", limit=100, team_id="t")
    page = DocumentPage(documents=(a_document("f"), a_document("g"), a_document("f")))
    assert play(a_removal().listed(filter="name:a"), (listed, page)) == ["f", "g"]


def test_all_documents_are_listed_without_a_filter() -> None:
    listed = LIST_DOCUMENTS.request(collection_id="c", limit=100, team_id="t")
    assert play(a_removal().listed(), (listed, DocumentPage())) == []


EXISTS = GET_COLLECTION.request(collection_id="c", team_id="t")
LISTED = LIST_DOCUMENTS.request(collection_id="c", limit=100, team_id="t")


def test_a_list_that_shows_fewer_than_the_collection_says_is_read_again() -> None:
    two, f = a_collection(documents_count=2), some_documents(a_document("f"))
    both = some_documents(a_document("f"), a_document("g"))
    assert play(a_removal().everything(), (EXISTS, two), (LISTED, both)) == ["f", "g"]
    late: tuple[Any, ...] = ((EXISTS, two), (LISTED, f), (Sleep(1.0), None), (EXISTS, two), (LISTED, both))
    assert play(a_removal().everything(), *late) == ["f", "g"]


def test_a_list_that_never_shows_all_is_an_error() -> None:
    two, f = a_collection(documents_count=2), some_documents(a_document("f"))
    tries: list[Any] = [(EXISTS, two), (LISTED, f)]
    for turn in (1.0, 2.0):
        tries += [(Sleep(turn), None), (EXISTS, two), (LISTED, f)]
    with pytest.raises(XAIIncompleteListError, match="c says that it has 2 documents, and its list shows 1"):
        play(a_removal().everything(), *tries)


def test_a_collection_that_does_not_exist_is_an_error() -> None:
    asked = GET_COLLECTION.request(collection_id="c", team_id="t")
    play(a_removal().collection_exists(), (asked, a_collection()))
    with pytest.raises(XAINotFoundError):
        play(a_removal().collection_exists(), (asked, NOT_FOUND))
