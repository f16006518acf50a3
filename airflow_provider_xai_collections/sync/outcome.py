"""The end of a run, as the task sees it: nothing, or an error that says what to do."""

from __future__ import annotations

from collections.abc import Sequence

from airflow_provider_xai_collections.exceptions import XAIArgumentError, XAIError, XAIIndexingError, XAITimeoutError
from airflow_provider_xai_collections.sync.documents import Row, error_class
from airflow_provider_xai_collections.sync.manifest import SyncManifest, kind_of
from airflow_provider_xai_collections.sync.options import SyncOptions
from airflow_provider_xai_collections.sync.place import Refusal
from airflow_provider_xai_collections.sync.plan import named

#: Documents that an error names.
NAMED = 10


def error_of(
    manifest: SyncManifest,
    options: SyncOptions,
    *,
    name: str,
    in_progress: Sequence[Row] = (),
    limit: str = "timeout",
    refusal: Refusal | None = None,
    prune_refusal: str = "",
    documents: int | None = None,
) -> XAIError | None:
    """Return the error that the run ends with, if it does. What the service refused comes last: all else is done.

    :param name: of the collection.
    :param in_progress: documents that were waited for.
    :param limit: which limit has ended the wait.
    :param prune_refusal: why pruning was refused.
    :param documents: of the whole run, if the manifest is that of a part.
    """
    total = manifest.documents if documents is None else documents
    lost = _lost(manifest)
    if options.wait and in_progress:
        rows = [f"{row.name} [{row.file_id}]" for row in in_progress[: NAMED + 1]]
        return XAITimeoutError(
            f"{name}: time ran out ({limit}); {len(in_progress)} of {manifest.documents} documents are still in "
            f"progress{named(rows, NAMED)}{f'. {lost}' if lost else ''}. Indexing goes on at xAI: a retry finds what "
            "is there and waits on"
        )
    if refusal is not None and refusal.stops:
        return error_class(refusal.error)(f"{name}: {refusal.message}{f'. {lost}' if lost else ''}")
    if not options.tolerates(manifest.lost, total):
        kind = XAIIndexingError if manifest.failed == manifest.lost else kind_of(manifest.problems)
        return kind(f"{name}: {lost}. The others are in the collection, and the next run does the rest")
    if prune_refusal:
        return XAIArgumentError(f"{prune_refusal}. All else is done")
    return None


def _lost(manifest: SyncManifest) -> str:
    """Name the documents that are not as the source has them; nothing if all are."""
    if not manifest.lost:
        return ""
    problems = [problem for problem in manifest.problems if problem.outcome.is_lost][:NAMED]
    listed = "; ".join(f"{problem.name}: {problem.reason}" for problem in problems)
    more = f"; and {manifest.lost - len(problems)} more" if manifest.lost > len(problems) else ""
    return f"{manifest.lost} of {manifest.documents} documents are not as the source has them: {listed}{more}"
