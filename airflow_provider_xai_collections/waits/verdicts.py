"""What a finished wait means for the task that waited."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow_provider_xai_collections import exceptions
from airflow_provider_xai_collections.api.polling import WaitEnd
from airflow_provider_xai_collections.exceptions import XAIError, XAIIndexingError, XAITimeoutError
from airflow_provider_xai_collections.hooks.progress import warn_of_doubts
from airflow_provider_xai_collections.manifests.waits import WaitEvent, WaitSummary
from airflow_provider_xai_collections.waits.tolerance import check_policy, too_many

#: Documents that an error names.
NAMED = 10

#: Our errors by name, as a trigger names them.
_ERRORS: dict[str | None, type[XAIError]] = {
    name: kind for name, kind in vars(exceptions).items() if isinstance(kind, type) and issubclass(kind, XAIError)
}


def judge(summary: WaitSummary, collection_id: str, *, on_failed: str, max_failed: float, log: Any) -> WaitSummary:
    """Return the summary if the task may go on.

    :raises XAITimeoutError: time ran out with documents in progress, whatever ``on_failed`` says.
    :raises XAIIndexingError: more documents failed or vanished than allowed.
    """
    policy = check_policy(on_failed, max_failed)
    if not summary.total:
        log.warning("%s: there was no document to wait for. Check filter, or what was to be attached", collection_id)
    lost = summary.failed + summary.missing
    trouble = _trouble(summary)
    if summary.end is not WaitEnd.SETTLED:
        why = "no document moved for too long" if summary.end is WaitEnd.STALLED else "time ran out"
        raise XAITimeoutError(
            f"{collection_id}: {why}; {summary.pending} of {summary.total} documents are still in progress"
            f"{some_of(summary.pending_ids, summary.pending)}{trouble}. "
            "Indexing goes on at xAI: a retry finds what is there and waits on"
        )
    if lost:
        message = f"{collection_id}: {lost} of {summary.total} documents are not processed{trouble}"
        if too_many(lost, summary.total, policy, max_failed):
            raise XAIIndexingError(
                f"{message}. An ingestion replaces failed documents when it runs again; "
                "XAIReindexDocumentsOperator(which='failed') indexes them anew"
            )
        log.warning("%s. Tolerated by on_failed=%r, max_failed=%r", message, str(policy), max_failed)
    return summary


def judge_event(told: WaitEvent, collection_id: str, *, on_failed: str, max_failed: float, log: Any) -> WaitSummary:
    """As :func:`judge`, for what a trigger told; its error is raised here as it would have been there."""
    return judge(summary_of(told, log), collection_id, on_failed=on_failed, max_failed=max_failed, log=log)


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
    """The first of the ids in brackets; ``count`` says how many there are if not all of them are at hand."""
    named = ids[:NAMED]
    more = ", …" if (len(ids) if count is None else count) > len(named) else ""
    return f" ({', '.join(named)}{more})"
