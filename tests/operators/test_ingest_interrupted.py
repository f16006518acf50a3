"""XAIIngestDocumentsOperator and everything that goes wrong on the way: nothing is lost, nothing is there twice."""

from __future__ import annotations

import itertools
import signal
import threading
from collections.abc import Callable, Iterator
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

BOTH = pytest.mark.parametrize("upload_method", ["files", "direct"])
NAMES = ["a.md", "b.txt", "deep/c.md"]
#: Requests of an ingestion of these three: get and update the collection, list, three times upload and add, and two
#: looks, the last for the table.
REQUESTS = 11


def task(**arguments: Any) -> XAIIngestDocumentsOperator:
    return XAIIngestDocumentsOperator(**{"task_id": "ingest", **arguments})


def test_an_ingestion_of_three_makes_so_many_requests(xai: Xai, folder: Path) -> None:
    run(task(collection_id=xai.collection(), paths=folder, upload_method="files"))
    assert sum(xai.emulator.counts.values()) == REQUESTS


def refused(number: int) -> list[FaultRule]:
    """One request is refused for good."""
    return [FaultRule(nth=(number,), status=403)]


def cut_off(number: int) -> list[FaultRule]:
    """From this request on nothing arrives any more, as if the machine had died before it."""
    return [FaultRule(nth=tuple(range(number, 100)), cut="before")]


def cut_off_after(number: int) -> list[FaultRule]:
    """This request is the last that arrives, and nobody hears its answer, as if the machine had died waiting."""
    return [FaultRule(nth=(number,), cut="after"), FaultRule(nth=tuple(range(number, 100)), cut="before")]


@BOTH
@pytest.mark.parametrize("number", range(1, REQUESTS + 1))
@pytest.mark.parametrize(("death", "orphans"), [(refused, 0), (cut_off, 1), (cut_off_after, 1)])
def test_a_retry_after_death_at_any_request_completes_the_work(
    xai: Xai,
    connect: Connect,
    folder: Path,
    upload_method: str,
    death: Callable[[int], list[FaultRule]],
    orphans: int,
    number: int,
) -> None:
    connect(retry_attempts=1)
    whales = xai.collection()
    ingest: dict[str, Any] = {"collection_id": whales, "paths": folder, "concurrency": 1}
    xai.emulator.set_faults(*death(number))
    last = REQUESTS - 3 * (upload_method == "direct")
    if number < last:
        with pytest.raises(Exception, match=r"cf-ray|no usable answer"):
            run(task(**ingest, upload_method=upload_method))
    elif number == last:
        run(task(**ingest, upload_method=upload_method))  # no table in the log, and no harm done
    xai.emulator.set_faults()
    manifest = run(task(**ingest, upload_method=upload_method), try_number=2)
    assert (manifest["total"], manifest["wait"]["processed"]) == (3, 3)
    assert xai.names(whales) == NAMES
    # A file that was uploaded and not yet attached is lost with the process that knew its id.
    assert len(xai.unattached(whales)) <= (orphans if upload_method == "files" else 0)


@pytest.fixture
def signalled() -> Iterator[None]:
    """SIGUSR1 does to the task what Airflow's signals do: raises in its main thread."""

    def kill(*_: Any) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGUSR1, kill)
    yield
    signal.signal(signal.SIGUSR1, before)


@pytest.mark.usefixtures("signalled")
@pytest.mark.parametrize(
    "endpoint", ["list_documents", "upload_document", "upload_file", "add_document", "batch_get_documents"]
)
def test_a_task_that_is_killed_stops_at_once_and_its_retry_completes_the_work(
    xai: Xai, tmp_path: Path, emulator: RecordingEmulator, monkeypatch: pytest.MonkeyPatch, endpoint: str
) -> None:
    many = write(tmp_path / "many", {f"{number}.md": f"no {number}" for number in range(20)})
    whales, handle = xai.collection(), emulator.handle
    method = "files" if endpoint in ("upload_file", "add_document") else "auto"

    def handle_and_kill(request: HttpRequest) -> HttpReply:
        reply = handle(request)
        if emulator.log[-1].endpoint == endpoint:
            monkeypatch.setattr(emulator, "handle", handle)
            signal.raise_signal(signal.SIGUSR1)
        return reply

    monkeypatch.setattr(emulator, "handle", handle_and_kill)
    with pytest.raises(KeyboardInterrupt):
        run(task(collection_id=whales, paths=many, concurrency=2, upload_method=method))
    killed_at = sum(emulator.counts.values())
    assert killed_at < 20 or endpoint == "batch_get_documents"
    assert run(task(collection_id=whales, paths=many, upload_method=method), try_number=2)["wait"]["processed"] == 20
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


def test_an_upload_whose_answer_was_lost_is_repeated_and_counted_as_a_possible_orphan(xai: Xai, folder: Path) -> None:
    whales = xai.collection()
    xai.emulator.set_faults(FaultRule(endpoint="upload_file", nth=(1,), cut="after"))
    manifest = run(task(collection_id=whales, paths=folder, concurrency=1, upload_method="files"))
    assert manifest["possible_orphans"] == 1
    assert xai.unattached(whales) == ["a.md"]


def test_uploads_whose_answers_are_always_lost_end_with_an_error_that_names_the_orphans(
    xai: Xai, folder: Path, clock: FlyingTime
) -> None:
    whales = xai.collection()
    xai.emulator.set_faults(FaultRule(endpoint="upload_file", cut="after"))
    with pytest.raises(Exception, match=r"upload_file.*an orphan, billed until it is deleted"):
        run(task(collection_id=whales, paths=folder / "a.md", upload_method="files"))
    assert xai.emulator.count("upload_file") == 5
    assert sum(clock.pauses) == 1 + 2 + 4 + 8


