"""What a sync tells and hands on: bounded, and the same on the other side."""

from __future__ import annotations

import json

import pytest

from airflow_provider_xai_collections.api.sync_plan import SourceEntry, SyncAction, SyncStep
from airflow_provider_xai_collections.api.sync_work import Done, SyncOutcome
from airflow_provider_xai_collections.exceptions import XAIError
from airflow_provider_xai_collections.manifests.base import ROOM_FOR_SCOPE, recognisable
from airflow_provider_xai_collections.manifests.sync import (
    Problem,
    StepLine,
    SyncLine,
    SyncManifest,
    SyncPlanned,
    first_problems,
    merged,
)
from airflow_provider_xai_collections.waits.deferring import ROOM_FOR_WATCHED

HOSTILE = '🐋\x00\\"é\u2028\udcff' * 1_000
ROW = 16 * 1024


def entry(name: str = "a.md") -> SourceEntry:
    return SourceEntry(f"file:///{len(name)}", name, 5, "5-mtime:1", f"/{name}")


def line(outcome: SyncOutcome | None = SyncOutcome.PROCESSED, *, name: str = "a.md", reason: str = "") -> SyncLine:
    step = SyncStep(SyncAction.ADD, entry(name).uri, entry(name))
    return SyncLine.planned(step) if outcome is None else SyncLine.of(Done(step, outcome, "file_1", reason=reason))


def manifest(**changes: object) -> SyncManifest:
    plain = {"version": 1, "collection_id": "collection_1", "scope": "s", "sources": ("s",)}
    return SyncManifest.model_validate({**plain, **changes})


def test_a_manifest_at_its_largest_fits_into_a_row_with_the_ids_that_a_trigger_watches() -> None:
    problem = line(SyncOutcome.FAILED, name=HOSTILE, reason=HOSTILE).problem
    assert problem is not None
    where = "s3://bucket/" + "k" * 1_024  # the longest name there
    counts = dict.fromkeys(
        (name for name, field in SyncManifest.model_fields.items() if field.annotation is int), 10**9
    )
    largest = manifest(
        scope=recognisable(where, ROOM_FOR_SCOPE),
        sources=(where,),
        report=where,
        problems=first_problems([problem] * 1_000),
        **counts,
    )
    assert len(largest.problems) >= 2
    size = len(json.dumps(largest.dump()))
    assert size + ROOM_FOR_WATCHED < ROW
    planned = SyncPlanned(version=1, manifest=largest, folder=where, shards=1_000)
    assert len(json.dumps(planned.dump())) < ROW
    assert SyncPlanned.parse(json.loads(json.dumps(planned.dump()))) == planned


def test_documents_that_are_lost_come_before_those_that_are_skipped() -> None:
    outcomes = [SyncOutcome.SKIPPED] * 60 + [SyncOutcome.IN_PROGRESS, SyncOutcome.FAILED, SyncOutcome.ERROR]
    problems = first_problems(Problem(name=str(n), outcome=each, reason="why") for n, each in enumerate(outcomes))
    assert [problem.outcome for problem in problems[:3]] == ["failed", "error", "skipped"]
    assert [problem.name for problem in problems[2:5]] == ["0", "1", "2"], "otherwise in order"


def test_a_dry_run_counts_nothing_for_those_who_wait() -> None:
    assert manifest(added=3, bytes=9).counts["added"] == 3
    assert set(manifest(added=3, bytes=9, dry_run=True).all_counts.values()) == {0}


def test_what_is_lost_failed_for_those_who_wait() -> None:
    assert manifest(failed=1, errors=2, untried=4, skipped=8).counts["failed"] == 7
    assert manifest(replaced=1, repaired=2).counts["replaced"] == 3


@pytest.mark.parametrize("outcome", [None, *SyncOutcome])
def test_only_what_is_not_as_wanted_is_a_problem(outcome: SyncOutcome | None) -> None:
    fine = (None, SyncOutcome.PROCESSED, SyncOutcome.REMOVED, SyncOutcome.IN_PROGRESS)
    assert (line(outcome).problem is None) == (outcome in fine)


def test_a_name_that_is_no_text_is_shown_in_the_report() -> None:
    told = line(SyncOutcome.SKIPPED, name="a\udcff.md", reason="a\udcff.md is no name")
    assert told.name == "a\\udcff.md"
    assert SyncLine.model_validate_json(told.model_dump_json()) == told


def test_a_step_is_the_same_for_another_worker() -> None:
    step = SyncStep(SyncAction.REPLACE, entry().uri, entry(), "hash", "", ("file_1",), ("file_2", "file_3"), "why")
    assert StepLine.parse(json.loads(json.dumps(StepLine.of(step).dump()))).step() == step
    with pytest.raises(ValueError, match="only a document of the source"):
        StepLine.of(SyncStep(SyncAction.REMOVE, "file:///gone"))


def test_what_came_later_goes_into_the_line_from_before() -> None:
    before = [line(SyncOutcome.IN_PROGRESS, name=name).model_copy(update={"removed": ("old",)}) for name in ("a", "bb")]
    later = SyncLine.of(Done(SyncStep(SyncAction.KEEP, before[0].uri), SyncOutcome.PROCESSED, removed=("older",)))
    new = line(name="ccc")
    first, second, third = merged(before, [later, new])
    assert (first.action, first.outcome, first.file_id) == (SyncAction.ADD, SyncOutcome.PROCESSED, "file_1")
    assert first.removed == ("old", "older")
    assert (second, third) == (new, before[1])


def test_a_line_of_another_version_is_refused() -> None:
    with pytest.raises(XAIError, match=r"a SyncLine of another version .*shape.*Clear the task"):
        SyncLine.parse({**line().dump(), "shape": "round"})
