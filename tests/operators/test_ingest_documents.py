"""XAIIngestDocumentsOperator: documents from files, and the effect of each argument."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from airflow_provider_xai_collections.manifests.base import MAX_LISTED
from airflow_provider_xai_collections.operators.ingest import XAIIngestDocumentsOperator
from tests.conftest import API_KEY, MANAGEMENT_KEY, playing
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
