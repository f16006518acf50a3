"""XAIIngestDocumentsOperator and everything that goes wrong on the way: nothing is lost, nothing is there twice."""

from __future__ import annotations

import itertools
import re
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_xai_collections.airflow_errors import XAIFailException
from airflow_provider_xai_collections.emulator import FaultRule, HttpReply, HttpRequest
from airflow_provider_xai_collections.emulator.messages import Cut
from airflow_provider_xai_collections.exceptions import XAIError
from airflow_provider_xai_collections.operators.ingest import XAIIngestDocumentsOperator
from tests.conftest import Connect, RecordingEmulator, playing
from tests.operators.stage import FlyingTime, Xai, run, write
from tests.operators.syncs import counts, report_of

BOTH = pytest.mark.parametrize("upload_method", ["files", "direct"])
NAMES = ["a.md", "b.txt", "deep/c.md"]
#: Requests of an ingestion of these three: get and update the collection, three times upload and attach, and one poll.
REQUESTS = 9


def task(**arguments: Any) -> XAIIngestDocumentsOperator:
    return XAIIngestDocumentsOperator(**{"task_id": "ingest", **arguments})


def test_an_ingestion_of_three_makes_so_many_requests(xai: Xai, folder: Path) -> None:
    run(task(collection_id=xai.collection(), paths=folder, upload_method="files"))
    assert sum(xai.emulator.counts.values()) == REQUESTS


@pytest.mark.parametrize("number", range(1, REQUESTS + 1))
def test_a_retry_after_death_at_any_request_completes_the_work(
    xai: Xai, connect: Connect, folder: Path, number: int
) -> None:
    """This request is the last that arrives, and nobody hears its answer, as if the machine had died waiting."""
    connect(retry_attempts=1)
    ingest: dict[str, Any] = {"collection_id": xai.collection(), "paths": folder, "concurrency": 1}
    dead = FaultRule(nth=(number,), cut="after"), FaultRule(nth=tuple(range(number, 100)), cut="before")
    xai.emulator.set_faults(*dead)
    with pytest.raises(XAIError, match=r"no usable answer"):
        run(task(**ingest, upload_method="files"))
    xai.emulator.set_faults()
    manifest = run(task(**ingest, upload_method="files"), try_number=2)
    assert manifest["added"] + manifest["kept"] == manifest["documents"] == 3
    assert xai.names(ingest["collection_id"]) == NAMES
    # A file that was uploaded and not yet attached is lost with the process that knew its id.
    assert len(xai.unattached(ingest["collection_id"])) <= 1


@pytest.fixture
def signalled() -> Iterator[None]:
    """SIGUSR1 does to the task what Airflow's signals do: raises in its main thread."""

    def kill(*_: Any) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGUSR1, kill)
    yield
    signal.signal(signal.SIGUSR1, before)


@pytest.mark.usefixtures("signalled")
@pytest.mark.parametrize("endpoint", ["update_collection", "upload_document", "add_document", "batch_get_documents"])
def test_a_task_that_is_killed_stops_at_once_and_its_retry_completes_the_work(
    xai: Xai, tmp_path: Path, emulator: RecordingEmulator, monkeypatch: pytest.MonkeyPatch, endpoint: str
) -> None:
    many = write(tmp_path / "many", {f"{number}.md": f"no {number}" for number in range(20)})
    whales, handle = xai.collection(), emulator.handle
    method = "files" if endpoint == "add_document" else "auto"

    def handle_and_kill(request: HttpRequest) -> HttpReply:
        reply = handle(request)
        if emulator.log[-1].endpoint == endpoint:
            monkeypatch.setattr(emulator, "handle", handle)
            signal.raise_signal(signal.SIGUSR1)
        return reply

    monkeypatch.setattr(emulator, "handle", handle_and_kill)
    with pytest.raises(KeyboardInterrupt):
        run(task(collection_id=whales, paths=many, concurrency=2, upload_method=method))
    assert sum(emulator.counts.values()) < 20 or endpoint == "batch_get_documents"
    manifest = run(task(collection_id=whales, paths=many, upload_method=method), try_number=2)
    assert manifest["added"] + manifest["kept"] == 20
    assert sorted(xai.names(whales)) == sorted(path.name for path in many.iterdir())
    assert len(xai.unattached(whales)) <= 2


