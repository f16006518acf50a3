"""What is strange about a plan, when pruning is refused, and what the end of a sync means for the task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from airflow_provider_xai_collections.airflow_errors import FINAL
from airflow_provider_xai_collections.api.polling import NAMED, WaitEnd
from airflow_provider_xai_collections.api.printable import printable
from airflow_provider_xai_collections.api.sync_plan import SyncAction, SyncPlan
from airflow_provider_xai_collections.arguments import allowed_of
from airflow_provider_xai_collections.durations import Duration
from airflow_provider_xai_collections.exceptions import (
    LONGEST,
    XAIArgumentError,
    XAIError,
    XAIIndexingError,
    XAITimeoutError,
)
from airflow_provider_xai_collections.manifests.sync import LOST, SyncManifest
from airflow_provider_xai_collections.waits.tolerance import OnFailed, too_many
from airflow_provider_xai_collections.waits.verdicts import reason_of, some_of


def check_plan(
    plan: SyncPlan, scope: str, root: str, *, prune: bool, max_prune: float | None, log: Any
) -> XAIArgumentError | None:
    """Warn of what is strange about a plan.

    :returns: why pruning is refused: it would remove more than it may, or documents that may be somebody else's.
    """
    if plan.left:
        log.info("%d documents that %s has no longer stay, because prune is off", plan.left, printable(root))
    if plan.other_metadata:
        log.warning(
            "%d documents have other fields, and keep them; update_fields=True replaces them", plan.other_metadata
        )
    if plan.foreign:
        message = (
            f"the scope {printable(scope)!r} holds {len(plan.foreign)} documents that do not come from {root}"
            f"{some_of([uri or 'without a source' for uri in plan.foreign])}, and are left alone. Give each source a "
            "scope of its own. If the source has moved and they are left of it, "
            f"XAIRemoveDocumentsOperator(scope={scope!r}) removes all that the scope holds, and the next sync brings "
            "back what the source has"
        )
        if prune:
            return XAIArgumentError(f"pruning is refused: {message}")
        log.warning("%s", printable(message, LONGEST))
    return _refused_pruning(plan, scope, root, max_prune) if prune and plan.removals else None


def _refused_pruning(plan: SyncPlan, scope: str, root: str, max_prune: float | None) -> XAIArgumentError | None:
    gone = some_of([step.uri for step in plan.steps if step.action is SyncAction.REMOVE])
    if not plan.source_documents:
        return XAIArgumentError(
            f"pruning is refused: {root} is empty, and all {plan.removals} documents of this scope would be removed"
            f"{gone}. Check the source; if it is meant to be empty, remove them with "
            f"XAIRemoveDocumentsOperator(scope={scope!r})"
        )
    if max_prune is not None and plan.removals > allowed_of(max_prune, plan.held):
        return XAIArgumentError(
            f"pruning is refused: {plan.removals} of {plan.held} documents are no longer in {root}{gone}, and "
            f"max_prune is {max_prune}. Check the source; if they are meant to go, raise max_prune"
        )
    return None


def judge_sync(
    manifest: SyncManifest,
    end: WaitEnd,
    trouble: XAIError | None,
    *,
    on_failed: str,
    max_failed: float,
    limits: Mapping[str, Duration | None],
    in_progress: Sequence[str],
    log: Any,
) -> None:
    """Return if the task may go on.

    :param trouble: the errors of documents that did not get as far as indexing, as one.
    :param limits: those of the task by name, and ``in_progress``: the first documents that are, for the error.
    :raises XAITimeoutError: time ran out with documents in progress, whatever ``on_failed`` says.
    :raises XAIIndexingError: more documents failed than allowed.
    :raises XAIError: the same, of the kind of ``trouble``, as some did not get so far.
    """
    where = manifest.collection_id
    for problem in manifest.problems[:NAMED]:
        log.warning("%s: %s: %s", problem.name, problem.outcome, problem.reason)
    named = [problem for problem in manifest.problems if problem.outcome in LOST][:NAMED]
    listed = "; ".join(f"{problem.name}: {problem.reason}" for problem in named)
    if manifest.lost > len(named):
        listed += f"; and {manifest.lost - len(named)} more"
    lost = f"{manifest.lost} of {manifest.documents} documents are not as the source has them: {listed}"
    if end is not WaitEnd.SETTLED:
        raise XAITimeoutError(
            f"{where}: {reason_of(end, limits)}; {manifest.in_progress} of {manifest.documents} documents are still in "
            f"progress{some_of(in_progress, manifest.in_progress)}{f'. {lost}' if manifest.lost else ''}. "
            "Indexing goes on at xAI: a retry finds what is there and waits on"
        )
    if not manifest.lost:
        return
    message = f"{where}: {lost}"
    if too_many(manifest.lost, manifest.documents, OnFailed(on_failed), max_failed):
        raise _kind(manifest, trouble)(f"{message}. The others are in place, and the next run does what is left")
    log.warning("%s. Tolerated by on_failed=%r, max_failed=%r", message, on_failed, max_failed)


def _kind(manifest: SyncManifest, trouble: XAIError | None) -> type[XAIError]:
    """The class of the error, by which Airflow retries or does not: a retry can mend what could not be indexed."""
    if manifest.failed == manifest.lost:
        return XAIIndexingError
    return XAIError if trouble is None or (manifest.failed and isinstance(trouble, FINAL)) else type(trouble)
