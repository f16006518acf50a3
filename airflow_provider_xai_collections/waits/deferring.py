"""Waits in the triggerer: what one trigger may hold, and how to wait for more documents than that.

A trigger is a row of Airflow's database and must stay small, whatever the corpus. Ids that are too many for one are
waited for in parts: first a look, because most documents are settled when the last one is in place; then what is still
in progress is cut into parts that a trigger can list, kept in one XCom per part, and watched part by part. A part that
settled meanwhile costs a look and no trigger. Watching a filter instead, such as the scope of an ingestion, would need
no list, but would blame a task for the documents of others: tasks that are mapped share a scope, and what failed or
vanished has to be told for exactly the ids that were asked for.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from math import ceil
from typing import Any, NamedTuple

from airflow.providers.common.compat.sdk import BaseOperator, Context

from airflow_provider_xai_collections.api.flows import watched_documents
from airflow_provider_xai_collections.api.polling import Poller, WaitEnd, WaitResult, WaitRules
from airflow_provider_xai_collections.api.retries import is_transient
from airflow_provider_xai_collections.exceptions import XAIError
from airflow_provider_xai_collections.hooks.collections import XAICollectionsHook
from airflow_provider_xai_collections.hooks.progress import warn_of_doubts
from airflow_provider_xai_collections.manifests.waits import WaitPart, WaitProgress, WaitSummary

#: Seconds between the trigger's own deadline and Airflow's, which gives no reason.
BACKSTOP = 120.0
#: Bytes of JSON that the ids in a trigger may take. With all else it holds, it stays well below 16 KB.
ROOM_FOR_WATCHED = 8_000
#: The XCom with the progress of a wait in parts; those of the parts have their number behind it.
KEY = "xai_wait"


@dataclass(frozen=True, slots=True)
class Watch:
    """What a trigger is to watch, and until when; without ids, what its filter finds."""

    file_ids: tuple[str, ...] | None
    deadline: Deadline

    @property
    def patience(self) -> timedelta:
        """For ``defer(timeout=...)``."""
        return timedelta(seconds=max(0, ceil(self.deadline.at - time.time())) + BACKSTOP)


class Deadline(NamedTuple):
    """Deadline of a wait, in seconds since the epoch, and how the wait ends then."""

    at: float
    end: WaitEnd


def deadline_of(operator: BaseOperator, context: Context, timeout: float) -> Deadline:
    """Return the deadline of a wait in the triggerer, and the limit that sets it.

    Airflow 3 does not watch over the ``execution_timeout`` of a task that is deferred, so the trigger does. (Airflow 2
    ends the task at that moment as well, but gives no reason.)

    :param timeout: how long the wait may take from now, in seconds.
    """
    now = time.time()
    own = Deadline(now + timeout, WaitEnd.TIMED_OUT)
    if operator.execution_timeout is None:
        return own
    began = context["ti"].start_date
    since = now if began is None else began.timestamp()
    return min(own, Deadline(since + operator.execution_timeout.total_seconds(), WaitEnd.EXECUTION_TIMED_OUT))


def fits_a_trigger(file_ids: Sequence[str]) -> bool:
    return len(list(in_parts(file_ids, ROOM_FOR_WATCHED))) <= 1


def in_parts(file_ids: Iterable[str], room: int) -> Iterator[tuple[str, ...]]:
    """The ids in order, as many at a time as fit into ``room`` bytes of JSON."""
    part: list[str] = []
    left = room
    for file_id in file_ids:
        size = len(json.dumps(file_id)) + len(", ")
        if part and size > left:
            yield tuple(part)
            part, left = [], room
        part.append(file_id)
        left -= size
    if part:
        yield tuple(part)


@dataclass(frozen=True, slots=True)
class WaitInParts:
    """A wait for more documents than one trigger may list. ``ti`` keeps what is still to be watched, as XComs."""

    ti: Any
    hook: XAICollectionsHook
    collection_id: str
    team_id: str | None

    def begin(self, file_ids: Sequence[str], deadline: Deadline) -> Watch | WaitSummary:
        """What to watch first, or how the wait ended, should it be over at once."""
        first = self._look(file_ids)
        settled = WaitSummary.of(replace(first, end=WaitEnd.SETTLED, pending=()))
        parts = list(in_parts(first.pending, ROOM_FOR_WATCHED))
        if not parts:
            return settled
        for number, part in enumerate(parts):
            self.ti.xcom_push(key=f"{KEY}_{number}", value=WaitPart(version=1, file_ids=part).dump())
        self.hook.log.info(
            "%s: %d of %d documents are in progress; watching them in %d parts",
            self.collection_id,
            len(first.pending),
            len(file_ids),
            len(parts),
        )
        at, end = deadline
        return self._watch(
            WaitProgress(version=1, deadline=at, at_deadline=end, parts=len(parts), part=0, so_far=settled)
        )

    def resume(self, told: WaitSummary) -> Watch | WaitSummary:
        """What to watch after a part ended as the trigger told, or how the whole wait ended."""
        progress = WaitProgress.parse(self._pull(KEY))
        so_far = progress.so_far.plus(told)
        for number in range(progress.part + 1, progress.parts):
            found = self._look(self._part(number))
            # When time is up, all there is left to do is to say how far the others are.
            if found.pending and so_far.end is WaitEnd.SETTLED:
                return self._watch(progress.model_copy(update={"part": number, "so_far": so_far}))
            so_far = so_far.plus(WaitSummary.of(found))
        return so_far

    def _watch(self, progress: WaitProgress) -> Watch:
        self.ti.xcom_push(key=KEY, value=progress.dump())
        return Watch(self._part(progress.part), Deadline(progress.deadline, progress.at_deadline))

    def _look(self, file_ids: Sequence[str]) -> WaitResult:
        """How far they are now: a wait whose time is up after one look. One that fails leaves it to the trigger."""
        poller = Poller(file_ids, WaitRules(deadline=0.0))
        try:
            found = self.hook.run(watched_documents(self.collection_id, poller, team_id=self.team_id))
        except XAIError as error:
            if not is_transient(error):
                raise
            found = []
        result = poller.observe(time.time(), found) or WaitResult(WaitEnd.TIMED_OUT, pending=poller.pending)
        warn_of_doubts(self.hook.log, result.doubts, len(result.doubts))
        return result

    def _part(self, number: int) -> tuple[str, ...]:
        return WaitPart.parse(self._pull(f"{KEY}_{number}")).file_ids

    def _pull(self, key: str) -> Any:
        return self.ti.xcom_pull(task_ids=self.ti.task_id, key=key, map_indexes=self.ti.map_index)
