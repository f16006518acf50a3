"""XAIIngestDocumentsOperator: documents from files, and the effect of each argument."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from airflow_provider_xai_collections.exceptions import XAIIndexingError
from airflow_provider_xai_collections.manifests.base import MAX_LISTED
from airflow_provider_xai_collections.operators.ingest import XAIIngestDocumentsOperator
from tests.conftest import API_KEY, MANAGEMENT_KEY, playing
from tests.operators.stage import Crowd, Xai, deferring, finish, run, write
from tests.operators.syncs import by_name, counts, only_id, report_of

BOTH = pytest.mark.parametrize("upload_method", ["files", "direct"])
FAILING = pytest.mark.parametrize("emulator_settings", [playing(fail_names=("b*",))])


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


@pytest.mark.parametrize(
    ("which", "expected"),
    [
        ({"pattern": "*.md"}, ["a.md", "deep/c.md"]),
        ({"exclude": "*.md"}, ["b.txt"]),
        ({"pattern": "['*.md']", "exclude": ["deep/*"]}, ["a.md"]),
        ({"paths": ["a.md", "b.txt"]}, ["a.md", "b.txt"]),
        ({"paths": "*.md"}, ["a.md"]),
        ({"paths": "deep"}, ["c.md"]),
    ],
)
def test_paths_pattern_and_exclude_choose_the_files(
    xai: Xai, folder: Path, which: dict[str, Any], expected: list[str]
) -> None:
    whales, asked = xai.collection(), which.get("paths", "")
    paths = [folder / one for one in asked] if isinstance(asked, list) else f"{folder}/{asked}"
    run(task(**{"collection_id": whales, **which, "paths": paths}))
    assert xai.names(whales) == expected


def test_links_that_lead_out_are_skipped_unless_they_are_to_be_followed(xai: Xai, folder: Path, tmp_path: Path) -> None:
    whales = xai.collection()
    (folder / "notes.md").symlink_to(write(tmp_path / "secret", {"airflow.cfg": "password"}) / "airflow.cfg")
    (folder / "inside.md").symlink_to("a.md")
    manifest = run(task(collection_id=whales, paths=folder))
    assert counts(manifest) == {"documents": 5, "added": 4, "skipped": 1}
    assert "leads out of the source" in manifest["problems"][0]["reason"]
    assert xai.names(whales) == ["a.md", "b.txt", "deep/c.md", "inside.md"]
    for taken in ({"paths": folder, "follow_links": True}, {"paths": folder / "notes.md", "scope": "one"}):
        assert counts(run(task(collection_id=whales, **taken)))["added"] == 1


def test_the_same_source_in_two_scopes_is_two_documents(xai: Xai, folder: Path) -> None:
    whales = xai.collection()
    for scope in ("one", "two", "one"):
        run(task(collection_id=whales, paths=folder / "a.md", scope=scope))
    assert sorted(document.fields["airflow_scope"] for document in xai.documents(whales)) == ["one", "two"]


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


@BOTH
def test_no_more_are_worked_on_at_once_than_concurrency_says(
    xai: Xai, tmp_path: Path, crowd: Crowd, upload_method: str
) -> None:
    whales, many = xai.collection(), write(tmp_path / "many", {f"{number}.md": f"no {number}" for number in range(12)})
    run(task(collection_id=whales, paths=many, concurrency=3, upload_method=upload_method))
    assert 1 < crowd.most <= 3


@FAILING
@pytest.mark.parametrize(("max_failed", "fails"), [(0, True), (0.3, True), (1, False), (0.5, False), (None, False)])
def test_max_failed_documents_are_tolerated(xai: Xai, folder: Path, max_failed: Any, fails: bool) -> None:
    ingest = task(collection_id=xai.collection(), paths=folder, max_failed=max_failed)
    if fails:
        with pytest.raises(XAIIndexingError, match=r"1 of 3 documents .*b\.txt: failed on order"):
            run(ingest)
    else:
        assert counts(run(ingest)) == {"documents": 3, "added": 3, "failed": 1}


@FAILING
def test_the_report_has_a_line_for_each_document(xai: Xai, folder: Path, tmp_path: Path) -> None:
    write(folder, {"empty.md": ""})
    report = tmp_path / "report.jsonl"
    ingest: dict[str, Any] = {"collection_id": xai.collection(), "paths": folder, "report": report, "max_failed": None}
    assert run(task(**ingest))["report"] == str(report)
    lines = report_of(report)
    assert by_name(lines, "action", "outcome") == {
        "a.md": ("add", "processed"),
        "b.txt": ("add", "failed"),
        "deep/c.md": ("add", "processed"),
        "empty.md": ("skip", "skipped"),
    }
    assert by_name(lines, "reason")["b.txt"] == "failed on order of fail_names"
    run(task(**ingest))
    assert by_name(report_of(report), "action")["b.txt"] == "fix"


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
