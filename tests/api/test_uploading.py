from __future__ import annotations

import io
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from airflow_provider_xai_collections.api.content_types import type_to_send
from airflow_provider_xai_collections.api.declaring import Declarations
from airflow_provider_xai_collections.api.documents import FileMetadata, UploadedDocument
from airflow_provider_xai_collections.api.endpoints import (
    ADD_DOCUMENT,
    DELETE_FILE,
    GET_COLLECTION,
    GET_DOCUMENT,
    LIST_DOCUMENTS,
    REMOVE_DOCUMENT,
    UPDATE_COLLECTION,
    UPLOAD_DOCUMENT,
    UPLOAD_FILE,
)
from airflow_provider_xai_collections.api.files import DeletedFile, File
from airflow_provider_xai_collections.api.flows import ADD_TRIES
from airflow_provider_xai_collections.api.uploading import (
    Placed,
    Target,
    documents_in_scope,
    documents_of_source,
    place,
)
from airflow_provider_xai_collections.api.identity import (
    MANAGED_FIELDS,
    PlannedDocument,
    SourceDocument,
    managed_fields,
    version_key,
)
from airflow_provider_xai_collections.api.protocol import Sleep
from airflow_provider_xai_collections.api.upload_method import UploadMethod, UploadWay
from airflow_provider_xai_collections.api.wire import Empty
from airflow_provider_xai_collections.exceptions import (
    XAIArgumentError,
    XAIAuthError,
    XAIConflictError,
    XAIError,
    XAIInvalidRequestError,
    XAINotFoundError,
    XAIOutcomeUnknownError,
    XAIServerError,
    XAISourceError,
    XAIUnfitDocumentError,
    XAIUnroutableError,
)
from tests.api.driving import a_collection, a_document, play, some_documents

SOURCE = SourceDocument("file:///a.txt", "a.txt", 3, "aa", "text/plain", io.BytesIO, lambda: "text/plain")
FILES = Target("c", "s", UploadWay(UploadMethod.FILES), team_id="t")
DIRECT = Target("c", "s", UploadWay(UploadMethod.DIRECT), team_id="t")
FIELDS = {"year": "2024", **managed_fields("s", SOURCE)}
KEY = version_key("s", SOURCE)

LOST = XAIOutcomeUnknownError("the answer was lost")
GONE = XAINotFoundError("does not exist", status=404)
CLASH = XAIConflictError("clashes", status=409)
REFUSALS = [CLASH, XAIInvalidRequestError("bad", status=400)]

UPLOAD = UPLOAD_FILE.request(upload=SOURCE.upload())
ADD = ADD_DOCUMENT.request(collection_id="c", file_id="f", fields=FIELDS, team_id="t")
GET = GET_DOCUMENT.request(collection_id="c", file_id="f", team_id="t")
SEND = UPLOAD_DOCUMENT.request(
    collection_id="c", name="a.txt", content_type="text/plain", fields=FIELDS, upload=SOURCE.upload()
)
OF_VERSION = LIST_DOCUMENTS.request(
    collection_id="c", filter=f'fields.airflow_version_key:"{KEY}"', limit=100, team_id="t"
)
OURS = a_document("theirs", "DOCUMENT_STATUS_PROCESSING", fields=FIELDS)
UPLOADED: tuple[Any, Any] = (UPLOAD, File(id="f"))
DISCARDED: tuple[Any, Any] = (DELETE_FILE.request(file_id="f"), DeletedFile(id="f"))
FOUND: tuple[Any, Any] = (OF_VERSION, some_documents(OURS))
NOT_SHOWN: tuple[Any, Any] = (OF_VERSION, some_documents())
#: A list may lag behind, so three looks find nothing before it counts as nothing.
NOWHERE: tuple[Any, ...] = (NOT_SHOWN, (Sleep(1.0), None), NOT_SHOWN, (Sleep(2.0), None), NOT_SHOWN)


def adding(target: Target) -> Any:
    return place(target, PlannedDocument(SOURCE, None), {"year": "2024"})


# The collection and what it holds


