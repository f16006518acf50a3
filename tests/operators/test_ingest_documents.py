"""XAIIngestDocumentsOperator: documents from files, and the effect of each argument."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from airflow_provider_xai_collections.airflow_errors import XAIFailException
from airflow_provider_xai_collections.exceptions import XAISourceError
from airflow_provider_xai_collections.manifests.base import MAX_LISTED
from airflow_provider_xai_collections.operators.ingest import XAIIngestDocumentsOperator
from tests.conftest import API_KEY, MANAGEMENT_KEY, Logged, playing
from tests.operators.stage import Xai, deferring, finish, run, write
from tests.operators.syncs import by_name, counts, only_id, report_of

BOTH = pytest.mark.parametrize("upload_method", ["files", "direct"])


def task(**arguments: Any) -> XAIIngestDocumentsOperator:
    return XAIIngestDocumentsOperator(**{"task_id": "ingest", **arguments})


@BOTH
def test_a_folder_becomes_documents_named_by_their_path_below_it(xai: Xai, folder: Path, upload_method: str) -> None:
    whales = xai.collection()
    manifest = run(task(collection_id=whales, paths=str(folder), upload_method=upload_method))
    assert counts(manifest) == {"documents": 3, "added": 3}
    assert (manifest["bytes"], manifest["sources"]) == (len("alpha" + "beta" + "gamma"), [folder.as_uri()])
    assert xai.names(whales) == ["a.md", "b.txt", "deep/c.md"]
    assert xai.unattached(whales) == []
    (match,) = xai.hook.search_documents(query="gamma", collection_ids=[whales])
    assert match.chunk_content == "gamma"


def test_a_collection_that_does_not_exist_is_created_unless_that_is_not_wanted(xai: Xai, folder: Path) -> None:
    ingest: dict[str, Any] = {"paths": folder, "collection_name": "whales", "fields": {"kind": "letters"}}
    with pytest.raises(Exception, match=r"no collection is called 'whales'"):
        run(task(**ingest, create_collection=False))
    assert xai.hook.list_collections() == []
    created, again = run(task(**ingest)), run(task(**ingest, create_collection=False))
    assert (created["created"], again["created"]) == (True, False)
    assert created["collection_id"] == again["collection_id"] == only_id(xai)
    assert (counts(again)["kept"], xai.emulator.count("update_collection")) == (3, 0), "it was created with all fields"


def test_each_document_says_where_it_comes_from_and_what_it_holds(xai: Xai, folder: Path) -> None:
    whales = xai.collection()
    run(task(collection_id=whales, paths=folder, fields={"kind": "letters"}, scope="books"))
    first, *others = xai.documents(whales)
    assert first.fields["kind"] == "letters"
    assert first.fields["airflow_scope"] == "books"
    assert first.fields["airflow_source_uri"] == (folder / "a.md").as_uri()
    assert first.fields["airflow_content_blake3"] == first.file_metadata.hash
    keys = {document.fields["airflow_version_key"] for document in (first, *others)}
    assert len(keys) == 3


def test_upload_method_chooses_the_calls_and_the_one_call_sends_the_type(xai: Xai, folder: Path) -> None:
    whales = xai.collection()
    run(task(collection_id=whales, paths=folder / "a.md", upload_method="direct"))
    run(task(collection_id=whales, paths=folder / "b.txt"))
    assert (xai.emulator.count("upload_document"), xai.emulator.count("upload_file")) == (2, 0)
    run(task(collection_id=whales, paths=folder / "deep/c.md", upload_method="files"))
    assert (xai.emulator.count("upload_document"), xai.emulator.count("upload_file")) == (2, 1)
    assert xai.documents(whales)[0].file_metadata.content_type == "text/markdown"


def test_the_team_is_sent_with_every_call_that_takes_one(xai: Xai, folder: Path) -> None:
    whales = xai.collection()
    run(task(collection_id=whales, paths=folder, team_id="team_7"))
    assert {body["team_id"] for body in xai.bodies("update_collection")} == {"team_7"}
    run(task(collection_id=whales, paths=folder, scope="again", team_id="team_7", upload_method="files"))
    assert {body["team_id"] for body in xai.bodies("add_document")} == {"team_7"}
    for endpoint in ("get_collection", "list_documents", "batch_get_documents"):
        assert {query["team_id"] for query in xai.queries(endpoint)} == {"team_7"}


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


@pytest.mark.parametrize("emulator_settings", [playing(fail_names=("*",), violation_text=MANAGEMENT_KEY)])
def test_the_manifest_is_bounded_and_holds_no_key(xai: Xai, tmp_path: Path) -> None:
    many = {f"{'long name ' * 20}{number}.md": f"no {number}" for number in range(2 * MAX_LISTED)}
    manifest = run(task(collection_id=xai.collection(), paths=write(tmp_path / "many", many), max_failed=None))
    assert counts(manifest) == {"documents": 2 * MAX_LISTED, "added": 2 * MAX_LISTED, "failed": 2 * MAX_LISTED}
    assert len(str(manifest)) < 16_000
    assert MANAGEMENT_KEY not in str(manifest)
    assert API_KEY not in str(manifest)


# Again


@BOTH
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


# Bad input


@BOTH
@pytest.mark.parametrize("emulator_settings", [playing(max_file_bytes=100, max_document_bytes=100)])
def test_a_file_that_the_service_finds_too_large_fails_with_413(xai: Xai, tmp_path: Path, upload_method: str) -> None:
    whales, large = xai.collection(), write(tmp_path / "large", {"small.md": "x", "large.md": "x" * 101})
    with pytest.raises(XAIFailException, match=r"1 of 2 documents .*large\.md: upload_(file|document).*413"):
        run(task(collection_id=whales, paths=large, upload_method=upload_method))
    assert xai.names(whales) == ["small.md"]


def test_a_path_that_does_not_exist_is_named_before_anything_is_changed(xai: Xai, folder: Path) -> None:
    with pytest.raises(XAISourceError, match=r"nowhere does not exist\. Check the path on the machine"):
        run(task(collection_name="whales", paths=[folder, folder / "nowhere"]))
    assert xai.hook.list_collections() == []


def test_a_source_without_a_document_is_a_warning(xai: Xai, folder: Path, logged: Logged) -> None:
    manifest = run(task(collection_name="whales", paths=folder, pattern="*.pdf"))
    assert (counts(manifest), manifest["created"]) == ({}, True)
    said = logged()
    assert f"there is no document in {folder.as_uri()}" in said
    assert "pattern '*.pdf' matches nothing in" in said


def test_a_function_for_the_fields_that_fails_for_one_document_does_not_stop_the_others(xai: Xai, folder: Path) -> None:
    def fields(document: Any) -> dict[str, str]:
        return {"stem": {"a.md": "a", "b.txt": "b"}[document.name]}

    whales = xai.collection()
    with pytest.raises(XAIFailException, match=r"deep/c\.md: .*raised KeyError .*Fix the function"):
        run(task(collection_id=whales, paths=folder, fields=fields))
    assert xai.names(whales) == ["a.md", "b.txt"]


def test_a_report_inside_the_source_is_refused(xai: Xai, folder: Path) -> None:
    with pytest.raises(XAIFailException, match=r"report is .*inside the source.*exclude="):
        run(task(collection_name="whales", paths=folder, report=folder / "report.txt"))
