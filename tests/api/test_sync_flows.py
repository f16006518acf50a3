"""The work of a sync on the wire, each step scripted."""

from __future__ import annotations

import io
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from airflow_provider_xai_collections.api.content_types import type_to_send
from airflow_provider_xai_collections.api.declaring import Declarations
from airflow_provider_xai_collections.api.documents import Document, DocumentPage, FileMetadata, UploadedDocument
from airflow_provider_xai_collections.api.endpoints import (
    ADD_DOCUMENT,
    BATCH_GET_DOCUMENTS,
    DELETE_FILE,
    GET_DOCUMENT,
    LIST_DOCUMENTS,
    REMOVE_DOCUMENT,
    UPLOAD_DOCUMENT,
    UPLOAD_FILE,
)
from airflow_provider_xai_collections.api.files import DeletedFile, File
from airflow_provider_xai_collections.api.uploading import Placed, Target
from airflow_provider_xai_collections.api.identity import SourceDocument, digest_of, managed_fields, version_key
from airflow_provider_xai_collections.api.protocol import Now, Sleep
from airflow_provider_xai_collections.api.removing import Removal
from airflow_provider_xai_collections.api.sync_flows import (
    Brought,
    Cleared,
    Looked,
    SyncTools,
    bring,
    clear,
    held_documents,
    look,
)
from airflow_provider_xai_collections.api.sync_plan import HeldDocument, SourceEntry, SyncAction, SyncStep
from airflow_provider_xai_collections.api.upload_method import UploadMethod, UploadWay
from airflow_provider_xai_collections.api.wire import Empty
from airflow_provider_xai_collections.exceptions import (
    XAIArgumentError,
    XAIAuthError,
    XAIConflictError,
    XAIError,
    XAIInterruptedError,
    XAINotFoundError,
    XAIOutcomeUnknownError,
    XAIServerError,
    XAISourceError,
    XAIUnfitDocumentError,
)
from tests.api.driving import World, a_document, play, some_documents

ENTRY = SourceEntry("file:///a.txt", "a.txt", 3, "3-mtime:7", "/a.txt")
SOURCE = SourceDocument(
    "file:///a.txt", "a.txt", 3, "aa", "text/plain", io.BytesIO, lambda: "text/plain", fingerprint="3-mtime:7"
)
TARGET = Target("c", "s", UploadWay(UploadMethod.FILES), team_id="t")
FIELDS = {"year": "2024", **managed_fields("s", SOURCE)}

LOST = XAIOutcomeUnknownError("the answer was lost")
GONE = XAINotFoundError("does not exist", status=404)
CLASH = XAIConflictError("clashes", status=409)
BUSY = XAIServerError("busy", status=503)
END = XAIInterruptedError("told to end")

BEGIN, OVER = (Now(), 100.0), (Now(), 107.5)
UPLOAD = UPLOAD_FILE.request(upload=SOURCE.upload())
UPLOADED: tuple[Any, Any] = (UPLOAD, File(id="f"))
ADD = ADD_DOCUMENT.request(collection_id="c", file_id="f", fields=FIELDS, team_id="t")
GET = GET_DOCUMENT.request(collection_id="c", file_id="f", team_id="t")
DISCARDED: tuple[Any, Any] = (DELETE_FILE.request(file_id="f"), DeletedFile(id="f"))
OF_VERSION = LIST_DOCUMENTS.request(
    collection_id="c", filter=f'fields.airflow_version_key:"{version_key("s", SOURCE)}"', limit=100, team_id="t"
)
THEIRS: tuple[Any, Any] = (OF_VERSION, some_documents(a_document("theirs", fields=FIELDS)))

ADDING = SyncStep(SyncAction.ADD, ENTRY.uri, ENTRY)
REPAIRING = SyncStep(SyncAction.REPAIR, ENTRY.uri, ENTRY, "aa", broken=("x", "y"), stale=("z",))


def detach(file_id: str) -> Any:
    return REMOVE_DOCUMENT.request(collection_id="c", file_id=file_id, team_id="t")


def delete(file_id: str) -> Any:
    return DELETE_FILE.request(file_id=file_id)