def test_a_scope_is_asked_for_by_its_field() -> None:
    asked = LIST_DOCUMENTS.request(collection_id="c", filter='fields.airflow_scope:"s"', limit=100, team_id="t")
    assert play(documents_in_scope(FILES), (asked, some_documents(OURS))) == [OURS]


def test_a_source_is_compared_exactly_because_filters_are_fuzzy() -> None:
    asked = LIST_DOCUMENTS.request(
        collection_id="c", filter=f'fields.airflow_source_uri:"{SOURCE.uri}"', limit=100, team_id="t"
    )
    other = a_document("x", fields={**FIELDS, "airflow_source_uri": SOURCE.uri + ".old"})
    assert play(documents_of_source(FILES, SOURCE), (asked, some_documents(other, OURS))) == [OURS]


# What is there already


@pytest.mark.parametrize("status", ["PROCESSED", "PROCESSING", "DREAMING"])
@pytest.mark.parametrize("target", [FILES, DIRECT])
def test_a_document_that_is_there_is_not_sent_again(target: Target, status: str) -> None:
    held = a_document("h", f"DOCUMENT_STATUS_{status}", fields=FIELDS)
    assert play(place(target, PlannedDocument(SOURCE, held), {})) == Placed("h", added=False)


@pytest.mark.parametrize("already_gone", [False, True])
def test_a_failed_document_is_removed_and_added_anew(already_gone: bool) -> None:
    held = a_document("h", "DOCUMENT_STATUS_FAILED", fields=FIELDS)
    remove = REMOVE_DOCUMENT.request(collection_id="c", file_id="h", team_id="t")
    script: tuple[Any, ...] = ((remove, GONE if already_gone else Empty()), UPLOADED, (ADD, Empty()))
    flow = place(FILES, PlannedDocument(SOURCE, held), {"year": "2024"})
    # Its file stays, because another collection may hold it: a possible orphan.
    assert play(flow, *script) == Placed("f", added=True, replaced=True, possible_orphans=1)


def test_what_a_rival_replaced_first_was_not_replaced_by_this_task() -> None:
    held = a_document("h", "DOCUMENT_STATUS_FAILED", fields=FIELDS)
    remove = REMOVE_DOCUMENT.request(collection_id="c", file_id="h", team_id="t")
    script = ((remove, Empty()), UPLOADED, (ADD, CLASH), (GET, GONE), DISCARDED, FOUND)
    flow = place(FILES, PlannedDocument(SOURCE, held), {"year": "2024"})
    assert play(flow, *script) == Placed("theirs", added=False, possible_orphans=1)


# By way of a file


def test_a_new_document_is_uploaded_and_attached_with_its_fields() -> None:
    assert play(adding(FILES), UPLOADED, (ADD, Empty())) == Placed("f", added=True)


def test_our_fields_win_over_those_of_the_same_name() -> None:
    flow = place(FILES, PlannedDocument(SOURCE, None), {"year": "2024", "airflow_scope": "forged"})
    assert play(flow, UPLOADED, (ADD, Empty())).added is True


def test_uploads_with_lost_answers_are_repeated_and_counted_as_possible_orphans() -> None:
    script: tuple[Any, ...] = (
        (UPLOAD, LOST),
        (Sleep(1.0, jitter=1.0), None),
        (UPLOAD, LOST),
        (Sleep(2.0, jitter=1.0), None),
        UPLOADED,
        (ADD, Empty()),
    )
    assert play(adding(FILES), *script) == Placed("f", added=True, possible_orphans=2)


def test_an_upload_whose_answers_are_all_lost_stays_unknown() -> None:
    script = [step for pause in (1.0, 2.0, 4.0, 8.0) for step in ((UPLOAD, LOST), (Sleep(pause, jitter=1.0), None))]
    with pytest.raises(XAIOutcomeUnknownError):
        play(adding(FILES), *script, (UPLOAD, LOST))


@pytest.mark.parametrize("refusal", REFUSALS)
def test_when_a_rival_was_faster_our_file_goes_and_its_document_counts(refusal: XAIError) -> None:
    script = (UPLOADED, (ADD, refusal), (GET, GONE), DISCARDED, FOUND)
    assert play(adding(FILES), *script) == Placed("theirs", added=False)


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_refusal_without_a_rival_is_raised_and_leaves_no_file(refusal: XAIError) -> None:
    with pytest.raises(type(refusal)):
        play(adding(FILES), UPLOADED, (ADD, refusal), (GET, GONE), DISCARDED, *NOWHERE)


