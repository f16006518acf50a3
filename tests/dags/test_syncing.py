"""The recipes that keep a collection in step with a source, in a real Airflow: each is run again after a change."""

from __future__ import annotations

import json
from pathlib import Path

from tests.dags.conftest import Airflow
from tests.operators.stage import Xai, write

#: Requests that change something.
CHANGES = ("create_collection", "upload_document", "upload_file", "add_document", "remove_document", "delete_file")


def changes(xai: Xai) -> dict[str, int]:
    """Return what was changed since the last call."""
    counts = {endpoint: count for endpoint in CHANGES if (count := xai.emulator.count(endpoint))}
    xai.forget()
    return counts


def test_a_synced_folder_is_what_the_folder_is(xai: Xai, folder: Path, airflow: Airflow) -> None:
    write(folder, {f"{number}.md": f"page {number}" for number in range(9)})
    params = {"collection_name": "knowledge", "documents": str(folder)}
    airflow.test("xai_sync_folder", params)
    assert changes(xai) == {"create_collection": 1, "upload_document": 12}
    airflow.test("xai_sync_folder", params)
    assert changes(xai) == {}
    write(folder, {"a.md": "alpha, but newer", "d.md": "delta"})
    (folder / "b.txt").unlink()
    airflow.test("xai_sync_folder", params)
    assert changes(xai) == {"upload_document": 2, "delete_file": 2}
    [knowledge] = xai.hook.find_collections(collection_name="knowledge")
    assert xai.names(knowledge.collection_id) == sorted(["a.md", "d.md", "deep/c.md", *(f"{n}.md" for n in range(9))])


def test_each_day_syncs_its_folder_into_one_collection(xai: Xai, airflow: Airflow, tmp_path: Path) -> None:
    days = {f"dt=2026-01-{day:02}/log.md": f"The {day}. day at sea." for day in range(1, 5)}
    write(tmp_path / "days", days)
    params = {"collection_name": "days", "documents": str(tmp_path / "days")}
    for date in ("2026-01-02", "2026-01-03", "2026-01-02"):  # a run by hand takes the day that is over by then
        airflow.test("xai_backfill_days", params, date=date)
    assert changes(xai) == {"create_collection": 1, "upload_document": 2}
    [collection] = xai.hook.find_collections(collection_name="days")
    documents = xai.hook.iter_documents(collection_id=collection.collection_id)
    sources = sorted(document.fields["airflow_source_uri"] for document in documents)
    assert sources == [(tmp_path / "days" / f"dt=2026-01-0{day}" / "log.md").as_uri() for day in (1, 2)]


def test_a_wide_sync_is_cut_into_parts_and_has_none_when_nothing_changed(
    xai: Xai, airflow: Airflow, tmp_path: Path
) -> None:
    write(tmp_path / "corpus", {f"{number:02}.md": f"page {number}" for number in range(30)})
    workspace = tmp_path / "workspace"
    params = {"collection_name": "corpus", "documents": str(tmp_path / "corpus"), "workspace": str(workspace)}
    airflow.test("xai_sync_wide", params)
    assert changes(xai) == {"create_collection": 1, "upload_document": 30}
    (tmp_path / "corpus" / "07.md").unlink()
    airflow.test("xai_sync_wide", params)
    assert changes(xai) == {"delete_file": 1}
    [corpus] = xai.hook.find_collections(collection_name="corpus")
    assert len(xai.names(corpus.collection_id)) == 29
    lines = (workspace / "xai_sync_wide" / "report.jsonl").read_text().splitlines()
    assert [json.loads(line)["outcome"] for line in lines if "07.md" in line] == ["removed"]
    mapped = airflow.ask(
        "SELECT rendered_map_index FROM task_instance "
        "WHERE dag_id = 'xai_sync_wide' AND task_id = 'sync.apply' AND map_index >= 0 ORDER BY 1"
    )
    assert mapped == [("documents 1-15",), ("documents 16-30",)]
    names = airflow.ask("SELECT custom_operator_name FROM task_instance WHERE task_id = 'sync.plan'")
    assert set(names) == {("xAI sync: plan",)}
