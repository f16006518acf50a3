from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from airflow_provider_xai_collections.api.identity import digest_of
from airflow_provider_xai_collections.api.sync_plan import HeldDocument, SourceEntry, SyncAction, SyncStep
from airflow_provider_xai_collections.api.syncing import Holdings, must_be_read
from airflow_provider_xai_collections.exceptions import XAIArgumentError
from tests.api.driving import a_document
from tests.api.sides import LATELY, LONG_AGO, NEW, OLD, STUCK_BEFORE, an_entry, held, planned, rules, year


def the_step(*documents: HeldDocument, entry: SourceEntry | None = None, **wanted: Any) -> SyncStep:
    (step,) = planned([entry or an_entry()], documents, **wanted).steps
    return step


# What a sync knows of a document


@pytest.mark.parametrize(
    ("word", "state"),
    [("PROCESSED", "processed"), ("FAILED", "failed"), ("CHUNKED", "in_progress"), ("DREAMING", "in_progress")],
)
def test_of_a_document_only_what_a_sync_needs_is_kept(word: str, state: str) -> None:
    document = a_document(
        "f",
        f"DOCUMENT_STATUS_{word}",
        error_message="no text",
        file_metadata={"created_at": "1970-01-01T00:03:20Z"},
        fields={
            "year": "2024",
            "airflow_scope": "s",
            "airflow_source_uri": "file:///a",
            "airflow_content_blake3": NEW,
            "airflow_source_fingerprint": "3-mtime:7",
        },
    )
    expected = held(
        state=state,
        fingerprint="3-mtime:7",
        metadata=digest_of({"year": "2024"}),
        reason="no text" if state == "failed" else "",
    )
    assert HeldDocument.of(document) == expected


def test_a_document_of_somebody_else_has_no_identity() -> None:
    assert HeldDocument.of(a_document("f")) == held(content_hash="", uri="", created_at=None)


def test_metadata_is_told_apart_without_what_we_write_ourselves() -> None:
    assert digest_of({}) == digest_of({"airflow_scope": "s"}) == ""
    assert digest_of({"a": "1", "b": "2", "airflow_scope": "s"}) == digest_of({"b": "2", "a": "1"}) != ""
    assert len({digest_of({"a": "1"}), digest_of({"a": "2"}), digest_of({"b": "1"})}) == 3


# What must be read


@pytest.mark.parametrize(
    ("entry", "documents", "reads"),
    [
        (an_entry(), [], False),
        (an_entry(fingerprint=None), [], False),
        (an_entry(), [held()], False),
        (an_entry(), [held(state="failed")], False),
        (an_entry(), [held(), held("g", OLD)], False),
        (an_entry(), [held(content_hash=OLD)], True),
        (an_entry(), [held("f", OLD, fingerprint=NEW), held("g")], True),
        (an_entry(), [held(fingerprint="")], True),
        (an_entry(fingerprint=None), [held(fingerprint="")], True),
        (an_entry(unfit="it is empty"), [held(content_hash=OLD)], False),
    ],
)
def test_only_what_may_have_changed_is_read(entry: SourceEntry, documents: list[HeldDocument], reads: bool) -> None:
    assert must_be_read([entry], Holdings(documents, rules()), rules()) == [entry] * reads


def test_all_that_is_there_is_read_to_verify_it() -> None:
    entries = [an_entry(), an_entry("file:///b"), an_entry("file:///c", unfit="it is empty")]
    documents = [held(), held("h", uri="file:///c")]
    assert must_be_read(entries, Holdings(documents, rules()), rules(verify=True)) == entries[:1]


def test_a_fingerprint_that_two_contents_have_had_tells_nothing() -> None:
    # Content was verified, replaced under its old fingerprint, and the sync was cut off before it could clear up.
    documents = [held("f", OLD, fingerprint=NEW), held("g", NEW)]
    for several in (documents, documents[::-1]):
        step = the_step(*several)
        assert (step.action, step.file_id, step.stale) == (SyncAction.KEEP, "g", ("f",))


# One document


def test_what_is_not_there_is_added_and_not_read_before() -> None:
    entry = an_entry()
    assert the_step() == SyncStep(SyncAction.ADD, entry.uri, entry)


def test_what_changed_is_replaced_and_its_old_versions_go_afterwards() -> None:
    documents = [held("f", OLD), held("g", "older", "failed"), held("h", "oldest", "in_progress")]
    entry = an_entry()
    assert the_step(*documents) == SyncStep(SyncAction.REPLACE, entry.uri, entry, NEW, stale=("f", "g", "h"))