@BOTH
@pytest.mark.parametrize("cut", ["before", "after", "partial"])
def test_lost_answers_are_settled_by_looking(xai: Xai, folder: Path, upload_method: str, cut: Cut) -> None:
    whales = xai.collection()
    xai.emulator.set_faults(FaultRule(every=3, cut=cut))
    manifest = run(task(collection_id=whales, paths=folder, upload_method=upload_method, concurrency=1))
    xai.emulator.set_faults()
    assert xai.names(whales) == NAMES
    assert len(xai.unattached(whales)) <= manifest["possible_orphans"]


def test_uploads_whose_answers_are_always_lost_are_counted_as_possible_orphans(
    xai: Xai, folder: Path, clock: FlyingTime
) -> None:
    whales = xai.collection()
    xai.emulator.set_faults(FaultRule(endpoint="upload_file", cut="after"))
    doomed = task(collection_id=whales, paths=folder / "a.md", upload_method="files")
    with pytest.raises(XAIError, match=r"upload_file.*an orphan, billed until it is deleted"):
        run(doomed)
    assert doomed.manifest is not None
    assert counts(doomed.manifest.dump()) == {"documents": 1, "errors": 1, "possible_orphans": 1}
    assert xai.emulator.count("upload_file") == 5
    assert sum(clock.pauses) == 1 + 2 + 4 + 8


def test_an_attach_that_never_gets_through_names_the_file_and_the_retry_does_it(xai: Xai, folder: Path) -> None:
    whales = xai.collection()
    xai.emulator.set_faults(FaultRule(endpoint="add_document", cut="before"))
    with pytest.raises(XAIError, match=rf"a\.md: add_document\({whales}/file_.*may have been done all the same"):
        run(task(collection_id=whales, paths=folder / "a.md", upload_method="files"))
    xai.emulator.set_faults()
    assert run(task(collection_id=whales, paths=folder / "a.md", upload_method="files"), try_number=2)["added"] == 1
    assert xai.names(whales) == ["a.md"]


def test_a_refused_attach_takes_the_upload_back_or_says_which_file_is_left(
    xai: Xai, folder: Path, tmp_path: Path
) -> None:
    whales, report = xai.collection(), tmp_path / "report.jsonl"
    ingest = task(collection_id=whales, paths=folder / "a.md", upload_method="files", report=report)
    refused = FaultRule(endpoint="add_document", status=400)
    xai.emulator.set_faults(refused)
    with pytest.raises(XAIFailException, match=r"a\.md: add_document.*400"):
        run(ingest)
    assert xai.unattached(whales) == []
    xai.emulator.set_faults(refused, FaultRule(endpoint="delete_file", status=503))
    with pytest.raises(XAIFailException, match=r"400.*The uploaded file file_.* could not be deleted"):
        run(ingest)
    assert re.search("could not be deleted .*503.*by hand", report_of(report)[0]["reason"])
    assert xai.unattached(whales) == ["a.md"]


@BOTH
def test_a_busy_service_is_waited_for(xai: Xai, folder: Path, upload_method: str, clock: FlyingTime) -> None:
    whales = xai.collection()
    busy = FaultRule(every=2, status=429, retry_after="7")
    xai.emulator.set_faults(busy, FaultRule(every=5, status=503))
    manifest = run(task(collection_id=whales, paths=folder, upload_method=upload_method, concurrency=1))
    xai.emulator.set_faults()
    assert xai.names(whales) == NAMES
    assert len(xai.unattached(whales)) <= manifest["possible_orphans"]
    assert 7.0 in clock.pauses


