"""No manifest grows beyond its room, whatever documents, scopes, sources and collections are called."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_xai_collections.api.doubts import Doubt
from airflow_provider_xai_collections.api.polling import FailedDocument, WaitEnd, WaitResult
from airflow_provider_xai_collections.api.reconciling import Changes
from airflow_provider_xai_collections.api.search import SearchMatch
from airflow_provider_xai_collections.api.sync_plan import SourceEntry, SyncAction, SyncStep
from airflow_provider_xai_collections.api.sync_work import Done, SyncOutcome
from airflow_provider_xai_collections.lineage.places import places_of
from airflow_provider_xai_collections.manifests.base import (
    CAP,
    ROOM_FOR_FOLDER,
    ROOM_FOR_PATH,
    ROOM_FOR_SCOPE,
    Manifest,
    Report,
    all_or_none,
    recognisable,
    shown,
)
from airflow_provider_xai_collections.manifests.results import ChangesManifest, DocumentsManifest, RemovalManifest
from airflow_provider_xai_collections.manifests.search import SearchManifest
from airflow_provider_xai_collections.manifests.sync import SyncLine, SyncManifest, SyncPlanned, first_problems
from airflow_provider_xai_collections.manifests.waits import WaitEvent, WaitProgress, WaitSummary
from airflow_provider_xai_collections.triggers.documents import MESSAGE, XAIDocumentsProcessedTrigger
from airflow_provider_xai_collections.waits.deferring import ROOM_FOR_WATCHED, in_parts
from airflow_provider_xai_collections.waits.resuming import KeptWait

LIMIT = 16 * 1024
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
    documents = DocumentsManifest(
        version=1,
        collection_id=word,
        sources=sources,
        file_ids=all_or_none(["f".ljust(id_length, "x")] * min(number, CAP)),
        **counts_of(DocumentsManifest),
    )
    step = SyncStep(SyncAction.ADD, word, SourceEntry(word, word, 1, "", word))
    problem = SyncLine.of(Done(step, SyncOutcome.FAILED, reason=word)).problem
    sync = SyncManifest(
        version=1,
        collection_id=word,
        scope=recognisable(word, ROOM_FOR_SCOPE),
        report=shown(word, ROOM_FOR_PATH),
        sources=sources,
        gone="0" * 64,
        problems=first_problems([problem] * number if problem else []),
        **counts_of(SyncManifest),
    )
    yield documents.model_copy(update={"wait": summary})
    yield sync
    yield SyncPlanned(version=1, manifest=sync, folder="f" * (ROOM_FOR_FOLDER - 2), shards=1_000)
    for manifest in (documents, sync):
        yield WaitEvent(version=1, summary=summary, manifest=manifest.dump())
        yield WaitEvent(version=1, error=shown(word, MESSAGE), error_type="XAIError", manifest=manifest.dump())
    yield WaitProgress(version=1, deadline=1e9 + 0.123456, parts=MANY, part=MANY, so_far=summary)
    yield KeptWait(version=1, task="0" * 64, manifest=documents, parts=MANY)
    keys = (word,) * number
    yield ChangesManifest.of(word, Changes(("chunk_configuration",), keys, keys, keys))
    yield RemovalManifest(version=1, collection_id=word, **counts_of(RemovalManifest))
    match = SearchMatch(file_id="f", chunk_id=word, chunk_content=word, score=0.5, fields={word: word}, page_number=3)
    ids = ["collection_1".ljust(id_length, "x")] * number
    yield SearchManifest.of(ids, [match] * number, max_chars=10_000, managed_fields=True)


def check(word: str, number: int, id_length: int) -> None:
    for manifest in manifests(word, number, id_length):
        data = manifest.dump()
        text = json.dumps(data)
        assert len(text) < LIMIT, type(manifest)
        assert type(manifest).parse(json.loads(text)).dump() == data
        if not isinstance(manifest, SearchManifest):  # the text of a passage is what was asked for
            assert KEY not in text
        if isinstance(manifest, Report):
            assert len(json.dumps(manifest.event_extra(MANY))) < LIMIT, type(manifest)
        if isinstance(manifest, DocumentsManifest | SyncManifest) and getattr(manifest, "wait", None) is None:
            check_row(manifest, word, number, id_length)


def check_row(manifest: Report, word: str, number: int, id_length: int) -> None:
    """The trigger of a deferred task as a row of the database."""
    watched = next(in_parts(["f".ljust(id_length, "x")] * number, ROOM_FOR_WATCHED), ())
    trigger = XAIDocumentsProcessedTrigger(collection_id="collection_1", file_ids=watched, manifest=manifest.dump())
    assert len(json.dumps(trigger.serialize())) < LIMIT


words = st.text(max_size=400) | st.sampled_from(["🐋", "\x00", '"', "\\", "鯨", "x", KEY + " ", "a/", "\ud800"])


@given(words, st.integers(1, 10_000), st.integers(0, 120), st.integers(10, 200))
def test_no_words_make_any_manifest_large(word: str, times: int, number: int, id_length: int) -> None:
    check((word * times)[:10_000], number, id_length)


@pytest.mark.parametrize("word", ["🐋", '"', "\x1b", "鯨/", KEY + "/"])
def test_the_worst_words_at_their_longest(word: str) -> None:
    check((word * 10_000)[:10_000], 120, 200)


def test_what_fits_stays_as_it_is() -> None:
    assert shown("s3://bucket/report.jsonl", ROOM_FOR_PATH) == "s3://bucket/report.jsonl"
    assert recognisable("s3://bucket/monday", ROOM_FOR_SCOPE) == "s3://bucket/monday"
    assert all_or_none(["file_1", "file_2"]) == ("file_1", "file_2")
    assert all_or_none(["f" * 200] * CAP) == ()
    event: dict[str, Any] = WaitEvent(version=1, summary=summary_of("moby.md", 10, 41)).dump()
    assert len(event["summary"]["failures"]) == len(event["summary"]["pending_ids"]) == 10


@pytest.mark.parametrize("differ_in", [("monday", "tuesday"), ("a  b", "a b"), ("\x00", "\x01")])
@pytest.mark.parametrize("beginning", ["", "s3://bucket/" + "deep/" * 200, KEY, "🐋" * 1_000])
def test_texts_that_differ_are_told_apart_however_they_are_cut(beginning: str, differ_in: tuple[str, str]) -> None:
    one, other = (recognisable(beginning + end, ROOM_FOR_SCOPE) for end in differ_in)
    assert one != other
    assert one.isprintable()
    assert len(json.dumps(one)) <= ROOM_FOR_SCOPE
    assert KEY not in one


def test_where_an_event_has_no_room_for_all_it_names_fewer_documents_and_counts_all() -> None:
    summary = summary_of("🐋" * 100, 120, 200)
    event = WaitEvent(version=1, summary=summary, manifest={"problems": ["x" * 1_000] * 9}).dump()
    assert event["manifest"] == {"problems": ["x" * 1_000] * 9}
    assert event["summary"]["failed"] == 120
    named = {name: len(value) for name, value in event["summary"].items() if isinstance(value, list)}
    before = {name: len(value) for name, value in summary.dump().items() if isinstance(value, list)}
    assert sum(named.values()) < sum(before.values())
    assert named["pending_ids"]
