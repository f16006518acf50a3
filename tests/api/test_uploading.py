"""The upload of one document, in one call or in two, whatever is lost or refused."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from airflow_provider_xai_collections.api.declaring import Declarations
from airflow_provider_xai_collections.api.documents import FileMetadata, UploadedDocument
from airflow_provider_xai_collections.api.endpoints import (
    ADD_DOCUMENT,
    DELETE_FILE,
    GET_COLLECTION,
    GET_DOCUMENT,
    LIST_DOCUMENTS,
    UPDATE_COLLECTION,
    UPLOAD_DOCUMENT,
    UPLOAD_FILE,
)
from airflow_provider_xai_collections.api.files import DeletedFile, File
from airflow_provider_xai_collections.api.flows import ADD_TRIES
from airflow_provider_xai_collections.api.identity import (
    MANAGED_FIELDS,
    SourceDocument,
    fields_digest,
    managed_fields,
)
from airflow_provider_xai_collections.api.protocol import Flow, Sleep
from airflow_provider_xai_collections.api.upload_method import UploadMethod, UploadWay
from airflow_provider_xai_collections.api.uploading import (
    Placed,
    Target,
    documents_in_scope,
    documents_of_source,
    prepare,
    upload_and_attach,
)
from airflow_provider_xai_collections.api.wire import Empty
from airflow_provider_xai_collections.exceptions import (
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
from tests.support.driving import a_collection, a_document, play, some_documents

SOURCE = SourceDocument("file:///a.txt", "a.txt", 3, "aa", "text/plain", io.BytesIO, lambda: "text/plain")
BOOK = SourceDocument("file:///b.pdf", "b.pdf", 9, "bb", "application/pdf", io.BytesIO, lambda: "application/pdf")
LARGE = replace(SOURCE, size=50_100_000)
YEAR = {"year": "2024"}


def all_fields(source: SourceDocument, fields: Mapping[str, str]) -> dict[str, str]:
    return {**fields, **managed_fields("s", source, fields_digest(fields))}


def adding(target: Target, source: SourceDocument = SOURCE, fields: Mapping[str, str] = YEAR) -> Flow[Placed]:
    upload = yield from prepare(target, source, all_fields(source, fields))
    return (yield from upload_and_attach(target, upload, all_fields(source, fields)))


def add(source: SourceDocument = SOURCE, fields: Mapping[str, str] = YEAR) -> Any:
    """Return the request that attaches the file of a document."""
    return ADD_DOCUMENT.request(collection_id="c", file_id="f", fields=all_fields(source, fields), team_id="t")


def send(source: SourceDocument = SOURCE, fields: Mapping[str, str] = YEAR) -> Any:
    """Return the request that uploads a document in one call."""
    upload = source.upload()
    return UPLOAD_DOCUMENT.request(
        collection_id="c",
        name=upload.filename,
        content_type=upload.content_type,
        fields=all_fields(source, fields),
        upload=upload,
    )


def of_version(fields: Mapping[str, str] = YEAR) -> Any:
    """Return the request that lists the documents of a version."""
    key = all_fields(SOURCE, fields)["airflow_version_key"]
    return LIST_DOCUMENTS.request(
        collection_id="c", filter=f'fields.airflow_version_key:"{key}"', limit=100, team_id="t"
    )


def nowhere(fields: Mapping[str, str] = YEAR) -> tuple[Any, ...]:
    """Return the three lists that show nothing of a version: a list may lag behind."""
    nothing = (of_version(fields), some_documents())
    return nothing, (Sleep(1.0), None), nothing, (Sleep(2.0), None), nothing


FILES = Target("c", "s", UploadWay(UploadMethod.FILES), team_id="t")
DIRECT = Target("c", "s", UploadWay(UploadMethod.DIRECT), team_id="t")

LOST = XAIOutcomeUnknownError("the answer was lost")
NOT_FOUND = XAINotFoundError("does not exist", status=404)
CLASH = XAIConflictError("clashes", status=409)
BAD = XAIInvalidRequestError("bad", status=400)
EITHER_REFUSAL = pytest.mark.parametrize("refusal", [CLASH, BAD], ids=str)
NO_ROUTE = XAIUnroutableError("cf-ipcity contains value with non-printable ASCII characters", status=500)

GET = GET_DOCUMENT.request(collection_id="c", file_id="f", team_id="t")
EXISTS = GET_COLLECTION.request(collection_id="c", team_id="t")
ANSWER = UploadedDocument(file_metadata=FileMetadata(file_id="f"))
OURS = a_document("theirs", "DOCUMENT_STATUS_PROCESSING", fields=all_fields(SOURCE, YEAR))
UPLOADED: tuple[Any, Any] = (UPLOAD_FILE.request(upload=SOURCE.upload()), File(id="f"))
ATTACHED: tuple[Any, Any] = (add(), Empty())
DISCARDED: tuple[Any, Any] = (DELETE_FILE.request(file_id="f"), DeletedFile(id="f"))
FOUND: tuple[Any, Any] = (of_version(), some_documents(OURS))
NOT_SHOWN: tuple[Any, Any] = (of_version(), some_documents())
NOWHERE = nowhere()


# Documents that are there


@pytest.mark.parametrize(
    ("flow", "field", "value"),
    [
        (partial(documents_in_scope, FILES), "airflow_scope", "s"),
        (partial(documents_of_source, FILES, SOURCE.uri), "airflow_source_uri", SOURCE.uri),
    ],
    ids=["scope", "source"],
)
def test_values_are_compared_exactly_because_filters_are_fuzzy(flow: Any, field: str, value: str) -> None:
    asked = LIST_DOCUMENTS.request(collection_id="c", filter=f'fields.{field}:"{value}"', limit=100, team_id="t")
    other = a_document("x", fields={**OURS.fields, field: f"{value}.old"})
    assert play(flow(), (asked, some_documents(other, OURS))) == [OURS]


# Before anything is sent


def changed() -> Target:
    """Return a target whose run has changed to two calls."""
    target = Target("c", "s", UploadWay(), team_id="t")
    target.way.change("a gateway does not know it")
    return target


@pytest.mark.parametrize(("target", "is_asked_for"), [(FILES, True), (changed(), False)])
def test_a_document_that_is_too_large_for_two_calls_is_refused(target: Target, is_asked_for: bool) -> None:
    with pytest.raises(XAISourceError, match=r"^a.txt has 50.1 MB, above the 50 MB that POST") as caught:
        play(prepare(target, LARGE, {}))
    # Where the run has changed, that is no fault of the document: it must not pass for one that xAI never takes.
    assert isinstance(caught.value, XAIUnfitDocumentError) is is_asked_for
    assert ("because a gateway does not know it" in str(caught.value)) is not is_asked_for


def test_fields_that_are_not_defined_are_declared() -> None:
    declared = Declarations("c", "t")
    declared.learn(a_collection(field_definitions=MANAGED_FIELDS))
    declare_year = UPDATE_COLLECTION.request(
        collection_id="c",
        team_id="t",
        field_definition_updates=[{"field_definition": {"key": "year"}, "operation": "FIELD_DEFINITION_ADD"}],
    )
    flow = prepare(replace(DIRECT, declared=declared), SOURCE, all_fields(SOURCE, YEAR))
    assert play(flow, (declare_year, a_collection())) == SOURCE.upload()


# In two calls


def test_a_document_is_uploaded_and_attached_with_its_fields() -> None:
    assert play(adding(FILES), UPLOADED, ATTACHED) == Placed("f", added=True)


def test_uploads_with_lost_answers_are_repeated_and_counted_as_possible_orphans() -> None:
    lost = [((UPLOADED[0], LOST), (Sleep(pause, jitter=1.0), None)) for pause in (1.0, 2.0, 4.0, 8.0)]
    placed = play(adding(FILES), *lost[0], *lost[1], UPLOADED, ATTACHED)
    assert placed == Placed("f", added=True, possible_orphans=2)
    with pytest.raises(XAIOutcomeUnknownError):
        play(adding(FILES), *(step for each in lost for step in each), (UPLOADED[0], LOST))


@EITHER_REFUSAL
def test_after_a_refusal_the_file_is_deleted_and_a_document_of_another_run_counts(refusal: XAIError) -> None:
    refused = (UPLOADED, (add(), refusal), (GET, NOT_FOUND), DISCARDED)
    assert play(adding(FILES), *refused, FOUND) == Placed("theirs", added=False)
    with pytest.raises(type(refusal)):
        play(adding(FILES), *refused, *NOWHERE)


@pytest.mark.parametrize("error", [XAIAuthError("no", status=403), NOT_FOUND])
def test_an_attach_that_cannot_be_leaves_no_file(error: XAIError) -> None:
    with pytest.raises(type(error)):
        play(adding(FILES), UPLOADED, (add(), error), DISCARDED)


def test_a_file_that_can_neither_be_attached_nor_deleted_is_named_in_the_error() -> None:
    denied = XAIAuthError("no permission to attach", status=403)
    stuck = XAIServerError("out of order", status=503)
    with pytest.raises(XAIAuthError, match=r"attach\. The uploaded file f could not be deleted \(out of order\)"):
        play(adding(FILES), UPLOADED, (add(), denied), (DISCARDED[0], stuck))


def test_a_file_that_may_be_attached_stays() -> None:
    not_there: tuple[Any, Any] = (GET, NOT_FOUND)
    polls: tuple[Any, ...] = (not_there, (Sleep(1.0), None), not_there, (Sleep(2.0), None), not_there)
    with pytest.raises(XAIOutcomeUnknownError):
        play(adding(FILES), UPLOADED, *((add(), LOST), *polls) * ADD_TRIES)


# Conflicts


def defining(*unique: str) -> Declarations:
    """Return the declarations of a collection that defines all fields, and these as unique."""
    declared = Declarations("c", "t")
    own = [{"key": key, "unique": key in unique} for key in ("year", "isbn")]
    declared.learn(a_collection(field_definitions=[*MANAGED_FIELDS, *own]))
    return declared


@pytest.mark.parametrize("method", [UploadMethod.FILES, UploadMethod.DIRECT])
@pytest.mark.parametrize(
    ("declared", "fields", "is_final"),
    [
        (None, {}, False),
        (None, YEAR, True),  # nothing is known of the fields
        (defining(), YEAR, False),
        (defining("isbn"), YEAR, False),
        (defining("year"), YEAR, True),
        (defining("isbn"), {**YEAR, "isbn": "3"}, True),
    ],
)
def test_a_conflict_is_final_only_if_a_unique_field_of_the_user_may_be_the_cause(
    declared: Declarations | None, fields: Mapping[str, str], is_final: bool, method: UploadMethod
) -> None:
    target = Target("c", "s", UploadWay(method), declared, team_id="t")
    by_file: tuple[Any, ...] = (UPLOADED, (add(fields=fields), CLASH), (GET, NOT_FOUND), DISCARDED)
    script = ((send(fields=fields), CLASH),) if method is UploadMethod.DIRECT else by_file
    with pytest.raises(XAIError) as caught:
        play(adding(target, fields=fields), *script, *nowhere(fields))
    assert type(caught.value) is (XAIConflictError if is_final else XAIError), "which Airflow retries"
    assert ("has this version but does not show it yet: a retry will find it" in str(caught.value)) is not is_final


def test_a_request_that_is_invalid_stays_so_without_fields_of_the_user() -> None:
    with pytest.raises(XAIInvalidRequestError):
        play(adding(DIRECT, fields={}), (send(fields={}), BAD), *nowhere({}))


# In one call


@pytest.mark.parametrize("way", [UploadWay(UploadMethod.DIRECT), UploadWay()], ids=["asked for", "by default"])
def test_an_upload_in_one_call_answers_with_the_document(way: UploadWay) -> None:
    assert play(adding(Target("c", "s", way, team_id="t")), (send(), ANSWER)) == Placed("f", added=True)


def test_a_document_that_was_taken_is_not_sent_again_because_a_list_does_not_show_it_yet() -> None:
    with pytest.raises(XAIError, match=r"does not show it yet\. It is not sent again: a retry") as caught:
        play(adding(DIRECT), (send(), UploadedDocument()), *NOWHERE)
    assert type(caught.value) is XAIError, "which Airflow retries"


@pytest.mark.parametrize("answer", [UploadedDocument(), LOST])
def test_an_upload_whose_answer_does_not_tell_is_found_by_its_version(answer: Any) -> None:
    assert play(adding(DIRECT), (send(), answer), FOUND) == Placed("theirs", added=True)


@EITHER_REFUSAL
def test_an_upload_that_is_refused_is_there_already_or_an_error(refusal: XAIError) -> None:
    shown_late = ((send(), refusal), NOT_SHOWN, (Sleep(1.0), None), FOUND)
    assert play(adding(DIRECT), *shown_late) == Placed("theirs", added=False)
    with pytest.raises(type(refusal)):
        play(adding(DIRECT), (send(), refusal), *NOWHERE)


def test_an_upload_that_did_not_arrive_is_sent_again_up_to_five_times() -> None:
    script: list[Any] = [(send(), LOST), *NOWHERE, (Sleep(1.0, jitter=1.0), None)]
    assert play(adding(DIRECT), *script, (send(), ANSWER)) == Placed("f", added=True)
    for pause in (2.0, 4.0, 8.0):
        script += [(send(), LOST), *NOWHERE, (Sleep(pause, jitter=1.0), None)]
    with pytest.raises(XAIOutcomeUnknownError, match=r"^upload_document\(c\): sent 5 times, .* Retry later: a copy"):
        play(adding(DIRECT), *script, (send(), LOST), *NOWHERE)


# One call, or two where that does not work


def auto(hear: Callable[[str], None] = lambda reason: None) -> Target:
    return Target("c", "s", UploadWay(on_change=hear), team_id="t")


UNROUTABLE = pytest.mark.parametrize("found", [(NO_ROUTE,), (NOT_FOUND, a_collection(), NOT_FOUND)])


@UNROUTABLE
def test_where_the_service_cannot_take_the_one_call_the_run_changes_to_two_and_says_so_once(found: Any) -> None:
    said: list[str] = []
    target = auto(said.append)
    script = zip((send(), EXISTS, send()), found, strict=False)
    assert play(adding(target), *script, UPLOADED, ATTACHED) == Placed("f", added=True)
    assert play(adding(target), UPLOADED, ATTACHED) == Placed("f", added=True)
    assert len(said) == 1
    assert str(found[0]) in said[0]
    assert "upload_method" not in said[0], "what is in force is no advice"


@UNROUTABLE
def test_a_way_that_is_asked_for_is_not_left(found: Any) -> None:
    with pytest.raises(XAIUnroutableError, match="or upload in two calls, with upload_method='auto' or 'files'"):
        play(adding(DIRECT), *zip((send(), EXISTS, send()), found, strict=False))


def test_documents_in_flight_change_as_well_without_another_word() -> None:
    said: list[str] = []
    target = auto(said.append)
    first, second = adding(target), adding(target)
    assert next(first) == next(second) == send()
    assert first.throw(NO_ROUTE) == second.throw(NO_ROUTE) == UPLOADED[0]
    assert len(said) == 1


def test_a_collection_that_is_new_or_does_not_exist_is_no_gateway() -> None:
    target = auto()
    script = ((send(), NOT_FOUND), (EXISTS, a_collection()), (send(), ANSWER))
    assert play(adding(target), *script) == Placed("f", added=True)
    with pytest.raises(XAINotFoundError):
        play(adding(target), (send(), NOT_FOUND), (EXISTS, NOT_FOUND))
    assert target.way.is_direct


def test_a_copy_of_the_one_call_that_did_arrive_is_found_by_the_two() -> None:
    script = ((send(), LOST), *NOWHERE, (Sleep(1.0, jitter=1.0), None), (send(), NO_ROUTE))
    two_calls = (UPLOADED, (add(), CLASH), (GET, NOT_FOUND), DISCARDED, FOUND)
    assert play(adding(auto()), *script, *two_calls) == Placed("theirs", added=False)


def test_a_document_that_changes_the_run_and_is_too_large_for_it_is_an_error() -> None:
    with pytest.raises(XAISourceError, match="uploads that way because cf-ipcity") as caught:
        play(adding(auto(), LARGE), (send(LARGE), NO_ROUTE))
    assert not isinstance(caught.value, XAIUnfitDocumentError)


@pytest.mark.parametrize(
    ("target", "source", "is_warned"),
    [(changed(), BOOK, True), (changed(), SOURCE, False), (FILES, BOOK, False)],
    ids=["book", "text", "it was asked for"],
)
def test_two_calls_warn_of_a_document_whose_text_has_to_be_extracted(
    target: Target, source: SourceDocument, is_warned: bool
) -> None:
    script = ((UPLOAD_FILE.request(upload=source.upload()), File(id="f")), (add(source), Empty()))
    assert ("raw bytes" in play(adding(target, source), *script).warning) is is_warned