def test_a_file_that_can_neither_be_attached_nor_deleted_is_named_in_the_error() -> None:
    denied = XAIAuthError("no permission to attach", status=403)
    stuck = XAIServerError("out of order", status=503)
    with pytest.raises(XAIAuthError, match=r"attach\. The uploaded file f could not be deleted \(out of order\)"):
        play(adding(FILES), UPLOADED, (ADD, denied), (DISCARDED[0], stuck))


@pytest.mark.parametrize("error", [XAIAuthError("no", status=403), GONE])
def test_an_attach_that_cannot_be_leaves_no_file(error: XAIError) -> None:
    with pytest.raises(type(error)):
        play(adding(FILES), UPLOADED, (ADD, error), DISCARDED)


def test_a_file_that_may_be_attached_stays() -> None:
    looks: tuple[Any, ...] = ((GET, GONE), (Sleep(1.0), None), (GET, GONE), (Sleep(2.0), None), (GET, GONE))
    with pytest.raises(XAIOutcomeUnknownError):
        play(adding(FILES), UPLOADED, *((ADD, LOST), *looks) * ADD_TRIES)


@pytest.mark.parametrize("target", [FILES, DIRECT])
def test_a_conflict_over_our_own_fields_alone_is_worth_a_retry(target: Target) -> None:
    ours = managed_fields("s", SOURCE)
    add = ADD_DOCUMENT.request(collection_id="c", file_id="f", fields=ours, team_id="t")
    send = UPLOAD_DOCUMENT.request(
        collection_id="c", name="a.txt", content_type="text/plain", fields=ours, upload=SOURCE.upload()
    )
    by_file: tuple[Any, ...] = (UPLOADED, (add, CLASH), (GET, GONE), DISCARDED)
    script = ((send, CLASH),) if target is DIRECT else by_file
    with pytest.raises(XAIError, match="holds this version but does not show it yet: a retry will find it") as caught:
        play(place(target, PlannedDocument(SOURCE, None), {}), *script, *NOWHERE)
    assert type(caught.value) is XAIError


# In one call


def test_a_direct_upload_answers_with_the_document() -> None:
    answer = UploadedDocument(file_metadata=FileMetadata(file_id="f"))
    assert play(adding(DIRECT), (SEND, answer)) == Placed("f", added=True)


@pytest.mark.parametrize(
    "told", [{}, {"file_metadata": None}, {"file_metadata": {}}, {"file_metadata": {"file_id": ""}}]
)
def test_an_answer_without_the_id_is_understood(told: dict[str, Any]) -> None:
    assert UploadedDocument.model_validate(told).file_metadata is None


def test_a_document_that_was_taken_is_not_sent_again_because_a_list_does_not_show_it_yet() -> None:
    with pytest.raises(XAIError, match=r"does not show it yet\. It is not sent again: a retry") as caught:
        play(adding(DIRECT), (SEND, UploadedDocument()), *NOWHERE)
    assert type(caught.value) is XAIError, "which Airflow retries"


@pytest.mark.parametrize("answer", [UploadedDocument(), LOST])
def test_a_direct_upload_that_does_not_say_is_found_by_its_version(answer: Any) -> None:
    assert play(adding(DIRECT), (SEND, answer), FOUND) == Placed("theirs", added=True)


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_direct_upload_refused_because_it_is_there_counts_as_there(refusal: XAIError) -> None:
    assert play(adding(DIRECT), (SEND, refusal), NOT_SHOWN, (Sleep(1.0), None), FOUND).added is False


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_direct_upload_that_is_refused_is_an_error(refusal: XAIError) -> None:
    with pytest.raises(type(refusal)):
        play(adding(DIRECT), (SEND, refusal), *NOWHERE)


def test_a_direct_upload_that_did_not_arrive_is_sent_again() -> None:
    answer = UploadedDocument(file_metadata=FileMetadata(file_id="f"))
    script = ((SEND, LOST), *NOWHERE, (Sleep(1.0, jitter=1.0), None), (SEND, answer))
    assert play(adding(DIRECT), *script) == Placed("f", added=True)


