"""The recipes that ingest documents, in a real Airflow: what xAI has after a run, and after another one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import playing
from tests.dags.conftest import Airflow
from tests.operators.stage import Xai, write


@pytest.mark.parametrize("emulator_settings", [playing(fail_names=("19.md",), indexing="reads:1")])
def test_scheduled_folder_tolerates_one_of_twenty_and_uploads_what_is_new(
    xai: Xai, airflow: Airflow, tmp_path: Path
) -> None:
    write(tmp_path / "handbook", {f"{number}.md": f"page {number}" for number in range(20)})
    params = {"collection_name": "handbook", "documents": str(tmp_path / "handbook")}
    said = airflow.test("xai_scheduled_folder", params)
    assert "19.md" in said
    assert xai.emulator.count("upload_document") == 20
    write(tmp_path / "handbook", {"new.md": "a new page"})
    airflow.test("xai_scheduled_folder", params)
    assert xai.emulator.count("upload_document") == 20 + 2  # the new one, and the one that failed
    [handbook] = xai.hook.find_collections(collection_name="handbook")
    assert xai.names(handbook.collection_id) == sorted(["new.md", *(f"{number}.md" for number in range(20))])


def test_mapped_batches_are_called_after_their_files(xai: Xai, folder: Path, airflow: Airflow) -> None:
    write(folder, {"d.md": "delta", ".DS_Store": "what a desktop leaves behind"})
    params = {"collection_name": "archive", "documents": str(folder), "batch_size": 2}
    for _ in range(2):
        airflow.test("xai_mapped_batches", params)
    assert xai.emulator.count("upload_document") == 3
    [archive] = xai.hook.find_collections(collection_name="archive")
    assert xai.names(archive.collection_id) == ["a.md", "b.txt", "d.md"]  # those below the folder are not asked for
    names = airflow.ask(
        "SELECT rendered_map_index FROM task_instance WHERE dag_id = 'xai_mapped_batches' AND map_index >= 0 "
        "ORDER BY run_id, map_index"
    )
    assert names == [("a.md … b.txt (2)",), ("d.md",)] * 2


def test_an_upstream_asset_is_ingested_and_the_collection_announced(xai: Xai, folder: Path, airflow: Airflow) -> None:
    airflow.test("xai_upstream_export", {"documents": str(folder)})
    assert _events(airflow, "xai_upstream_export") == [("file:///opt/airflow/documents", {"folder": str(folder)})]
    for _ in range(2):
        airflow.test("xai_upstream_asset", {"collection_name": "upstream", "documents": str(folder)})
    assert xai.emulator.count("upload_document") == 3
    [upstream] = xai.hook.find_collections(collection_name="upstream")
    assert xai.names(upstream.collection_id) == ["a.md", "b.txt", "deep/c.md"]
    told = _events(airflow, "xai_upstream_asset")
    assert [uri for uri, _ in told] == [f"xai://collections/{upstream.collection_id}"] * len(told)
    assert told[0][1]["added"] == 3
    aliases = airflow.ask(f"SELECT name FROM {_tables(airflow)}_alias WHERE name = 'xai_upstream_collection'")
    assert aliases == [("xai_upstream_collection",)]


@pytest.mark.parametrize("emulator_settings", [playing(indexing="reads:1")])
def test_files_that_exist_are_attached_and_none_is_uploaded(xai: Xai, airflow: Airflow) -> None:
    params = {"collection_name": "minutes", "filenames": "minutes-*"}
    airflow.test("xai_attach_files", params)
    assert xai.emulator.count("add_document") == 0
    for name in ("minutes-1.md", "minutes-2.md", "other.md"):
        xai.file(name)
    for _ in range(2):
        airflow.test("xai_attach_files", params)
    assert xai.emulator.count("upload_document") == 0
    [minutes] = xai.hook.find_collections(collection_name="minutes")
    assert xai.names(minutes.collection_id) == ["minutes-1.md", "minutes-2.md"]
    assert {document.status for document in xai.documents(minutes.collection_id)} == {"DOCUMENT_STATUS_PROCESSED"}


def _tables(airflow: Airflow) -> str:
    """Return what the tables of assets are called in this release."""
    names = airflow.ask("SELECT name FROM sqlite_master WHERE name IN ('asset', 'dataset')")
    return str(names[0][0])


def _events(airflow: Airflow, dag_id: str) -> list[tuple[str, dict[str, object]]]:
    """Return the events of the assets that a DAG has changed, as the database keeps them."""
    kind = _tables(airflow)
    rows = airflow.ask(
        f"SELECT uri, event.extra FROM {kind}_event AS event JOIN {kind} ON {kind}.id = {kind}_id "
        "WHERE source_dag_id = ? ORDER BY event.id",
        dag_id,
    )
    return [(uri, json.loads(extra)) for uri, extra in rows]