def tools(**other: Any) -> SyncTools:
    """Documents are read as :data:`SOURCE`, and have a year."""

    def read(entry: SourceEntry, content_hash: str | None) -> SourceDocument:
        assert entry is ENTRY
        assert content_hash in (None, "aa")
        return SOURCE

    known: dict[str, Any] = {"read": read, "fields": lambda source: {"year": "2024"}, **other}
    return SyncTools(**{"target": TARGET, "removal": Removal("c", "t"), **known})


# What the scope holds


def list_request(token: str | None = None) -> Any:
    return LIST_DOCUMENTS.request(
        collection_id="c", filter='fields.airflow_scope:"s"', limit=100, team_id="t", pagination_token=token
    )


def of_scope(file_id: str, scope: str = "s") -> Document:
    return a_document(file_id, fields={**FIELDS, "airflow_scope": scope})


def test_a_scope_is_listed_to_the_last_page_and_compared_exactly_because_filters_are_fuzzy() -> None:
    first = [of_scope(f"f{number}") for number in range(99)] + [of_scope("other", "s2")]
    last = of_scope("last")
    held = play(
        held_documents(TARGET, None),
        (list_request(), DocumentPage(documents=tuple(first), pagination_token="p2")),
        (list_request("p2"), some_documents(last)),
    )
    assert held == [HeldDocument.of(document) for document in (*first[:99], last)]


def test_a_scope_that_holds_nothing_is_empty() -> None:
    assert play(held_documents(TARGET, None), (list_request(), some_documents())) == []


def test_a_list_that_breaks_off_is_no_list() -> None:
    page = DocumentPage(documents=tuple(of_scope(f"f{number}") for number in range(100)), pagination_token="p2")
    with pytest.raises(XAIServerError):
        play(held_documents(TARGET, None), (list_request(), page), (list_request("p2"), BUSY))


# Bringing one in


def test_a_new_document_takes_an_upload_and_an_attach() -> None:
    brought = play(bring(tools(), ADDING), BEGIN, UPLOADED, (ADD, Empty()), OVER)
    assert brought == Brought(ADDING, 107.5, 7.5, Placed("f", added=True))


def test_or_one_direct_call() -> None:
    send = UPLOAD_DOCUMENT.request(
        collection_id="c", name="a.txt", content_type="text/plain", fields=FIELDS, upload=SOURCE.upload()
    )
    answer = UploadedDocument(file_metadata=FileMetadata(file_id="f"))
    direct = tools(target=replace(TARGET, way=UploadWay(UploadMethod.DIRECT)))
    brought = play(bring(direct, ADDING), BEGIN, (send, answer), OVER)
    assert brought.placed == Placed("f", added=True)


def test_what_is_broken_makes_room_first_and_what_is_stale_stays() -> None:
    script: tuple[Any, ...] = ((detach("x"), Empty()), (detach("y"), GONE), UPLOADED, (ADD, Empty()))
    brought = play(bring(tools(), REPAIRING), BEGIN, *script, OVER)
    assert brought == Brought(REPAIRING, 107.5, 7.5, Placed("f", added=True), file_ids=("x",))


def test_what_is_broken_goes_with_its_file_if_files_go() -> None:
    script: tuple[Any, ...] = (
        (delete("x"), DeletedFile(id="x")),
        (detach("x"), GONE),
        (delete("y"), CLASH),
        (detach("y"), Empty()),
        (delete("y"), CLASH),
        UPLOADED,
        (ADD, Empty()),
    )
    with_files = tools(removal=Removal("c", "t", delete_files=True))
    brought = play(bring(with_files, REPAIRING), BEGIN, *script, OVER)
    assert (brought.file_ids, brought.files_kept) == (("x", "y"), 1)  # one of them is attached elsewhere


@pytest.mark.parametrize(("metadata_is_content", "said"), [(False, None), (True, {"year": "2024"}), (True, {})])
def test_metadata_is_part_of_the_version_if_it_is_content(metadata_is_content: bool, said: Any) -> None:
    said = {"year": "2024"} if said is None else said
    metadata = digest_of(said) if metadata_is_content else None
    add = ADD_DOCUMENT.request(
        collection_id="c", file_id="f", fields={**said, **managed_fields("s", SOURCE, metadata)}, team_id="t"
    )
    own = tools(fields=lambda source: said, metadata_is_content=metadata_is_content)
    assert play(bring(own, ADDING), BEGIN, UPLOADED, (add, Empty()), OVER).error is None


