"""Waits in the triggerer: the deadline, and the documents that a trigger watches.

A trigger is a row of Airflow's database and must stay small. So it watches the last documents, as many as fit: a
service that indexes in order has done the others by then. The task polls all of them when it goes on, and defers again
if some are not done.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from datetime import timedelta
from math import ceil
from typing import Any, NamedTuple

from airflow_provider_xai_collections.api.flows import watched_collection, watched_documents
from airflow_provider_xai_collections.api.polling import GRACE, Poller, WaitEnd, WaitResult, WaitRules
from airflow_provider_xai_collections.api.retries import is_transient
from airflow_provider_xai_collections.exceptions import XAIError
from airflow_provider_xai_collections.hooks.collections import XAICollectionsHook

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
        """The time-out of ``defer``, a while after the trigger's own."""
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


def poll_once(
    hook: XAICollectionsHook,
    collection_id: str,
    file_ids: Sequence[str] | None,
    *,
    filter: str | None = None,
    team_id: str | None,
    again: bool,
    deadline: Deadline,
) -> WaitResult | None:
    """Poll documents once; those in progress are ``pending`` in the result. ``None``: it failed, and may not later.

    :param file_ids: ``None``: those of the collection that are not processed.
    :param again: they were there a while ago, so one that is absent is missing.
    :raises XAIError: it failed for good, or there is no later.
    """
    try:
        return _polled(hook, collection_id, file_ids, filter=filter, team_id=team_id, again=again)
    except XAIError as error:
        if not is_transient(error) or time.time() >= deadline.at:
            raise
        hook.log.warning("This poll failed, the next may not: %s", error)
        return None


def _polled(
    hook: XAICollectionsHook,
    collection_id: str,
    file_ids: Sequence[str] | None,
    *,
    filter: str | None,
    team_id: str | None,
    again: bool,
) -> WaitResult:
    rules = WaitRules(deadline=0.0, grace=0.0 if again else GRACE)
    if file_ids is None:
        poller = hook.run(watched_collection(collection_id, rules, filter=filter, team_id=team_id))
        return poller.result_now(WaitEnd.TIMED_OUT)
    poller = Poller(file_ids, rules)
    found = hook.run(watched_documents(collection_id, poller, team_id=team_id))
    return poller.handle_poll(time.time(), found) or poller.result_now(WaitEnd.TIMED_OUT)


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
