"""Lineage that OpenLineage's provider takes from our operators: inputs, the collection, counts."""

from __future__ import annotations

import ast
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.openlineage.extractors.base import DefaultExtractor, OperatorLineage
from airflow.providers.openlineage.utils.utils import translate_airflow_asset
from openlineage.client.serde import Serde

import airflow_provider_xai_collections
from airflow_provider_xai_collections.assets.collections import create_asset
from airflow_provider_xai_collections.decorators.ingest import Content, XAIIngestDecoratedOperator
from airflow_provider_xai_collections.exceptions import XAIIndexingError
from airflow_provider_xai_collections.operators.collections import (
    XAICreateCollectionOperator,
    XAIDeleteCollectionOperator,
    XAIUpdateCollectionOperator,
)
from airflow_provider_xai_collections.operators.documents import XAIRemoveDocumentsOperator
from airflow_provider_xai_collections.operators.ingest import XAIIngestDocumentsOperator
from airflow_provider_xai_collections.operators.search import XAISearchDocumentsOperator
from airflow_provider_xai_collections.operators.sync import XAISyncCollectionOperator
from tests.conftest import playing
from tests.operators.stage import Xai, deferring, finish, run


def lineage(task: Any, moment: str = "complete") -> Any:
    """Return what the provider takes from the operator at that moment, as it sends it."""
    extractor = DefaultExtractor(task)
    taken = extractor.extract() if moment == "start" else getattr(extractor, f"extract_on_{moment}")(None)
    assert isinstance(taken, OperatorLineage)
    return Serde.to_dict(taken)


def names(datasets: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(dataset["namespace"], dataset["name"]) for dataset in datasets]


def counts(told: Any) -> dict[str, int]:
    """Those that are not zero."""
    facet = told["run_facets"]["xai_collections"]
    return {name: count for name, count in facet["counts"].items() if count}


def state_change(told: Any) -> str | None:
    (output,) = told["outputs"]
    change = output.get("facets", {}).get("lifecycleStateChange")
    return change and str(change["lifecycleStateChange"])


def ingestion(whales: str, paths: Any, **arguments: Any) -> XAIIngestDocumentsOperator:
    return XAIIngestDocumentsOperator(task_id="ingest", collection_id=whales, paths=paths, **arguments)


def test_an_ingestion_leads_from_its_sources_to_the_collection_and_counts(xai: Xai, folder: Path) -> None:
    whales = xai.collection()
    task = ingestion(whales, [folder / "a.md", folder / "b.txt", folder / "deep"])
    assert names(lineage(task, "start")["outputs"]) == [("xai://collections", whales)]
    assert lineage(task, "start")["inputs"] == []
    run(task)
    told = lineage(task)
    assert names(told["inputs"]) == [("file", f"{folder}/{name}") for name in ("a.md", "b.txt", "deep")]
    assert names(told["outputs"]) == [("xai://collections", whales)]
    statistics = told["outputs"][0]["outputFacets"]["outputStatistics"]
    assert (statistics["fileCount"], statistics["size"]) == (3, 14)
    assert told["run_facets"]["xai_collections"]["collection_id"] == whales
    assert counts(told) == {"added": 3, "bytes": 14}


def syncing(folder: Path, **arguments: Any) -> XAISyncCollectionOperator:
    return XAISyncCollectionOperator(task_id="sync", source=folder, collection_name="whales", **arguments)


def test_a_sync_leads_from_its_source_to_the_collection_and_counts(xai: Xai, folder: Path) -> None:
    task = syncing(folder)
    assert lineage(task, "start")["outputs"] == [], "the collection has no id yet"
    run(task)
    told = lineage(task)
    (whales,) = [each.collection_id for each in xai.hook.list_collections()]
    assert names(told["inputs"]) == [("file", str(folder))]
    assert names(told["outputs"]) == [("xai://collections", whales)]
    assert counts(told) == {"added": 3, "bytes": 14}
    assert state_change(told) == "CREATE"
    again = syncing(folder)
    run(again)
    assert (counts(lineage(again)), state_change(lineage(again))) == ({}, None)


def test_a_dry_run_of_a_sync_has_written_nothing(xai: Xai, folder: Path) -> None:
    whales = xai.collection()
    task = XAISyncCollectionOperator(task_id="sync", source=folder, collection_id=whales, dry_run=True)
    run(task)
    told = lineage(task)
    assert counts(told) == {}
    assert "outputStatistics" not in told["outputs"][0].get("outputFacets", {})


