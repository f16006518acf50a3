"""XAISyncCollectionOperator on a collection that it knows: what changed is done, what did not is not touched."""

from __future__ import annotations

import itertools
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from airflow_provider_xai_collections.airflow_errors import XAIFailException
from airflow_provider_xai_collections.api.endpoints import SEARCH_DOCUMENTS
from airflow_provider_xai_collections.api.sync_work import SEARCH_LAG
from airflow_provider_xai_collections.emulator import FaultRule, HttpReply, HttpRequest
from airflow_provider_xai_collections.exceptions import XAIIndexingError, XAITimeoutError
from tests.conftest import API_KEY, Logged, RecordingEmulator, playing
from tests.emulator.caller import encode
from tests.operators.stage import FlyingTime, Xai, run, write
from tests.operators.syncs import contents, counts, only_id, sync, task, writes
from tests.sample_documents import docx

LIBRARY = {"a.md": "alpha", "b.txt": "beta", "deep/c.md": "gamma"}
BOTH = pytest.mark.parametrize("upload_method", ["files", "direct"])


@BOTH
def test_with_nothing_to_do_it_lists_both_sides_and_no_more(xai: Xai, folder: Path, upload_method: str) -> None:
    sync(folder, upload_method=upload_method)
    xai.forget()
    manifest = sync(folder, upload_method=upload_method)
    assert xai.emulator.counts == {"list_collections": 1, "list_documents": 1}
    assert (counts(manifest), manifest["bytes"], manifest["created"]) == ({"documents": 3, "kept": 3}, 0, False)


def test_a_hundred_documents_are_a_page(xai: Xai, tmp_path: Path) -> None:
    many = write(tmp_path / "many", {f"{number:03}.md": f"no {number}" for number in range(201)})
    whales = xai.collection()
    sync(many, whales, concurrency=8)
    xai.forget()
    assert counts(sync(many, whales)) == {"documents": 201, "kept": 201}
    assert xai.emulator.counts == {"get_collection": 1, "list_documents": 3}


@BOTH
def test_one_changed_one_gone_one_new(xai: Xai, folder: Path, upload_method: str) -> None:
    sync(folder, upload_method=upload_method)
    write(folder, {"a.md": "alpha, second edition", "d.md": "delta"})
    (folder / "b.txt").unlink()
    xai.forget()
    manifest = sync(folder, upload_method=upload_method)
    assert counts(manifest) == {"documents": 3, "added": 1, "replaced": 1, "kept": 1, "outdated_removed": 1, "left": 1}
    places = {"upload_document": 2} if upload_method == "direct" else {"upload_file": 2, "add_document": 2}
    # The emulator, as xAI perhaps, takes the document along with its file; what is gone is asked for all the same.
    assert writes(xai) == {**places, "delete_file": 1, "remove_document": 1}
    assert contents(xai, only_id(xai)) == {**LIBRARY, "a.md": "alpha, second edition", "d.md": "delta"}


@BOTH
def test_what_failed_before_is_replaced(xai: Xai, tmp_path: Path, upload_method: str) -> None:
    letters = write(tmp_path / "letters", {"letter.docx": docx("Dear Mr Melville"), "a.md": "alpha"})
    with pytest.raises(XAIIndexingError, match=r"1 of 2 documents .* letter\.docx: "):
        sync(letters, upload_method="files")
    whales = only_id(xai)
    if upload_method == "files":  # the same again: it fails again, and there is one of it
        with pytest.raises(XAIIndexingError):
            sync(letters, upload_method="files")
    else:
        manifest = sync(letters, upload_method="direct")
        assert counts(manifest) == {"documents": 2, "fixed": 1, "kept": 1, "outdated_removed": 1}
    assert xai.names(whales) == ["a.md", "letter.docx"]
    assert xai.unattached(whales) == []


@pytest.mark.parametrize("emulator_settings", [playing(stuck=("a*",))])
def test_what_is_stuck_is_indexed_anew_after_a_while(xai: Xai, folder: Path, clock: FlyingTime) -> None:
    with pytest.raises(XAITimeoutError):
        sync(folder, timeout=600)
    whales = only_id(xai)
    (stuck,) = [each.file_id for each in xai.documents(whales) if each.name == "a.md"]
    with pytest.raises(XAITimeoutError):
        sync(folder, timeout=600, stuck_after=timedelta(hours=1))
    assert xai.emulator.count("reindex_document") == 0, "it is awaited"
    clock.pauses.append(3600)
    with pytest.raises(XAITimeoutError):
        sync(folder, timeout=600, stuck_after=timedelta(hours=1))
    assert xai.names(whales) == ["a.md", "b.txt", "deep/c.md"]
    assert xai.emulator.count("reindex_document") == 1
    assert stuck in {document.file_id for document in xai.documents(whales)}


@pytest.mark.parametrize("emulator_settings", [playing(indexing="reads:3")])
def test_a_reindexing_costs_no_document(xai: Xai, folder: Path, clock: FlyingTime) -> None:
    whales = sync(folder)["collection_id"]
    before = {document.file_id for document in xai.documents(whales)}
    clock.pauses.append(timedelta(days=2).total_seconds())
    for file_id in before:
        xai.hook.reindex_document(collection_id=whales, file_id=file_id)
    xai.forget()
    manifest = sync(folder, prune=True)
    assert (manifest["fixed"], manifest["bytes"]) == (3, 0)
    assert {document.file_id for document in xai.documents(whales)} == before
    assert contents(xai, whales).keys() == {"a.md", "b.txt", "deep/c.md"}