def test_what_is_there_is_kept() -> None:
    entry = an_entry()
    assert the_step(held()) == SyncStep(SyncAction.KEEP, entry.uri, entry, NEW, "f")


def test_what_only_looks_changed_is_kept() -> None:
    assert the_step(held(fingerprint=OLD)).action is SyncAction.KEEP
    assert the_step(held(), entry=an_entry(fingerprint=None)).action is SyncAction.KEEP


def test_content_that_changed_under_its_fingerprint_is_found_by_verifying() -> None:
    sly = held(content_hash=OLD, fingerprint=NEW)
    assert the_step(sly).action is SyncAction.KEEP
    assert the_step(sly, verify=True).action is SyncAction.REPLACE


@pytest.mark.parametrize("created_at", [LATELY, STUCK_BEFORE, None])
def test_what_is_in_progress_is_awaited(created_at: float | None) -> None:
    step = the_step(held(state="in_progress", created_at=created_at), held("g", OLD))
    assert (step.action, step.file_id, step.stale) == (SyncAction.AWAIT, "f", ("g",))


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (held(state="failed", reason="no text"), "no text"),
        (held(state="failed"), "the service gave no reason"),
    ],
)
def test_what_failed_makes_room_for_itself_and_only_then_its_old_versions_go(
    document: HeldDocument, reason: str
) -> None:
    step = the_step(document, held("g", OLD))
    assert (step.action, step.broken, step.stale, step.reason) == (SyncAction.REPAIR, ("f",), ("g",), reason)


def test_what_is_stuck_stays_and_is_indexed_anew() -> None:
    """It may be part of a reindexing, and be found meanwhile."""
    step = the_step(held(state="in_progress", created_at=LONG_AGO), held("g", OLD))
    assert (step.action, step.file_id, step.broken, step.stale) == (SyncAction.REINDEX, "f", (), ("g",))
    assert step.asks
    assert not step.action.uploads


def test_what_was_processed_long_ago_is_not_stuck() -> None:
    assert the_step(held(created_at=LONG_AGO)).action is SyncAction.KEEP


def test_of_copies_of_one_version_the_one_furthest_along_stays() -> None:
    failed, waiting, done = held("a", state="failed"), held("b", state="in_progress"), held("c")
    assert the_step(failed, waiting, done).file_id == "c"
    step = the_step(failed, waiting)
    assert (step.action, step.file_id, step.stale) == (SyncAction.AWAIT, "b", ("a",))
    assert set(the_step(failed, replace(waiting, created_at=LONG_AGO)).broken) == {"a", "b"}


def test_of_equal_copies_the_same_one_stays_whoever_looks() -> None:
    copies = [held("a"), held("b"), held("c", created_at=None), held("d", created_at=LONG_AGO)]
    assert {the_step(*copies).file_id, the_step(*copies[::-1]).file_id} == {"b"}


def test_what_xai_would_not_take_is_skipped_and_what_is_there_of_it_stays() -> None:
    entry = an_entry(unfit="it is empty")
    plan = planned([entry], [held(content_hash=OLD)], prune=True)
    said = "it is empty. An earlier version of it stays in the collection and searchable: f"
    assert plan.steps == (SyncStep(SyncAction.SKIP, entry.uri, entry, reason=said),)


def test_only_what_a_search_may_find_is_said_to_stay_searchable() -> None:
    entry = an_entry(unfit="it is empty")
    assert the_step(entry=entry).reason == "it is empty"
    assert the_step(held("f", state="failed"), entry=entry).reason == "it is empty"
    found = the_step(held("f"), held("g", OLD), held("h", state="failed"), entry=entry).reason
    assert found.endswith("searchable: f, g")


def test_what_cannot_be_read_is_told_and_what_is_there_of_it_stays() -> None:
    entry = an_entry()
    plan = planned([entry], [held(content_hash=OLD)], unread={entry.uri: "permission denied"}, prune=True)
    said = "permission denied. An earlier version of it stays in the collection and searchable: f"
    assert plan.steps == (SyncStep(SyncAction.UNREAD, entry.uri, entry, reason=said),)


def test_what_was_listed_twice_is_one_document() -> None:
    assert len(planned([an_entry(), an_entry()], []).steps) == 1


# What the source has no longer


