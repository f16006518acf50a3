"""Tasks that are killed: they end quickly, say what goes on at xAI, and their retry does nothing twice."""

from __future__ import annotations

import io
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from airflow.providers.common.compat.sdk import AirflowTaskTimeout

from airflow_provider_xai_collections.exceptions import XAIInterruptedError
from airflow_provider_xai_collections.operators.documents import XAIAddDocumentsOperator, XAIReindexDocumentsOperator
from airflow_provider_xai_collections.operators.ingest import XAIIngestDocumentsOperator
from airflow_provider_xai_collections.operators.sync import XAISyncCollectionOperator
from tests.conftest import API_KEY, MANAGEMENT_KEY, playing
from tests.operators.stage import StateStore, Xai, run, write
from tests.operators.test_definition import make, tasks

Dying: TypeAlias = Callable[[str, Callable[[], Any]], Any]
STUCK = pytest.param(playing(stuck=("*",)), id="stuck")


@pytest.fixture
def said(capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> Callable[[], str]:
    """What is in the log so far, whichever way this Airflow logs."""
    return lambda: "".join(capfd.readouterr()) + caplog.text


@tasks
def test_one_that_has_not_begun_looks_nothing_up_and_says_what_comes(
    kind: type[Any], monkeypatch: pytest.MonkeyPatch, said: Callable[[], str]
) -> None:
    def refuse(*arguments: Any) -> None:
        raise AssertionError("a connection is looked up in a signal handler")

    monkeypatch.setattr("airflow.providers.common.compat.sdk.BaseHook.get_connection", refuse)
    make(kind).on_kill()
    assert "old to end" in (text := said())
    assert "Run again, the task" in text


@pytest.mark.parametrize("method", ["files", "direct"])
def test_in_the_middle_of_uploads_it_stops_and_its_retry_completes_the_work(
    xai: Xai, tmp_path: Path, dying: Dying, said: Callable[[], str], method: str
) -> None:
    many = write(tmp_path / "many", {f"{number}.md": f"no {number}" for number in range(40)})
    whales = xai.collection()
    task = XAIIngestDocumentsOperator(
        task_id="ingest", collection_id=whales, paths=many, concurrency=4, upload_method=method
    )
    with (
        pytest.raises(XAIInterruptedError),
        dying("add_document" if method == "files" else "upload_document", task.on_kill),
    ):
        run(task)
    assert sum(xai.emulator.counts.values()) < 25
    text = said()
    assert f"{whales}: told to end after " in text
    assert " of 40 documents were in place. Nothing more is sent" in text
    assert "Run again, the task finds what is there and does the rest: no document is there twice" in text
    assert MANAGEMENT_KEY not in text
    assert API_KEY not in text

    again = XAIIngestDocumentsOperator(task_id="ingest", collection_id=whales, paths=many, upload_method=method)
    assert run(again, try_number=2)["wait"]["processed"] == 40
    assert sorted(xai.names(whales)) == sorted(path.name for path in many.iterdir())
    assert len(xai.unattached(whales)) <= 4


@pytest.mark.parametrize("emulator_settings", [STUCK])
@pytest.mark.parametrize(
    ("store", "then"),
    [(None, "Run again, the task finds"), (StateStore(), "A retry goes on waiting and sends nothing again; once cl")],
)
def test_in_the_wait_it_names_the_documents_and_what_stops_the_indexing(
    xai: Xai, dying: Dying, said: Callable[[], str], store: StateStore | None, then: str
) -> None:
    whales = xai.collection()
    task = XAIAddDocumentsOperator(task_id="add", collection_id=whales, file_ids=[xai.file("a.md"), xai.file("b.md")])
    with pytest.raises(XAIInterruptedError), dying("batch_get_documents", task.on_kill):
        run(task, store=store)
    text = said()
    assert f"{whales}: told to end while waiting for 2 documents (2 of them new). Indexing goes on at xAI" in text
    assert "XAIRemoveDocumentsOperator" in text
    assert then in text


@pytest.mark.parametrize("emulator_settings", [STUCK])
def test_a_reindexing_says_that_it_begins_anew(xai: Xai, dying: Dying, said: Callable[[], str]) -> None:
    whales = xai.collection()
    task = XAIReindexDocumentsOperator(task_id="reindex", collection_id=whales, file_ids=[xai.document(whales)])
    with pytest.raises(XAIInterruptedError), dying("batch_get_documents", task.on_kill):
        run(task)
    assert "Run again, the task indexes documents anew" in said()


def ingest(source: Path, collection_id: str, **arguments: Any) -> Any:
    return XAIIngestDocumentsOperator(task_id="t", collection_id=collection_id, paths=source, **arguments)


def sync(source: Path, collection_id: str, **arguments: Any) -> Any:
    return XAISyncCollectionOperator(task_id="t", collection=collection_id, source=source, **arguments)


def first_sync_then_verify(source: Path, collection_id: str, **arguments: Any) -> Any:
    run(sync(source, collection_id))
    return sync(source, collection_id, verify="content", **arguments)


@pytest.mark.parametrize(
    ("make_task", "killed"),
    [(make, killed) for make in (ingest, sync, first_sync_then_verify) for killed in (True, False)],
)
def test_while_it_reads_it_ends_at_the_next_block(
    xai: Xai, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_task: Callable[..., Any], killed: bool
) -> None:
    """The end that the task meets: a kill, or an ``execution_timeout`` of which ``on_kill`` hears later.

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
