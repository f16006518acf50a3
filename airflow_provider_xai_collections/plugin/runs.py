"""Runs of tasks, made of what Airflow's REST API says of task instances, asset events and XComs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, Self
from urllib.parse import quote

from airflow_provider_xai_collections.manifests.base import COUNTS
from airflow_provider_xai_collections.manifests.progress import Stage, TaskProgress
from airflow_provider_xai_collections.plugin.views import Counts, ProblemView, ProgressView, Run

#: A task that has told nothing for so long, and of which Airflow shows nothing, is not at work.
TOLD_LATELY = timedelta(minutes=2)


class RunKey(NamedTuple):
    """A Dag run."""

    dag_id: str
    run_id: str


class TaskKey(NamedTuple):
    """A task instance."""

    dag_id: str
    task_id: str
    run_id: str
    map_index: int


@dataclass(frozen=True, slots=True)
class Told:
    """Progress of a run, as its tasks have told it, the one that told it last first."""

    task_ids: tuple[str, ...]
    collection_id: str
    parts: tuple[TaskProgress, ...]

    @classmethod
    def of(cls, task_id: str, progress: TaskProgress) -> Self:
        """Begin with one task."""
        return cls((task_id,), progress.collection_id, (progress,))

    def plus(self, other: Self) -> Self:
        """Add another task of the run."""
        return replace(self, task_ids=self.task_ids + other.task_ids, parts=self.parts + other.parts)

    @property
    def name(self) -> str:
        """The name of the collection, as the task that told it last knows it."""
        return self.parts[0].collection_name

    @property
    def is_fresh(self) -> bool:
        """``True`` if one of the tasks was at work a moment ago."""
        limit = (datetime.now(UTC) - TOLD_LATELY).timestamp()
        return any(each.updated > limit and not _is_over(each) for each in self.parts)

    @property
    def together(self) -> ProgressView:
        """All tasks as one; the slowest says when they will be done."""
        at_work = [each for each in self.parts if not _is_over(each)] or self.parts
        known = [each.seconds_left for each in at_work if each.seconds_left is not None]
        # Documents of one stage are not those of another; a task that is over has done all of its own.
        same = [each for each in self.parts if _is_over(each) or each.stage is at_work[0].stage]
        return ProgressView(
            stage=at_work[0].stage,
            documents=sum(each.documents for each in same),
            total=sum(each.total for each in same),
            failed=sum(each.failed for each in self.parts),
            bytes=sum(each.bytes for each in self.parts),
            bytes_total=sum(each.bytes_total for each in self.parts),
            seconds_left=max(known, default=None) if len(known) == len(at_work) else None,
            updated=_moment(max(each.updated for each in self.parts)),
        )


def _is_over(progress: TaskProgress) -> bool:
    return progress.stage in (Stage.DONE, Stage.FAILED)


def with_progress(runs: Sequence[Run], told: Mapping[RunKey, Told]) -> Iterator[Run]:
    """Yield the runs with what is known of their progress, and those that only their progress shows."""
    at_work = {RunKey(run.dag_id, run.run_id) for run in runs if run.is_running}
    tasks = {(run.dag_id, run.run_id, run.task_id) for run in runs}
    for run in runs:
        progress = told.get(RunKey(run.dag_id, run.run_id)) if run.is_running else None
        yield replace(run, progress=progress.together) if progress else run
    for key, progress in told.items():
        is_shown = key in at_work or any((*key, task_id) in tasks for task_id in progress.task_ids)
        if progress.is_fresh and not is_shown:
            began = _moment(min(each.began for each in progress.parts))
            run = run_of(TaskKey(key.dag_id, progress.task_ids[0], key.run_id, -1), None, None)
            yield replace(run, state="running", started=began, progress=progress.together)


def key_of_event(event: Mapping[str, Any]) -> TaskKey:
    """Return the task instance that made an event."""
    return TaskKey(
        str(event["source_dag_id"]),
        str(event["source_task_id"]),
        str(event["source_run_id"]),
        event["source_map_index"],
    )


def key_of_instance(instance: Mapping[str, Any]) -> TaskKey:
    """Return which task instance it is."""
    return TaskKey(instance["dag_id"], instance["task_id"], instance["dag_run_id"], instance["map_index"])


def run_of(key: TaskKey, instance: Mapping[str, Any] | None, event: Mapping[str, Any] | None) -> Run:
    """Make a run of a task instance and of the event that it made, of which one may be missing."""
    dag, task, run, number = key
    mapped = f"/mapped/{number}" if number >= 0 else ""
    found = Run(
        *key,
        path=f"/dags/{quote(dag, safe='')}/runs/{quote(run, safe='')}/tasks/{quote(task, safe='')}{mapped}",
        state="success",
    )
    if instance is not None:
        found = replace(
            found,
            state=str(instance["state"]),
            started=time_of(instance["start_date"]),
            seconds=instance["duration"],
        )
    if event is None:
        return found
    extra = event["extra"] or {}
    report = extra.get("report")
    report = report if isinstance(report, dict) else {}
    return replace(
        found,
        started=found.started or time_of(event["timestamp"]),
        counts=Counts(**{name: _count(extra.get(name)) for name in COUNTS}),
        documents=_count_or_none(extra.get("documents")),
        kept=_count_or_none(report.get("kept")),
        scope=str(report.get("scope") or ""),
        sources=tuple(map(str, _list(report.get("sources")))),
        report=str(report.get("report") or ""),
        problems=tuple(map(_problem, _list(report.get("problems")))),
    )


def _problem(told: Any) -> ProblemView:
    told = told if isinstance(told, dict) else {}
    return ProblemView(*(str(told.get(name, "")) for name in ("name", "outcome", "reason")))


def _list(told: Any) -> list[Any]:
    return told if isinstance(told, list) else []


def _count(told: Any) -> int:
    return _count_or_none(told) or 0


def _count_or_none(told: Any) -> int | None:
    return told if isinstance(told, int) else None


def _moment(seconds: float) -> datetime:
    """Return a time since the epoch; the epoch for one that no clock shows."""
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return datetime.fromtimestamp(0, UTC)


def time_of(told: Any) -> datetime | None:
    """Read a time of the API."""
    return datetime.fromisoformat(told) if told else None
