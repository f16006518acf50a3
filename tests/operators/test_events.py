"""The asset events of a collection: from every operator that changes one, each time it succeeds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AssetAlias, BaseOperator

from airflow_provider_xai_collections.assets.collections import create_asset
from airflow_provider_xai_collections.decorators.ingest import Content, XAIIngestDecoratedOperator
from airflow_provider_xai_collections.emulator import FaultRule
from airflow_provider_xai_collections.operators.collections import (
    XAICreateCollectionOperator,
    XAIDeleteCollectionOperator,
    XAIUpdateCollectionOperator,
)
from airflow_provider_xai_collections.operators.documents import (
    XAIAddDocumentsOperator,
    XAIRemoveDocumentsOperator,
)
from airflow_provider_xai_collections.operators.ingest import XAIIngestDocumentsOperator
from airflow_provider_xai_collections.operators.sync import XAISyncCollectionOperator
from airflow_provider_xai_collections.operators.sync_group import (
    XAIApplySyncOperator,
    XAIFinishSyncOperator,
    XAIPlanSyncOperator,
)
from tests.conftest import Connect, playing
from tests.operators.stage import AIRFLOW_2, Xai, accessors, deferring, finish, run, write

ALIAS = AssetAlias("any collection")
NOTHING = {"added": 0, "replaced": 0, "removed": 0, "failed": 0, "bytes": 0}


def told(events: Any) -> list[tuple[str, dict[str, Any]]]:
    """URI and extra of each event that went through the alias."""
    if AIRFLOW_2:
        return [(event["dest_dataset_uri"], event["extra"]) for event in events[ALIAS].dataset_alias_events]
    return [(event.dest_asset_key.uri, event.extra) for event in events[ALIAS].asset_alias_events]


def event_of(kind: type[BaseOperator], *, called: Any = "whales", **arguments: Any) -> tuple[str, dict[str, Any]]:
    """The one event of a task: the collection it is about, and what it says apart from the report and the name.

    :param called: the name; ``None``: nobody has asked for it.
    """
    events = accessors()
    result = run(kind(task_id="task", outlets=[ALIAS], **arguments), outlet_events=events)
    ((uri, extra),) = told(events)
    assert len(json.dumps(extra)) < 16 * 1024
    report = extra.pop("report")
    assert 0 <= extra.pop("seconds") < 60
    assert extra.pop("collection_name", None) == called
    if isinstance(result, Mapping):
        assert report == result
    collection_id = uri.rpartition("/")[2]
    assert (uri, report["collection_id"]) == (f"xai://collections/{collection_id}", collection_id)
    return collection_id, extra


def test_of_a_collection_that_is_created_or_found_again(xai: Xai) -> None:
    create = {"collection_name": "whales"}
    whales, extra = event_of(XAICreateCollectionOperator, **create)
    assert extra == {**NOTHING, "documents": 0}
    xai.document(whales)
    assert event_of(XAICreateCollectionOperator, **create) == (whales, {**NOTHING, "documents": 1})
    assert xai.emulator.count("get_collection") == 0, "what is known already is not asked"


def test_of_an_update_also_when_nothing_differed(xai: Xai) -> None:
    whales = xai.collection()
    xai.document(whales)
    for _ in range(2):
        update = {"collection_id": whales, "collection_description": "new"}
        assert event_of(XAIUpdateCollectionOperator, **update) == (whales, {**NOTHING, "documents": 1})


@pytest.mark.parametrize("delete_files", [False, True])
def test_of_a_collection_that_is_deleted_or_was_before(xai: Xai, delete_files: bool) -> None:
    whales = xai.collection()
    xai.document(whales)
    delete = {"collection_id": whales, "delete_files": delete_files}
    # Without its files, the documents go with the collection, and nobody has listed them.
    assert event_of(XAIDeleteCollectionOperator, called=None, **delete) == (
        whales,
        {**NOTHING, "removed": int(delete_files), "documents": 0},
    )
    assert event_of(XAIDeleteCollectionOperator, called=None, **delete) == (whales, {**NOTHING, "documents": 0})


def test_of_files_that_are_attached(xai: Xai) -> None:
    whales = xai.collection()
    add = {"collection_id": whales, "file_ids": [xai.file("a.md"), xai.file("b.md")]}
    assert event_of(XAIAddDocumentsOperator, **add) == (whales, {**NOTHING, "added": 2, "documents": 2})
    assert event_of(XAIAddDocumentsOperator, **add) == (whales, {**NOTHING, "documents": 2})


@pytest.mark.parametrize("wait", [True, False])
def test_of_an_ingestion_and_of_a_second_try_that_finds_everything_there(xai: Xai, folder: Path, wait: bool) -> None:
    """The first try may have died when all was done, before it could tell anybody."""
    whales = xai.collection()
    ingest = {"collection_id": whales, "paths": folder, "wait_for_completion": wait}
    size = len("alpha" + "beta" + "gamma")
    assert event_of(XAIIngestDocumentsOperator, **ingest) == (
        whales,
        {**NOTHING, "added": 3, "bytes": size, "documents": 3},
    )
    assert event_of(XAIIngestDocumentsOperator, **ingest) == (whales, {**NOTHING, "documents": 3})


@pytest.mark.parametrize("upload_method", ["files", "direct"])
@pytest.mark.parametrize("emulator_settings", [playing(fail_names=("bad*",))])
def test_documents_that_failed_and_those_that_replace_them_are_counted(
    xai: Xai, tmp_path: Path, upload_method: str
) -> None:
    whales = xai.collection()
    paths = write(tmp_path / "library", {"bad.md": "bad", "good.md": "good"})
    ingest = {"collection_id": whales, "paths": paths, "max_failed": None, "upload_method": upload_method}
    first = {**NOTHING, "added": 2, "failed": 1, "bytes": 7, "documents": 2}
    assert event_of(XAIIngestDocumentsOperator, **ingest) == (whales, first)
    second = {**NOTHING, "replaced": 1, "failed": 1, "bytes": 3, "documents": 2}
    assert event_of(XAIIngestDocumentsOperator, **ingest) == (whales, second)


def test_of_what_a_function_returned(xai: Xai) -> None:
    whales = xai.collection()
    ingest = {"python_callable": lambda: Content("a.md", "alpha"), "collection_id": whales}
    counts = {**NOTHING, "added": 1, "bytes": 5, "documents": 1}
    assert event_of(XAIIngestDecoratedOperator, **ingest) == (whales, counts)


def test_of_documents_that_are_removed_or_were_before(xai: Xai) -> None:
    whales = xai.collection()
    remove = {"collection_id": whales, "file_ids": [xai.document(whales, "a.md")]}
    xai.document(whales, "b.md")
    assert event_of(XAIRemoveDocumentsOperator, **remove) == (whales, {**NOTHING, "removed": 1, "documents": 1})
    assert event_of(XAIRemoveDocumentsOperator, **remove) == (whales, {**NOTHING, "documents": 1})


def test_of_a_sync_also_when_nothing_differed(xai: Xai, folder: Path) -> None:
    wanted = {"source": folder, "collection_name": "whales", "prune": True, "max_prune": 1}
    size = len("alpha" + "beta" + "gamma")
    whales, extra = event_of(XAISyncCollectionOperator, **wanted)
    assert extra == {**NOTHING, "added": 3, "bytes": size, "documents": 3}
    assert event_of(XAISyncCollectionOperator, **wanted) == (whales, {**NOTHING, "documents": 3})
    write(folder, {"a.md": "alpha, second edition"})
    (folder / "b.txt").unlink()
    changed = {**NOTHING, "replaced": 1, "removed": 1, "bytes": len("alpha, second edition"), "documents": 2}
    assert event_of(XAISyncCollectionOperator, **wanted) == (whales, changed)


@pytest.mark.parametrize("kind", [XAISyncCollectionOperator, XAIUpdateCollectionOperator])
def test_a_dry_run_tells_no_alias_and_the_declared_asset_that_nothing_happened(
    xai: Xai, folder: Path, kind: type[Any]
) -> None:
    whales = xai.collection()
    events, ours = accessors(), create_asset(collection_id=whales)
    given = {"source": folder} if kind is XAISyncCollectionOperator else {"collection_description": "new"}
    task = kind(task_id="task", outlets=[ALIAS, ours], collection_id=whales, dry_run=True, **given)
    report = run(task, outlet_events=events)
    assert (told(events), report["dry_run"]) == ([], True)
    extra = {name: value for name, value in events[ours].extra.items() if name != "seconds"}
    assert extra == {**NOTHING, "documents": 0, "collection_name": "whales", "report": report}


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        (XAISyncCollectionOperator, {"source": Path(__file__), "dry_run": True}),
        (XAIDeleteCollectionOperator, {}),
    ],
)
def test_nobody_is_told_of_a_collection_that_does_not_exist(xai: Xai, kind: type[Any], given: dict[str, Any]) -> None:
    events, ours = accessors(), create_asset(collection_id="collection_1")
    run(kind(task_id="task", outlets=[ALIAS, ours], collection_name="whales", **given), outlet_events=events)
    assert (told(events), events[ours].extra) == ([], {})


async def test_a_sync_that_was_deferred_tells_it_at_its_end(xai: Xai, folder: Path) -> None:
    def task() -> XAISyncCollectionOperator:
        wanted: dict[str, Any] = {"source": folder, "collection_name": "whales", "deferrable": True}
        return XAISyncCollectionOperator(task_id="task", outlets=[ALIAS], **wanted)

    events = accessors()
    with deferring() as deferred:
        run(task(), outlet_events=events)
    assert told(events) == []
    began = datetime.now(UTC) - timedelta(minutes=5)
    manifest = await finish(deferred[0], task(), outlet_events=events, start_date=began)
    ((uri, extra),) = told(events)
    assert 300 <= extra["seconds"] < 400
    assert uri == f"xai://collections/{manifest['collection_id']}"
    assert (extra["added"], extra["bytes"], extra["documents"], extra["report"]) == (3, 14, 3, manifest)


def test_of_a_group_the_last_task_tells_of_the_whole(xai: Xai, folder: Path, tmp_path: Path) -> None:
    shared: dict[str, Any] = {"source": folder, "collection_name": "whales"}
    xcoms: dict[str, str] = {}
    run(XAIPlanSyncOperator(task_id="plan", workspace=tmp_path / "plans", **shared), xcoms=xcoms)
    planned = json.loads(xcoms["planned"])
    run(XAIApplySyncOperator(task_id="apply", planned=planned, shard=0, **shared))
    _, extra = event_of(XAIFinishSyncOperator, planned=planned, **shared)
    assert extra == {**NOTHING, "added": 3, "bytes": 14, "documents": 3}


@pytest.mark.parametrize("outlets", [[], [create_asset(collection_id="collection_other")]])
def test_nobody_is_asked_for_the_sake_of_nobody(xai: Xai, outlets: list[Any]) -> None:
    whales = xai.collection()
    add: dict[str, Any] = {"collection_id": whales, "file_ids": [xai.file()]}
    events = accessors()
    run(XAIAddDocumentsOperator(task_id="task", outlets=outlets, **add), outlet_events=events)
    assert xai.emulator.count("get_collection") == 0
    assert [events[outlet].extra for outlet in outlets] == [{} for _ in outlets]


def test_work_that_is_done_does_not_fail_for_lack_of_a_count(xai: Xai, connect: Connect) -> None:
    connect(retry_attempts=1)
    whales = xai.collection()
    xai.emulator.set_faults(FaultRule(endpoint="get_collection", status=503))
    add = {"collection_id": whales, "file_ids": [xai.file()]}
    assert event_of(XAIAddDocumentsOperator, called=None, **add) == (
        whales,
        {**NOTHING, "added": 1, "documents": None},
    )
