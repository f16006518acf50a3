"""Manifests cross process borders: they are versioned, and read back as they were written or not at all."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_provider_xai_collections.api.doubts import Doubt
from airflow_provider_xai_collections.api.polling import FailedDocument, WaitEnd, WaitResult
from airflow_provider_xai_collections.api.search import SearchMatch
from airflow_provider_xai_collections.exceptions import XAIError
from airflow_provider_xai_collections.manifests.base import Manifest
from airflow_provider_xai_collections.manifests.results import ChangesManifest, DocumentsManifest
from airflow_provider_xai_collections.manifests.search import Passage
from airflow_provider_xai_collections.manifests.waits import Failure, WaitEvent, WaitSummary

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


def test_what_an_earlier_version_wrote_is_still_read() -> None:
    """Triggers in flight outlive an upgrade, and bring their manifest back."""
    earlier = {"version": 1, "collection_id": "collection_1", "total": 6, "added": 4, "already_there": 2}
    manifest = DocumentsManifest.parse(earlier)
    assert (manifest.reindexed, manifest.file_ids, manifest.wait) == (0, (), None)
    update = {"version": 1, "collection_id": "collection_1", "dry_run": False}
    assert not ChangesManifest.parse(update).created


def test_an_asset_event_counts_and_carries_the_whole_result() -> None:
    extra = MANIFEST.event_extra(documents=100_000, seconds=12.5)
    assert extra.pop("report") == MANIFEST.dump()
    assert (extra.pop("documents"), extra.pop("seconds")) == (100_000, 12.5)
    assert extra == {"added": 4, "replaced": 0, "removed": 0, "failed": 1, "bytes": 0}


def test_a_passage_is_as_the_service_wrote_it_but_for_what_a_database_refuses() -> None:
    match = SearchMatch(
        file_id="file_1",
        chunk_id="chunk_1",
        chunk_content="line one\n\x00line two",
        score=0.5,
        fields={"year\n": "1851"},
        page_number=3,
    )
    passage = Passage.of(match, max_chars=14)
    assert passage.dump() == {
        "file_id": "file_1",
        "chunk_id": "chunk_1",
        "score": 0.5,
        "page_number": 3,
        "fields": {"year": "1851"},
        "text": "line one\nline ",
    }