def test_no_metadata_is_another_version_than_metadata_that_is_no_content() -> None:
    # Both may have to stand side by side: one was added with metadata, and it was taken from the source since.
    keys = {version_key("s", SOURCE), version_key("s", SOURCE, ""), version_key("s", SOURCE, digest_of({"a": "1"}))}
    assert len(keys) == 3


# What may come in between


def test_an_upload_whose_answer_was_lost_is_repeated_and_counted() -> None:
    pause = (Sleep(1.0, jitter=1.0), None)
    brought = play(bring(tools(), ADDING), BEGIN, (UPLOAD, LOST), pause, UPLOADED, (ADD, Empty()), OVER)
    assert brought.placed == Placed("f", added=True, possible_orphans=1)


def test_an_attach_whose_answer_was_lost_is_looked_up() -> None:
    script = (UPLOADED, (ADD, LOST), (GET, a_document("f", fields=FIELDS)))
    assert play(bring(tools(), ADDING), BEGIN, *script, OVER).placed == Placed("f", added=True)


def test_what_somebody_else_has_brought_in_meanwhile_counts() -> None:
    script = (UPLOADED, (ADD, CLASH), (GET, GONE), DISCARDED, THEIRS)
    assert play(bring(tools(), ADDING), BEGIN, *script, OVER).placed == Placed("theirs", added=False)


@pytest.mark.parametrize(
    ("script", "gone"),
    [
        ([(detach("x"), BUSY)], ()),
        ([(detach("x"), Empty()), (detach("y"), BUSY)], ("x",)),
        ([(detach("x"), GONE), (detach("y"), Empty()), (UPLOAD, BUSY)], ("y",)),
        ([(detach("x"), Empty()), (detach("y"), Empty()), UPLOADED, (ADD, BUSY), DISCARDED], ("x", "y")),
    ],
)
def test_an_error_is_of_this_document_alone_and_what_is_gone_is_told(script: list[Any], gone: tuple[str, ...]) -> None:
    brought = play(bring(tools(), REPAIRING), BEGIN, *script, OVER)
    assert brought == Brought(REPAIRING, 107.5, 7.5, error=BUSY, file_ids=gone)


def test_an_attach_that_nobody_can_tell_about_stays_unknown() -> None:
    def answer(request: Any) -> Any:
        if request == UPLOAD:
            return File(id="f")
        raise LOST if request == ADD else GONE

    world = World(answer)
    brought = world.run(bring(tools(), ADDING))
    assert isinstance(brought.error, XAIOutcomeUnknownError)
    assert DISCARDED[0] not in world.requests  # it may be attached


def raising(error: Exception) -> Any:
    def fails(*_: Any) -> Any:
        raise error

    return fails


@pytest.mark.parametrize(
    "own", [{"read": raising(XAISourceError("gone"))}, {"fields": raising(XAIArgumentError("fields(…) raised"))}]
)
def test_what_cannot_be_read_or_described_asks_for_nothing_and_costs_nothing(own: Any) -> None:
    brought = play(bring(tools(**own), REPAIRING), BEGIN, OVER)
    assert brought.placed is None
    assert isinstance(brought.error, XAISourceError | XAIArgumentError)


def test_a_bug_is_no_error_of_a_document() -> None:
    with pytest.raises(ZeroDivisionError):
        play(bring(tools(read=raising(ZeroDivisionError())), ADDING), BEGIN)
    with pytest.raises(ValueError, match="a step that uploads needs its document"):
        play(bring(tools(), SyncStep(SyncAction.ADD, "file:///a.txt")), BEGIN)


# Clearing up

CLEARING = SyncStep(SyncAction.KEEP, ENTRY.uri, ENTRY, "aa", "f", stale=("x", "y", "z"))


def test_what_is_stale_goes_and_what_was_gone_is_not_counted() -> None:
    script: tuple[Any, ...] = ((detach("x"), Empty()), (detach("y"), GONE), (detach("z"), Empty()))
    cleared = play(clear(tools(), CLEARING, "f"), BEGIN, *script, OVER)
    assert cleared == Cleared(CLEARING, 107.5, 7.5, ("x", "z"))