@pytest.mark.parametrize("emulator_settings", [playing(fail_names=("a*",))])
async def test_a_sync_that_fails_tells_what_it_did(xai: Xai, folder: Path) -> None:
    task, resumed = syncing(folder, deferrable=True), syncing(folder, deferrable=True)
    with deferring() as deferred:
        run(task)
    with pytest.raises(XAIIndexingError):
        await finish(deferred[0], resumed)
    assert counts(lineage(resumed, "failure")) == {"added": 3, "failed": 1, "bytes": 14}


async def test_after_a_deferral_it_is_the_same(xai: Xai, folder: Path) -> None:
    whales = xai.collection()
    with deferring() as deferred:
        run(ingestion(whales, folder, deferrable=True))
    resumed = ingestion(whales, folder, deferrable=True)
    await finish(deferred[0], resumed)
    told = lineage(resumed)
    assert names(told["inputs"]) == [("file", str(folder))]
    assert counts(told) == {"added": 3, "bytes": 14}


@pytest.mark.parametrize("emulator_settings", [playing(fail_names=("*",))])
def test_a_task_that_failed_tells_how_far_it_got(xai: Xai, folder: Path) -> None:
    task = ingestion(xai.collection(), folder)
    with pytest.raises(XAIIndexingError):
        run(task)
    told = lineage(task, "failure")
    assert names(told["inputs"]) == [("file", str(folder))]
    assert counts(told) == {"added": 3, "bytes": 14, "failed": 3}


def test_what_a_task_writes_itself_has_no_source_but_what_it_names(xai: Xai) -> None:
    contents = [
        Content("a.md", "alpha"),
        Content("b.md", "beta", uri="https://example.org/b"),
        Content("c.md", "c", "c"),
    ]
    task = XAIIngestDecoratedOperator(
        task_id="ingest", python_callable=lambda: contents, collection_id=xai.collection()
    )
    run(task)
    assert names(lineage(task)["inputs"]) == [("https://example.org", "b")]


def test_the_life_of_a_collection(xai: Xai) -> None:
    create = XAICreateCollectionOperator(task_id="create", collection_name="whales")
    assert lineage(create, "start")["outputs"] == []
    whales = run(create)
    assert names(lineage(create)["outputs"]) == [("xai://collections", whales)]
    assert not lineage(create)["outputs"][0].get("outputFacets"), "it writes no document"
    assert state_change(lineage(create)) == "CREATE"
    run(create)
    assert state_change(lineage(create)) is None, "found, not made"

    for dry_run, change in ((True, None), (False, "ALTER"), (False, None)):
        update = XAIUpdateCollectionOperator(
            task_id="update", collection_id=whales, collection_description="new", dry_run=dry_run
        )
        run(update)
        assert state_change(lineage(update)) == change

    remove = XAIRemoveDocumentsOperator(task_id="remove", collection_id=whales, file_ids=[xai.document(whales)])
    run(remove)
    assert counts(lineage(remove)) == {"removed": 1}

    for expected in ("DROP", None):
        delete = XAIDeleteCollectionOperator(task_id="delete", collection_id=whales)
        run(delete)
        assert state_change(lineage(delete)) == expected


@pytest.mark.parametrize("moment", ["start", "complete"])
def test_a_search_reads_its_collections(moment: str) -> None:
    search = XAISearchDocumentsOperator(task_id="search", query="whale", collection_ids="['c_1', 'c_2']")
    assert names(lineage(search, moment)["inputs"]) == [("xai://collections", "c_1"), ("xai://collections", "c_2")]
    assert lineage(search, moment)["outputs"] == []


def test_openlineage_knows_the_asset_as_the_same_dataset() -> None:
    asset: Any = create_asset(collection_id="collection_1")
    dataset = translate_airflow_asset(asset, None)
    assert dataset is not None
    assert (dataset.namespace, dataset.name) == ("xai://collections", "collection_1")


def test_its_provider_is_no_dependency() -> None:
    """Only one module imports it when it is imported itself; the others import that one inside functions."""
    root = Path(airflow_provider_xai_collections.__file__).parent
    guilty = {
        path.relative_to(root).as_posix()
        for path in root.rglob("*.py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.Import | ast.ImportFrom) and "openlineage" in ast.unparse(node)
    }
    assert guilty == {"lineage/openlineage.py"}
    assert find_spec("airflow.providers.openlineage") is not None
