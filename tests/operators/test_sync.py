"""XAISyncCollectionOperator: what it does to a collection, and what each argument is for."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_xai_collections.airflow_errors import XAIFailException
from airflow_provider_xai_collections.api.identity import SourceDocument
from airflow_provider_xai_collections.emulator import FaultRule
from airflow_provider_xai_collections.exceptions import XAIIndexingError
from tests.conftest import Logged, playing
from tests.operators.stage import Xai, write
from tests.operators.syncs import LIBRARY, by_name, contents, counts, only_id, report_of, sync, task, writes


@pytest.mark.parametrize("upload_method", ["files", "direct"])
def test_a_collection_equals_its_source_after_each_run(xai: Xai, folder: Path, upload_method: str) -> None:
    first = sync(folder, upload_method=upload_method)
    whales = only_id(xai)
    assert (first["collection_id"], first["created"], first["bytes"]) == (whales, True, 14)
    assert counts(first) == {"documents": 3, "added": 3}
    assert contents(xai, whales) == LIBRARY
    write(folder, {"a.md": "alpha, second edition", "d.md": "delta"})
    (folder / "b.txt").unlink()
    xai.forget()
    second = sync(folder, upload_method=upload_method, prune=True, max_prune=1)
    once = ("added", "replaced", "kept", "removed", "outdated_removed")
    assert counts(second) == {"documents": 3, **dict.fromkeys(once, 1)}
    places = {"upload_document": 2} if upload_method == "direct" else {"upload_file": 2, "add_document": 2}
    assert writes(xai) == {**places, "delete_file": 2}, "the emulator, as xAI, takes a document along with its file"
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
    assert counts(sync(folder, fields={"year": "1851"})) == {"documents": 3, "kept": 3, "other_fields": 3}
    wanted: dict[str, Any] = {"fields": {"year": "1851"}, "update_fields": True}
    assert counts(sync(folder, **wanted)) == {"documents": 3, "replaced": 3, "outdated_removed": 3}
    assert {document.fields["year"] for document in xai.documents(only_id(xai))} == {"1851"}
    assert contents(xai, only_id(xai)) == LIBRARY
    assert counts(sync(folder, **wanted)) == {"documents": 3, "kept": 3}


def test_content_that_comes_back_is_a_version_of_its_own(xai: Xai, folder: Path) -> None:
    for content in ("first", "second", "first"):
        write(folder, {"a.md": content})
        sync(folder)
    assert contents(xai, only_id(xai)) == {**LIBRARY, "a.md": "first"}


@pytest.mark.parametrize("emulator_settings", [playing(indexing="reads:3")])
def test_an_old_version_stays_when_nobody_can_tell_how_far_the_new_one_is(xai: Xai, folder: Path) -> None:
    whales = sync(folder)["collection_id"]
    write(folder, {"a.md": "alpha, second edition"})
    xai.emulator.set_faults(FaultRule(endpoint="batch_get_documents", status=403))
    with pytest.raises(XAIFailException, match="403"):
        sync(folder)
    assert xai.names(whales) == ["a.md", *LIBRARY]


@pytest.mark.parametrize("emulator_settings", [playing(fail_names=("a*", "b*"))])
@pytest.mark.parametrize(
    ("policy", "fails"),
    [
        ({}, True),
        ({"max_failed": 0.5}, True),
        ({"max_failed": 2}, False),
    ],
)
def test_documents_that_fail_fail_the_task_or_are_tolerated(
    xai: Xai, folder: Path, logged: Logged, policy: dict[str, Any], fails: bool
) -> None:
    said = r"2 of 3 documents not as the source has them: a\.md: .*b\.txt: "
    if fails:
        with pytest.raises(XAIIndexingError, match=said):
            sync(folder, **policy)
    else:
        manifest = sync(folder, **policy)
        assert counts(manifest) == {"documents": 3, "added": 3, "failed": 2}
        assert [problem["name"] for problem in manifest["problems"]] == ["a.md", "b.txt"]
        assert "b.txt: failed: " in logged()
    assert contents(xai, only_id(xai)) == {"deep/c.md": "gamma"}


def test_a_dry_run_tells_what_the_run_after_it_does_and_the_report_has_a_line_for_each_document(
    xai: Xai, folder: Path, tmp_path: Path
) -> None:
    report = tmp_path / "reports/today.jsonl"
    arguments: dict[str, Any] = {"prune": True, "max_prune": None, "report": str(report)}
    sync(folder)
    write(folder, {"a.md": "alpha, second edition", "d.md": "delta", "empty.md": ""})
    (folder / "b.txt").unlink()
    xai.forget()
    planned = sync(folder, dry_run=True, **arguments)
    assert writes(xai) == {}
    told = {
        "a.md": ("replace", "processed"),
        "d.md": ("add", "processed"),
        "deep/c.md": ("keep", "processed"),
        "empty.md": ("skip", "skipped"),
        (folder / "b.txt").as_uri(): ("remove", "removed"),
    }
    expected = {name: (action, None) for name, (action, _) in told.items()}
    assert by_name(report_of(report), "action", "outcome") == expected
    done = sync(folder, **arguments)
    assert (planned["dry_run"], done["dry_run"], done["report"]) == (True, False, str(report))
    assert (counts(planned), planned["bytes"]) == (counts(done), done["bytes"])
    lines = report_of(report)
    assert by_name(lines, "action", "outcome") == told
    there = {document.name: document.file_id for document in xai.documents(only_id(xai))}
    assert {name: there.get(name, "") for name in told} == by_name(lines, "file_id")
    removed = {name for name, file_ids in by_name(lines, "removed").items() if len(file_ids) == 1}
    assert removed == {"a.md", (folder / "b.txt").as_uri()}
    assert by_name(lines, "bytes")["d.md"] == len("delta")
    assert "is empty" in by_name(lines, "reason")["empty.md"]


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


def test_the_log_shows_a_plan_how_far_it_is_and_a_table(
    xai: Xai, folder: Path, monkeypatch: pytest.MonkeyPatch, logged: Logged
) -> None:
    monkeypatch.setattr("airflow_provider_xai_collections.hooks.progress.LOG_INTERVAL", 0.0)
    write(folder, {"empty.md": ""})
    sync(folder)
    text = logged()
    assert f"whales: 4 documents in {folder.as_uri()}; 3 to add, 1 to skip" in text
    assert re.findall(r"whales: uploading, (\d of 3) documents done", text)[-1] == "3 of 3"
    table = ("documents      count", "-------------  -----", "in the source      4", "added              3")
    assert "\n".join((*table, "skipped            1", "bytes             14")) in text
    assert "empty.md: skipped: it is empty" in text


def test_a_function_for_the_fields_is_no_template() -> None:
    """Airflow would call it, with a context, to render it."""
    syncing = task(source="/{{ ds }}", collection_name="whales", fields=in_folders)
    syncing.render_template_fields({"ds": "2026-01-01"})
    assert (syncing.source, syncing.make_fields) == ("/2026-01-01", in_folders)
