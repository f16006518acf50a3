"""Whatever a sync tells that did not happen is noticed, and whatever happened that it does not tell."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_xai_collections.api.sync_plan import SyncAction
from airflow_provider_xai_collections.api.sync_work import SyncOutcome
from airflow_provider_xai_collections.emulator.records import FileRecord
from airflow_provider_xai_collections.manifests.sync import SyncLine
from chaos.accounts import wrong_counts
from chaos.checks import Held
from chaos.corpus import Corpus
from chaos.jobs import Try

ADDED, KEPT, REPLACED = "000/00000.md", "000/00001.md", "000/00002.md"
#: What a sync tells that adds one document, keeps one, replaces one, and removes one.
COUNTS = {
    "documents": 3,
    "added": 1,
    "replaced": 1,
    "kept": 1,
    "removed": 1,
    "superseded": 1,
    "bytes": 20,
    "possible_orphans": 1,
}


def file(name: str, file_id: str | None = None) -> FileRecord:
    return FileRecord(file_id or f"new {name}", name, "text/markdown", 10, "", "", 0.0)


def line(name: str, action: SyncAction, outcome: SyncOutcome = SyncOutcome.PROCESSED, **changes: Any) -> SyncLine:
    about = {"uri": name, "name": name, "action": action, "outcome": outcome, "file_id": f"new {name}", "bytes": 10}
    return SyncLine.model_validate({"version": 1, **about, **changes})


BEFORE = Held(1, (file(KEPT), file(REPLACED, "old"), file("gone.md", "gone")), (), Counter(), 0)
AFTER = Held(
    1,
    (file(ADDED), file(KEPT), file(REPLACED)),
    ("lost.md",),
    Counter(),
    discarded=0,
    attached={each.file_id: each for each in (file(ADDED), file(REPLACED))},
)
LINES = (
    line(ADDED, SyncAction.ADD),
    line(KEPT, SyncAction.KEEP),
    line(REPLACED, SyncAction.REPLACE, removed=("old",)),
    line("gone.md", SyncAction.REMOVE, SyncOutcome.REMOVED, file_id="", bytes=0, removed=("gone",)),
)


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    corpus = Corpus(tmp_path / "source", 1)
    corpus.add(3)
    return corpus


@pytest.fixture
def wrong(tmp_path: Path, corpus: Corpus) -> Any:
    """What is wrong about a try that told this."""

    def found(*lines: SyncLine, after: Held = AFTER, error: str = "", **changes: int) -> list[str]:
        report = tmp_path / "report.jsonl"
        report.write_text("".join(each.model_dump_json() + "\n" for each in lines))
        manifest = {"version": 1, "scope": "s", **COUNTS, **changes}
        return list(wrong_counts(BEFORE, after, [Try(error, False, manifest, str(report))], corpus))

    return found


def test_a_sync_that_told_what_it_did_is_as_it_should_be(wrong: Any) -> None:
    assert wrong(*LINES) == []


def test_a_try_that_ended_before_it_began_anything_tells_nothing(tmp_path: Path, corpus: Corpus) -> None:
    nothing = Try("XAIError: no way", False, {}, str(tmp_path / "report.jsonl"))
    assert list(wrong_counts(BEFORE, BEFORE, [nothing], corpus)) == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"documents": 4}, "4 documents, 3 in the source"),
        ({"added": 0}, "2 kept, added, replaced or repaired, 3 in the report"),
        ({"added": 0, "kept": 2}, "2 attached, 1 told"),
        ({"added": 2, "kept": 0}, "2 added, 1 in the report"),
        ({"kept": 6}, "8 kept, added, replaced or repaired, 3 in the report"),
        ({"bytes": 27}, "27 bytes, 20 stored"),
        ({"superseded": 0}, "1 removed or superseded, 2 in the report"),
        ({"failed": 1}, "1 failed, 0 in the report"),
        ({"untried": 1}, "1 untried, 0 in the report"),
        ({"possible_orphans": 0}, "1 uploads came to nothing, 0 were told"),
    ],
)
def test_each_count_that_is_not_so_is_noticed(wrong: Any, change: dict[str, int], expected: str) -> None:
    assert expected in wrong(*LINES, **change)


def test_a_file_that_nobody_attached_and_somebody_deleted_is_noticed(wrong: Any) -> None:
    assert "1 files never attached and deleted, 0 in doubt" in wrong(*LINES, after=replace(AFTER, discarded=1))


def test_each_line_that_is_not_so_is_noticed(wrong: Any) -> None:
    added, *others = LINES
    assert f"1 not in the report: {ADDED}" in wrong(*others)
    assert f"1 there, and processed in no report: {ADDED}" in wrong(*others)
    assert f"1 attached and told by nobody: {ADDED}" in wrong(*others)
    assert f"1 twice in the report: {ADDED}" in wrong(added, *LINES)
    stranger = line("stranger.md", SyncAction.ADD)
    assert "1 in the report and not in the source: stranger.md" in wrong(*LINES, stranger)
    assert "1 with an id that no document had: stranger.md" in wrong(*LINES, stranger)
    switched = added.model_copy(update={"file_id": f"new {KEPT}"})
    assert f"1 with the id of another document, or another size: {ADDED}" in wrong(switched, *others)
    *others, gone = LINES
    assert "1 removed and told by nobody: gone.md" in wrong(*others, gone.model_copy(update={"removed": ()}))
    both = gone.model_copy(update={"removed": ("gone", f"new {KEPT}")})
    assert f"1 removed in the report, and there: new {KEPT}" in wrong(*others, both)


def test_a_document_in_doubt_may_be_told_by_nobody_but_not_by_another_name(wrong: Any) -> None:
    _, *others = LINES
    lost = line(ADDED, SyncAction.ADD, SyncOutcome.ERROR, file_id="")
    told = {"added": 0, "errors": 1, "bytes": 10}
    assert wrong(lost, *others, error="XAIError: lost", **told) == []
    stranger = replace(AFTER, attached={**AFTER.attached, "new other.md": file("other.md")})
    assert "1 attached and told by nobody: other.md" in wrong(lost, *others, after=stranger, error="lost", **told)
