"""XAISyncCollectionOperator and arguments, functions, names and sources that are not what they should be."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_xai_collections.airflow_errors import XAIFailException
from airflow_provider_xai_collections.api.identity import SourceDocument
from airflow_provider_xai_collections.exceptions import XAIError, XAISourceError
from airflow_provider_xai_collections.sources import scanning
from tests.conftest import Connect, Logged, playing
from tests.object_storage import FakeS3, attached
from tests.operators.stage import Xai, write
from tests.operators.syncs import LIBRARY, by_name, contents, counts, only_id, report_of, sync, writes

# Arguments


def test_a_report_inside_the_source_would_be_a_document_of_the_next_run(xai: Xai, folder: Path) -> None:
    report = folder / "deep/report.jsonl"
    with pytest.raises(XAIFailException, match="inside the source: the next run would take it for a document"):
        sync(folder, report=report)
    assert xai.emulator.counts == {}
    sync(folder, report=folder / ".reports/report.jsonl")
    for choice in ({"exclude": "*.jsonl"}, {"pattern": "*.md"}, {"exclude": ["*.jsonl"]}):
        assert sync(folder, report=report, **choice)["added"] == 0


@pytest.mark.parametrize("way", ["../library/report.jsonl", "link/report.jsonl", "link/../library/report.jsonl"])
def test_a_report_is_inside_the_source_by_whatever_way(xai: Xai, folder: Path, tmp_path: Path, way: str) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/link").symlink_to(folder)
    report = folder / way if way.startswith("..") else tmp_path / "elsewhere" / way
    for source in (folder, tmp_path / "elsewhere/link"):
        with pytest.raises(XAIFailException, match="inside the source: the next run would take it for a document"):
            sync(source, report=report)
    assert xai.emulator.counts == {}


def test_a_report_behind_a_link_that_leads_out_is_inside_only_if_links_are_followed(
    xai: Xai, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "reports").mkdir()
    (folder / "out").symlink_to(tmp_path / "reports")
    with pytest.raises(XAIFailException, match="inside the source"):
        sync(folder, report=folder / "out/report.jsonl", follow_links=True)
    assert sync(folder, report=folder / "out/report.jsonl")["added"] == 3


# Collections, functions and fields


def raising(source: SourceDocument) -> dict[str, str]:
    if source.name == "b.txt":
        raise KeyError("author")
    return {"year": "1851"}


@pytest.mark.parametrize("again", [False, True])
def test_a_function_that_raises_for_one_document_does_not_stop_the_others(xai: Xai, folder: Path, again: bool) -> None:
    if again:
        sync(folder)
    said = r"1 of 3 documents are not .*: b\.txt: fields\(…\) raised KeyError for b\.txt: 'author'\. Fix the function"
    with pytest.raises(XAIFailException, match=said):
        sync(folder, fields=raising, update_fields=again)
    found = {document.name: document.fields.get("year") for document in xai.documents(only_id(xai))}
    assert found == {"a.md": "1851", "deep/c.md": "1851", **({"b.txt": None} if again else {})}
    assert xai.unattached(only_id(xai)) == []


def unreachable(source: SourceDocument) -> dict[str, str]:
    raise ConnectionError("the library's catalogue does not answer")


def garbled(source: SourceDocument) -> dict[str, str]:
    found: dict[str, str] = json.loads("<html>")
    return found


@pytest.mark.parametrize(("function", "error"), [(unreachable, "ConnectionError"), (garbled, "JSONDecodeError")])
@pytest.mark.parametrize("update_fields", [False, True])
def test_a_function_that_fails_because_of_what_it_asks_may_work_in_a_retry(
    xai: Xai, folder: Path, function: Any, error: str, update_fields: bool
) -> None:
    with pytest.raises(XAIError, match=rf"raised {error} for a\.md: .* If that does not pass, fix the") as raised:
        sync(folder, fields=function, update_fields=update_fields)
    assert not isinstance(raised.value, XAIFailException)
    assert xai.hook.list_files() == []


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (None, r"fields\(…\) returned NoneType for a\.md; it must return strings by string"),
        ({"year": 1851.0}, r"fields\(…\) of a\.md\['year'\] is 1851\.0; it must be text"),
        ({"airflow_scope": "mine"}, "fields names airflow_scope, which this provider writes itself"),
        ({"year": "\udcff"}, "fields must be text, and these have bytes that are none: 'year'"),
    ],
)
def test_a_function_that_returns_no_metadata_is_final(xai: Xai, folder: Path, made: Any, said: str) -> None:
    with pytest.raises(XAIFailException, match=rf"3 of 3 documents are not .*{said}"):
        sync(folder, fields=lambda source: made)
    assert xai.hook.list_files() == []


def test_a_required_field_that_is_not_given_is_named_before_anything_is_uploaded(xai: Xai, folder: Path) -> None:
    whales = xai.collection(field_definitions=[{"key": "author", "required": True}])
    with pytest.raises(XAIFailException, match=r"requires the field author of every document\. Pass it in fields="):
        sync(folder, whales)
    assert xai.hook.list_files() == []


# Names


FORBIDDEN = [
    *('"', ";", "\\", "\t", "\n", "\r", "\x01", "\x1b", "\x7f", "\x85", "\x9f", "\u2028", "\u2029"),
    os.fsdecode(b"\xff"),
]


def test_names_with_every_forbidden_character(xai: Xai, tmp_path: Path) -> None:
    bad = [f"a{character}{number}.md" for number, character in enumerate(FORBIDDEN)]
    source, report = write(tmp_path / "library", dict.fromkeys([*bad, "good.md"], "text")), tmp_path / "report.jsonl"
    manifest = sync(source, report=report)
    assert counts(manifest) == {"documents": len(bad) + 1, "added": 1, "skipped": len(bad)}
    assert xai.names(only_id(xai)) == ["good.md"]
    lines = report_of(report)
    assert all("rename it" in line["reason"] for line in lines if line["outcome"] == "skipped")
    escaped = ["".join(one if one.isprintable() else repr(one)[1:-1] for one in name) for name in [*bad, "good.md"]]
    assert {line["name"] for line in lines} == set(escaped), "each is told from the others"
    assert len(manifest["problems"]) == len(bad)
    assert all(problem["name"].isprintable() for problem in manifest["problems"])


def test_every_character_that_is_not_forbidden(xai: Xai, tmp_path: Path) -> None:
    """Among them are all that mean something to URLs, globs, templates and headers."""
    marks = ("%41", "#?&=+", "[b]*", "{{ ds }}", "<b>'`$|~^!@(),:", "鯨 🐋", "\u00a0\u200b")
    names = [f"a {mark} z.md" for mark in marks]
    source = write(tmp_path / "library", {name: name for name in names})
    whales = sync(source)["collection_id"]
    assert contents(xai, whales) == {name: name for name in names}
    assert counts(sync(source)) == {"documents": len(names), "kept": len(names)}


def test_rows_stay_small_whatever_is_wrong(xai: Xai, tmp_path: Path) -> None:
    hostile = '🐋\x01\\"é' * 8
    source = write(tmp_path / "library", {f"{number}{hostile}.md": "x" for number in range(60)})
    write(source, {f"{number} {'鯨' * 70}.md": b"\xff\xfe caf\xe9" for number in range(60)})
    manifest = sync(source, max_failed=None, scope="s" * 500, concurrency=4)
    assert (manifest["skipped"], manifest["failed"]) == (60, 60)
    assert manifest["problems"][0]["outcome"] == "failed"
    assert len(json.dumps(manifest)) < 8 * 1024
    assert writes(xai)["upload_document"] == 60


# Sources


@pytest.mark.parametrize("prune", [False, True])
def test_a_source_that_does_not_exist(xai: Xai, folder: Path, prune: bool) -> None:
    sync(folder)
    xai.forget()
    with pytest.raises(XAISourceError, match=r"nowhere does not exist\. Check the path on the machine that runs"):
        sync(folder / "nowhere", prune=prune)
    with attached(FakeS3()) as fs:
        fs.put("bucket/library/a.md", b"alpha")
        for source in ("s3://nobody/library", "s3://bucket/nowhere"):
            with pytest.raises(XAISourceError, match="does not exist"):
                sync(source, prune=prune)
    assert writes(xai) == {}


def test_an_empty_source(xai: Xai, tmp_path: Path, logged: Logged) -> None:
    manifest = sync(tmp_path)
    assert (counts(manifest), manifest["created"]) == ({}, True)
    assert f"there is no document in {tmp_path.as_uri()}" in logged()


def when_listed(monkeypatch: pytest.MonkeyPatch, what: Any) -> None:
    """Do something when the source has been listed for the first time."""
    scan = scanning.scan

    def and_then(*args: Any, **kwargs: Any) -> Any:
        items = scan(*args, **kwargs)
        monkeypatch.setattr(scanning, "scan", scan)
        what()
        return items

    monkeypatch.setattr(scanning, "scan", and_then)


@pytest.mark.parametrize("change", ["other content", "longer", "removed"])
def test_a_source_that_changes_after_it_was_listed(
    xai: Xai, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    """The others go on, and the retry takes the document as it is then."""
    whales, report = sync(folder)["collection_id"], tmp_path / "report.jsonl"
    write(folder, {"a.md": "ALPHA", "d.md": "delta"})

    def happen() -> None:
        if change == "removed":
            (folder / "d.md").unlink()
        else:
            write(folder, {"d.md": "DELTA" if change == "other content" else "delta and more"})

    when_listed(monkeypatch, happen)
    said = "cannot be read" if change == "removed" else "changed"
    with pytest.raises(XAIError, match=rf"1 of 4 documents are not .*: d\.md: .*{said}"):
        sync(folder, report=report)
    assert contents(xai, whales) == {**LIBRARY, "a.md": "ALPHA"}
    assert by_name(report_of(report), "outcome")["d.md"] == "error"
    sync(folder, try_number=2)
    now = {} if change == "removed" else {"d.md": (folder / "d.md").read_text()}
    assert contents(xai, whales) == {**LIBRARY, "a.md": "ALPHA", **now}


@pytest.mark.parametrize("emptied", [True, False])
def test_of_a_document_that_is_no_longer_fit_it_is_said_that_an_earlier_version_stays(
    xai: Xai, folder: Path, tmp_path: Path, logged: Logged, emptied: bool
) -> None:
    whales, report = sync(folder)["collection_id"], tmp_path / "report.jsonl"
    (earlier,) = (each.file_id for each in xai.documents(whales) if each.name == "a.md")
    if emptied:
        write(folder, {"a.md": ""})
    else:
        os.truncate(folder / "a.md", 100_000_001)
    manifest = sync(folder, report=report)
    said = f"An earlier version stays in the collection and searchable: {earlier}"
    assert (counts(manifest), contents(xai, whales)["a.md"]) == ({"documents": 3, "kept": 2, "skipped": 1}, "alpha")
    assert said in manifest["problems"][0]["reason"]
    assert said in by_name(report_of(report), "reason")["a.md"]
    assert said in logged()


def test_unreadable_files_are_reported_and_the_others_go_on(xai: Xai, folder: Path, tmp_path: Path) -> None:
    whales, report = sync(folder)["collection_id"], tmp_path / "report.jsonl"
    (folder / "b.txt").unlink()
    (folder / "b.txt").symlink_to(folder / "nowhere")
    (folder / "loop.md").symlink_to(folder / "loop.md")
    write(folder, {"d.md": "delta"})
    said = r"2 of 5 documents are not as the source has them: .*b\.txt: .*cannot be read.*loop\.md: .*cannot be read"
    with pytest.raises(XAIError, match=said) as raised:
        sync(folder, report=report, prune=True, max_prune=None)
    assert not isinstance(raised.value, XAIFailException), "a retry may find it again"
    assert contents(xai, whales) == {**LIBRARY, "d.md": "delta"}, "a document that cannot be read is not missing"
    outcomes = by_name(report_of(report), "action", "outcome")
    assert (outcomes["b.txt"], outcomes["loop.md"]) == (("unreadable", "error"), ("add", "error"))
    assert sync(folder, max_failed=None)["errors"] == 2


# A team without room


@pytest.mark.parametrize(
    "emulator_settings",
    [pytest.param(playing(max_files=4, full_status=status), id=str(status)) for status in (400, 403, 429)],
)
@pytest.mark.parametrize("upload_method", ["files", "direct"])
def test_a_full_team_is_said_whatever_it_answers(
    xai: Xai, connect: Connect, tmp_path: Path, upload_method: str
) -> None:
    connect(retry_attempts=2)
    many = write(tmp_path / "many", {f"{number:03}.md": f"no {number}" for number in range(60)})
    whales = xai.collection()
    with pytest.raises((XAIError, XAIFailException), match="the team has 4 files, and no room for another"):
        sync(many, whales, upload_method=upload_method, max_failed=None)
    assert len(xai.names(whales)) == 4
    assert xai.unattached(whales) == []


@pytest.mark.parametrize("emulator_settings", [playing(max_files=60)])
def test_pruning_makes_room_for_the_next_run(xai: Xai, tmp_path: Path) -> None:
    source = write(tmp_path / "many", {f"{number:03}.md": f"no {number}" for number in range(60)})
    whales = sync(source)["collection_id"]
    for path in source.iterdir():
        path.unlink()
    second = {f"{number:03}.md": f"no {number}" for number in range(100, 155)}
    write(source, second)
    with pytest.raises(XAIFailException, match=r"50 documents in a row failed, the last one because: .*no room for"):
        sync(source, prune=True, max_prune=None)
    assert contents(xai, whales) == {}
    sync(source)
    assert contents(xai, whales) == second