def test_an_error_keeps_nothing_else_from_going() -> None:
    script: tuple[Any, ...] = ((detach("x"), Empty()), (detach("y"), BUSY), (detach("z"), Empty()))
    cleared = play(clear(tools(), CLEARING), BEGIN, *script, OVER)
    assert (cleared.file_ids, cleared.error) == (("x", "z"), BUSY)


def test_files_that_are_attached_elsewhere_are_counted() -> None:
    removal = Removal("c", "t", delete_files=True, detach_first=True)
    script: tuple[Any, ...] = (
        (detach("x"), Empty()),
        (delete("x"), CLASH),
        (detach("y"), Empty()),
        (delete("y"), DeletedFile(id="y")),
        (detach("z"), GONE),
        (delete("z"), CLASH),
    )
    cleared = play(clear(tools(removal=removal), CLEARING), BEGIN, *script, OVER)
    assert (cleared.file_ids, cleared.files_kept, cleared.error) == (("x", "y"), 2, None)


def test_what_stays_is_not_removed_even_if_it_is_stale() -> None:
    script: tuple[Any, ...] = ((detach("x"), Empty()), (detach("z"), Empty()))
    assert play(clear(tools(), CLEARING, "y"), BEGIN, *script, OVER).file_ids == ("x", "z")


# Looking

PAUSE = Sleep(3.0)
LOOK = replace(BATCH_GET_DOCUMENTS.request(collection_id="c", file_ids=["f", "g"], team_id="t"), deadline=500.0)


def test_a_look_pauses_first_and_heeds_the_deadline() -> None:
    document = a_document("g")
    looked = play(look(TARGET, ("f", "g"), PAUSE, 500.0), (PAUSE, None), (LOOK, some_documents(document)), OVER)
    assert looked == Looked(107.5, ("f", "g"), [document])


def test_a_look_may_fail() -> None:
    looked = play(look(TARGET, ("f", "g"), PAUSE, 500.0), (PAUSE, None), (LOOK, BUSY), OVER)
    assert looked == Looked(107.5, ("f", "g"), error=BUSY)


# Told to end


@pytest.mark.parametrize(
    ("flow", "script"),
    [
        (partial(held_documents, TARGET, None), [(list_request(), END)]),
        (partial(bring, tools(), REPAIRING), [BEGIN, (detach("x"), END)]),
        (partial(bring, tools(), ADDING), [BEGIN, (UPLOAD, END)]),
        (partial(bring, tools(), ADDING), [BEGIN, UPLOADED, (ADD, END), (DISCARDED[0], END)]),
        (partial(clear, tools(), CLEARING), [BEGIN, (detach("x"), Empty()), (detach("y"), END)]),
        (partial(look, TARGET, ("f", "g"), PAUSE, 500.0), [(PAUSE, END)]),
        (partial(look, TARGET, ("f", "g"), PAUSE, 500.0), [(PAUSE, None), (LOOK, END)]),
    ],
)
def test_work_that_is_told_to_end_is_no_failure_of_its_document(flow: Any, script: list[Any]) -> None:
    with pytest.raises(XAIInterruptedError):
        play(flow(), *script)


def test_what_was_in_doubt_when_it_was_told_to_end_stays_in_doubt() -> None:
    brought = play(bring(tools(), ADDING), BEGIN, UPLOADED, (ADD, LOST), (GET, END), OVER)
    assert isinstance(brought.error, XAIOutcomeUnknownError)


def test_a_refused_key_is_the_error_of_a_document_too() -> None:
    refused: XAIError = XAIAuthError("no", status=403)
    assert play(bring(tools(), ADDING), BEGIN, (UPLOAD, refused), OVER).error is refused


def test_what_cannot_be_sent_or_declared_costs_no_document_that_is_there() -> None:
    unfit = replace(SOURCE, name="blob", sent_type=partial(type_to_send, "blob", b"\0"))
    brought = play(bring(tools(read=lambda entry, content_hash: unfit), REPAIRING), BEGIN, OVER)
    assert isinstance(brought.error, XAIUnfitDocumentError)
    assert brought.file_ids == ()
    undeclared = replace(TARGET, declared=Declarations("c", "t", may_declare=False))
    brought = play(bring(tools(target=undeclared), REPAIRING), BEGIN, OVER)
    assert isinstance(brought.error, XAIArgumentError)
    assert brought.file_ids == ()