@pytest.mark.parametrize("emulator_settings", [playing(list_lag_reads=1)])
def test_a_list_that_lags_behind_makes_no_second_copy(xai: Xai, folder: Path) -> None:
    whales = xai.collection()
    run(task(collection_id=whales, paths=folder, wait_for_completion=False))
    assert counts(run(task(collection_id=whales, paths=folder))) == {"documents": 3, "kept": 3}
    assert xai.names(whales) == NAMES
    assert xai.unattached(whales) == []


@pytest.mark.parametrize("emulator_settings", [playing(direct_upload_answer="empty")])
def test_a_direct_upload_that_does_not_tell_the_id_is_found_by_its_key(xai: Xai, folder: Path) -> None:
    whales = xai.collection()
    run(task(collection_id=whales, paths=folder, upload_method="direct"))
    assert xai.names(whales) == NAMES
    assert xai.emulator.count("upload_document") == 3


def test_a_direct_upload_that_never_arrives_says_what_to_do(xai: Xai, folder: Path, tmp_path: Path) -> None:
    whales, report = xai.collection(), tmp_path / "report.jsonl"
    xai.emulator.set_faults(FaultRule(endpoint="upload_document", cut="before"))
    with pytest.raises(XAIError, match=r"a\.md: upload_document.*sent 5 times"):
        run(task(collection_id=whales, paths=folder / "a.md", upload_method="direct", report=report))
    assert "Retry later" in report_of(report)[0]["reason"]


@pytest.fixture
def meeting(emulator: RecordingEmulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two tasks, neither hears what the collection is like before the other has asked."""
    handle, asked, barrier = emulator.handle, itertools.count(1), threading.Barrier(2, timeout=10)

    def side_by_side(request: HttpRequest) -> HttpReply:
        reply = handle(request)
        if request.method == "GET" and next(asked) <= 2:
            barrier.wait()
        return reply

    monkeypatch.setattr(emulator, "handle", side_by_side)


@BOTH
@pytest.mark.usefixtures("meeting")
@pytest.mark.parametrize("emulator_settings", [playing(unique_violation_status=status) for status in (400, 409, 422)])
def test_two_at_once_ingest_each_document_once(xai: Xai, folder: Path, upload_method: str) -> None:
    whales = xai.collection()
    rivals = [task(collection_id=whales, paths=folder, upload_method=upload_method) for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        manifests = list(pool.map(run, rivals))
    assert xai.names(whales) == NAMES
    assert xai.unattached(whales) == []
    assert sum(manifest["added"] for manifest in manifests) == 3
    assert sum(manifest["kept"] for manifest in manifests) == 3


@BOTH
def test_a_key_that_may_not_attach_stops_the_work_and_leaves_no_file_behind(
    xai: Xai, tmp_path: Path, upload_method: str
) -> None:
    whales, many = xai.collection(), write(tmp_path / "many", {f"{number}.md": f"no {number}" for number in range(20)})
    attaching = "upload_document" if upload_method == "direct" else "add_document"
    xai.emulator.set_faults(FaultRule(endpoint=attaching, status=403))
    doomed = task(collection_id=whales, paths=many, concurrency=6, upload_method=upload_method)
    with pytest.raises(XAIFailException, match="Give the management key the permission for AddFileToCollection"):
        run(doomed)
    xai.emulator.set_faults()
    assert xai.unattached(whales) == []
    assert xai.emulator.count(attaching) < 20
    assert doomed.manifest is not None
    told = counts(doomed.manifest.dump())
    assert told["errors"] + told["untried"] == told["documents"] == 20


def test_a_service_that_refuses_one_after_the_other_is_not_asked_for_ever(xai: Xai, tmp_path: Path) -> None:
    whales, many = xai.collection(), write(tmp_path / "many", {f"{number}.md": f"no {number}" for number in range(80)})
    xai.emulator.set_faults(FaultRule(endpoint="upload_document", status=400))
    doomed = task(collection_id=whales, paths=many, concurrency=2)
    with pytest.raises(XAIFailException, match=r"50 documents in a row failed.*400"):
        run(doomed)
    assert 50 <= xai.emulator.count("upload_document") < 55
