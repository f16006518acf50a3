"""Results of a run, its handover to another process, and its report: the same on the other side."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from airflow_provider_xai_collections.exceptions import XAIConflictError, XAIError, XAIIndexingError, XAISourceError
from airflow_provider_xai_collections.manifests.base import MAX_LISTED, Manifest
from airflow_provider_xai_collections.sources.items import SourceItem
from airflow_provider_xai_collections.sync.documents import Action, Outcome, Row
from airflow_provider_xai_collections.sync.manifest import Handover, Problem, SyncManifest, kind_of, problems_of
from airflow_provider_xai_collections.sync.place import Refusal
from airflow_provider_xai_collections.sync.report import VANISHED, ReportLine, merged
from airflow_provider_xai_collections.sync.shards import PlannedRow, Shards, in_shards

#: All that may be known of a document.
FULL = Row(
    Action.REPLACE,
    "file:///a.md",
    SourceItem("file:///a.md", "a.md", 5, None, "/a.md", content_hash="hash"),
    "hash",
    "file_1",
    failed=("file_2",),
    outdated=("file_3", "file_4"),
    older=1,
    needs_type=True,
    placed=True,
    removed=("file_3",),
    seconds=1.5,
    doubts=("strange",),
).ended(Outcome.ERROR, XAISourceError("it cannot be read"))


def row(name: str = "a.md", outcome: Outcome | None = Outcome.PROCESSED, reason: str = "", action: str = "add") -> Row:
    item = SourceItem(f"file:///{name}", name, 5, "5-mtime:1", f"/{name}")
    return Row(Action(action), item.uri, item, file_id=f"file_{ascii(name)[1:-1]}", outcome=outcome, reason=reason)


def result(**counts: object) -> SyncManifest:
    return SyncManifest.model_validate({"collection_id": "collection_1", "scope": "s", **counts})


def handover(refusal: Refusal | None = None, **counts: object) -> Handover:
    return Handover(manifest=result(**counts), refusal=refusal)


# The result.


def test_the_parts_of_a_run_add_up_in_every_count() -> None:
    names = {name for name, info in SyncManifest.model_fields.items() if info.annotation is int} - {"documents"}
    first, second = (handover(None, **dict.fromkeys(names, count)) for count in (1, 2))
    both = first.plus(second).manifest
    assert {getattr(both, name) for name in names} == {3}
    assert both.in_the_log.keys() >= {"added", "files kept", "possible orphans"}


def test_documents_that_are_lost_are_named_before_those_that_are_skipped() -> None:
    outcomes = [Outcome.SKIPPED] * 60 + [Outcome.FAILED, Outcome.ERROR]
    problems = result().plus({}, problems_of(row(str(n), each) for n, each in enumerate(outcomes))).problems
    assert [problem.outcome for problem in problems[:3]] == ["failed", "error", "skipped"]
    assert [problem.name for problem in problems[2:5]] == ["0", "1", "2"], "otherwise in order"
    assert len(problems) <= MAX_LISTED


@pytest.mark.parametrize("outcome", [None, *Outcome])
def test_only_what_is_not_as_wanted_is_a_problem(outcome: Outcome | None) -> None:
    fine = (None, Outcome.PROCESSED, Outcome.REMOVED, Outcome.LEFT, Outcome.IN_PROGRESS)
    assert (list(problems_of([row(outcome=outcome)])) == []) == (outcome in fine)


def test_a_problem_is_named_once_and_by_what_is_known_last() -> None:
    before = result().plus({}, [Problem.of("a.md", Outcome.ERROR, "earlier")])
    (problem,) = before.plus({}, [Problem.of("a.md", Outcome.ERROR, "later")]).problems
    assert problem.reason == "later"


def test_the_error_of_a_run_is_that_of_its_documents_if_they_agree() -> None:
    lost = [Problem.of(name, Outcome.ERROR, "why", "XAIConflictError") for name in "ab"]
    skipped = Problem.of("c", Outcome.SKIPPED, "why", "XAIUnfitDocumentError")
    assert kind_of([*lost, skipped]) is XAIConflictError
    assert kind_of([*lost, Problem.of("d", Outcome.FAILED, "why", "XAIIndexingError")]) is XAIError
    assert kind_of([Problem.of("d", Outcome.FAILED, "why", "XAIIndexingError")]) is XAIIndexingError
    for name in ("", "os", "NoSuchError"):
        assert kind_of([Problem.of("a", Outcome.ERROR, "why", name)]) is XAIError


def test_an_asset_event_counts_what_was_done() -> None:
    assert result(failed=1, errors=2, untried=4, skipped=8).counts["failed"] == 7
    assert result(replaced=1, fixed=2).counts["replaced"] == 3
    assert result(added=3, bytes=9).counts["added"] == 3
    assert set(result(added=3, bytes=9, dry_run=True).all_counts.values()) == {0}


# The handover.


def test_what_several_tasks_did_adds_up() -> None:
    one = handover(documents=9, added=1, bytes=5).plus(handover(documents=4, added=2, kept=3, bytes=7))
    assert (one.manifest.documents, one.manifest.added, one.manifest.kept, one.manifest.bytes) == (9, 3, 3, 12)


def test_of_two_refusals_the_fatal_one_counts() -> None:
    full = Refusal(count=50, error="XAIStatusError", reason="the team is full")
    fatal = Refusal(count=1, error="XAIAuthError", reason="the key was refused", is_fatal=True)
    for pair in ((full, fatal), (fatal, full), (None, fatal), (fatal, None)):
        assert handover(pair[0]).plus(handover(pair[1])).refusal == fatal
    assert handover(full).plus(handover()).refusal == full


@pytest.mark.parametrize("written", [handover(), ReportLine.of(row())])
def test_what_another_version_wrote_is_refused(written: Manifest) -> None:
    with pytest.raises(XAIError, match=rf"a {type(written).__name__} of another version .*shape.*Clear the task"):
        written.parse({**written.dump(), "shape": "round"})


# Parts of a run.


def shards(folder: Path, count: int = 2) -> Shards:
    return Shards(before=handover(), began=0.0, folder=str(folder), count=count, documents=count)


def test_a_document_is_the_same_for_another_worker(tmp_path: Path) -> None:
    assert PlannedRow.parse(json.loads(json.dumps(PlannedRow(row=FULL).dump()))).row == FULL
    shards(tmp_path).write_rows([[FULL], [row("b.md"), row("ä.md")]])
    there = Shards.parse(json.loads(json.dumps(shards(tmp_path).dump())))
    assert [there.rows(number) for number in (0, 1)] == [[FULL], [row("b.md"), row("ä.md")]]


def test_the_report_of_a_run_is_that_of_the_tasks_that_told_what_they_did(tmp_path: Path) -> None:
    run = shards(tmp_path)
    run.write_report(None, [row("kept.md")])
    run.write_result(1, handover(added=1), [row("b.md")])
    run.write_report(0, [row("a.md")])  # the task died before it told more
    assert run.result(0) is None
    assert run.result(1) == handover(added=1)
    assert [line.name for line in run.all_reports()] == ["kept.md", "b.md"]


@pytest.mark.parametrize(
    ("documents", "at_most", "sizes"), [(0, 4, []), (3, 4, [3]), (60, 4, [20] * 3), (200, 2, [100] * 2)]
)
def test_parts_are_about_equal_and_worth_a_task(documents: int, at_most: int, sizes: list[int]) -> None:
    work = [row(str(number), None) for number in range(documents)]
    parts = in_shards([*work, row("kept", action="keep")], at_most)
    assert [len(part) for part in parts] == sizes
    assert sorted(each.name for part in parts for each in part) == sorted(each.name for each in work)


def test_large_documents_are_spread_over_the_parts() -> None:
    def sized(number: int) -> Row:
        item = SourceItem(f"file:///{number}", str(number), 1_000 if number < 4 else 1, None)
        return Row(Action.ADD, item.uri, item)

    parts = in_shards(map(sized, range(100)), 4)
    assert {sum(each.size for each in part) for part in parts} == {1_024}


# The report.


def test_a_line_tells_all_that_is_known_of_a_document() -> None:
    assert ReportLine.of(FULL).dump() == {
        "version": 1,
        "uri": "file:///a.md",
        "name": "a.md",
        "action": "replace",
        "outcome": "error",
        "file_id": "file_1",
        "removed": ["file_3"],
        "bytes": 5,
        "seconds": 1.5,
        "reason": "it cannot be read",
        "doubt": "strange",
    }


def test_a_name_that_is_no_text_is_shown() -> None:
    line = ReportLine.of(row("a\udcff.md", Outcome.SKIPPED, "a\udcff.md is no name"))
    assert line.name == "a\\udcff.md"
    assert Problem.of("a\udcff.md", Outcome.SKIPPED, "why").name == "a\\udcff.md"
    assert ReportLine.model_validate_json(line.model_dump_json()) == line


def test_what_is_found_later_goes_into_the_line_from_before() -> None:
    before = [ReportLine.of(replace(row(name, Outcome.IN_PROGRESS), removed=("old",))) for name in ("a", "b")]
    found = replace(row("a", action="keep"), removed=("older",), doubts=("strange",))
    first, second, third = merged(before, [found, row("c")])
    assert (first.action, first.outcome, first.file_id) == (Action.ADD, Outcome.PROCESSED, "file_a")
    assert (first.removed, first.doubt) == (("old", "older"), "strange")
    assert (second, third) == (ReportLine.of(row("c")), before[1])


def test_a_document_that_vanished_meanwhile_is_an_error_and_a_new_one_is_the_next_runs() -> None:
    before = [ReportLine.of(each) for each in (row("a", Outcome.IN_PROGRESS), row("b", Outcome.SKIPPED, "empty"))]
    first, second = merged(before, [row("a", None), row("b", None), row("new", None)])
    assert (first.outcome, first.reason) == (Outcome.ERROR, VANISHED)
    assert second == before[1], "it never was there"
