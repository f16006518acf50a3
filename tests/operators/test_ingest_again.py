"""XAIIngestDocumentsOperator on a collection that holds documents already: it lists, then does what is missing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from airflow_provider_xai_collections.operators.ingest import XAIIngestDocumentsOperator
from tests.conftest import Logged
from tests.operators.stage import Xai, run, write
from tests.operators.syncs import counts


def task(**arguments: Any) -> XAIIngestDocumentsOperator:
    return XAIIngestDocumentsOperator(**{"task_id": "ingest", **arguments})


@pytest.mark.parametrize("upload_method", ["files", "direct"])
def test_run_again_it_only_lists(xai: Xai, folder: Path, upload_method: str) -> None:
    whales, ingest = xai.collection(), {"paths": folder, "upload_method": upload_method}
    run(task(collection_id=whales, **ingest))
    xai.forget()
    assert counts(run(task(collection_id=whales, **ingest))) == {"documents": 3, "kept": 3}
    assert xai.emulator.counts == {"get_collection": 1, "list_documents": 1}


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
    assert "other content of these sources" in logged()


@pytest.fixture
def crowded(xai: Xai) -> str:
    """A collection with 101 documents of others: more than a page."""
    whales = xai.collection()
    for number in range(101):
        xai.document(whales, f"other {number}.md")
    return whales


@pytest.mark.parametrize("run_again", [False, True])
def test_few_sources_are_looked_up_one_by_one_in_a_large_collection(
    xai: Xai, crowded: str, folder: Path, run_again: bool
) -> None:
    run(task(collection_id=crowded, paths=folder / "b.txt"))  # it knows scopes from now on
    for _ in range(1 + run_again):
        xai.forget()
        manifest = run(task(collection_id=crowded, paths=folder / "a.md"))
    filters = [query["filter"] for query in xai.queries("list_documents")]
    assert len(filters) == 1
    assert filters[0].startswith('fields.airflow_source_uri:"')
    assert manifest["kept"] == run_again


def test_many_sources_are_looked_up_by_listing_their_scope(xai: Xai, crowded: str, folder: Path) -> None:
    run(task(collection_id=crowded, paths=folder, scope='the "best" books'))
    xai.forget()
    manifest = run(task(collection_id=crowded, paths=folder, scope='the "best" books'))
    assert [query["filter"] for query in xai.queries("list_documents")] == [
        r'fields.airflow_scope:"the \"best\" books"'
    ]
    assert manifest["kept"] == 3