def test_what_is_gone_stays_unless_pruning_is_on() -> None:
    documents = [held("f", uri="file:///z"), held("g", OLD, uri="file:///z"), held("h", uri="file:///y"), held("k")]
    off, on = planned([an_entry()], documents), planned([an_entry()], documents, prune=True)
    assert [step.action for step in off.steps] == [SyncAction.KEEP]
    assert (off.left, off.removals, on.left, on.removals) == (3, 0, 0, 3)
    assert on.steps[1:] == (
        SyncStep(SyncAction.REMOVE, "file:///y", stale=("h",)),
        SyncStep(SyncAction.REMOVE, "file:///z", stale=("f", "g")),
    )


def test_documents_of_the_scope_that_are_not_of_this_source_are_told_and_left_alone() -> None:
    strangers = [held("f", uri=""), held("g", content_hash=""), held("h", uri="s3://b/a")]
    plan = planned([an_entry()], [*strangers, held("k")], prune=True, owns=lambda uri: uri.startswith("file:"))
    assert [step.action for step in plan.steps] == [SyncAction.KEEP]
    assert plan.foreign == ("", "file:///a", "s3://b/a")
    assert plan.held == 1


def test_a_document_that_was_on_two_pages_of_the_list_counts_once() -> None:
    plan = planned([an_entry()], [held(state="in_progress"), held()])
    assert (plan.held, plan.steps[0].action, plan.steps[0].stale) == (1, SyncAction.KEEP, ())


def test_what_may_be_behind_a_link_that_leads_nowhere_is_not_known_to_be_gone() -> None:
    documents = [held("f", uri="file:///a/b/c"), held("g", uri="file:///ab"), held("h", uri="file:///a")]
    link = an_entry(fingerprint=None)
    plan = planned([link], documents, unread={link.uri: "it is not there"}, prune=True)
    assert [(step.action, step.stale) for step in plan.steps] == [
        (SyncAction.UNREAD, ()),
        (SyncAction.REMOVE, ("g",)),
    ]
    assert planned([an_entry()], documents, prune=True).removals == 2


# Metadata


def test_documents_keep_the_metadata_they_were_added_with_and_those_with_other_are_counted() -> None:
    entries = [an_entry(), an_entry("file:///b"), an_entry("file:///c"), an_entry("file:///d")]
    documents = [
        held("f", metadata=year("2023")),
        held("g", metadata=year("2024"), uri="file:///b"),
        held("h", metadata=year("2023"), uri="file:///c", state="in_progress"),
        held("k", metadata=year("2023"), uri="file:///d", state="failed"),
        held("m", OLD, metadata=year("2023")),
    ]
    plan = planned(entries, documents, usual_metadata=year("2024"))
    assert [str(step.action) for step in plan.steps] == ["keep", "keep", "await", "repair"]
    assert plan.other_metadata == 2
    assert planned(entries, documents).other_metadata == 0


def test_other_metadata_is_another_version_if_it_is_to_be_updated() -> None:
    asked: list[tuple[str, str]] = []

    def metadata(entry: SourceEntry, content_hash: str) -> str:
        asked.append((entry.uri, content_hash))
        return year("2024")

    step = the_step(held("f", metadata=year("2023")), metadata=metadata)
    assert (step.action, step.stale) == (SyncAction.REPLACE, ("f",))
    step = the_step(held("f", metadata=year("2023")), held("g", metadata=year("2024")), metadata=metadata)
    assert (step.action, step.file_id, step.stale) == (SyncAction.KEEP, "g", ("f",))
    assert the_step(held("f", metadata=year("2023")), metadata=lambda *_: "").action is SyncAction.REPLACE
    assert asked == [("file:///a", NEW)] * 2


def test_a_document_whose_metadata_cannot_be_made_is_told_and_stays_as_it_is() -> None:
    def metadata(entry: SourceEntry, content_hash: str) -> str:
        if entry.name == "a":
            raise XAIArgumentError("fields(…) raised KeyError for a")
        return ""

    entries = [an_entry(), an_entry("file:///b")]
    plan = planned(entries, [held(), held("g", uri="file:///b")], metadata=metadata, prune=True)
    assert [(step.action, step.reason) for step in plan.steps] == [
        (SyncAction.UNREAD, "fields(…) raised KeyError for a"),
        (SyncAction.KEEP, ""),
    ]


# The whole


def test_a_plan_reads_as_what_there_is_to_do() -> None:
    entries = [an_entry(f"file:///{name}") for name in "abc"] + [an_entry("file:///d", unfit="it is empty")]
    documents = [held("f", OLD), held("g", uri="file:///b"), held("h", uri="file:///z")]
    plan = planned(entries, documents, prune=True)
    assert str(plan) == "1 to add, 1 to replace, 1 to keep, 1 to remove, 1 to skip"
    assert str(planned([], [])) == "nothing there, and nothing to do"