def test_a_direct_upload_that_never_shows_says_what_to_do() -> None:
    script: list[Any] = [(SEND, LOST), *NOWHERE]
    for pause in (1.0, 2.0, 4.0, 8.0):
        script += [(Sleep(pause, jitter=1.0), None), (SEND, LOST), *NOWHERE]
    with pytest.raises(XAIOutcomeUnknownError, match=r"^upload_document\(c\): sent 5 times, .* Retry later: a copy"):
        play(adding(DIRECT), *script)


# One call, or two where that does not work

NO_ROUTE = XAIUnroutableError("cf-ipcity contains value with non-printable ASCII characters", status=500)
LOOK = GET_COLLECTION.request(collection_id="c", team_id="t")
ANSWER = UploadedDocument(file_metadata=FileMetadata(file_id="f"))
BOOK = SourceDocument("file:///b.pdf", "b.pdf", 9, "bb", "application/pdf", io.BytesIO, lambda: "application/pdf")


def auto(said: list[str] | None = None) -> Target:
    heard = [] if said is None else said
    return Target("c", "s", UploadWay(on_change=heard.append), team_id="t")


def test_the_one_call_is_the_default() -> None:
    assert play(adding(auto()), (SEND, ANSWER)) == Placed("f", added=True)


@pytest.mark.parametrize("found", [(NO_ROUTE,), (GONE, a_collection(), GONE)])
def test_where_the_service_cannot_take_the_one_call_the_run_changes_to_two_and_says_so_once(found: Any) -> None:
    said: list[str] = []
    target = auto(said)
    asked = (SEND, LOOK, SEND)
    script: tuple[Any, ...] = (*zip(asked, found, strict=False), UPLOADED, (ADD, Empty()))
    assert play(adding(target), *script) == Placed("f", added=True)
    assert play(adding(target), UPLOADED, (ADD, Empty())) == Placed("f", added=True)
    assert len(said) == 1
    assert str(found[0]) in said[0]
    assert "upload_method" not in said[0], "what is in force is no advice"


def test_a_collection_that_is_too_new_for_the_call_is_no_gateway_either() -> None:
    target = auto()
    assert play(adding(target), (SEND, GONE), (LOOK, a_collection()), (SEND, ANSWER)) == Placed("f", added=True)
    assert target.way.is_direct


def test_documents_that_were_on_their_way_change_as_well_without_another_word() -> None:
    said: list[str] = []
    target = auto(said)
    first, second = adding(target), adding(target)
    assert next(first) == next(second) == SEND
    assert first.throw(NO_ROUTE) == second.throw(NO_ROUTE) == UPLOAD
    assert len(said) == 1


def test_a_collection_that_is_not_there_is_no_gateway() -> None:
    target = auto()
    with pytest.raises(XAINotFoundError):
        play(adding(target), (SEND, GONE), (LOOK, GONE))
    assert target.way.is_direct


@pytest.mark.parametrize("found", [(NO_ROUTE,), (GONE, a_collection(), GONE)])
def test_a_way_that_is_asked_for_is_not_left(found: Any) -> None:
    with pytest.raises(XAIUnroutableError, match="or upload in two calls, with upload_method='auto' or 'files'"):
        play(adding(DIRECT), *zip((SEND, LOOK, SEND), found, strict=False))


def test_a_copy_of_the_one_call_that_did_arrive_is_found_by_the_two() -> None:
    script = ((SEND, LOST), *NOWHERE, (Sleep(1.0, jitter=1.0), None), (SEND, NO_ROUTE))
    two_calls = (UPLOADED, (ADD, CLASH), (GET, GONE), DISCARDED, FOUND)
    assert play(adding(auto()), *script, *two_calls) == Placed("theirs", added=False)


