"""XAIIngestDocumentsOperator: documents from files, and the effect of each argument."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_xai_collections.operators.ingest import XAIIngestDocumentsOperator
from tests.conftest import Logged, playing
from tests.operators.stage import Xai, deferring, finish, run, write
from tests.operators.syncs import by_name, counts, report_of


def task(**arguments: Any) -> XAIIngestDocumentsOperator:
    return XAIIngestDocumentsOperator(**{"task_id": "ingest", **arguments})


@pytest.mark.parametrize("upload_method", ["files", "direct"])
def test_a_folder_becomes_documents_and_run_again_it_is_only_listed(xai: Xai, folder: Path, upload_method: str) -> None:
    whales = xai.collection()
    manifest = run(task(collection_id=whales, paths=str(folder), upload_method=upload_method))
    assert counts(manifest) == {"documents": 3, "added": 3}
    assert (manifest["bytes"], manifest["sources"]) == (len("alpha" + "beta" + "gamma"), [folder.as_uri()])
    assert xai.names(whales) == ["a.md", "b.txt", "deep/c.md"]
    assert xai.unattached(whales) == []
    (match,) = xai.hook.search_documents(query="gamma", collection_ids=[whales])
    assert match.chunk_content == "gamma"
    xai.forget()
    again = run(task(collection_id=whales, paths=str(folder), upload_method=upload_method))
    assert counts(again) == {"documents": 3, "kept": 3}
    assert xai.emulator.counts == {"get_collection": 1, "list_documents": 1}


@pytest.mark.parametrize("emulator_settings", [playing(indexing="reads:2", fail_names=("b*",))])
async def test_deferred_a_new_task_object_finishes(xai: Xai, folder: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.jsonl"
    ingest: dict[str, Any] = {"paths": folder, "report": report, "max_failed": 1, "timeout": 600}
    with deferring() as deferred:
        run(task(collection_name="whales", deferrable=True, **ingest))
    write(folder, {"new.md": "written during the wait"})
    manifest = await finish(deferred[0], task(collection_name="whales", deferrable=True, **ingest))
    assert counts(manifest) == {"documents": 3, "added": 3, "failed": 1}
    assert (manifest["created"], manifest["report"]) == (True, str(report))
    assert by_name(report_of(report), "action", "outcome") == {
        "a.md": ("add", "processed"),
        "b.txt": ("add", "failed"),
        "deep/c.md": ("add", "processed"),
    }


def test_nothing_is_replaced_or_removed_and_what_a_sync_would_replace_is_counted(
    xai: Xai, folder: Path, logged: Logged
) -> None:
    whales = xai.collection()
    run(task(collection_id=whales, paths=folder))
    write(folder, {"a.md": "alpha, second edition"})
    (folder / "b.txt").unlink()
    manifest = run(task(collection_id=whales, paths=folder))
    assert (counts(manifest), manifest["older_versions"]) == ({"documents": 2, "added": 1, "kept": 1}, 1)
    assert xai.names(whales) == ["a.md", "a.md", "b.txt", "deep/c.md"]
    assert "older versions that stay beside the new ones: 1 document" in logged()


@pytest.fixture
def crowded(xai: Xai) -> str:
    """A collection with 101 documents of others: more than a page."""
    whales = xai.collection()
    xai.attach(whales, xai.files(101))
    return whales


@pytest.mark.parametrize(
    ("below", "filter_", "there"),
    [
        ("b.txt", r'fields\.airflow_source_uri:"file:///.*"', 1),
        ("a.md", r'fields\.airflow_source_uri:"file:///.*"', 0),
        ("", r'fields\.airflow_scope:"the \\"best\\" books"', 1),
    ],
    ids=["a file that is there", "another file", "a folder"],
)
def test_of_a_large_collection_only_what_matters_is_listed(
    xai: Xai, crowded: str, folder: Path, below: str, filter_: str, there: int
) -> None:
    scope = 'the "best" books'
    run(task(collection_id=crowded, paths=folder / "b.txt", scope=scope))  # it knows scopes from now on
    xai.forget()
    assert run(task(collection_id=crowded, paths=folder / below, scope=scope))["kept"] == there
    (asked,) = xai.queries("list_documents")
    assert re.fullmatch(filter_, asked["filter"])


def test_a_source_without_a_document_is_a_warning(xai: Xai, folder: Path, logged: Logged) -> None:
    manifest = run(task(collection_name="whales", paths=folder, pattern="*.pdf"))
    assert (counts(manifest), manifest["created"]) == ({}, True)
    said = logged()
    assert f"there is no document in {folder.as_uri()}" in said
    assert "pattern '*.pdf' matches nothing in" in said
