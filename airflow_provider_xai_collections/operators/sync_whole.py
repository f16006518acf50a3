"""A sync that several tasks share: its work in parts, and what became of the whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from airflow_provider_xai_collections.api.sync_plan import SyncAction, SyncPlan, SyncStep
from airflow_provider_xai_collections.api.sync_work import SyncOutcome
from airflow_provider_xai_collections.manifests.json_lines import read_lines
from airflow_provider_xai_collections.manifests.sync import StepLine, SyncLine, SyncManifest, SyncPlanned, both_doubts
from airflow_provider_xai_collections.operators.sync_planning import Planned
from airflow_provider_xai_collections.operators.tally import OUTCOMES, UPLOADED, Problems, Tally

#: Documents for which a task of its own is worth while.
WORTH_A_TASK = 25
#: What becomes of documents that no part takes, whatever comes.
_NOT_BEGUN = {SyncAction.SKIP: SyncOutcome.SKIPPED, SyncAction.UNREAD: SyncOutcome.ERROR}
#: What is not in the collection, or not in this version.
_TO_BRING_IN = (SyncAction.ADD, SyncAction.REPLACE)
_THERE = (SyncOutcome.PROCESSED, SyncOutcome.FAILED, SyncOutcome.IN_PROGRESS)


def in_shards(plan: SyncPlan, at_most: int) -> Iterator[Sequence[SyncStep]]:
    """The steps that ask for anything, in parts that are about equally large."""
    steps = [step for step in plan.steps if step.asks and step.entry is not None]
    steps.sort(key=lambda step: step.size, reverse=True)
    count = min(at_most, -(-len(steps) // WORTH_A_TASK))
    for number in range(count):
        yield steps[number::count]


def not_begun(plan: SyncPlan) -> Iterator[SyncLine]:
    """The documents that no part takes, for the report."""
    for step in plan.steps:
        if step.action in _NOT_BEGUN:
            yield SyncLine.planned(step).model_copy(update={"outcome": _NOT_BEGUN[step.action]})


def known(planned: Planned) -> SyncManifest:
    """What is known of the whole before the parts begin."""
    counts = planned.plan.counts
    problems = Problems()
    for line in not_begun(planned.plan):
        problems.add(line)
    return planned.manifest.model_copy(
        update={
            "kept": counts[SyncAction.KEEP] + counts[SyncAction.AWAIT],
            "skipped": counts[SyncAction.SKIP],
            "errors": counts[SyncAction.UNREAD],
            "problems": problems.first(),
        }
    )


def count_undone(before: SyncPlanned, plan: SyncPlan) -> int:
    """Documents that the parts were to bring in, and did not, or that are gone again.

    Not those that have changed since they were brought in: they are the next run's.

    :param plan: the two sides as the last task finds them.
    """
    undone = {step.uri: step.action for step in plan.steps if step.action in _TO_BRING_IN}
    if not undone:
        return 0  # and nothing to look up
    count = 0
    for number in range(before.shards):
        placed = {line.uri for line in read_lines(before.report_of(number), SyncLine) if line.outcome in _THERE}
        for step in _steps_of(before, number):
            count += undone.get(step.uri) is SyncAction.ADD or (step.uri in undone and step.uri not in placed)
    return count


def _steps_of(before: SyncPlanned, shard: int) -> Iterator[StepLine]:
    return read_lines(before.steps_of(shard), StepLine)


class _Last(NamedTuple):
    """What the last task found of a document, or did for it; no more, for there may be very many."""

    outcome: SyncOutcome | None
    file_id: str
    removed: tuple[str, ...]
    reason: str
    doubt: str


class Whole:
    """What all tasks of a sync did, whichever try of them did it: what was planned, and is there now, has been done.

    :param before: what the first task handed on.
    :param planned: the two sides as the last task finds them.
    :param tally: what the last task did; open as long as this is used.
    """

    def __init__(self, before: SyncPlanned, planned: Planned, tally: Tally) -> None:
        self._before = before
        self._tally = tally
        self._last = {
            line.uri: _Last(line.outcome, line.file_id, line.removed, line.reason, line.doubt) for line in tally.lines()
        }
        #: What is still to be added or replaced; and where both sides are known, what the collection holds.
        self._undone: dict[str, SyncAction] = {}
        self._compared: set[str] = set()
        self._held: set[str] = set()
        for step in planned.plan.steps:
            if step.action in _TO_BRING_IN:
                self._undone[step.uri] = step.action
            if step.action not in _NOT_BEGUN:
                self._compared.add(step.uri)
                self._held.update((step.file_id, *step.broken, *step.stale))

    def lines(self) -> Iterator[SyncLine]:
        """The report of the whole."""
        return (line for line, _ in self._lines())

    def manifest(self) -> SyncManifest:
        """The counts of the report, and what was known before."""
        counts: Counter[str] = Counter(
            files_kept=self._tally.counts["files_kept"],
            doubtful=self._tally.counts["doubtful"],
            altered=self._tally.counts["altered"],
            left=self._before.manifest.left + self._tally.counts["left"],
        )
        problems = Problems()
        for line, was_planned in self._lines():
            if was_planned and line.action in UPLOADED and line.outcome in _THERE:
                counts.update({UPLOADED[line.action]: 1, "bytes": line.bytes})
            if was_planned and line.action is SyncAction.REINDEX and line.outcome in _THERE:
                counts["repaired"] += 1
            if line.action is SyncAction.REMOVE and line.outcome is SyncOutcome.UNTRIED:
                continue
            if line.outcome in OUTCOMES:
                counts[OUTCOMES[line.outcome]] += 1
            counts["removed" if line.action is SyncAction.REMOVE else "superseded"] += len(line.removed)
            problems.add(line)
        return self._before.manifest.model_copy(update={"errors": 0, **counts, "problems": problems.first()})

    def _lines(self) -> Iterator[tuple[SyncLine, bool]]:
        """Each with whether a part had it."""
        for line in read_lines(self._before.report_of_plan, SyncLine):
            yield line, False
        in_parts: set[str] = set()
        for number in range(self._before.shards):
            told = {line.uri: line for line in read_lines(self._before.report_of(number), SyncLine)}
            for step in _steps_of(self._before, number):
                in_parts.add(step.uri)
                yield self._line(step, told.get(step.uri) or SyncLine.planned(step.step())), True
        for line in self._tally.lines():
            if line.uri not in in_parts:
                yield line, False

    def _line(self, planned: StepLine, told: SyncLine) -> SyncLine:
        """What became of a document of a part.

        :param told: what the part that had it says.
        """
        uri, last = planned.uri, self._last.get(planned.uri)
        gone = {*planned.broken, *planned.stale} - self._held if uri in self._compared else set()
        removed = {*told.removed, *gone, *(last.removed if last else ())}
        update: dict[str, Any] = {"action": planned.action, "removed": tuple(sorted(removed))}
        if last is not None:
            update |= {
                "outcome": last.outcome,
                "file_id": last.file_id,
                "reason": last.reason,
                "doubt": both_doubts(told.doubt, last.doubt),
            }
        elif uri in self._undone and told.outcome is None:
            update |= {"outcome": SyncOutcome.UNTRIED, "reason": "the task that had it has not said a word about it"}
        elif self._undone.get(uri) is SyncAction.ADD and told.outcome in _THERE:
            update |= {"outcome": SyncOutcome.ERROR, "reason": "it is no longer in the collection"}
        return told.model_copy(update=update)
