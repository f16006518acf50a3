"""XAISyncCollectionOperator and sources that are not what they should be, or a service that has no room for them."""

from __future__ import annotations

import json
import os
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_xai_collections.airflow_errors import XAIFailException
from airflow_provider_xai_collections.api.sync_plan import SourceEntry
from airflow_provider_xai_collections.exceptions import XAIError, XAISourceError
from airflow_provider_xai_collections.sources import scanning
from airflow_provider_xai_collections.sources.scanning import scan
from tests.conftest import Connect, Logged, playing
from tests.object_storage import FakeS3, attached
from tests.operators.stage import Xai, write
from tests.operators.syncs import by_name, contents, counts, only_id, report_of, sync, writes

LIBRARY = {"a.md": "alpha", "b.txt": "beta", "deep/c.md": "gamma"}


def test_a_source_that_does_not_exist(xai: Xai, folder: Path) -> None:
    sync(folder)
    xai.forget()
    for prune in (False, True):
        with pytest.raises(XAISourceError, match=r"nowhere does not exist\. Check the path on the machine that runs"):
            sync(folder / "nowhere", prune=prune)
    assert writes(xai) == {}


def test_a_bucket_or_prefix_that_does_not_exist(xai: Xai) -> None:
    with attached(FakeS3()) as fs:
        fs.put("bucket/library/a.md", b"alpha")
        for source in ("s3://nobody/library", "s3://bucket/nowhere"):
            with pytest.raises(XAISourceError, match="does not exist"):
                sync(source)
    assert writes(xai) == {}


def test_an_empty_source(xai: Xai, tmp_path: Path, logged: Logged) -> None:
    manifest = sync(tmp_path)
    assert (counts(manifest), manifest["created"]) == ({}, True)
    assert f"{tmp_path.as_uri()} holds no document (pattern '*', exclude [])" in logged()
    with pytest.raises(XAIFailException, match="source is ''; it must be text, and not empty"):
        sync("")


def when_listed(monkeypatch: pytest.MonkeyPatch, what: Any) -> None:
    """Do something when the source has been listed for the first time."""

    def and_then(*args: Any, **kwargs: Any) -> list[SourceEntry]:
        entries = scan(*args, **kwargs)
        monkeypatch.setattr(scanning, "scan", scan)
        what()
        return entries

    monkeypatch.setattr(scanning, "scan", and_then)


@pytest.mark.parametrize("method", ["files", "direct"])
@pytest.mark.parametrize("what", ["other content", "longer", "gone"])
def test_a_source_that_changes_while_it_is_read(
    xai: Xai, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str, what: str
) -> None:
    """It changes after it was listed: the old version stays, the others go on, and the retry takes the new one."""
    whales, report = sync(folder)["collection_id"], tmp_path / "report.jsonl"
    write(folder, {"a.md": "ALPHA", "d.md": "delta"})

    def change() -> None:
        if what == "gone":
            (folder / "d.md").unlink()
        else:
            write(folder, {"d.md": "DELTA" if what == "other content" else "delta and more"})

    when_listed(monkeypatch, change)
    said = "cannot be read" if what == "gone" else "changed"
    with pytest.raises(XAIError, match=rf"1 of 4 documents are not .*: d\.md: .*{said}"):
        sync(folder, upload_method=method, report=report)
    assert contents(xai, whales) == {**LIBRARY, "a.md": "ALPHA"}
    assert by_name(report_of(report), "outcome")["d.md"] == "error"
    sync(folder, try_number=2)
    now = {} if what == "gone" else {"d.md": (folder / "d.md").read_text()}
    assert contents(xai, whales) == {**LIBRARY, "a.md": "ALPHA", **now}


