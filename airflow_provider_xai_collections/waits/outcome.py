"""Outcome of a wait for the task: it goes on, or fails with an error that names documents."""

from __future__ import annotations

from typing import Any

from airflow_provider_xai_collections.api.polling import Poller, WaitEnd
from airflow_provider_xai_collections.arguments import allowed_of
from airflow_provider_xai_collections.durations import in_words, seconds
from airflow_provider_xai_collections.exceptions import XAIIndexingError, XAITimeoutError
from airflow_provider_xai_collections.manifests.waits import WaitSummary
from airflow_provider_xai_collections.text import NAMED, counted, in_brackets


def check_outcome(task: Any, summary: WaitSummary, *, documents: int | None = None) -> None:
    """Return if the task may go on.

    :param task: has ``collection_label``, ``max_failed``, ``log`` and the limits of the wait.
    :param documents: how many ``max_failed`` may be a share of, if the wait was for those in progress alone.
    :raises XAITimeoutError: time ran out with documents in progress, whatever ``max_failed`` says.
    :raises XAIIndexingError: more documents failed or vanished than allowed.
    """
    name, lost = task.collection_label, summary.failed + summary.missing
    total = summary.total if documents is None else documents
    if not summary.total:
        task.log.warning("%s: there was no document to wait for. Check filter, or the ids that were attached", name)
    if summary.end is not WaitEnd.SETTLED:
        raise XAITimeoutError(
            f"{name}: {reason_of(task, summary.end)}; {unfinished(summary)}. Indexing goes on at xAI: a retry finds "
            "what is there and waits on"
        )
    if not lost:
        return
    message = f"{name}: {lost} of {counted(total, 'document')} not processed{_trouble(summary)}"
    if task.max_failed is not None and lost > allowed_of(task.max_failed, total):
        raise XAIIndexingError(
            f"{message}. A sync or an ingestion uploads them again, and "
            "XAIReindexDocumentsOperator(which='failed') indexes them again; what xAI rejects has to change"
        )
    task.log.warning("%s. Tolerated by max_failed=%r", message, task.max_failed)


def reason_of(task: Any, end: WaitEnd) -> str:
    """Name the limit that has ended a wait, with its value."""
    value = getattr(task, end.limit, None)
    return f"time ran out ({end.limit} is {in_words(seconds(end.limit, value))})" if value else "time ran out"


def unfinished(summary: WaitSummary) -> str:
    """Name the documents that are in progress, failed or missing, up to a few of each."""
    pending = in_brackets(summary.pending_documents, summary.pending)
    return f"{summary.pending} of {counted(summary.total, 'document')} still in progress{pending}{_trouble(summary)}"


def naming_unfinished(error: BaseException, task: Any, poller: Poller | None) -> BaseException:
    """Return the error of a task that Airflow ends by its ``execution_timeout``, naming the documents too."""
    if poller is None:
        return error
    end = WaitEnd.EXECUTION_TIMED_OUT
    named = unfinished(WaitSummary.of(poller.result_now(end)))
    return type(error)(f"{error}. {task.collection_label}: {reason_of(task, end)}; {named}")


def _trouble(summary: WaitSummary) -> str:
    parts = []
    if summary.failed:
        named = summary.failures[:NAMED]
        listed = "; ".join(f"{failure.name} ({failure.file_id}): {failure.reason}" for failure in named)
        more = f"; and {summary.failed - len(named)} more" if summary.failed > len(named) else ""
        parts.append(f"{summary.failed} failed: {listed}{more}")
    if summary.missing:
        missing = in_brackets(summary.missing_ids, summary.missing)
        parts.append(f"{summary.missing} no longer in the collection{missing}")
    return "".join(f". {part}" for part in parts)
