"""Tasks that are cancelled: they end quickly, say what goes on at xAI, and their retry does nothing twice."""

from __future__ import annotations

import io
import re
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from airflow.providers.common.compat.sdk import AirflowTaskTimeout

from airflow_provider_xai_collections.exceptions import XAIInterruptedError
from airflow_provider_xai_collections.hooks.collections import XAICollectionsHook
from airflow_provider_xai_collections.operators.documents import XAIAddDocumentsOperator, XAIReindexDocumentsOperator
from airflow_provider_xai_collections.operators.ingest import XAIIngestDocumentsOperator
from airflow_provider_xai_collections.operators.sync import XAISyncCollectionOperator
from tests.conftest import API_KEY, MANAGEMENT_KEY, Logged, playing
from tests.operators.stage import Xai, run, write
from tests.operators.syncs import report_of
from tests.operators.test_definition import make, tasks

Dying: TypeAlias = Callable[[str, Callable[[], Any]], Any]
STUCK = pytest.mark.parametrize("emulator_settings", [playing(stuck=("*",))])


@tasks
def test_one_that_has_not_begun_asks_for_no_connection_and_says_what_a_rerun_does(
    kind: type[Any], monkeypatch: pytest.MonkeyPatch, logged: Logged
) -> None:
    def refuse(*arguments: Any) -> None:
        raise AssertionError("a connection is looked up in a signal handler")

    monkeypatch.setattr("airflow.providers.common.compat.sdk.BaseHook.get_connection", refuse)
    make(kind).on_kill()
    assert "ancelled" in (text := logged())
    assert "Run again, the task" in text


def ingest(source: Path, collection_id: str, **arguments: Any) -> Any:
    return XAIIngestDocumentsOperator(task_id="t", collection_id=collection_id, paths=source, **arguments)


def sync(source: Path, collection_id: str, **arguments: Any) -> Any:
    return XAISyncCollectionOperator(task_id="t", collection_id=collection_id, source=source, **arguments)


@pytest.mark.parametrize(("make_task", "upload_method"), [(ingest, "auto"), (sync, "auto"), (sync, "files")])
def test_in_the_middle_of_uploads_it_stops_and_its_retry_completes_the_work(
    xai: Xai, tmp_path: Path, dying: Dying, logged: Logged, make_task: Callable[..., Any], upload_method: str
) -> None:
    many = write(tmp_path / "many", {f"{number}.md": f"no {number}" for number in range(40)})
    whales, report = xai.collection(), tmp_path / "report.jsonl"
    task = make_task(many, whales, concurrency=4, upload_method=upload_method, report=report)
    endpoint = "add_document" if upload_method == "files" else "upload_document"
    with pytest.raises(XAIInterruptedError), dying(endpoint, task.on_kill):
        run(task)
    assert sum(xai.emulator.counts.values()) < 25
    text = logged()
    assert re.search(rf"{whales}: cancelled.* of 40 documents .*uploaded\. Nothing more is sent", text)
    assert "Run again, the task finds what is there and does the rest: no document is there twice" in text
    assert MANAGEMENT_KEY not in text
    assert API_KEY not in text
    outcomes = [line["outcome"] for line in report_of(report)]
    assert (len(outcomes), outcomes.count(None) > 15) == (40, True), "the report tells what is not done"
    again = run(make_task(many, whales, upload_method=upload_method), try_number=2)
    assert again["added"] + again["kept"] == 40
    assert again["kept"] >= 1
    assert sorted(xai.names(whales)) == sorted(path.name for path in many.iterdir())
    assert len(xai.unattached(whales)) <= 4


def add(source: Path, collection_id: str) -> Any:
    ids = [XAICollectionsHook().upload_file(path=path).id for path in (source / "a.md", source / "b.txt")]
    return XAIAddDocumentsOperator(task_id="t", collection_id=collection_id, file_ids=ids)


@STUCK
@pytest.mark.parametrize(("make_task", "waiting"), [(add, 2), (ingest, 3), (sync, 3)])
def test_in_the_wait_it_says_what_stops_the_indexing(
    xai: Xai, folder: Path, dying: Dying, logged: Logged, make_task: Callable[..., Any], waiting: int
) -> None:
    whales = xai.collection()
    task = make_task(folder, whales)
    with pytest.raises(XAIInterruptedError), dying("batch_get_documents", task.on_kill):
        run(task)
    text = logged()
    assert f"{whales}: cancelled while waiting for {waiting} documents. Indexing goes on at xAI" in text
    assert "XAIRemoveDocumentsOperator" in text
    assert "Run again, the task finds" in text


@STUCK
def test_a_reindexing_says_that_it_begins_again(xai: Xai, dying: Dying, logged: Logged) -> None:
    whales = xai.collection()
    task = XAIReindexDocumentsOperator(task_id="reindex", collection_id=whales, file_ids=[xai.document(whales)])
    with pytest.raises(XAIInterruptedError), dying("batch_get_documents", task.on_kill):
        run(task)
    assert "Run again, the task indexes documents again" in logged()


def sync_again(source: Path, collection_id: str, **arguments: Any) -> Any:
    """A sync whose plan reads all documents, for they have changed."""
    large = {path.name: path.read_text() for path in source.iterdir()}
    run(sync(write(source, dict.fromkeys(large, "small")), collection_id))
    return sync(write(source, large), collection_id, **arguments)


@pytest.mark.parametrize(
    ("make_task", "killed"),
    [(make, killed) for make in (ingest, sync, sync_again) for killed in (True, False)],
)
def test_while_it_reads_it_ends_at_the_next_block(
    xai: Xai, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_task: Callable[..., Any], killed: bool
) -> None:
    """It ends by a kill, or by an ``execution_timeout`` of which ``on_kill`` hears later.

    Threads that read on to the end of large files would keep the process.
    """
    many = write(tmp_path / "many", {f"{number}.md": f"text {number}" * 1_600_000 for number in range(6)})
    task = make_task(many, xai.collection(), concurrency=2)
    reads, opened = [0], Path.open

    class Slow(io.FileIO):
        def read(self, size: int | None = -1) -> bytes:
            reads[0] += 1
            if reads[0] == 3:
                signal.setitimer(signal.ITIMER_REAL, 0.01)
            threading.Event().wait(0.2)
            return super().read(-1 if size is None else size)

    def slowly(path: Path, *arguments: Any, **options: Any) -> Any:
        return Slow(path) if path.parent == many else opened(path, *arguments, **options)

    def terminate(*_: object) -> None:
        if killed:
            task.on_kill()
        raise AirflowTaskTimeout

    monkeypatch.setattr(Path, "open", slowly)
    before = signal.signal(signal.SIGALRM, terminate)
    began = time.monotonic()
    try:
        with pytest.raises((AirflowTaskTimeout, XAIInterruptedError)):
            run(task)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert time.monotonic() - began < 1.5, "a file alone takes two seconds"
    assert reads[0] < 10
