"""XAISyncCollectionOperator: what it does to a collection, and what each argument is for."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import ObjectStoragePath

from airflow_provider_xai_collections.api.identity import SourceDocument
from airflow_provider_xai_collections.exceptions import XAIIndexingError, XAITimeoutError
from tests.conftest import Logged, playing
from tests.object_storage import FakeS3, attached
from tests.operators.stage import Crowd, FlyingTime, Xai, write
from tests.operators.syncs import LIBRARY, by_name, contents, counts, only_id, report_of, sync, task, writes

BOTH = pytest.mark.parametrize("upload_method", ["files", "direct"])


@BOTH
def test_a_collection_that_does_not_exist_is_created_and_filled(xai: Xai, folder: Path, upload_method: str) -> None:
    manifest = sync(folder, upload_method=upload_method)
    whales = only_id(xai)
    assert xai.describe(whales).collection_name == "whales"
    assert (manifest["collection_id"], manifest["created"], manifest["bytes"]) == (whales, True, 14)
    assert counts(manifest) == {"documents": 3, "added": 3}
    assert contents(xai, whales) == LIBRARY
    assert xai.unattached(whales) == []


@BOTH
def test_a_collection_equals_its_source_after_each_run(xai: Xai, folder: Path, upload_method: str) -> None:
    sync(folder, upload_method=upload_method)
    write(folder, {"a.md": "alpha, second edition", "d.md": "delta"})
    (folder / "b.txt").unlink()
    xai.forget()
    manifest = sync(folder, upload_method=upload_method, prune=True, max_prune=1)
    once = ("added", "replaced", "kept", "removed", "outdated_removed")
    assert counts(manifest) == {"documents": 3, **dict.fromkeys(once, 1)}
    places = {"upload_document": 2} if upload_method == "direct" else {"upload_file": 2, "add_document": 2}
    assert writes(xai) == {**places, "delete_file": 2}, "the emulator, as xAI, takes a document along with its file"
    whales = only_id(xai)
    assert contents(xai, whales) == {"a.md": "alpha, second edition", "d.md": "delta", "deep/c.md": "gamma"}
    assert xai.unattached(whales) == []


def test_it_asks_no_more_than_it_must(xai: Xai, tmp_path: Path) -> None:
    """A collection that does not define our fields has no document of ours; a hundred documents are a page."""
    many = write(tmp_path / "many", {f"{number:03}.md": f"no {number}" for number in range(201)})
    whales = xai.collection()
    sync(many, whales, concurrency=8)
    asked = xai.emulator.counts
    assert asked.pop("batch_get_documents") >= 3
    assert asked == {"get_collection": 1, "update_collection": 1, "upload_document": 201}
    xai.forget()
    manifest = sync(many, whales)
    assert (counts(manifest), manifest["bytes"], manifest["created"]) == ({"documents": 201, "kept": 201}, 0, False)
    assert xai.emulator.counts == {"get_collection": 1, "list_documents": 3}


def test_pattern_exclude_glob_and_file_choose_documents(xai: Xai, folder: Path) -> None:
    assert sync(folder, "pattern", pattern="*.md", exclude=["deep/*"])["documents"] == 1
    assert sync(f"{folder}/*.md", "glob")["documents"] == 1
    assert sync(folder / "b.txt", "file")["documents"] == 1


@pytest.mark.parametrize("as_text", [True, False])
def test_object_storage_is_read_through_its_connection(xai: Xai, as_text: bool) -> None:
    with attached(FakeS3(), "store") as fs:
        for name, content in LIBRARY.items():
            fs.put(f"bucket/library/{name}", content.encode())
        source: Any = "s3://store@bucket/library" if as_text else ObjectStoragePath("s3://store@bucket/library")
        manifest = sync(source)
        assert (manifest["scope"], manifest["sources"]) == ("s3://bucket/library", ["s3://bucket/library"])
        assert contents(xai, only_id(xai)) == LIBRARY
        xai.forget()
        assert counts(sync(source)) == {"documents": 3, "kept": 3}
        assert writes(xai) == {}
        assert fs.asked["open rb"] == 3, "once to hash: what is small is sent as it was hashed"


def in_folders(source: SourceDocument) -> dict[str, str]:
    return {"folder": source.name.rpartition("/")[0] or "top"}


@pytest.mark.parametrize(
    ("fields", "found"),
    [({"folder": "all"}, ["all", "all", "all"]), (in_folders, ["top", "top", "deep"])],
)
def test_fields_are_given_to_all_documents_or_made_for_each(
    xai: Xai, folder: Path, fields: Any, found: list[str]
) -> None:
    sync(folder, fields=fields)
    assert [document.fields["folder"] for document in xai.documents(only_id(xai))] == found


def test_other_fields_are_counted_and_given_only_if_asked_for(xai: Xai, folder: Path) -> None:
    sync(folder, fields={"year": "1850"})
    for _ in range(2):
        assert counts(sync(folder, fields={"year": "1851"})) == {"documents": 3, "kept": 3, "other_fields": 3}
    wanted: dict[str, Any] = {"fields": {"year": "1851"}, "update_fields": True}
    assert counts(sync(folder, **wanted)) == {"documents": 3, "replaced": 3, "outdated_removed": 3}
    assert {document.fields["year"] for document in xai.documents(only_id(xai))} == {"1851"}
    assert contents(xai, only_id(xai)) == LIBRARY
    assert counts(sync(folder, **wanted)) == {"documents": 3, "kept": 3}


def test_what_xai_will_never_index_is_uploaded_again_only_if_asked_for(xai: Xai, tmp_path: Path) -> None:
    scans = write(tmp_path / "scans", {"scan.md": b"\xff\xfe no text", "a.md": "alpha"})
    with pytest.raises(XAIIndexingError, match=r"1 of 2 documents .*: scan\.md: .*does not contain readable text"):
        sync(scans)
    for retry_failed, uploads in ((False, 0), (True, 1)):
        xai.forget()
        manifest = sync(scans, retry_failed=retry_failed, max_failed=1)
        assert (manifest["failed"], manifest["fixed"], xai.emulator.count("upload_document")) == (1, uploads, uploads)
    assert xai.names(only_id(xai)) == ["a.md", "scan.md"]


def test_documents_are_uploaded_side_by_side(xai: Xai, tmp_path: Path, crowd: Crowd) -> None:
    many = write(tmp_path / "many", {f"{number}.md": f"no {number}" for number in range(20)})
    sync(many, "one", concurrency=1)
    assert crowd.most == 1
    sync(many, "four", concurrency=4)
    assert 3 <= crowd.most <= 4


@pytest.mark.parametrize("emulator_settings", [playing(indexing="reads:3")])
def test_documents_are_awaited_unless_told_otherwise(xai: Xai, folder: Path, clock: FlyingTime) -> None:
    assert counts(sync(folder, wait_for_completion=False)) == {"documents": 3, "added": 3, "in_progress": 3}
    assert clock.pauses == []
    assert counts(sync(folder, poll_interval=10)) == {"documents": 3, "kept": 3}
    assert clock.pauses


@pytest.mark.parametrize("emulator_settings", [playing(stuck=("a*",))])
def test_a_slow_document_ends_the_task_and_is_in_the_report(
    xai: Xai, folder: Path, tmp_path: Path, clock: FlyingTime
) -> None:
    report = tmp_path / "report.jsonl"
    said = r"time ran out \(timeout is 10 minutes\); 1 of 3 documents are still in progress \(a\.md \[file_.*\]\)\. Ind"
    with pytest.raises(XAITimeoutError, match=said):
        sync(folder, report=report, max_failed=None, timeout=timedelta(minutes=10))
    outcomes = by_name(report_of(report), "outcome")
    assert outcomes == {"a.md": "in_progress", "b.txt": "processed", "deep/c.md": "processed"}
    assert sum(clock.pauses) == pytest.approx(600, rel=0.5)


@pytest.mark.parametrize("emulator_settings", [playing(fail_names=("a*", "b*"))])
@pytest.mark.parametrize(
    ("policy", "fails"),
    [
        ({}, True),
        ({"max_failed": 1}, True),
        ({"max_failed": 0.5}, True),
        ({"max_failed": 2}, False),
        ({"max_failed": 0.7}, False),
        ({"max_failed": None}, False),
    ],
)
def test_documents_that_fail_fail_the_task_or_are_tolerated(
    xai: Xai, folder: Path, logged: Logged, policy: dict[str, Any], fails: bool
) -> None:
    said = r"2 of 3 documents are not as the source has them: a\.md: .*b\.txt: "
    if fails:
        with pytest.raises(XAIIndexingError, match=said):
            sync(folder, **policy)
    else:
        manifest = sync(folder, **policy)
        assert counts(manifest) == {"documents": 3, "added": 3, "failed": 2}
        assert [problem["name"] for problem in manifest["problems"]] == ["a.md", "b.txt"]
        assert "b.txt: failed: " in logged()
    assert contents(xai, only_id(xai)) == {"deep/c.md": "gamma"}


def test_the_report_has_a_line_for_each_document(xai: Xai, folder: Path, tmp_path: Path) -> None:
    report = tmp_path / "reports/today.jsonl"
    sync(folder)
    write(folder, {"a.md": "alpha, second edition", "d.md": "delta", "empty.md": ""})
    (folder / "b.txt").unlink()
    manifest = sync(folder, prune=True, max_prune=None, report=str(report))
    assert manifest["report"] == str(report)
    lines = report_of(report)
    assert by_name(lines, "action", "outcome") == {
        "a.md": ("replace", "processed"),
        "d.md": ("add", "processed"),
        "deep/c.md": ("keep", "processed"),
        "empty.md": ("skip", "skipped"),
        (folder / "b.txt").as_uri(): ("remove", "removed"),
    }
    there = {document.name: document.file_id for document in xai.documents(only_id(xai))}
    assert {name: there.get(name, "") for name in by_name(lines, "file_id")} == by_name(lines, "file_id")
    removed = {name for name, file_ids in by_name(lines, "removed").items() if len(file_ids) == 1}
    assert removed == {"a.md", (folder / "b.txt").as_uri()}
    assert by_name(lines, "bytes")["d.md"] == len("delta")
    assert "is empty" in by_name(lines, "reason")["empty.md"]


def test_a_dry_run_tells_what_the_run_after_it_does(xai: Xai, folder: Path, tmp_path: Path) -> None:
    arguments: dict[str, Any] = {"prune": True, "max_prune": None, "report": tmp_path / "report.jsonl"}
    sync(folder)
    write(folder, {"a.md": "alpha, second edition", "d.md": "delta", "empty.md": ""})
    (folder / "b.txt").unlink()
    xai.forget()
    planned = sync(folder, dry_run=True, **arguments)
    assert writes(xai) == {}
    actions = by_name(report_of(arguments["report"]), "action", "outcome")
    done = sync(folder, **arguments)
    assert (planned["dry_run"], done["dry_run"]) == (True, False)
    assert (counts(planned), planned["bytes"]) == (counts(done), done["bytes"])
    assert actions == {
        name: (action, None) for name, action in by_name(report_of(arguments["report"]), "action").items()
    }


def test_a_dry_run_creates_no_collection_and_declares_no_field(xai: Xai, folder: Path) -> None:
    manifest = sync(folder, dry_run=True)
    assert (manifest["collection_id"], counts(manifest)) == ("", {"documents": 3, "added": 3})
    whales = xai.collection("whales")
    assert counts(sync(folder, dry_run=True)) == {"documents": 3, "added": 3}
    assert xai.describe(whales).field_definitions == ()
    assert writes(xai) == {}


def test_a_team_is_named_in_every_request_that_can(xai: Xai, folder: Path) -> None:
    for _ in range(2):
        sync(folder, team_id="team_7", upload_method="files")
    assert {body["team_id"] for body in xai.bodies("add_document") + xai.bodies("create_collection")} == {"team_7"}
    for endpoint in ("list_documents", "batch_get_documents"):
        assert {query.get("team_id") for query in xai.queries(endpoint)} == {"team_7"}, endpoint


def test_the_log_shows_a_plan_and_a_table(xai: Xai, folder: Path, logged: Logged) -> None:
    write(folder, {"empty.md": ""})
    sync(folder)
    text = logged()
    assert f"whales: 4 documents in {folder.as_uri()}; 3 to add, 1 to skip" in text
    table = ("documents      count", "-------------  -----", "in the source      4", "added              3")
    assert "\n".join((*table, "skipped            1", "bytes             14")) in text
    assert "empty.md: skipped: it is empty" in text


def test_long_work_says_how_far_it_is(xai: Xai, folder: Path, monkeypatch: pytest.MonkeyPatch, logged: Logged) -> None:
    monkeypatch.setattr("airflow_provider_xai_collections.hooks.progress.LOG_INTERVAL", 0.0)
    sync(folder)
    assert re.findall(r"whales: (\d of 3) documents done", logged())[-1] == "3 of 3"


def test_a_function_for_the_fields_is_no_template() -> None:
    """Airflow would call it, with a context, to render it."""
    syncing = task(source="/{{ ds }}", collection_name="whales", fields=in_folders)
    syncing.render_template_fields({"ds": "2026-01-01"})
    assert (syncing.source, syncing.make_fields) == ("/2026-01-01", in_folders)
