"""The plan: what each document needs, decided from two listings."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_xai_collections.api.endpoints import LIST_DOCUMENTS
from airflow_provider_xai_collections.api.identity import fields_digest
from airflow_provider_xai_collections.api.upload_method import UploadWay
from airflow_provider_xai_collections.api.uploading import Target
from airflow_provider_xai_collections.exceptions import XAIArgumentError, XAISourceError
from airflow_provider_xai_collections.sync.documents import Action, ExistingDocument, Outcome, Row, State
from airflow_provider_xai_collections.sync.listing import list_scope
from airflow_provider_xai_collections.sync.manifest import Handover, SyncManifest
from airflow_provider_xai_collections.sync.options import SyncOptions
from airflow_provider_xai_collections.sync.plan import to_read
from airflow_provider_xai_collections.sync.shards import Shards, in_shards
from tests.support import driving
from tests.sync.sides import ALTERED, NEW, OLD, URI, a_document, an_item, existing, planned, the_row

NEVER = "File format not supported. The file does not contain readable text."


# A document of the collection


@pytest.mark.parametrize(
    ("word", "said", "state"),
    [
        ("PROCESSED", "", State.PROCESSED),
        ("CHUNKED", "", State.IN_PROGRESS),
        ("DREAMING", "", State.IN_PROGRESS),
        ("FAILED", "try again", State.FAILED),
        ("FAILED", NEVER, State.REJECTED),
    ],
)
def test_the_state_of_a_document_follows_from_its_status(word: str, said: str, state: State) -> None:
    document = driving.a_document("f", f"DOCUMENT_STATUS_{word}", error_message=said)
    assert ExistingDocument.of(document).state is state


def test_documents_of_other_scopes_are_left_out_as_the_service_may_match_more() -> None:
    ours, theirs = (driving.a_document(scope, fields={"airflow_scope": scope}) for scope in ("s", "s.old"))
    asked = LIST_DOCUMENTS.request(collection_id="c", filter='fields.airflow_scope:"s"', limit=100)
    flow = list_scope(Target("c", "s", UploadWay()))
    assert [each.file_id for each in driving.play(flow, (asked, driving.some_documents(theirs, ours)))] == ["s"]


# Reading


@pytest.mark.parametrize(
    ("item", "documents", "reads"),
    [
        (an_item(), [], False),
        (an_item(fingerprint=None), [], False),
        (an_item(), [a_document()], False),
        (an_item(), [a_document(), a_document("g", OLD)], True),
        (an_item(), [a_document(content=OLD, fingerprint="another")], True),
        (an_item(fingerprint=None), [a_document()], True),
        (an_item(fingerprint=None, content_hash=NEW), [a_document()], False),
        (an_item(unfit="it is empty"), [a_document(fingerprint="another")], False),
    ],
)
def test_a_document_is_read_only_if_it_may_have_changed(item, documents, reads) -> None:  # type: ignore[no-untyped-def]
    assert to_read([item], existing(*documents), SyncOptions(scope="s")) == [item] * reads


def test_to_verify_content_every_document_is_read() -> None:
    items = [an_item(), an_item("file:///docs/b.md"), an_item("file:///docs/c.md", unfit="it is empty")]
    documents = existing(a_document(), a_document("h", uri="file:///docs/c.md"))
    assert to_read(items, documents, SyncOptions(scope="s", verify_content=True)) == items[:1]


# One document


OLDER, BROKEN = a_document("old", OLD, fingerprint="x"), a_document("broken", "older", "failed", fingerprint="y")
REJECTED = a_document(state="rejected", reason=NEVER)
UNTYPED = a_document(state="rejected", is_untyped=True)
READ: dict[str, Any] = {"read": {URI: NEW}}
OTHER: dict[str, Any] = {"item": an_item(fingerprint="another"), "read": {URI: OLD}}


@pytest.mark.parametrize(
    ("documents", "wanted", "action", "file_id", "failed", "outdated"),
    [
        pytest.param([], {}, Action.ADD, "", (), (), id="new"),
        pytest.param([OLDER, BROKEN], READ, Action.REPLACE, "", ("broken",), ("old",), id="changed"),
        pytest.param([a_document()], {}, Action.KEEP, "f", (), (), id="unchanged"),
        pytest.param([a_document(fingerprint="another")], READ, Action.KEEP, "f", (), (), id="touched"),
        pytest.param([a_document(state="in_progress"), OLDER], {}, Action.AWAIT, "f", (), ("old",), id="in progress"),
        pytest.param([a_document(state="failed"), OLDER], {}, Action.FIX, "f", ("f",), ("old",), id="failed"),
        pytest.param([REJECTED], {}, Action.REJECTED, "f", (), (), id="rejected"),
        pytest.param([REJECTED], {"retry_failed": True}, Action.FIX, "f", ("f",), (), id="rejected, tried again"),
        pytest.param([REJECTED], OTHER, Action.REPLACE, "", ("f",), (), id="rejected, and now other content"),
        pytest.param([UNTYPED], {}, Action.FIX, "f", ("f",), (), id="rejected as its type was not sent"),
        pytest.param([UNTYPED], {"is_direct": False}, Action.REJECTED, "f", (), (), id="rejected, and sent so again"),
    ],
)
def test_what_a_document_needs(  # type: ignore[no-untyped-def]
    documents, wanted, action, file_id, failed, outdated
) -> None:
    row = the_row(*documents, **wanted)
    assert (row.action, row.file_id, row.failed, row.outdated) == (action, file_id, failed, outdated)
    outcomes = {Action.KEEP: Outcome.PROCESSED, Action.AWAIT: Outcome.IN_PROGRESS}
    outcomes |= {Action.FIX: Outcome.FAILED, Action.REJECTED: Outcome.FAILED}
    assert row.outcome is outcomes.get(action)
    assert row.needs_type == (row.action is Action.FIX and documents == [UNTYPED])


def test_an_ingestion_adds_beside_other_content_and_says_so() -> None:
    row = the_row(OLDER, BROKEN, **READ, replace=False)
    assert (row.action, row.content_hash, row.failed, row.outdated) == (Action.ADD, NEW, ("broken",), ())
    assert row.older == 1


def test_of_two_copies_the_one_furthest_along_stays() -> None:
    copies = [a_document("f", state="in_progress"), a_document("g"), a_document("h", state="failed")]
    for several in (copies, copies[::-1]):
        row = the_row(*several)
        assert (row.action, row.file_id, set(row.outdated)) == (Action.KEEP, "g", {"f", "h"})


@pytest.mark.parametrize("reason", [NEVER, ""])
@pytest.mark.parametrize("state", ["failed", "rejected"])
def test_what_failed_says_why(state: str, reason: str) -> None:
    assert the_row(a_document(state=state, reason=reason)).reason == (reason or "the service gave no reason")


def test_content_that_xai_holds_wrongly_is_replaced_if_that_is_beyond_doubt() -> None:
    altered = a_document(doubts=(ALTERED,))
    proof = a_document("g", uri="file:///docs/b.md", is_verified=True)
    both = [an_item(), an_item("file:///docs/b.md")]
    assert planned(both, [altered, proof], {URI: NEW}, verify_content=True).rows[0].action is Action.FIX
    assert planned(both, [altered], {URI: NEW}, verify_content=True).rows[0].action is Action.KEEP
    assert planned(both, [altered, proof]).rows[0].action is Action.KEEP
    assert planned(both, [altered]).rows[0].doubts == (ALTERED.reason,)


def test_other_fields_are_counted_or_make_another_version() -> None:
    asked, had = fields_digest({"year": "1851"}), fields_digest({"year": "1850"})
    document = a_document(fields_digest=had)
    assert planned([an_item()], [document], usual_digest=asked).other_fields == 1
    assert planned([an_item()], [document], usual_digest=had).other_fields == 0
    row = the_row(document, digest=lambda item, content: asked)
    assert (row.action, row.outdated) == (Action.REPLACE, ("f",))
    assert the_row(document, digest=lambda item, content: had).action is Action.KEEP


# Documents that are not uploaded


def test_what_is_unfit_or_unreadable_says_which_version_stays_searchable() -> None:
    documents = [a_document("f", OLD), a_document("g", "older", "failed")]
    skipped = the_row(*documents, item=an_item(unfit="it is empty"))
    unread = the_row(*documents, read={URI: XAISourceError("a.md cannot be read")})
    assert (skipped.action, skipped.outcome) == (Action.SKIP, Outcome.SKIPPED)
    assert (unread.action, unread.outcome, unread.error) == (Action.UNREADABLE, Outcome.ERROR, "XAISourceError")
    for row in (skipped, unread):
        assert row.reason.endswith("An earlier version stays in the collection and searchable: f")


def test_a_function_that_refuses_one_document_stops_no_other() -> None:
    def digest(item: object, content: str) -> str:
        raise XAIArgumentError("fields(…) raised KeyError")

    plan = planned([an_item(), an_item("file:///docs/b.md")], [a_document()], digest=digest)
    assert [(row.action, row.error) for row in plan.rows] == [
        (Action.UNREADABLE, "XAIArgumentError"),
        (Action.ADD, ""),
    ]


# The whole


def test_documents_that_the_source_has_no_longer_are_missing() -> None:
    documents = [a_document(), a_document("g", uri="file:///docs/b.md"), a_document("h", OLD, uri="file:///docs/b.md")]
    plan = planned([an_item()], documents)
    [row] = plan.missing_rows
    assert (row.uri, row.outdated, plan.removals, plan.existing) == ("file:///docs/b.md", ("g", "h"), 2, 3)
    assert not planned([an_item()], documents, replace=False).missing


def test_documents_below_what_cannot_be_listed_are_not_missing() -> None:
    below = a_document("g", uri="file:///docs/link/b.md")
    plan = planned([an_item("file:///docs/link", fingerprint=None, unfit="it may be a folder")], [below])
    assert not plan.missing


def test_documents_from_elsewhere_are_told_and_left_alone() -> None:
    elsewhere = [a_document("g", uri="s3://bucket/b.md"), a_document("h", uri="")]
    plan = planned([an_item()], [a_document(), *elsewhere])
    assert (plan.foreign, plan.missing) == (["s3://bucket/b.md", ""], {})


def test_a_document_listed_twice_is_one() -> None:
    assert len(planned([an_item(), an_item()], [a_document(), a_document()]).rows) == 1


@pytest.mark.parametrize(("documents", "parts"), [(1, 16), (25, 1), (26, 2), (407, 16), (1000, 7)])
def test_the_ranges_of_parts_are_as_long_as_the_parts_and_without_gaps(documents: int, parts: int) -> None:
    rows = [Row(Action.ADD, str(number)) for number in range(documents)]
    shards = in_shards(rows, parts)
    handover = Handover(manifest=SyncManifest(collection_id="c", scope="s"))
    told = Shards(before=handover, began=0.0, folder="/w", count=len(shards), documents=documents)
    ranges = [told.range_of(number) for number in range(told.count)]
    assert [last - first + 1 for first, last in ranges] == [len(part) for part in shards]
    assert [first for first, _ in ranges] == [1, *(last + 1 for _, last in ranges[:-1])]
    assert ranges[-1][1] == documents
