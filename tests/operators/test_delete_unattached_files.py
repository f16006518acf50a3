"""XAIDeleteUnattachedFilesOperator: files that no collection holds, found by a complete inventory."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_xai_collections.emulator import FaultRule, Settings
from airflow_provider_xai_collections.exceptions import XAIError
from airflow_provider_xai_collections.manifests.files import FileLine
from airflow_provider_xai_collections.manifests.json_lines import read_lines
from airflow_provider_xai_collections.operators.files import XAIDeleteUnattachedFilesOperator
from tests.conftest import Connect, Logged, RecordingEmulator
from tests.operators.stage import Xai, run

DAYS = 86_400


def task(**arguments: Any) -> XAIDeleteUnattachedFilesOperator:
    return XAIDeleteUnattachedFilesOperator(**{"task_id": "delete_unattached", **arguments})


def names(xai: Xai) -> list[str]:
    return sorted(file.filename for file in xai.hook.list_files())


@pytest.fixture
def ages() -> list[float]:
    """By how many seconds the service's clock is behind: so old is what is made there."""
    return [8 * DAYS]


@pytest.fixture
def emulator(emulator_settings: Settings, ages: list[float]) -> Iterator[RecordingEmulator]:
    emulator = RecordingEmulator(emulator_settings, clock=lambda: time.time() - sum(ages))
    yield emulator
    emulator.close()


@pytest.fixture
def left(xai: Xai, ages: list[float]) -> None:
    """A document, two old files in no collection, and a young one."""
    xai.document(xai.collection(), "whale.md")
    xai.file("old.md")
    xai.file("old.pdf")
    ages.clear()
    xai.file("young.md")


@pytest.mark.usefixtures("left")
def test_it_only_says_what_it_would_delete(xai: Xai, logged: Logged) -> None:
    manifest = run(task())
    counts = {"files": 4, "collections": 1, "attached": 1, "unattached": 2, "bytes": 32, "deleted": 0, "kept": 0}
    assert manifest == {"version": 1, "dry_run": True, **counts, "names": ["old.md", "old.pdf"], "report": None}
    assert names(xai) == ["old.md", "old.pdf", "whale.md", "young.md"]
    assert "Nothing was deleted: dry_run=False does that" in logged()


@pytest.mark.usefixtures("left")
def test_told_to_it_deletes_them_and_nothing_else(xai: Xai, logged: Logged) -> None:
    manifest = run(task(dry_run=False))
    assert (manifest["unattached"], manifest["deleted"]) == (2, 2)
    assert names(xai) == ["whale.md", "young.md"]
    assert run(task(dry_run=False))["deleted"] == 0, "once more finds nothing to do"
    assert "in no collection: 2 files (32 bytes); 2 deleted" in logged()


@pytest.mark.usefixtures("left")
@pytest.mark.parametrize("dry_run", [True, False])
def test_the_report_has_a_line_for_each(xai: Xai, tmp_path: Path, dry_run: bool) -> None:
    report = tmp_path / "report.jsonl"
    assert run(task(dry_run=dry_run, report=str(report)))["report"] == str(report)
    lines = {line.name: line for line in read_lines(report, FileLine)}
    assert set(lines) == {"old.md", "old.pdf"}
    assert {line.outcome for line in lines.values()} == {"found" if dry_run else "deleted"}
    assert lines["old.md"].bytes == 16
    assert lines["old.md"].created_at is not None


@pytest.mark.usefixtures("left")
def test_a_delete_that_fails_is_named_and_a_retry_does_the_rest(xai: Xai, connect: Connect, tmp_path: Path) -> None:
    connect(retry_attempts=1)
    report = tmp_path / "report.jsonl"
    xai.emulator.set_faults(FaultRule(endpoint="delete_file", nth=(1,), status=503))
    with pytest.raises(XAIError, match=r"1 of 2 files failed: old\.md \(file_"):
        run(task(dry_run=False, concurrency=1, report=report))
    assert {line.name: line.outcome for line in read_lines(report, FileLine)} == {
        "old.md": "found",
        "old.pdf": "deleted",
    }
    xai.emulator.set_faults()
    assert run(task(dry_run=False))["deleted"] == 1
    assert names(xai) == ["whale.md", "young.md"]


@pytest.mark.usefixtures("left")
def test_a_report_that_cannot_be_written_deletes_nothing(xai: Xai, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(XAIError, match="cannot be written"):
        run(task(dry_run=False, report=tmp_path / "file" / "report.jsonl"))
    assert xai.queries("delete_file") == []


@pytest.mark.usefixtures("left")
def test_a_pattern_that_matches_no_file_is_warned_of(logged: Logged) -> None:
    run(task(pattern=["*.md", "*.docx"]))
    assert "pattern '*.docx' matches nothing in the team's files" in logged()
    assert "'*.md' matches nothing" not in logged()