def test_a_plan_tells_what_it_takes() -> None:
    entries = [an_entry(f"file:///{name}", size=10) for name in "abcde"]
    entries.append(an_entry("file:///f", size=1000, unfit="it is too large"))
    documents = [
        held("f", OLD),
        held("g", uri="file:///b", state="failed"),
        held("h", OLD, uri="file:///b"),
        held("k", uri="file:///c"),
        held("m", uri="file:///d", state="in_progress"),
        held("n", uri="file:///z"),
    ]
    plan = planned(entries, documents, prune=True)  # replace, repair, keep, await, add, skip, remove
    assert plan.bytes_to_upload == 30
    assert (plan.superseded, plan.removals) == (3, 1)
    assert plan.requests(each_upload=2, each_removal=1) == 3 * 2 + 4
    assert (plan.to_do, plan.source_documents, plan.held) == (5, 6, 6)


def test_a_step_is_called_by_the_name_of_its_document_while_there_is_one() -> None:
    assert SyncStep(SyncAction.ADD, "file:///a", an_entry()).name == "a"
    gone = SyncStep(SyncAction.REMOVE, "file:///a")
    assert (gone.name, gone.size) == ("file:///a", 0)


def test_keeping_a_document_asks_for_nothing_unless_another_one_is_in_the_way() -> None:
    assert not the_step(held()).asks
    assert the_step(held(), held("g", OLD)).asks
    assert the_step().asks
    assert the_step(held(state="in_progress")).asks


# Content that is another than was sent, by the service's own hash

SENT, OTHER = "ab" * 32, "cd" * 32


def stored(file_id: str, told: str, status: str = "PROCESSED") -> HeldDocument:
    """A document of a file of its own, of which the service tells this hash."""
    fields = {
        "airflow_scope": "s",
        "airflow_source_uri": f"file:///{file_id}",
        "airflow_content_blake3": SENT,
        "airflow_source_fingerprint": NEW,
    }
    return HeldDocument.of(
        a_document(file_id, f"DOCUMENT_STATUS_{status}", file_metadata={"hash": told}, fields=fields)
    )


def actions(*documents: HeldDocument, verify: bool) -> list[SyncAction]:
    entries = [an_entry(each.uri) for each in documents]
    plan = planned(entries, documents, content=dict.fromkeys((each.uri for each in documents), SENT), verify=verify)
    return [step.action for step in plan.steps]


def test_what_is_altered_is_replaced_only_if_content_is_verified_and_another_hash_agrees() -> None:
    altered, proven = stored("a", OTHER), stored("b", SENT)
    assert actions(altered, proven, verify=True) == [SyncAction.REPAIR, SyncAction.KEEP]
    assert actions(altered, proven, verify=False) == [SyncAction.KEEP, SyncAction.KEEP]
    assert actions(altered, stored("b", OTHER), verify=True) == [SyncAction.KEEP, SyncAction.KEEP]


def test_a_hash_that_agrees_says_nothing_of_files_of_another_type() -> None:
    altered, proven = stored("a.pdf", OTHER), stored("b.md", SENT)
    assert actions(altered, proven, verify=True) == [SyncAction.KEEP, SyncAction.KEEP]
    assert actions(altered, stored("b.PDF", SENT), verify=True) == [SyncAction.REPAIR, SyncAction.KEEP]


def test_the_reason_of_the_repair_is_that_the_content_is_altered() -> None:
    documents = [stored("a", OTHER), stored("b", SENT)]
    entries = [an_entry(each.uri) for each in documents]
    content = dict.fromkeys((each.uri for each in documents), SENT)
    repair, _ = planned(entries, documents, content=content, verify=True).steps
    assert (repair.action, repair.broken) == (SyncAction.REPAIR, ("a",))
    assert repair.reason.startswith("xAI holds other content than was sent")


def test_a_document_that_stays_keeps_its_doubts() -> None:
    (step,) = planned([an_entry()], [stored("a", OTHER)], content={"file:///a": SENT}).steps
    assert (step.action, [doubt.altered for doubt in step.doubts]) == (SyncAction.KEEP, [True])


@pytest.mark.parametrize("status", ["FAILED", "CHUNKED"])
def test_only_of_what_is_processed_are_there_doubts(status: str) -> None:
    assert stored("a", OTHER, status).doubts == ()
    assert not stored("a", OTHER, status).is_altered
