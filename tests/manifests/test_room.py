"""No manifest grows beyond its room, whatever documents, scopes, sources and collections are called."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from airflow_provider_xai_collections.api.doubts import Doubt
from airflow_provider_xai_collections.api.polling import FailedDocument, WaitEnd, WaitResult
from airflow_provider_xai_collections.api.reconciling import Changes
from airflow_provider_xai_collections.api.search import SearchMatch
from airflow_provider_xai_collections.lineage.places import places_of
from airflow_provider_xai_collections.manifests.base import (
    MAX_LISTED,
    ROOM_FOR_FOLDER,
    ROOM_FOR_PATH,
    ROOM_FOR_SCOPE,
    Manifest,
    TaskResult,
    all_or_none,
    recognisable,
    shown,
)
from airflow_provider_xai_collections.manifests.progress import Stage, TaskProgress
from airflow_provider_xai_collections.manifests.results import ChangesManifest, DocumentsManifest, RemovalManifest
from airflow_provider_xai_collections.manifests.search import SearchManifest
from airflow_provider_xai_collections.manifests.waits import WaitEvent, WaitSummary
from airflow_provider_xai_collections.sync.documents import Outcome
from airflow_provider_xai_collections.sync.manifest import Handover, Problem, SyncManifest
from airflow_provider_xai_collections.sync.place import ROOM_FOR_REASON, Refusal
from airflow_provider_xai_collections.sync.shards import Shards
from airflow_provider_xai_collections.triggers.documents import ROOM_FOR_ERROR, XAIDocumentsProcessedTrigger
from airflow_provider_xai_collections.waits.deferral import last_of

LIMIT = 16 * 1024
#: Of a trigger, which is a row of the database as well, and holds the ids that it watches.
TRIGGER_LIMIT = 32 * 1024
KEY = "xai-" + "k" * 40
MANY = 10**9


def summary_of(word: str, number: int, id_length: int) -> WaitSummary:
    ids = [f"file_{n:05}".ljust(id_length, "x") for n in range(number)]
    return WaitSummary.of(
        WaitResult(
            WaitEnd.EXECUTION_TIMED_OUT,
            failed=tuple(FailedDocument(each, word, word) for each in ids),
            missing=tuple(ids),
            pending=tuple(ids),
            doubts=tuple(Doubt(each, word, word) for each in ids),
            names=dict.fromkeys(ids, word),
        )
    )


def counts_of(kind: type[Manifest]) -> dict[str, int]:
    return {name: MANY for name, field in kind.model_fields.items() if field.annotation is int}


def manifests(word: str, number: int, id_length: int) -> Iterator[Manifest]:
    """One of each kind, with the word wherever others may write one."""
    summary = summary_of(word, number, id_length)
    yield summary
    sources = places_of([f"s3://bucket/{word}/{word}", f"file:///{word}", word])
    ids = all_or_none(["f".ljust(id_length, "x")] * min(number, MAX_LISTED))
    documents = DocumentsManifest(collection_id=word, file_ids=ids, **counts_of(DocumentsManifest))
    problems = (Problem.of(word, Outcome.FAILED, word, "XAIError") for _ in range(number))
    plain = SyncManifest(
        collection_id=word, scope=recognisable(word, ROOM_FOR_SCOPE), sources=sources, **counts_of(SyncManifest)
    ).plus({}, problems)
    sync = plain.model_copy(update={"report": shown(word, ROOM_FOR_PATH), "file_ids": ids})
    refusal = Refusal(count=MANY, error="XAIOutcomeUnknownError", reason=shown(word, ROOM_FOR_REASON), is_fatal=True)
    handover = Handover(
        manifest=plain.model_copy(update={"report": sync.report}), approved=MANY, refusal=refusal, deadline=1e9 + 1 / 3
    )
    yield documents.model_copy(update={"wait": summary})
    yield TaskProgress(
        stage=Stage.UPLOADING, updated=1e9 + 1 / 3, began=1e9, collection_id=word, collection_name=word, rate=1 / 3
    )
    yield sync
    yield handover
    yield Shards(
        before=handover.model_copy(update={"deadline": None}),
        began=1e9 + 1 / 3,
        folder="f" * (ROOM_FOR_FOLDER - 2),
        count=1_000,
        documents=MANY,
    )
    for manifest in (documents, sync, handover):
        yield WaitEvent(version=1, summary=summary, manifest=manifest.dump())
        yield WaitEvent(version=1, error=shown(word, ROOM_FOR_ERROR), error_type="XAIError", manifest=manifest.dump())
    keys = (word,) * number
    yield ChangesManifest.of(word, Changes(("chunk_configuration",), keys, keys, keys))
    yield RemovalManifest(collection_id=word, **counts_of(RemovalManifest))
    match = SearchMatch(file_id="f", chunk_id=word, chunk_content=word, score=0.5, fields={word: word}, page_number=3)
    collections = ["collection_1".ljust(id_length, "x")] * number
    yield SearchManifest.of(collections, [match] * number, max_chars=10_000, managed_fields=True)


def check(word: str, number: int, id_length: int) -> None:
    for manifest in manifests(word, number, id_length):
        data = manifest.dump()
        text = json.dumps(data)
        assert len(text) < LIMIT, type(manifest)
        assert type(manifest).parse(json.loads(text)).dump() == data
        if not isinstance(manifest, SearchManifest):  # the text of a passage is what was asked for
            assert KEY not in text
        if isinstance(manifest, TaskResult):
            assert len(json.dumps(manifest.event_extra(MANY, MANY + 1 / 3))) < LIMIT, type(manifest)
        if isinstance(manifest, Handover):
            watched = last_of([f"file_{n:05}".ljust(id_length, "x") for n in range(number * 10)])
            trigger = XAIDocumentsProcessedTrigger(collection_id="collection_1", file_ids=watched, manifest=data)
            assert len(json.dumps(trigger.serialize())) < TRIGGER_LIMIT


words = st.text(max_size=400) | st.sampled_from(["🐋", "\x00", '"', "\\", "鯨", "x", KEY + " ", "a/", "\ud800"])


@given(words, st.integers(1, 10_000), st.integers(0, 120), st.integers(10, 200))
@example("🐋", 10_000, 120, 200)
@example('"', 10_000, 120, 200)
@example("\x1b", 10_000, 120, 200)
@example("鯨/", 10_000, 120, 200)
@example(KEY + "/", 10_000, 120, 200)
def test_no_words_make_any_manifest_large(word: str, times: int, number: int, id_length: int) -> None:
    check((word * times)[:10_000], number, id_length)


@pytest.mark.parametrize("differ_in", [("monday", "tuesday"), ("a  b", "a b"), ("\x00", "\x01")])
@pytest.mark.parametrize("beginning", ["", "s3://bucket/" + "deep/" * 200, KEY, "🐋" * 1_000])
def test_texts_that_differ_are_told_apart_however_they_are_cut(beginning: str, differ_in: tuple[str, str]) -> None:
    one, other = (recognisable(beginning + end, ROOM_FOR_SCOPE) for end in differ_in)
    assert one != other
    assert one.isprintable()
    assert len(json.dumps(one)) <= ROOM_FOR_SCOPE
    assert KEY not in one


def test_what_fits_stays_as_it_is() -> None:
    assert shown("s3://bucket/report.jsonl", ROOM_FOR_PATH) == "s3://bucket/report.jsonl"
    assert all_or_none(["file_1", "file_2"]) == ("file_1", "file_2")
    assert all_or_none(["f" * 200] * MAX_LISTED) == ()
    small = WaitEvent(version=1, summary=summary_of("moby.md", 10, 41)).dump()["summary"]
    assert len(small["failures"]) == len(small["missing_ids"]) == len(small["pending_ids"]) == 10
    usual = summary_of("reports/2024/annual-report.docx", 1_000, 41)
    assert len(usual.failures) > 20
    assert len(usual.missing_ids) == len(usual.pending_ids) == MAX_LISTED
    assert len(usual.doubts) > 5
    assert usual.doubtful == 1_000
    match = SearchMatch(
        file_id="f", chunk_content="Call me Ishmael. " * 100, score=0.5, fields={"uri": "s3://b/moby.md"}
    )
    assert len(SearchManifest.of(["c"], [match] * 10, max_chars=500).matches) == 10


def test_where_an_event_has_no_room_for_all_it_names_fewer_documents_and_counts_all() -> None:
    summary = summary_of("🐋" * 100, 120, 200)
    event = WaitEvent(version=1, summary=summary, manifest={"problems": ["x" * 1_000] * 9}).dump()
    assert event["manifest"] == {"problems": ["x" * 1_000] * 9}
    assert event["summary"]["failed"] == 120
    before, named = (
        sum(len(value) for value in each.values() if isinstance(value, list))
        for each in (summary.dump(), event["summary"])
    )
    assert named < before
    assert event["summary"]["pending_ids"]