def test_an_old_version_stays_for_some_seconds_because_searches_lag_behind(
    xai: Xai, folder: Path, clock: FlyingTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync(folder)
    handle = xai.emulator.handle
    moments: list[tuple[str, float]] = []

    def and_note(request: HttpRequest) -> HttpReply:
        moments.append((request.path.rpartition("/")[2] if request.method == "GET" else request.method, clock.time()))
        return handle(request)

    monkeypatch.setattr(xai.emulator, "handle", and_note)
    write(folder, {"a.md": "alpha, second edition"})
    sync(folder)
    processed = max(moment for what, moment in moments if what == "documents:batchGet")
    assert min(moment for what, moment in moments if what == "DELETE") - processed >= SEARCH_LAG - 0.1


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
    """What a search for ``alpha`` finds after each request."""
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


@pytest.mark.parametrize("emulator_settings", [playing(indexing="reads:3")])
def test_an_old_version_goes_only_when_the_new_one_is_found(xai: Xai, folder: Path, searched: list[set[str]]) -> None:
    sync(folder)
    write(folder, {"a.md": "alpha, second edition"})
    searched.clear()
    sync(folder)
    assert all(searched), "no search meets a hole"
    assert searched[0] == {"alpha"}
    assert {"alpha", "alpha, second edition"} in searched
    assert searched[-1] == {"alpha, second edition"}


@pytest.mark.parametrize("emulator_settings", [playing(indexing="reads:3")])
def test_an_old_version_stays_when_nobody_can_tell_how_far_the_new_one_is(xai: Xai, folder: Path) -> None:
    whales = sync(folder)["collection_id"]
    write(folder, {"a.md": "alpha, second edition"})
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
    assert len(xai.names(whales)) == 3 + 2, "the old version, and those that failed since"
    write(folder, {"a.md": "alpha, at last"})
    assert counts(sync(folder)) == {"documents": 3, "replaced": 1, "kept": 2, "outdated_removed": 3}
    assert contents(xai, whales) == {**LIBRARY, "a.md": "alpha, at last"}
    assert len(xai.names(whales)) == 3
    assert xai.unattached(whales) == []


@pytest.mark.parametrize("emulator_settings", [playing(indexing="reads:3")])
def test_without_waiting_the_old_version_is_left_for_the_next_run(xai: Xai, folder: Path) -> None:
    whales = sync(folder)["collection_id"]
    write(folder, {"a.md": "alpha, second edition"})
    manifest = sync(folder, wait_for_completion=False)
    assert counts(manifest) == {"documents": 3, "replaced": 1, "kept": 2, "in_progress": 1}
    assert xai.names(whales) == ["a.md", *LIBRARY]
    assert counts(sync(folder)) == {"documents": 3, "kept": 3, "outdated_removed": 1}
    assert contents(xai, whales) == {**LIBRARY, "a.md": "alpha, second edition"}


def test_without_waiting_what_is_gone_is_removed_at_once(xai: Xai, folder: Path) -> None:
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
    write(folder, {"a.md": "alpha, second edition"})
    xai.emulator.set_faults(FaultRule(endpoint="delete_file", status=400))
    with pytest.raises(Exception, match=r"a\.md: an old version could not be removed: .*400"):
        sync(folder)
    xai.emulator.set_faults()
    assert counts(sync(folder)) == {"documents": 3, "kept": 3, "outdated_removed": 1}
    assert contents(xai, whales) == {**LIBRARY, "a.md": "alpha, second edition"}


@pytest.fixture
def meeting(emulator: RecordingEmulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two syncs see the same, because neither goes on before both have listed."""
    handle, lists, barrier = emulator.handle, itertools.count(1), threading.Barrier(2, timeout=10)

    def side_by_side(request: HttpRequest) -> HttpReply:
        reply = handle(request)
        if request.method == "GET" and request.path.endswith("/documents") and next(lists) <= 2:
            barrier.wait()
        return reply

    monkeypatch.setattr(emulator, "handle", side_by_side)


@BOTH
def test_two_of_the_same_scope_at_once_harm_nothing_and_say_so(
    xai: Xai, folder: Path, upload_method: str, logged: Logged, request: pytest.FixtureRequest
) -> None:
    whales = sync(folder, "whales")["collection_id"]
    write(folder, {"a.md": "alpha, second edition", "d.md": "delta"})
    request.getfixturevalue("meeting")
    rivals = [task(source=folder, collection=whales, upload_method=upload_method) for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        manifests = list(pool.map(run, rivals))
    assert contents(xai, whales) == {**LIBRARY, "a.md": "alpha, second edition", "d.md": "delta"}
    assert xai.unattached(whales) == []
    assert sum(manifest["added"] for manifest in manifests) == 1
    assert sum(manifest["replaced"] for manifest in manifests) == 1
    assert "Another run of this scope" in logged()
