"""A try that is cut off while it waits: the next one waits on if Airflow has a memory, and looks if it has none."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from airflow.providers.common.compat.sdk import BaseOperator

from airflow_provider_xai_collections.exceptions import XAIIndexingError, XAITimeoutError
from airflow_provider_xai_collections.operators.documents import XAIAddDocumentsOperator, XAIReindexDocumentsOperator
from airflow_provider_xai_collections.operators.ingest import XAIIngestDocumentsOperator
from airflow_provider_xai_collections.waits.resuming import KEY
from tests.conftest import playing
from tests.operators.stage import StateStore, Xai, deferring, finish, run, write
from tests.operators.test_very_many import files

Dying: TypeAlias = Callable[[str, Callable[[], Any]], Any]
Made: TypeAlias = Callable[..., BaseOperator]
SLOW = pytest.param(playing(indexing="reads:2"), id="slow")
STUCK = pytest.param(playing(stuck=("stuck*",)), id="stuck")
FAILING = pytest.param(playing(fail_names=("bad*",)), id="failing")


def die() -> None:
    raise KeyboardInterrupt


def add(xai: Xai, folder: Path) -> Made:
    whales = xai.collection()
    ids = [xai.file(name) for name in ("a.md", "b.md", "c.md")]
    return lambda **more: XAIAddDocumentsOperator(task_id="task", collection_id=whales, file_ids=ids, **more)


def ingest(xai: Xai, folder: Path) -> Made:
    whales = xai.collection()
    return lambda **more: XAIIngestDocumentsOperator(task_id="task", collection_id=whales, paths=folder, **more)


def reindex(xai: Xai, folder: Path) -> Made:
    whales = xai.collection()
    for name in ("a.md", "b.md", "c.md"):
        xai.document(whales, name)
    return lambda **more: XAIReindexDocumentsOperator(task_id="task", collection_id=whales, which="all", **more)


ALL = pytest.mark.parametrize("kind", [add, ingest, reindex])
COUNTS = ("total", "added", "already_there", "reindexed")


def counts(manifest: dict[str, Any]) -> dict[str, int]:
    return {name: manifest[name] for name in COUNTS}


@pytest.fixture
def store() -> StateStore:
    return StateStore()


@pytest.fixture
def cut_off(dying: Dying) -> Callable[..., None]:
    """Runs a task that dies after the first look of its wait."""

    def cut_off(task: BaseOperator, **of_context: Any) -> None:
        with pytest.raises(KeyboardInterrupt), dying("batch_get_documents", die):
            run(task, **of_context)

    return cut_off


@ALL
@pytest.mark.parametrize("emulator_settings", [SLOW])
def test_the_next_try_goes_on_waiting_and_tells_what_the_first_one_did(
    xai: Xai, folder: Path, store: StateStore, cut_off: Any, kind: Callable[[Xai, Path], Made]
) -> None:
    expected = counts(run(kind(xai, folder)()))
    made = kind(xai, folder)
    cut_off(made(), store=store)
    assert max(map(len, store.kept.values())) < 65_535
    shutil.rmtree(folder)
    xai.forget()
    manifest = run(made(), store=store, try_number=2)
    assert counts(manifest) == expected
    assert (manifest["wait"]["end"], manifest["wait"]["processed"]) == ("settled", 3)
    assert len(manifest["file_ids"]) == 3
    assert xai.emulator.counts.keys() == {"batch_get_documents"}
    assert store.kept == {}


@ALL
@pytest.mark.parametrize("emulator_settings", [SLOW])
async def test_deferred_as_well(xai: Xai, folder: Path, store: StateStore, kind: Callable[[Xai, Path], Made]) -> None:
    expected = counts(run(kind(xai, folder)()))
    made = kind(xai, folder)
    with deferring():
        run(made(deferrable=True), store=store)
    shutil.rmtree(folder)
    xai.forget()
    with deferring() as deferred:
        run(made(deferrable=True), store=store, try_number=2)
    manifest = await finish(deferred[0], made(deferrable=True), store=store, try_number=2)
    assert (counts(manifest), manifest["wait"]["processed"]) == (expected, 3)
    assert xai.emulator.counts.keys() == {"batch_get_documents"}
    assert store.kept == {}


@ALL
@pytest.mark.parametrize("emulator_settings", [SLOW])
@pytest.mark.parametrize("refuses", [None, ("get",), ("set",), ("delete",), ("get", "set", "delete")])
def test_without_a_store_or_with_one_that_fails_the_collection_tells(
    xai: Xai,
    folder: Path,
    cut_off: Any,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    kind: Callable[[Xai, Path], Made],
    refuses: tuple[str, ...] | None,
) -> None:
    store = None if refuses is None else StateStore(refuses=refuses)
    made = kind(xai, folder)
    cut_off(made(), store=store)
    capfd.readouterr()
    manifest = run(made(), store=store, try_number=2)
    assert (manifest["total"], manifest["wait"]["processed"]) == (3, 3)
    assert len(set(xai.names(manifest["collection_id"]))) == len(xai.names(manifest["collection_id"])) == 3
    assert xai.unattached(manifest["collection_id"]) == []
    warned = "in Airflow's task state store" in "".join(capfd.readouterr()) + caplog.text
    assert warned is (refuses is not None)


@pytest.mark.parametrize("emulator_settings", [SLOW])
@pytest.mark.parametrize("cleared", [{"clears": 1}, {"max_tries": 5}])
def test_a_task_that_was_cleared_begins_from_the_beginning(
    xai: Xai, folder: Path, store: StateStore, cut_off: Any, cleared: dict[str, int]
) -> None:
    made = ingest(xai, folder)
    cut_off(made(), store=store)
    write(folder, {"d.md": "delta"})
    manifest = run(made(), store=store, try_number=2, **cleared)
    assert (manifest["total"], manifest["added"]) == (4, 1)
    assert store.kept == {}


@pytest.mark.parametrize("emulator_settings", [SLOW])
@pytest.mark.parametrize("change", [{"scope": "other"}, {"fields": {"kind": "whale"}}, {"pattern": "*.md"}])
def test_other_arguments_are_other_work(
    xai: Xai,
    folder: Path,
    store: StateStore,
    cut_off: Any,
    change: dict[str, Any],
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    made = ingest(xai, folder)
    cut_off(made(), store=store)
    run(made(**change), store=store, try_number=2)
    assert xai.emulator.count("list_documents") == 2
    assert "the task was cleared or its arguments changed" in "".join(capfd.readouterr()) + caplog.text


@pytest.mark.parametrize("emulator_settings", [SLOW])
def test_another_collection_is_other_work(xai: Xai, folder: Path, store: StateStore, cut_off: Any) -> None:
    cut_off(ingest(xai, folder)(), store=store)
    assert run(ingest(xai, folder)(), store=store, try_number=2)["added"] == 3


@pytest.mark.parametrize("emulator_settings", [SLOW])
@pytest.mark.parametrize(
    "spoil", [lambda found: {**found, "version": 2}, lambda found: {**found, "parts": 2}, lambda found: "collection_1"]
)
def test_what_another_version_kept_is_left_alone(
    xai: Xai, folder: Path, store: StateStore, cut_off: Any, spoil: Callable[[Any], Any]
) -> None:
    made = ingest(xai, folder)
    cut_off(made(), store=store)
    store.set(KEY, spoil(store.get(KEY)))
    assert run(made(), store=store, try_number=2)["already_there"] == 3


@pytest.mark.parametrize("emulator_settings", [FAILING])
@pytest.mark.parametrize("deferrable", [False, True])
async def test_documents_that_failed_are_work_for_the_next_try(
    xai: Xai, tmp_path: Path, store: StateStore, deferrable: bool
) -> None:
    made = ingest(xai, write(tmp_path / "mixed", {"a.md": "alpha", "bad.md": "bad"}))
    if deferrable:
        with deferring() as deferred:
            run(made(deferrable=True), store=store)
        with pytest.raises(XAIIndexingError):
            await finish(deferred[0], made(deferrable=True), store=store)
    else:
        with pytest.raises(XAIIndexingError):
            run(made(), store=store)
    assert store.kept == {}
    manifest = run(made(on_failed="ignore"), store=store, try_number=2)
    assert (manifest["added"], manifest["already_there"], manifest["replaced"]) == (1, 1, 1)


@pytest.mark.parametrize("emulator_settings", [STUCK])
def test_documents_that_are_merely_slow_are_waited_for_again_for_as_long(
    xai: Xai, tmp_path: Path, store: StateStore, clock: Any
) -> None:
    made = ingest(xai, write(tmp_path / "slow", {"stuck.md": "slow"}))
    for try_number in (1, 2):
        clock.pauses.clear()
        with pytest.raises(XAITimeoutError, match="time ran out"):
            run(made(timeout=600), store=store, try_number=try_number)
        assert sum(clock.pauses) == pytest.approx(600, abs=5)
    assert xai.emulator.count("upload_document") == xai.emulator.count("get_collection") == 1
    assert KEY in store.kept


@pytest.mark.parametrize(
    "emulator_settings", [pytest.param(playing(stuck=("stuck*",), fail_names=("bad*",)), id="both")]
)
@pytest.mark.parametrize("patience", [{"stall_timeout": 60}, {"timeout": 60, "fails": True}])
def test_documents_that_stand_still_or_failed_before_time_ran_out_are_work_for_the_next_try(
    xai: Xai, tmp_path: Path, store: StateStore, patience: dict[str, Any]
) -> None:
    documents = {"stuck.md": "slow", **({"bad.md": "bad"} if patience.pop("fails", False) else {})}
    made = ingest(xai, write(tmp_path / "slow", documents))
    with pytest.raises(XAITimeoutError):
        run(made(**patience), store=store)
    assert store.kept == {}


@pytest.mark.parametrize("emulator_settings", [SLOW])
def test_very_many_are_kept_in_several_values(xai: Xai, store: StateStore, cut_off: Any) -> None:
    whales, ids = xai.collection(), files(xai, 1_500)
    again: dict[str, Any] = {"task_id": "task", "collection_id": whales, "file_ids": ids}
    cut_off(XAIAddDocumentsOperator(**again), store=store)
    assert store.kept.keys() == {KEY, f"{KEY}_0", f"{KEY}_1"}
    assert max(map(len, store.kept.values())) < 65_535
    xai.forget()
    manifest = run(XAIAddDocumentsOperator(**again), store=store, try_number=2)
    assert (manifest["added"], manifest["wait"]["processed"]) == (1_500, 1_500)
    assert xai.emulator.counts.keys() == {"batch_get_documents"}
    assert store.kept == {}


def test_without_a_wait_nothing_is_kept(xai: Xai, folder: Path) -> None:
    store = StateStore(refuses=("set",))
    assert run(ingest(xai, folder)(wait_for_completion=False), store=store)["added"] == 3


@pytest.mark.parametrize("emulator_settings", [SLOW])
def test_what_is_kept_tells_no_argument(xai: Xai, folder: Path, store: StateStore, cut_off: Any) -> None:
    cut_off(ingest(xai, folder)(fields={"password": "whale-4711"}), store=store)
    assert KEY in store.kept
    assert "whale-4711" not in json.dumps(store.kept)
