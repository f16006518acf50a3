"""XAISyncCollectionOperator on a collection it has filled before: versions take turns, and no search meets a hole."""

from __future__ import annotations

import itertools
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from airflow_provider_xai_collections.airflow_errors import XAIFailException
from airflow_provider_xai_collections.api.endpoints import SEARCH_DOCUMENTS
from airflow_provider_xai_collections.emulator import FaultRule, HttpReply, HttpRequest
from airflow_provider_xai_collections.exceptions import XAIIndexingError
from tests.conftest import API_KEY, Logged, RecordingEmulator, playing
from tests.emulator.caller import encode
from tests.operators.stage import FlyingTime, Xai, run, write
from tests.operators.syncs import LIBRARY, contents, counts, only_id, sync, task, writes

BOTH = pytest.mark.parametrize("upload_method", ["files", "direct"])
SLOW = pytest.mark.parametrize("emulator_settings", [playing(indexing="reads:3")])
EDITED = {**LIBRARY, "a.md": "alpha, second edition"}


@pytest.mark.parametrize("emulator_settings", [playing(fail_names=("a*",))])
def test_what_failed_before_is_uploaded_again_and_is_there_once(xai: Xai, folder: Path) -> None:
    assert counts(sync(folder, max_failed=1)) == {"documents": 3, "added": 3, "failed": 1}
    again = {"documents": 3, "fixed": 1, "kept": 2, "outdated_removed": 1, "failed": 1}
    assert counts(sync(folder, max_failed=1)) == again
    assert xai.names(only_id(xai)) == list(LIBRARY)
    assert xai.unattached(only_id(xai)) == []


@pytest.mark.parametrize("overlap", [30, 300])
def test_an_old_version_stays_for_a_while_because_searches_lag_behind(
    xai: Xai, folder: Path, clock: FlyingTime, monkeypatch: pytest.MonkeyPatch, overlap: int
) -> None:
    sync(folder)
    handle = xai.emulator.handle
    moments: list[tuple[str, float]] = []

    def and_note(request: HttpRequest) -> HttpReply:
        moments.append((request.path.rpartition("/")[2] if request.method == "GET" else request.method, clock.time()))
        return handle(request)

    monkeypatch.setattr(xai.emulator, "handle", and_note)
    write(folder, EDITED)
    sync(folder, overlap=overlap)
    (deleted,) = (at for at, (what, _) in enumerate(moments) if what == "DELETE")
    processed = max(moment for what, moment in moments[:deleted] if what == "documents:batchGet")
    assert moments[deleted][1] - processed == pytest.approx(overlap, abs=1)


def test_a_file_that_is_touched_is_read_and_not_sent(xai: Xai, folder: Path, logged: Logged) -> None:
    sync(folder)
    os.utime(folder / "a.md", (1, 1))
    xai.forget()
    assert counts(sync(folder)) == {"documents": 3, "kept": 3}
    assert writes(xai) == {}
    assert "whales: reading 1 documents that may have changed" in logged()


def test_content_that_comes_back_is_a_version_of_its_own(xai: Xai, folder: Path) -> None:
    for content in ("first", "second", "first"):
        write(folder, {"a.md": content})
        sync(folder)
    assert contents(xai, only_id(xai)) == {**LIBRARY, "a.md": "first"}


def test_a_document_that_somebody_removed_is_added_again(xai: Xai, folder: Path) -> None:
    sync(folder)
    whales = only_id(xai)
    xai.hook.remove_document(collection_id=whales, file_id=xai.documents(whales)[0].file_id)
    assert counts(sync(folder)) == {"documents": 3, "added": 1, "kept": 2}


@pytest.fixture
def searched(emulator: RecordingEmulator, monkeypatch: pytest.MonkeyPatch) -> list[set[str]]:
    """A list of what a search for ``alpha`` finds after each request."""
    handle, found = emulator.handle, list[set[str]]()

    def and_search(request: HttpRequest) -> HttpReply:
        reply = handle(request)
        if "collection_" in request.path:
            whales = request.path.split("/")[3]
            query = encode(SEARCH_DOCUMENTS.request(query="alpha", source={"collection_ids": [whales]}))
            answer = handle(replace(query, headers={**query.headers, "authorization": f"Bearer {API_KEY}"})).json()
            found.append({match["chunk_content"] for match in answer["matches"]})
        return reply

    monkeypatch.setattr(emulator, "handle", and_search)
    return found


@SLOW
def test_an_old_version_goes_only_when_the_new_one_is_found(xai: Xai, folder: Path, searched: list[set[str]]) -> None:
    sync(folder)
    write(folder, EDITED)
    searched.clear()
    sync(folder)
    assert all(searched), "no search meets a hole"
    assert searched[0] == {"alpha"}
    assert {"alpha", "alpha, second edition"} in searched
    assert searched[-1] == {"alpha, second edition"}


