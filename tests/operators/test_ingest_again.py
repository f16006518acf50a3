"""XAIIngestDocumentsOperator on a collection that holds something already: it looks, then does what is missing."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_xai_collections.exceptions import XAIIndexingError
from airflow_provider_xai_collections.operators.ingest import XAIIngestDocumentsOperator
from tests.conftest import playing
from tests.operators.stage import Xai, run, write
from tests.sample_documents import docx

BOTH = pytest.mark.parametrize("upload_method", ["files", "direct"])
WRITES = ("upload_file", "upload_document", "add_document", "remove_document", "delete_file", "update_collection")


def task(**arguments: Any) -> XAIIngestDocumentsOperator:
    return XAIIngestDocumentsOperator(**{"task_id": "ingest", **arguments})


def writes(xai: Xai) -> dict[str, int]:
    return {endpoint: count for endpoint, count in xai.emulator.counts.items() if endpoint in WRITES}


@BOTH
def test_run_again_it_only_looks(xai: Xai, folder: Path, upload_method: str) -> None:
    whales, ingest = xai.collection(), {"paths": folder, "upload_method": upload_method}
    first = run(task(collection_id=whales, **ingest))
    xai.forget()
    again = run(task(collection_id=whales, **ingest))
    assert writes(xai) == {}
    assert (again["added"], again["already_there"]) == (0, 3)
    assert again["file_ids"] == first["file_ids"]
    assert again["wait"]["processed"] == 3


def test_a_changed_file_is_added_beside_its_older_version_which_is_counted(xai: Xai, folder: Path) -> None:
    whales = xai.collection()
    run(task(collection_id=whales, paths=folder))
    write(folder, {"a.md": "alpha, second edition"})
    manifest = run(task(collection_id=whales, paths=folder))
    counts = {name: manifest[name] for name in ("total", "added", "already_there", "older_versions")}
    assert counts == {"total": 3, "added": 1, "already_there": 2, "older_versions": 1}
    assert xai.names(whales) == ["a.md", "a.md", "b.txt", "deep/c.md"]


def test_a_source_that_is_as_it_was_before_is_recognised(xai: Xai, folder: Path) -> None:
    whales = xai.collection()
    for content in ("first", "second", "first"):
        write(folder, {"a.md": content})
        manifest = run(task(collection_id=whales, paths=folder / "a.md"))
    assert (manifest["added"], manifest["older_versions"]) == (0, 1)


def test_a_folder_elsewhere_is_another_source(xai: Xai, folder: Path, tmp_path: Path) -> None:
    whales = xai.collection()
    run(task(collection_id=whales, paths=folder))
    shutil.copytree(folder, tmp_path / "copy")
    assert run(task(collection_id=whales, paths=tmp_path / "copy"))["added"] == 3


def test_a_document_that_failed_is_replaced_by_the_next_run(xai: Xai, tmp_path: Path) -> None:
    letters = write(tmp_path / "letters", {"letter.docx": docx("Dear Mr Melville"), "a.md": "alpha"})
    whales = xai.collection()
    with pytest.raises(XAIIndexingError):
        run(task(collection_id=whales, paths=letters, upload_method="files"))
    manifest = run(task(collection_id=whales, paths=letters))
    assert (manifest["added"], manifest["already_there"], manifest["wait"]["processed"]) == (1, 1, 2)
    assert xai.names(whales) == ["a.md", "letter.docx"]
    # The file of the failed document stays, because another collection may hold it; it is counted.
    assert xai.unattached(whales) == ["letter.docx"]
    assert manifest["possible_orphans"] == 1


@pytest.mark.parametrize("emulator_settings", [playing(indexing="reads:3")])
def test_a_document_in_progress_is_awaited(xai: Xai, folder: Path) -> None:
    whales = xai.collection()
    run(task(collection_id=whales, paths=folder, wait_for_completion=False))
    xai.forget()
    manifest = run(task(collection_id=whales, paths=folder))
    assert writes(xai) == {}
    assert (manifest["already_there"], manifest["wait"]["processed"]) == (3, 3)


def test_a_document_that_somebody_removed_is_added_again(xai: Xai, folder: Path) -> None:
    whales = xai.collection()
    first = run(task(collection_id=whales, paths=folder))
    xai.hook.remove_document(collection_id=whales, file_id=first["file_ids"][0])
    assert run(task(collection_id=whales, paths=folder))["added"] == 1


def test_documents_of_others_are_left_alone(xai: Xai, folder: Path) -> None:
    whales = xai.collection()
    theirs = {xai.document(whales, "a.md", "alpha"), marked := xai.file("b.txt", "beta")}
    xai.hook.add_document(collection_id=whales, file_id=marked, fields={"airflow_scope": "default"})
    manifest = run(task(collection_id=whales, paths=folder))
    assert (manifest["added"], manifest["older_versions"]) == (3, 0)
    assert theirs < {document.file_id for document in xai.documents(whales)}


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
    for _ in range(1 + run_again):
        xai.forget()
        manifest = run(task(collection_id=crowded, paths=folder / "a.md"))
    filters = [query["filter"] for query in xai.queries("list_documents")]
    assert len(filters) == 1
    assert filters[0].startswith('fields.airflow_source_uri:"')
    assert manifest["already_there"] == run_again


def test_many_sources_are_looked_up_by_listing_their_scope(xai: Xai, crowded: str, folder: Path) -> None:
    run(task(collection_id=crowded, paths=folder, scope='the "best" books'))
    xai.forget()
    manifest = run(task(collection_id=crowded, paths=folder, scope='the "best" books'))
    assert [query["filter"] for query in xai.queries("list_documents")] == [
        r'fields.airflow_scope:"the \"best\" books"'
    ]
    assert manifest["already_there"] == 3


@pytest.mark.parametrize("emulator_settings", [playing(pagination_end=end) for end in ("always", "repeat")])
def test_a_scope_of_several_pages_is_read_to_its_end(xai: Xai, tmp_path: Path) -> None:
    whales, many = xai.collection(), write(tmp_path / "many", {f"{number}.md": f"no {number}" for number in range(101)})
    run(task(collection_id=whales, paths=many))
    xai.forget()
    assert run(task(collection_id=whales, paths=many))["already_there"] == 101
    # A page of one document is no end while it carries a token that is new.
    assert xai.emulator.count("list_documents") == (3 if xai.emulator.settings.pagination_end == "always" else 2)
