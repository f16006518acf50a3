"""XAIIngestDocumentsOperator on a collection that holds documents already: it lists, then does what is missing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from airflow_provider_xai_collections.exceptions import XAIIndexingError
from airflow_provider_xai_collections.operators.ingest import XAIIngestDocumentsOperator
from tests.conftest import Logged, playing
from tests.operators.stage import Xai, run, write
from tests.operators.syncs import counts, writes
from tests.sample_documents import docx


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


@pytest.mark.parametrize("emulator_settings", [playing(fail_names=("b*",))])
def test_a_document_that_failed_is_uploaded_again_with_its_file(xai: Xai, folder: Path) -> None:
    whales = xai.collection()
    with pytest.raises(XAIIndexingError):
        run(task(collection_id=whales, paths=folder))
    manifest = run(task(collection_id=whales, paths=folder, max_failed=1))
    expected = {"documents": 3, "fixed": 1, "kept": 2, "failed": 1, "outdated_removed": 1}
    assert counts(manifest) == expected
    assert xai.names(whales) == ["a.md", "b.txt", "deep/c.md"]
    assert xai.unattached(whales) == []


def test_what_xai_will_never_index_counts_as_failed_and_is_not_uploaded_again_unless_that_is_wanted(
    xai: Xai, tmp_path: Path
) -> None:
    notes = write(tmp_path / "notes", {"latin.md": b"caf\xe9", "a.md": "alpha"})
    ingest: dict[str, Any] = {"collection_id": xai.collection(), "paths": notes}
    with pytest.raises(XAIIndexingError, match=r"1 of 2 documents .*latin\.md: .*not supported"):
        run(task(**ingest))
    xai.forget()
    with pytest.raises(XAIIndexingError, match=r"1 of 2 documents .*latin\.md: .*not supported"):
        run(task(**ingest))
    assert writes(xai) == {}
    assert counts(run(task(**ingest, max_failed=None))) == {"documents": 2, "kept": 1, "failed": 1}
    retried = run(task(**ingest, max_failed=None, retry_failed=True))
    assert counts(retried) == {"documents": 2, "kept": 1, "fixed": 1, "failed": 1, "outdated_removed": 1}


def test_an_office_file_that_lost_its_type_is_reported_with_the_way_out_which_works(xai: Xai, tmp_path: Path) -> None:
    letters = write(tmp_path / "letters", {"letter.docx": docx("Dear Mr Melville"), "a.md": "alpha"})
    whales = xai.collection()
    for _ in range(2):
        with pytest.raises(XAIIndexingError, match=r"letter\.docx.*octet-stream.*upload_method='auto'"):
            run(task(collection_id=whales, paths=letters, upload_method="files"))
    assert xai.emulator.count("upload_file") == 2
    manifest = run(task(collection_id=whales, paths=letters, upload_method="auto"))
    assert counts(manifest) == {"documents": 2, "kept": 1, "fixed": 1, "outdated_removed": 1}
    assert (xai.names(whales), xai.unattached(whales)) == (["a.md", "letter.docx"], [])


@pytest.mark.parametrize("emulator_settings", [playing(indexing="reads:3")])
def test_a_document_in_progress_is_awaited(xai: Xai, folder: Path) -> None:
    whales = xai.collection()
    first = run(task(collection_id=whales, paths=folder, wait_for_completion=False))
    assert counts(first) == {"documents": 3, "added": 3, "in_progress": 3}
    xai.forget()
    assert counts(run(task(collection_id=whales, paths=folder))) == {"documents": 3, "kept": 3}
    assert writes(xai) == {}


def test_documents_of_others_are_left_alone(xai: Xai, folder: Path) -> None:
    whales = xai.collection()
    theirs = {xai.document(whales, "a.md", "alpha"), marked := xai.file("b.txt", "beta")}
    xai.hook.add_document(collection_id=whales, file_id=marked, fields={"airflow_scope": "default"})
    manifest = run(task(collection_id=whales, paths=folder))
    assert (manifest["added"], manifest["older_versions"]) == (3, 0)
    assert theirs < {document.file_id for document in xai.documents(whales)}


def test_documents_that_are_there_keep_their_fields_and_are_counted(xai: Xai, folder: Path) -> None:
    whales = xai.collection()
    for dept, others in (("a", 0), ("b", 3), ("a", 0)):
        manifest = run(task(collection_id=whales, paths=folder, fields={"dept": dept}))
        assert manifest["other_fields"] == others
    assert {document.fields["dept"] for document in xai.documents(whales)} == {"a"}


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
