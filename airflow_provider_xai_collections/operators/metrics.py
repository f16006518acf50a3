"""Metrics of an attempt, by Airflow's own ``Stats``: StatsD, DogStatsD or OpenTelemetry, if it is configured."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from airflow.providers.common.compat.sdk import Stats

#: The beginning of all names.
METRICS_PREFIX = "xai_collections"
#: Characters of the name of a collection in a tag.
LONGEST_TAG = 100


def emit(task: Any, *, is_over: bool) -> None:
    """Count what the task has done since the last call. Metrics that cannot be sent fail no task.

    :param task: has ``hook``, ``progress`` and ``log``; its ``manifest``, if it has one, counts documents.
    :param is_over: ``False``: the attempt goes on in another process, which counts its documents.
    """
    try:
        _emit_usage(task)
        manifest = getattr(task, "manifest", None)
        if is_over and manifest is not None and not (manifest.is_dry_run or task.is_part):
            _count(task, {f"documents.{outcome}": count for outcome, count in manifest.outcomes.items()})
    except Exception as error:
        task.log.warning("The metrics of this task are not complete: %s", error)


def _emit_usage(task: Any) -> None:
    usage, stages = task.hook.usage.take(), task.progress.take_stages()
    _count(task, {"requests": usage.requests, "retries": usage.retries, "bytes": usage.bytes})
    took = {"rate_limit_pause": usage.held, **{f"stage.{stage}": seconds for stage, seconds in stages.items()}}
    for name, seconds in took.items():
        if seconds > 0:
            Stats.timing(f"{METRICS_PREFIX}.{name}", timedelta(seconds=seconds), tags=_tags(task))


def _count(task: Any, counts: dict[str, int]) -> None:
    for name, count in counts.items():
        if count > 0:
            Stats.incr(f"{METRICS_PREFIX}.{name}", count, tags=_tags(task))


def _tags(task: Any) -> dict[str, str]:
    """Return the collection as a tag, without characters that separate tags."""
    progress = task.progress
    name = progress.collection_name or progress.collection_id
    return {"collection": re.sub(r"[^\w.-]", "_", name)[:LONGEST_TAG]} if name else {}