@SLOW
def test_an_old_version_stays_when_nobody_can_tell_how_far_the_new_one_is(xai: Xai, folder: Path) -> None:
    whales = sync(folder)["collection_id"]
    write(folder, EDITED)
    xai.emulator.set_faults(FaultRule(endpoint="batch_get_documents", status=403))
    with pytest.raises(XAIFailException, match="403"):
        sync(folder)
    assert xai.names(whales) == ["a.md", *LIBRARY]


def test_an_old_version_stays_while_new_ones_cannot_be_indexed(xai: Xai, folder: Path) -> None:
    whales = sync(folder)["collection_id"]
    for broken in (b"\xff\xfe broken", b"\xff\xfe broken again"):
        write(folder, {"a.md": broken})
        with pytest.raises(XAIIndexingError, match=r"1 of 3 documents .*: a\.md: "):
            sync(folder)
        assert contents(xai, whales) == LIBRARY
        assert len(xai.names(whales)) == 3 + 1, "a version that failed goes before the next one is uploaded"
    write(folder, {"a.md": "alpha, at last"})
    assert counts(sync(folder)) == {"documents": 3, "replaced": 1, "kept": 2, "outdated_removed": 2}
    assert contents(xai, whales) == {**LIBRARY, "a.md": "alpha, at last"}
    assert len(xai.names(whales)) == 3
    assert xai.unattached(whales) == []


@SLOW
def test_without_waiting_the_old_version_is_left_for_the_next_run(xai: Xai, folder: Path) -> None:
    whales = sync(folder)["collection_id"]
    write(folder, EDITED)
    manifest = sync(folder, wait_for_completion=False)
    assert counts(manifest) == {"documents": 3, "replaced": 1, "kept": 2, "in_progress": 1}
    assert xai.names(whales) == ["a.md", *LIBRARY]
    assert counts(sync(folder)) == {"documents": 3, "kept": 3, "outdated_removed": 1}
    assert contents(xai, whales) == EDITED


def test_without_waiting_what_is_missing_is_removed_at_once(xai: Xai, folder: Path) -> None:
    sync(folder)
    (folder / "a.md").unlink()
    manifest = sync(folder, wait_for_completion=False, prune=True, max_prune=1)
    assert counts(manifest) == {"documents": 2, "kept": 2, "removed": 1}


@pytest.mark.parametrize("emulator_settings", [playing(delete_attached_file=what) for what in ("detach", "refuse")])
def test_files_that_are_attached_may_be_protected(xai: Xai, folder: Path) -> None:
    whales = sync(folder)["collection_id"]
    write(folder, {"a.md": "alpha, second edition", "b.txt": "beta, second edition"})
    assert counts(sync(folder)) == {"documents": 3, "replaced": 2, "kept": 1, "outdated_removed": 2}
    assert xai.unattached(whales) == []


def test_an_old_version_that_cannot_be_removed_is_an_error_and_goes_next_time(xai: Xai, folder: Path) -> None:
    whales = sync(folder)["collection_id"]
    write(folder, EDITED)
    xai.emulator.set_faults(FaultRule(endpoint="delete_file", status=400))
    with pytest.raises(Exception, match=r"a\.md: an old version could not be removed: .*400"):
        sync(folder)
    xai.emulator.set_faults()
    assert counts(sync(folder)) == {"documents": 3, "kept": 3, "outdated_removed": 1}
    assert contents(xai, whales) == EDITED


@pytest.fixture
def meeting(emulator: RecordingEmulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes two syncs see the same: neither goes on before both have listed."""
    handle, lists, barrier = emulator.handle, itertools.count(1), threading.Barrier(2, timeout=10)

    def side_by_side(request: HttpRequest) -> HttpReply:
        reply = handle(request)
        if request.method == "GET" and request.path.endswith("/documents") and next(lists) <= 2:
            barrier.wait()
        return reply

    monkeypatch.setattr(emulator, "handle", side_by_side)


@BOTH
def test_two_of_the_same_scope_at_once_harm_nothing(
    xai: Xai, folder: Path, upload_method: str, request: pytest.FixtureRequest
) -> None:
    whales = sync(folder, "whales")["collection_id"]
    write(folder, {"a.md": "alpha, second edition", "d.md": "delta"})
    request.getfixturevalue("meeting")
    rivals = [task(source=folder, collection_id=whales, upload_method=upload_method) for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        manifests = list(pool.map(run, rivals))
    assert contents(xai, whales) == {**LIBRARY, "a.md": "alpha, second edition", "d.md": "delta"}
    assert xai.unattached(whales) == []
    assert sum(manifest["added"] for manifest in manifests) == 1
    assert sum(manifest["replaced"] for manifest in manifests) == 1
