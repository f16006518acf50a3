"""Waits in the triggerer: the deadline, and the documents that a trigger watches.

A trigger is a row of Airflow's database and must stay small. So it watches the last documents, as many as fit: a
service that indexes in order has done the others by then. The task polls all of them when it goes on, and defers again
if some are not done.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from math import ceil
from typing import Any, NamedTuple

from airflow.providers.common.compat.sdk import TaskDeferred

from airflow_provider_xai_collections.api.flows import watched_collection, watched_documents
from airflow_provider_xai_collections.api.polling import GRACE, Poller, WaitEnd, WaitResult, WaitRules
from airflow_provider_xai_collections.api.retries import is_transient
from airflow_provider_xai_collections.exceptions import XAIError
from airflow_provider_xai_collections.triggers.documents import XAIDocumentsProcessedTrigger

#: Seconds between the trigger's own deadline and Airflow's, which gives no reason.
BACKSTOP = 120.0
#: Bytes of JSON that the ids in a trigger may take. With all else in it, it stays well below 32 KB.
ROOM_FOR_WATCHED = 8_000


class Deadline(NamedTuple):
    """The deadline of a wait, in seconds since the epoch, and the limit that sets it."""

    at: float
    end: WaitEnd

    @property
    def defer_timeout(self) -> timedelta:
        """The time-out of the deferral, a while after the trigger's own."""
        return timedelta(seconds=max(0, ceil(self.at - time.time())) + BACKSTOP)


def deadline_of(task: Any, context: Any, timeout: float, *, began_with: float | None = None) -> Deadline:
    """Return the deadline of a wait in the triggerer: by ``timeout``, or by the task's ``execution_timeout``, which
    Airflow 3 does not enforce while the task is deferred. (Airflow 2 does, but gives no reason.)

    :param timeout: how long the wait may take from now, in seconds.
    :param began_with: the deadline that an earlier part of the wait had, if there was one.
    """
    now = time.time()
    own = Deadline(now + timeout if began_with is None else began_with, WaitEnd.TIMED_OUT)
    if task.execution_timeout is None:
        return own
    began = context["ti"].start_date
    since = now if began is None else began.timestamp()
    return min(own, Deadline(since + task.execution_timeout.total_seconds(), WaitEnd.EXECUTION_TIMED_OUT))


def poll_or_defer(
    task: Any,
    context: Any,
    collection_id: str,
    file_ids: Sequence[str] | None,
    *,
    timeout: float,
    poll_interval: float,
    began_with: float | None,
    manifest: Mapping[str, Any] | None = None,
    filter: str | None = None,
    watch_all: bool = False,
) -> WaitResult:
    """Poll documents once, and return the result if the wait is over: most are by then, and cost no trigger.

    Otherwise, defer the task.

    :param file_ids: ``None``: those of the collection that are not processed, or of them those that match ``filter``.
    :param timeout: how long the wait may take from now, in seconds, as ``poll_interval``.
    :param began_with: the deadline of the wait, if it has begun before: then a document that is absent is missing.
    :param manifest: handed back by the trigger, with the deadline.
    :param watch_all: the trigger lists the documents again, and its event tells of all of them; otherwise it watches
        the last that are in progress.
    :raises XAIError: the poll failed for good, or there is no time for another.
    """
    deadline = deadline_of(task, context, timeout, began_with=began_with)
    rules = WaitRules(deadline=0.0, grace=GRACE if began_with is None else 0.0)
    try:
        if file_ids is None:
            poller: Poller = task.hook.run(watched_collection(collection_id, rules, filter=filter, team_id=task.team))
        else:
            poller = Poller(file_ids, rules)
            poller.handle_poll(time.time(), task.hook.run(watched_documents(collection_id, poller, team_id=task.team)))
    except XAIError as error:
        if not is_transient(error) or time.time() >= deadline.at:
            raise
        task.log.warning("This poll failed, the next may not: %s", error)
        pending = file_ids
    else:
        task.progress.polled(poller)
        pending = poller.pending
        if not pending or time.time() >= deadline.at:
            return poller.result_now(deadline.end if pending else WaitEnd.SETTLED)
    raise deferral(
        task,
        deadline,
        collection_id,
        None if watch_all else pending,
        poll_interval=poll_interval,
        filter=filter,
        manifest={"manifest": manifest, "deadline": deadline.at},
    )


def deferral(
    task: Any,
    deadline: Deadline,
    collection_id: str,
    file_ids: Sequence[str] | None,
    *,
    poll_interval: float,
    manifest: dict[str, Any],
    filter: str | None = None,
) -> TaskDeferred:
    """Return what defers a task until documents are processed, or until the deadline.

    :param file_ids: of which the last are watched; ``None`` as of :func:`poll_or_defer`.
    :param manifest: handed back by the trigger.
    """
    trigger = XAIDocumentsProcessedTrigger(
        collection_id=collection_id,
        file_ids=None if file_ids is None else last_of(file_ids),
        filter=filter,
        team_id=task.team,
        conn_id=task.conn_id,
        deadline=deadline.at,
        at_deadline=deadline.end,
        poll_interval=poll_interval,
        manifest=manifest,
    )
    return TaskDeferred(trigger=trigger, method_name="execute_complete", timeout=deadline.defer_timeout)


def last_of(file_ids: Sequence[str]) -> list[str]:
    """Return the last of the ids, as many as a trigger has room for."""
    kept: list[str] = []
    room = ROOM_FOR_WATCHED
    for file_id in reversed(file_ids):
        room -= len(json.dumps(file_id)) + len(", ")
        if kept and room < 0:
            break
        kept.append(file_id)
    return kept[::-1]
