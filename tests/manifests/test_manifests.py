"""What crosses a process border is versioned, bounded, and read back as it was written or not at all."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_xai_collections.api.doubts import Doubt
from airflow_provider_xai_collections.api.polling import FailedDocument, WaitEnd, WaitResult
from airflow_provider_xai_collections.api.reconciling import Changes
from airflow_provider_xai_collections.api.search import SearchMatch
from airflow_provider_xai_collections.exceptions import XAIError
from airflow_provider_xai_collections.lineage.places import places_of
from airflow_provider_xai_collections.manifests.base import CAP, ROOM_FOR_SOURCES, Manifest
from airflow_provider_xai_collections.manifests.results import ChangesManifest, DocumentsManifest
from airflow_provider_xai_collections.manifests.search import Passage, SearchManifest
from airflow_provider_xai_collections.manifests.waits import Failure, WaitEvent, WaitSummary

LIMIT = 16 * 1024


def file_id(number: int) -> str:
    """As long as those of xAI."""
    return f"file_{number:08}-0000-4000-8000-000000000000"


RESULT = WaitResult(
    WaitEnd.TIMED_OUT,
    processed=("file_1", "file_2"),
    failed=(FailedDocument("file_3", "moby.docx", "cannot be read"),),
    missing=("file_4",),
    pending=("file_5", "file_6"),
    names={"file_6": "slow.md"},
    doubts=(Doubt("file_1", "moby.docx", "it is strange"), Doubt("file_2", "b.md", "it differs", altered=True)),
)
SUMMARY = WaitSummary.of(RESULT)
MANIFEST = DocumentsManifest(
    version=1, collection_id="collection_1", total=6, added=4, already_there=2, file_ids=("file_1",), wait=SUMMARY
)


def test_a_summary_counts_all_and_names_what_did_not_make_it() -> None:
    assert SUMMARY.dump() == {
        "version": 1,
        "end": "timed_out",
        "processed": 2,
        "failed": 1,
        "missing": 1,
        "pending": 2,
        "failures": [{"file_id": "file_3", "name": "moby.docx", "reason": "cannot be read"}],
        "missing_ids": ["file_4"],
        "pending_ids": ["file_5", "file_6"],
        "doubtful": 1,
        "altered": 1,
        "doubts": [
            {"file_id": "file_1", "name": "moby.docx", "reason": "it is strange", "altered": False},
            {"file_id": "file_2", "name": "b.md", "reason": "it differs", "altered": True},
        ],
        "pending_names": ["", "slow.md"],
    }
    assert SUMMARY.pending_documents == ["file_5", "slow.md [file_6]"]
    assert SUMMARY.total == RESULT.total == 6


@pytest.mark.parametrize(
    "written",
    [
        SUMMARY,
        MANIFEST,
        WaitEvent(version=1, summary=SUMMARY, manifest=MANIFEST.dump()),
        WaitEvent(version=1, error="the key was refused", error_type="XAIAuthError"),
    ],
)
def test_what_is_written_is_read_back_as_it_was(written: Manifest) -> None:
    assert type(written).parse(json.loads(json.dumps(written.dump()))) == written


def changed(**changes: Any) -> dict[str, Any]:
    return {**SUMMARY.dump(), **changes}


@pytest.mark.parametrize(
    ("data", "where"),
    [
        (None, "not an object"),
        ("success", "not an object"),
        ({}, "version, end, processed"),
        (changed(version=2), "version"),
        (changed(status="success"), "status"),
        (changed(end="exploded"), "end"),
        (changed(failures=[{"file_id": "file_1"}]), "failures.0.name, failures.0.reason"),
        ({name: value for name, value in SUMMARY.dump().items() if name != "pending"}, "pending"),
    ],
)
def test_anything_else_fails_loudly_and_says_where(data: Any, where: str) -> None:
    with pytest.raises(XAIError, match="a WaitSummary of another version of this provider, or none at all") as caught:
        WaitSummary.parse(data)
    assert f"({where}" in str(caught.value)
    assert "Clear the task to run it again" in str(caught.value)


def test_a_failure_is_one_printable_line() -> None:
    failure = Failure.of(FailedDocument("file_1", "a\nb\udcff.txt", "line one\r\nline two\x1b[31m " + "long " * 100))
    assert failure.name == "a b .txt"
    assert failure.reason.startswith("line one line two [31m long ")
    assert len(failure.reason) == 200


def summary_of_a_corpus(name: str, reason: str, size: int) -> WaitSummary:
    """Of so many documents in each group."""
    ids = tuple(map(file_id, range(size)))
    failed = tuple(FailedDocument(one, name, reason) for one in ids)
    doubts = tuple(Doubt(one, name, reason) for one in ids)
    return WaitSummary.of(
        WaitResult(WaitEnd.TIMED_OUT, processed=ids, failed=failed, missing=ids, pending=ids, doubts=doubts)
    )


@pytest.mark.parametrize("character", ["x", "鯨", "🐋", '"', "\n"])
def test_a_manifest_of_a_hundred_thousand_documents_is_small(character: str) -> None:
    summary = summary_of_a_corpus(character * 255, character * 10_000, 25_000)
    manifest = MANIFEST.model_copy(update={"wait": summary, "file_ids": tuple(map(file_id, range(CAP)))})
    assert len(json.dumps(manifest.dump())) < LIMIT
    event = WaitEvent(version=1, manifest=manifest.model_copy(update={"wait": None}).dump(), summary=summary)
    assert len(json.dumps(event.dump())) < LIMIT
    assert (summary.processed, summary.failed, summary.missing, summary.pending) == (25_000,) * 4
    assert summary.failures, "the worst names still leave room for one"


def test_what_an_earlier_version_wrote_is_still_read() -> None:
    """Triggers in flight outlive an upgrade, and bring their manifest back."""
    earlier = {"version": 1, "collection_id": "collection_1", "total": 6, "added": 4, "already_there": 2}
    manifest = DocumentsManifest.parse(earlier)
    assert (manifest.replaced, manifest.bytes, manifest.sources) == (0, 0, ())
    update = {"version": 1, "collection_id": "collection_1", "dry_run": False}
    assert not ChangesManifest.parse(update).created


@pytest.mark.parametrize("character", ["x", "鯨", '"'])
def test_an_event_with_its_report_is_small(character: str) -> None:
    summary = summary_of_a_corpus(character * 255, character * 10_000, 25_000)
    sources = places_of(f"s3://bucket/{character * 200}/{number}.md" for number in range(100_000))
    whole = {"wait": summary, "sources": sources, "file_ids": tuple(map(file_id, range(CAP)))}
    extra = MANIFEST.model_copy(update=whole).event_extra(documents=100_000)
    assert len(json.dumps(extra)) < LIMIT
    assert extra["report"]["sources"], "there is room to say where they come from"
    assert {name: count for name, count in extra.items() if name != "report"} == {
        "added": 4,
        "replaced": 0,
        "removed": 0,
        "failed": 25_000,
        "bytes": 0,
        "documents": 100_000,
    }


@given(st.text(max_size=300), st.text(max_size=400), st.integers(0, 120))
def test_no_names_and_reasons_make_a_manifest_large(name: str, reason: str, size: int) -> None:
    summary = summary_of_a_corpus(name, reason, size)
    assert len(json.dumps(summary.dump())) < LIMIT - CAP * 45 - ROOM_FOR_SOURCES - 700, "what is left is for the rest"
    assert WaitSummary.parse(summary.dump()) == summary


def test_usual_names_leave_room_for_many() -> None:
    summary = summary_of_a_corpus("reports/2024/annual-report.docx", "the content type is not supported", 1000)
    assert len(summary.failures) > 20
    assert len(summary.missing_ids) == len(summary.pending_ids) == CAP
    assert len(summary.doubts) > 5
    assert summary.doubtful == 1000


def test_small_groups_are_listed_whole() -> None:
    summary = summary_of_a_corpus("moby.txt", "cannot be read", 10)
    assert [failure.file_id for failure in summary.failures] == list(map(file_id, range(10)))
    assert list(summary.missing_ids) == list(summary.pending_ids) == list(map(file_id, range(10)))


# Changes and searches


@given(st.lists(st.text(max_size=200), max_size=80))
def test_no_keys_of_fields_make_a_manifest_large(keys: list[str]) -> None:
    changes = Changes(settings=("collection_name",), added=tuple(keys), changed=tuple(keys), deleted=tuple(keys))
    manifest = ChangesManifest.of("collection_1", changes, dry_run=True)
    assert len(json.dumps(manifest.dump())) < LIMIT
    assert len(manifest.fields_added) <= CAP
    assert ChangesManifest.parse(manifest.dump()) == manifest


def a_match(content: str, fields: dict[str, str] | None = None) -> SearchMatch:
    return SearchMatch(
        file_id=file_id(1), chunk_id="chunk_1", chunk_content=content, score=0.5, fields=fields or {}, page_number=3
    )


@given(st.text(max_size=300), st.text(max_size=300), st.integers(0, 80), st.integers(0, 5000))
def test_no_passages_make_a_manifest_large(content: str, value: str, size: int, max_chars: int) -> None:
    matches = [a_match(content * 20, {f"{value}{number}": value for number in range(20)})] * size
    ids = tuple(map(file_id, range(size)))
    manifest = SearchManifest.of(ids, matches, max_chars=max_chars)
    assert len(json.dumps(manifest.dump())) < LIMIT
    assert manifest.total == size
    assert all(len(passage.text) <= max_chars for passage in manifest.matches)
    assert SearchManifest.parse(manifest.dump()) == manifest


def test_a_passage_is_as_the_service_wrote_it_but_for_what_a_database_refuses() -> None:
    passage = Passage.of(a_match("line one\n\x00line two", {"year\n": "1851"}), max_chars=14)
    assert passage.dump() == {
        "file_id": file_id(1),
        "chunk_id": "chunk_1",
        "score": 0.5,
        "page_number": 3,
        "fields": {"year": "1851"},
        "text": "line one\nline ",
    }


def test_usual_passages_all_fit() -> None:
    matches = [a_match("Call me Ishmael. " * 100, {"airflow_source_uri": "s3://bucket/folder/moby.md"})] * 10
    assert len(SearchManifest.of(("collection_1",), matches, max_chars=500).matches) == 10


def test_two_summaries_make_one_that_counts_both_and_is_no_larger_than_each_may_be() -> None:
    settled = WaitSummary.of(
        WaitResult(WaitEnd.SETTLED, processed=("file_7",), doubts=(Doubt("file_7", "a.docx", "strange"),))
    )
    both = settled.plus(SUMMARY)
    assert (both.end, both.processed, both.failed, both.missing, both.pending) == (WaitEnd.TIMED_OUT, 3, 1, 1, 2)
    assert (both.failures, both.missing_ids, both.pending_ids) == (
        SUMMARY.failures,
        SUMMARY.missing_ids,
        SUMMARY.pending_ids,
    )
    assert [doubt.name for doubt in both.doubts] == ["a.docx", "moby.docx", "b.md"]
    assert (both.doubtful, both.altered) == (2, 1)
    assert SUMMARY.plus(settled).end is WaitEnd.TIMED_OUT
    assert both.pending_documents == SUMMARY.plus(SUMMARY).pending_documents[:2] == SUMMARY.pending_documents
    stalled = SUMMARY.model_copy(update={"end": WaitEnd.STALLED})
    assert stalled.plus(SUMMARY).end is WaitEnd.STALLED
    bad = tuple(
        FailedDocument(file_id(number), "\N{PILE OF POO}" * 999, "\N{PILE OF POO}" * 999) for number in range(99)
    )
    ids = tuple(map(file_id, range(99)))
    full = WaitSummary.of(WaitResult(WaitEnd.SETTLED, failed=bad, missing=ids, pending=ids))
    twice = full.plus(full)
    assert (twice.failed, twice.missing, twice.pending) == (198, 198, 198)
    assert len(json.dumps(twice.dump())) < LIMIT
    assert twice.failures == full.failures
