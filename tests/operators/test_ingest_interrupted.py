"""XAIIngestDocumentsOperator and everything that goes wrong on the way: nothing is lost, nothing is there twice."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_xai_collections.emulator import FaultRule, HttpReply, HttpRequest
from airflow_provider_xai_collections.operators.ingest import XAIIngestDocumentsOperator
from tests.conftest import RecordingEmulator, playing
from tests.operators.stage import FlyingTime, Xai, run, write

BOTH = pytest.mark.parametrize("upload_method", ["files", "direct"])
NAMES = ["a.md", "b.txt", "deep/c.md"]


def task(**arguments: Any) -> XAIIngestDocumentsOperator:
    return XAIIngestDocumentsOperator(**{"task_id": "ingest", **arguments})


@pytest.mark.parametrize("endpoint", ["update_collection", "upload_document", "add_document", "batch_get_documents"])
def test_a_task_that_is_killed_stops_at_once_and_its_retry_completes_the_work(
    xai: Xai, tmp_path: Path, dying: Callable[..., Any], endpoint: str
) -> None:
    many = write(tmp_path / "many", {f"{number}.md": f"no {number}" for number in range(20)})
    whales, method = xai.collection(), "files" if endpoint == "add_document" else "auto"

    def die() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), dying(endpoint, die):
        run(task(collection_id=whales, paths=many, concurrency=2, upload_method=method))
    assert sum(xai.emulator.counts.values()) < 20 or endpoint == "batch_get_documents"
    manifest = run(task(collection_id=whales, paths=many, upload_method=method), try_number=2)
    assert manifest["added"] + manifest["kept"] == 20
    assert sorted(xai.names(whales)) == sorted(path.name for path in many.iterdir())
    assert len(xai.unattached(whales)) <= 2


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
