"""XAIIngestDocumentsOperator: what each argument does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from airflow_provider_xai_collections.airflow_errors import XAIFailException
from airflow_provider_xai_collections.api.identity import MANAGED_FIELDS
from airflow_provider_xai_collections.exceptions import XAIIndexingError
from airflow_provider_xai_collections.manifests.base import CAP
from airflow_provider_xai_collections.operators.ingest import XAIIngestDocumentsOperator
from tests.conftest import API_KEY, MANAGEMENT_KEY, playing
from tests.operators.stage import Crowd, Xai, deferring, finish, run, write
from tests.sample_documents import docx

BOTH = pytest.mark.parametrize("upload_method", ["files", "direct"])


def task(**arguments: Any) -> XAIIngestDocumentsOperator:
    return XAIIngestDocumentsOperator(**{"task_id": "ingest", **arguments})


@BOTH
def test_a_folder_becomes_documents_named_by_their_path_below_it(xai: Xai, folder: Path, upload_method: str) -> None:
    whales = xai.collection()
    manifest = run(task(collection_id=whales, paths=str(folder), upload_method=upload_method))
    assert xai.names(whales) == ["a.md", "b.txt", "deep/c.md"]
    counts = {
        name: manifest[name] for name in ("total", "added", "already_there", "possible_orphans", "older_versions")
    }
    assert counts == {"total": 3, "added": 3, "already_there": 0, "possible_orphans": 0, "older_versions": 0}
    assert manifest["wait"]["processed"] == 3
    assert xai.unattached(whales) == []
    assert {match.chunk_content for match in xai.hook.search_documents(query="gamma", collection_ids=[whales])} == {
        "gamma"
    }


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


def test_the_managed_fields_are_declared_once_beside_those_of_the_user(xai: Xai, folder: Path) -> None:
    whales = xai.collection(field_definitions=[{"key": "kind", "required": True}])
    for _ in range(2):
        run(task(collection_id=whales, paths=folder, fields={"kind": "letters"}))
    assert xai.emulator.count("update_collection") == 1
    declared = {definition.key: definition for definition in xai.describe(whales).field_definitions}
    assert declared.keys() == {"kind"} | {field.key for field in MANAGED_FIELDS}
    assert [key for key, definition in declared.items() if definition.required] == ["kind"]
    assert [key for key, definition in declared.items() if definition.unique] == ["airflow_version_key"]


@pytest.mark.parametrize(
    ("which", "expected"),
    [
        ({"pattern": "*.md"}, ["a.md", "deep/c.md"]),
        ({"pattern": "deep/*"}, ["deep/c.md"]),
        ({"exclude": ["*.md"]}, ["b.txt"]),
        ({"exclude": "*.md"}, ["b.txt"]),
        ({"pattern": "*.md", "exclude": ["deep/*"]}, ["a.md"]),
        ({"paths": ["a.md", "b.txt"]}, ["a.md", "b.txt"]),
        ({"paths": "*.md"}, ["a.md"]),
        ({"paths": "**/*.md"}, ["a.md", "deep/c.md"]),
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


async def test_deferred_a_new_task_object_finishes(xai: Xai, folder: Path) -> None:
    whales = xai.collection()
    with deferring() as deferred:
        run(task(collection_id=whales, paths=folder, deferrable=True))
    manifest = await finish(deferred[0], task(collection_id=whales, paths=folder))
    assert (manifest["total"], manifest["added"], manifest["wait"]["processed"]) == (3, 3, 3)


def test_an_office_file_that_lost_its_type_is_reported_with_the_way_out_which_works(xai: Xai, tmp_path: Path) -> None:
    letters = write(tmp_path / "letters", {"letter.docx": docx("Dear Mr Melville")})
    whales = xai.collection()
    with pytest.raises(XAIIndexingError, match=r"letter\.docx.*octet-stream.*upload_method='auto' makes"):
        run(task(collection_id=whales, paths=letters, upload_method="files"))
    manifest = run(task(collection_id=whales, paths=letters, upload_method="auto"))
    assert manifest["wait"]["processed"] == 1
    assert xai.names(whales) == ["letter.docx"]
    assert xai.unattached(whales) == ["letter.docx"]  # of the failed document; another collection may hold it


@BOTH
@pytest.mark.parametrize("emulator_settings", [playing(max_file_bytes=100, max_document_bytes=100)])
def test_a_file_that_the_service_finds_too_large_fails_with_413(xai: Xai, tmp_path: Path, upload_method: str) -> None:
    whales, large = xai.collection(), write(tmp_path / "large", {"small.md": "x", "large.md": "x" * 101})
    with pytest.raises(XAIFailException, match=r"1 of 2 documents failed: large\.md: upload_(file|document).*413"):
        run(task(collection_id=whales, paths=large, upload_method=upload_method))
    assert xai.names(whales) == ["small.md"]


@pytest.mark.parametrize("emulator_settings", [playing(fail_names=("*",), violation_text=MANAGEMENT_KEY)])
def test_the_manifest_is_bounded_and_holds_no_key(xai: Xai, tmp_path: Path) -> None:
    many = {f"{'long name ' * 20}{number}.md": f"no {number}" for number in range(2 * CAP)}
    manifest = run(task(collection_id=xai.collection(), paths=write(tmp_path / "many", many), on_failed="ignore"))
    assert (manifest["total"], manifest["wait"]["failed"]) == (2 * CAP, 2 * CAP)
    assert len(str(manifest)) < 16_000
    assert MANAGEMENT_KEY not in str(manifest)
    assert API_KEY not in str(manifest)


def test_arguments_may_come_rendered_from_a_template(xai: Xai, folder: Path) -> None:
    whales = xai.collection()
    task = XAIIngestDocumentsOperator(
        task_id="ingest", collection_id=whales, paths=f"['{folder}']", exclude="['*.txt']", fields="{'dept': 'a'}"
    )
    run(task)
    assert xai.names(whales) == ["a.md", "deep/c.md"]
    assert {document.fields["dept"] for document in xai.documents(whales)} == {"a"}


def test_documents_that_are_there_keep_their_fields_and_are_counted(xai: Xai, folder: Path) -> None:
    whales = xai.collection()
    for dept, others in (("a", 0), ("b", 3), ("a", 0)):
        manifest = run(
            XAIIngestDocumentsOperator(task_id="ingest", collection_id=whales, paths=folder, fields={"dept": dept})
        )
        assert manifest["other_fields"] == others
    assert {document.fields["dept"] for document in xai.documents(whales)} == {"a"}
