"""What a finished wait means for the task that waited."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from airflow_provider_xai_collections import exceptions
from airflow_provider_xai_collections.api.polling import NAMED, Poller, WaitEnd
from airflow_provider_xai_collections.api.printable import printable
from airflow_provider_xai_collections.durations import Duration, in_words
from airflow_provider_xai_collections.exceptions import XAIError, XAIIndexingError, XAITimeoutError
from airflow_provider_xai_collections.hooks.progress import warn_of_doubts
from airflow_provider_xai_collections.manifests.waits import WaitEvent, WaitSummary
from airflow_provider_xai_collections.waits.tolerance import check_policy, too_many

#: Our errors by name, as a trigger names them.
_ERRORS: dict[str | None, type[XAIError]] = {
    name: kind for name, kind in vars(exceptions).items() if isinstance(kind, type) and issubclass(kind, XAIError)
}


def judge(task: Any, summary: WaitSummary) -> WaitSummary:
    """Return the summary if the task may go on.

    :param task: whose arguments say what is tolerated, and how long it waits.
    :raises XAITimeoutError: time ran out with documents in progress, whatever ``on_failed`` says.
    :raises XAIIndexingError: more documents failed or vanished than allowed.
    """
    collection_id, log = task.collection_id, task.log
    policy = check_policy(task.on_failed, task.max_failed)
    if not summary.total:
        log.warning("%s: there was no document to wait for. Check filter, or what was to be attached", collection_id)
    lost = summary.failed + summary.missing
    if summary.end is not WaitEnd.SETTLED:
        raise XAITimeoutError(
            f"{collection_id}: {reason_of(summary.end, limits_of(task))}; {unfinished(summary)}. Indexing goes on at "
            "xAI: a retry finds what is there and waits on"
        )
    if lost:
        message = f"{collection_id}: {lost} of {summary.total} documents are not processed{_trouble(summary)}"
        if too_many(lost, summary.total, policy, task.max_failed):
            raise XAIIndexingError(
                f"{message}. An ingestion replaces failed documents when it runs again; "
                "XAIReindexDocumentsOperator(which='failed') indexes them anew"
            )
        log.warning("%s. Tolerated by on_failed=%r, max_failed=%r", message, str(policy), task.max_failed)
    return summary


def limits_of(task: Any) -> dict[str, Duration | None]:
    """The limits of a task, by the names of its arguments."""
    return {end.limit: getattr(task, end.limit, None) for end in WaitEnd if end.limit}


def reason_of(end: WaitEnd, limits: Mapping[str, Duration | None]) -> str:
    """Say which limit has ended a wait."""
    limit = limits.get(end.limit)
    seconds = limit.total_seconds() if isinstance(limit, timedelta) else limit
    named = f"{end.limit} is {in_words(seconds)}" if seconds else end.limit
    return f"{'no document moved for too long' if end is WaitEnd.STALLED else 'time ran out'} ({named})"


def unfinished(summary: WaitSummary) -> str:
    """Name the documents that are in progress, failed or gone, up to a few of each."""
    return (
        f"{summary.pending} of {summary.total} documents are still in progress"
        f"{some_of(summary.pending_documents, summary.pending)}{_trouble(summary)}"
    )


def naming(
    error: BaseException, collection_id: str, poller: Poller | None, limits: Mapping[str, Duration | None]
) -> BaseException:
    """The error by which Airflow ends a task whose ``execution_timeout`` is over, naming the documents as well."""
    if poller is None:
        return error
    end = WaitEnd.EXECUTION_TIMED_OUT
    named = unfinished(WaitSummary.of(poller.so_far(end)))
    return type(error)(f"{error}. {collection_id}: {reason_of(end, limits)}; {named}")


def summary_of(told: WaitEvent, log: Any) -> WaitSummary:
    """Return what a trigger told, or raise its error as it would have been raised here; the log warns of doubts."""
    if told.summary is None:
        raise _ERRORS.get(told.error_type, XAIError)(
            told.error or "the trigger ended without a reason: see the triggerer's log"
        )
    warn_of_doubts(log, told.summary.doubts, told.summary.doubtful + told.summary.altered)
    return told.summary


def _trouble(summary: WaitSummary) -> str:
    parts = []
    if summary.failed:
        named = summary.failures[:NAMED]
        listed = "; ".join(f"{failure.name} ({failure.file_id}): {failure.reason}" for failure in named)
        more = f"; and {summary.failed - len(named)} more" if summary.failed > len(named) else ""
        parts.append(f"{summary.failed} failed: {listed}{more}")
    if summary.missing:
        parts.append(
            f"{summary.missing} are no longer in the collection{some_of(summary.missing_ids, summary.missing)}"
        )
    return "".join(f". {part}" for part in parts)


def some_of(ids: Sequence[str], count: int | None = None) -> str:
    """The first of the ids, or names, in brackets; nothing if there are none to name.

    :param count: how many there are, if not all are at hand.
    """
    if not ids:
        return ""
    named = list(map(printable, ids[:NAMED]))
    more = ", …" if (len(ids) if count is None else count) > len(named) else ""
    return f" ({', '.join(named)}{more})"