@pytest.mark.parametrize(("source", "warned"), [(BOOK, True), (SOURCE, False)])
def test_of_a_document_whose_text_has_to_be_extracted_the_two_calls_warn(source: SourceDocument, warned: bool) -> None:
    target = auto()
    target.way.change("the gateway does not know it")
    fields = managed_fields("s", source)
    add = ADD_DOCUMENT.request(collection_id="c", file_id="f", fields=fields, team_id="t")
    script = ((UPLOAD_FILE.request(upload=source.upload()), File(id="f")), (add, Empty()))
    placed = play(place(target, PlannedDocument(source, None), {}), *script)
    assert ("raw bytes" in placed.warning) is warned


@pytest.mark.parametrize("method", [UploadMethod.AUTO, UploadMethod.FILES])
def test_a_document_that_only_the_one_call_takes_is_refused_before_it_is_sent_in_two(method: UploadMethod) -> None:
    target = Target("c", "s", UploadWay(method), team_id="t")
    if method is UploadMethod.AUTO:
        target.way.change("a gateway does not know it")
    held = a_document("h", "DOCUMENT_STATUS_FAILED", fields=FIELDS)
    with pytest.raises(XAISourceError, match=r"^a.txt has 50.1 MB, above the 50 MB that POST") as caught:
        play(place(target, PlannedDocument(replace(SOURCE, size=50_100_000), held), {}))
    # Where the run has changed, that is no fault of the document: it must not pass for one that nobody would take.
    assert isinstance(caught.value, XAIUnfitDocumentError) is (method is UploadMethod.FILES)
    assert ("because a gateway does not know it" in str(caught.value)) is (method is UploadMethod.AUTO)


def test_a_document_that_changes_the_run_and_is_too_large_for_it_is_an_error() -> None:
    large = replace(SOURCE, size=50_100_000)
    send = UPLOAD_DOCUMENT.request(
        collection_id="c",
        name="a.txt",
        content_type="text/plain",
        fields=managed_fields("s", large),
        upload=large.upload(),
    )
    with pytest.raises(XAISourceError, match="uploads that way because cf-ipcity") as caught:
        play(place(auto(), PlannedDocument(large, None), {}), (send, NO_ROUTE))
    assert not isinstance(caught.value, XAIUnfitDocumentError)


@pytest.mark.parametrize("target", [FILES, DIRECT])
def test_a_document_that_is_nothing_xai_indexes_is_not_sent_and_costs_nothing(target: Target) -> None:
    held = a_document("h", "DOCUMENT_STATUS_FAILED", fields=FIELDS)
    binary = replace(SOURCE, name="blob", sent_type=partial(type_to_send, "blob", b"\0\1"))
    with pytest.raises(XAIUnfitDocumentError, match="blob is not UTF-8 text"):
        play(place(target, PlannedDocument(binary, held), {}))


def test_fields_that_are_not_defined_are_declared_before_anything_makes_room() -> None:
    declared = Declarations("c", "t")
    declared.learn(a_collection(field_definitions=MANAGED_FIELDS))
    target = Target("c", "s", UploadWay(UploadMethod.DIRECT), declared, "t")
    held = a_document("h", "DOCUMENT_STATUS_FAILED", fields=FIELDS)
    remove = REMOVE_DOCUMENT.request(collection_id="c", file_id="h", team_id="t")
    add_year = UPDATE_COLLECTION.request(
        collection_id="c",
        team_id="t",
        field_definition_updates=[{"field_definition": {"key": "year"}, "operation": "FIELD_DEFINITION_ADD"}],
    )
    flow = place(target, PlannedDocument(SOURCE, held), {"year": "2024"})
    assert play(flow, (add_year, a_collection()), (remove, Empty()), (SEND, ANSWER)).added
    refusing = replace(target, declared=Declarations("c", "t", may_declare=False))
    with pytest.raises(XAIArgumentError, match="c does not define the fields year, airflow_scope"):
        play(place(refusing, PlannedDocument(SOURCE, held), {"year": "2024"}))


def test_of_a_way_that_was_asked_for_nobody_is_warned() -> None:
    add = ADD_DOCUMENT.request(collection_id="c", file_id="f", fields=managed_fields("s", BOOK), team_id="t")
    script = ((UPLOAD_FILE.request(upload=BOOK.upload()), File(id="f")), (add, Empty()))
    assert play(place(FILES, PlannedDocument(BOOK, None), {}), *script).warning == ""
