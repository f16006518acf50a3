"""XAIIngestDocumentsOperator and everything that goes wrong on the way: nothing is lost, nothing is there twice."""

from __future__ import annotations

import itertools
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
from tests.operators.syncs import counts

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


@pytest.fixture
def meeting(emulator: RecordingEmulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither of two tasks hears what the collection is like before the other has asked."""
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