def test_an_attach_that_never_gets_through_names_the_file_and_is_made_good_by_the_retry(xai: Xai, folder: Path) -> None:
    whales = xai.collection()
    xai.emulator.set_faults(FaultRule(endpoint="add_document", cut="before"))
    with pytest.raises(XAIError, match=rf"a\.md: add_document\({whales}/file_.*may have been done all the same"):
        run(task(collection_id=whales, paths=folder / "a.md", upload_method="files"))
    xai.emulator.set_faults()
    assert run(task(collection_id=whales, paths=folder / "a.md", upload_method="files"), try_number=2)["added"] == 1
    assert xai.names(whales) == ["a.md"]


def test_a_refused_attach_takes_the_upload_back_or_says_which_file_is_left(xai: Xai, folder: Path) -> None:
    whales = xai.collection()
    refused = FaultRule(endpoint="add_document", status=400)
    xai.emulator.set_faults(refused)
    with pytest.raises(XAIFailException, match=r"a\.md: add_document.*400"):
        run(task(collection_id=whales, paths=folder / "a.md", upload_method="files"))
    assert xai.unattached(whales) == []
    xai.emulator.set_faults(refused, FaultRule(endpoint="delete_file", status=503))
    with pytest.raises(XAIFailException, match=r"400.*The uploaded file file_.* could not be deleted .*503.*by hand"):
        run(task(collection_id=whales, paths=folder / "a.md", upload_method="files"))
    assert xai.unattached(whales) == ["a.md"]


@BOTH
def test_a_busy_service_is_waited_for_and_all_is_placed(
    xai: Xai, folder: Path, upload_method: str, clock: FlyingTime
) -> None:
    whales = xai.collection()
    busy = FaultRule(every=2, status=429, retry_after="7")
    xai.emulator.set_faults(busy, FaultRule(every=5, status=503))
    manifest = run(task(collection_id=whales, paths=folder, upload_method=upload_method, concurrency=1))
    xai.emulator.set_faults()
    assert manifest["total"] == 3
    assert xai.names(whales) == NAMES
    assert len(xai.unattached(whales)) <= manifest["possible_orphans"]
    assert 7.0 in clock.pauses


@pytest.mark.parametrize("emulator_settings", [playing(list_lag_reads=1)])
def test_a_list_that_lags_behind_makes_no_second_copy(xai: Xai, folder: Path) -> None:
    whales = xai.collection()
    run(task(collection_id=whales, paths=folder, wait_for_completion=False))
    manifest = run(task(collection_id=whales, paths=folder))
    assert (manifest["added"], manifest["already_there"]) == (0, 3)
    assert xai.names(whales) == NAMES
    assert xai.unattached(whales) == []


@pytest.mark.parametrize("emulator_settings", [playing(direct_upload_answer="empty")])
def test_a_direct_upload_that_does_not_tell_the_id_is_found_by_its_key(xai: Xai, folder: Path) -> None:
    whales = xai.collection()
    manifest = run(task(collection_id=whales, paths=folder, upload_method="direct"))
    assert sorted(manifest["file_ids"]) == sorted(document.file_id for document in xai.documents(whales))
    assert xai.emulator.count("upload_document") == 3


def test_a_direct_upload_that_never_arrives_says_what_to_do(xai: Xai, folder: Path, clock: FlyingTime) -> None:
    whales = xai.collection()
    xai.emulator.set_faults(FaultRule(endpoint="upload_document", cut="before"))
    with pytest.raises(XAIError, match=r"a\.md: upload_document.*sent 5 times.*Retry later"):
        run(task(collection_id=whales, paths=folder / "a.md", upload_method="direct"))


@pytest.fixture
def meeting(emulator: RecordingEmulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two tasks, neither hears what the collection holds before the other has asked."""
    handle, lists, barrier = emulator.handle, itertools.count(1), threading.Barrier(2, timeout=10)

    def side_by_side(request: HttpRequest) -> HttpReply:
        reply = handle(request)
        if request.method == "GET" and request.path.endswith("/documents") and next(lists) <= 2:
            barrier.wait()
        return reply

    monkeypatch.setattr(emulator, "handle", side_by_side)


@BOTH
@pytest.mark.usefixtures("meeting")
@pytest.mark.parametrize("emulator_settings", [playing(unique_violation_status=status) for status in (400, 409, 422)])
def test_two_at_once_place_each_document_once(xai: Xai, folder: Path, upload_method: str) -> None:
    whales = xai.collection()
    rivals = [task(collection_id=whales, paths=folder, upload_method=upload_method) for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        manifests = list(pool.map(run, rivals))
    assert xai.names(whales) == NAMES
    assert xai.unattached(whales) == []
    assert sum(manifest["added"] for manifest in manifests) == 3
    assert sum(manifest["already_there"] for manifest in manifests) == 3
    assert [manifest["wait"]["processed"] for manifest in manifests] == [3, 3]


@BOTH
def test_a_key_that_may_not_attach_leaves_no_file_behind(xai: Xai, tmp_path: Path, upload_method: str) -> None:
    whales, many = xai.collection(), write(tmp_path / "many", {f"{number}.md": f"no {number}" for number in range(20)})
    attaching = "upload_document" if upload_method == "direct" else "add_document"
    xai.emulator.set_faults(FaultRule(endpoint=attaching, status=403))
    with pytest.raises(XAIFailException, match="Give the management key the permission for AddFileToCollection"):
        run(task(collection_id=whales, paths=many, concurrency=6, upload_method=upload_method))
    xai.emulator.set_faults()
    assert xai.unattached(whales) == []
    assert xai.emulator.count(attaching) < 20