def test_a_source_that_shrinks_while_the_plan_reads_it(xai: Xai, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whales = sync(folder)["collection_id"]
    write(folder, {"a.md": "alpha, second edition"})
    when_listed(monkeypatch, lambda: write(folder, {"a.md": "alpha"}))
    with pytest.raises(XAIError, match=r"1 of 3 documents are not .*: a\.md: a\.md changed "):
        sync(folder)
    assert counts(sync(folder)) == {"documents": 3, "kept": 3}
    assert contents(xai, whales) == LIBRARY


@pytest.mark.parametrize(
    "names",
    [
        ("Whale.md", "whale.md"),
        (unicodedata.normalize("NFC", "café.md"), unicodedata.normalize("NFD", "café.md")),
        ("straße.md", "strasse.md"),
        ("İ.md", "i.md"),
    ],
)
def test_two_names_that_differ_only_in_case_or_unicode_form(xai: Xai, tmp_path: Path, names: tuple[str, str]) -> None:
    source = write(tmp_path / "library", {name: f"no {number}" for number, name in enumerate(names)})
    assert len(list(source.iterdir())) == 2, "this file system takes them for one"
    whales = sync(source)["collection_id"]
    assert contents(xai, whales) == {name: f"no {number}" for number, name in enumerate(names)}
    assert counts(sync(source)) == {"documents": 2, "kept": 2}
    write(source, {names[0]: "no 0, second edition"})
    assert counts(sync(source)) == {"documents": 2, "replaced": 1, "kept": 1, "outdated_removed": 1}
    assert contents(xai, whales) == {names[0]: "no 0, second edition", names[1]: "no 1"}
    (source / names[1]).unlink()
    assert sync(source, prune=True, max_prune=1)["removed"] == 1
    assert xai.names(whales) == [names[0]]


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
    assert sync(source, dry_run=True, report=report)["skipped"] == len(bad)


def test_a_path_that_is_too_long_below_the_source_fits_below_a_folder_of_it(xai: Xai, tmp_path: Path) -> None:
    source = write(tmp_path / "long", {f"{'x/' * 130}long.md": "text", f"{'x/' * 110}fits.md": "text"})
    manifest = sync(source)
    assert counts(manifest) == {"documents": 2, "added": 1, "skipped": 1}
    (problem,) = manifest["problems"]
    assert "its path below the source has 267 characters, and a name at xAI up to 255: rename it" in problem["reason"]
    assert "or make a folder above it a source of its own" in problem["reason"]
    assert counts(sync(source / "x" / "x" / "x" / "x" / "x" / "x", "deeper")) == {"documents": 2, "added": 2}


@pytest.mark.parametrize("emptied", [True, False])
def test_what_is_no_longer_fit_is_said_to_stay_as_it_was(
    xai: Xai, folder: Path, tmp_path: Path, logged: Logged, emptied: bool
) -> None:
    whales, report = sync(folder)["collection_id"], tmp_path / "report.jsonl"
    (earlier,) = (each.file_id for each in xai.documents(whales) if each.name == "a.md")
    if emptied:
        write(folder, {"a.md": ""})
    else:
        os.truncate(folder / "a.md", 100_000_001)
    manifest = sync(folder, report=report)
    said = f"An earlier version of it stays in the collection and searchable: {earlier}"
    assert (counts(manifest), contents(xai, whales)["a.md"]) == ({"documents": 3, "kept": 2, "skipped": 1}, "alpha")
    assert said in manifest["problems"][0]["reason"]
    assert said in by_name(report_of(report), "reason")["a.md"]
    assert said in logged()


def test_every_character_that_is_not_forbidden(xai: Xai, tmp_path: Path) -> None:
    """Among them are all that mean something to URLs, globs, templates and headers."""
    names = [
        f"a {mark} z.md" for mark in ("%41", "#?&=+", "[b]*", "{{ ds }}", "<b>'`$|~^!@(),:", "鯨 🐋", "\u00a0\u200b")
    ]
    source = write(tmp_path / "library", {name: name for name in names})
    whales = sync(source)["collection_id"]
    assert contents(xai, whales) == {name: name for name in names}
    assert counts(sync(source)) == {"documents": len(names), "kept": len(names)}


@pytest.mark.parametrize("emulator_settings", [playing(max_files=60)])
def test_pruning_makes_room_if_failures_are_tolerated(xai: Xai, tmp_path: Path) -> None:
    first = {f"{number:03}.md": f"no {number}" for number in range(60)}
    source = write(tmp_path / "many", first)
    whales = sync(source)["collection_id"]
    for name in first:
        (source / name).unlink()
    second = {f"{number:03}.md": f"no {number}" for number in range(100, 155)}
    write(source, second)
    with pytest.raises(XAIFailException, match="50 documents in a row failed"):
        sync(source, prune=True, max_prune=None, on_failed="ignore")
    assert contents(xai, whales) == {}
    sync(source)
    assert contents(xai, whales) == second


def test_a_million_files_are_refused_with_advice(xai: Xai, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan, "__kwdefaults__", {**(scan.__kwdefaults__ or {}), "at_most": 2})
    with pytest.raises(XAIFailException, match=r"holds more than 2 files .*Sync its folders apart, each with its own"):
        sync(folder)
    assert writes(xai) == {}
    assert counts(sync(folder, pattern="*.md")) == {"documents": 2, "added": 2}


def test_unreadable_files_in_between_are_reported_and_the_rest_goes_on(xai: Xai, folder: Path, tmp_path: Path) -> None:
    whales, report = sync(folder)["collection_id"], tmp_path / "report.jsonl"
    (folder / "b.txt").unlink()
    (folder / "b.txt").symlink_to(folder / "nowhere")
    (folder / "loop.md").symlink_to(folder / "loop.md")
    write(folder, {"d.md": "delta"})
    said = r"2 of 5 documents are not as the source has them: .*b\.txt: .*cannot be read.*loop\.md: .*cannot be read"
    with pytest.raises(XAIError, match=said) as raised:
        sync(folder, report=report, prune=True, max_prune=None)
    assert not isinstance(raised.value, XAIFailException), "it may be there again when the task is"
    assert contents(xai, whales) == {**LIBRARY, "d.md": "delta"}, "what cannot be read is not known to be gone"
    outcomes = by_name(report_of(report), "action", "outcome")
    assert (outcomes["b.txt"], outcomes["loop.md"]) == (("unread", "error"), ("add", "error"))
    assert sync(folder, on_failed="ignore")["errors"] == 2


def test_objects_that_cannot_be_read_are_reported_and_the_rest_goes_on(xai: Xai) -> None:
    def refuse(what: str, path: str) -> None:
        if what == "open rb" and path.endswith("b.txt"):
            raise PermissionError(13, "Access Denied", path)

    with attached(FakeS3()) as fs:
        for name, content in LIBRARY.items():
            fs.put(f"bucket/library/{name}", content.encode())
        fs.refuse = refuse
        with pytest.raises(XAIError, match=r"1 of 3 documents are not .*: b\.txt: .*cannot be read \(Access Denied\)"):
            sync("s3://bucket/library")
    assert xai.names(only_id(xai)) == ["a.md", "deep/c.md"]


def test_a_folder_that_cannot_be_listed_ends_it_before_anything_is_sent(
    xai: Xai, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scandir = os.scandir

    def refuse(path: Any) -> Any:
        if str(path).endswith("deep"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(XAISourceError, match=r"deep cannot be listed \(Permission denied\)"):
        sync(folder, prune=True)
    assert writes(xai) == {}


@pytest.mark.parametrize(
    "emulator_settings",
    [pytest.param(playing(max_files=4, full_status=status), id=str(status)) for status in (400, 403, 429)],
)
@pytest.mark.parametrize("method", ["files", "direct"])
def test_a_collection_without_room(xai: Xai, connect: Connect, tmp_path: Path, method: str) -> None:
    connect(retry_attempts=2)
    many = write(tmp_path / "many", {f"{number}.md": f"no {number}" for number in range(9)})
    whales = xai.collection()
    with pytest.raises((XAIError, XAIFailException), match="the team has 4 files, and no room for another"):
        sync(many, whales, upload_method=method)
    assert len(xai.names(whales)) == 4
    assert xai.unattached(whales) == []


@pytest.mark.parametrize("emulator_settings", [playing(max_files=4)])
def test_a_full_team_is_not_asked_for_ever(xai: Xai, tmp_path: Path) -> None:
    many = write(tmp_path / "many", {f"{number:03}.md": f"no {number}" for number in range(200)})
    with pytest.raises(XAIFailException, match=r"50 documents in a row failed, the last one because: .*no room for"):
        sync(many, concurrency=4)
    assert 50 <= xai.emulator.count("upload_document") < 100


def test_rows_stay_small_whatever_is_wrong(xai: Xai, tmp_path: Path) -> None:
    hostile = '🐋\x01\\"é' * 8
    source = write(tmp_path / "library", {f"{number}{hostile}.md": "x" for number in range(60)})
    write(source, {f"{number} {'鯨' * 70}.md": b"\xff\xfe caf\xe9" for number in range(60)})
    manifest = sync(source, on_failed="ignore", scope="s" * 500, concurrency=4)
    assert (manifest["skipped"], manifest["failed"]) == (60, 60)
    assert manifest["problems"][0]["outcome"] == "failed"
    assert len(json.dumps(manifest)) < 8 * 1024
    assert writes(xai)["upload_document"] == 60
