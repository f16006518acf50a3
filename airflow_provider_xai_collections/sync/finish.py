"""Flows that remove documents at the end of a run, and the error that the run ends with."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass, field, replace

from airflow_provider_xai_collections.api.flows import delete_file, remove_document
from airflow_provider_xai_collections.api.protocol import Flow
from airflow_provider_xai_collections.api.removing import Removal
from airflow_provider_xai_collections.exceptions import (
    XAIArgumentError,
    XAIConflictError,
    XAIError,
    XAIIndexingError,
    XAIInterruptedError,
    XAITimeoutError,
)
from airflow_provider_xai_collections.sync.documents import Action, Outcome, Row, error_class
from airflow_provider_xai_collections.sync.manifest import SyncManifest, kind_of
from airflow_provider_xai_collections.sync.options import SyncOptions
from airflow_provider_xai_collections.sync.place import Refusal
from airflow_provider_xai_collections.sync.plan import named


@dataclass(slots=True)
class RemovedRow:
    """The result of removing the documents that a row no longer needs.

    :param removed: those that are gone.
    :param without_file: those of which the file is gone, and whether it was deleted here.
    :param files_kept: files that xAI did not delete.
    """

    row: Row
    removed: list[str] = field(default_factory=list)
    without_file: dict[str, bool] = field(default_factory=dict)
    files_kept: int = 0
    error: XAIError | None = None

    def after(self, detached: Container[str]) -> Row:
        """Return the row when those documents were detached that were still shown without their file."""
        gone = (file_id for file_id, deleted in self.without_file.items() if deleted or file_id in detached)
        row = replace(self.row, removed=(*self.row.removed, *self.removed, *gone))
        if self.error is not None:
            what = "it" if row.action is Action.REMOVE else "an old version"
            row = row.ended(Outcome.ERROR, self.error)
            return replace(row, reason=f"{what} could not be removed: {self.error}")
        return replace(row, outcome=Outcome.REMOVED) if row.action is Action.REMOVE else row


def remove_files(removal: Removal, row: Row) -> Flow[RemovedRow]:
    """Delete the files of the documents that a row no longer needs; if the files are to stay, detach the documents.

    A document whose file is gone disappears by itself, or is shown without it. One look tells for many of them, so a
    removal costs one request instead of two.
    """
    done = RemovedRow(row)
    for file_id in row.to_remove:
        try:
            if removal.delete_files and not removal.detach_first:
                try:
                    done.without_file[file_id] = yield from delete_file(file_id)
                    continue
                except XAIConflictError:
                    removal.detach_first = True  # the service deletes no file that is attached
            gone = yield from removal.of(file_id)
        except XAIInterruptedError:
            raise
        except XAIError as error:
            done.error = error
        else:
            done.removed += [file_id] if gone.document else []
            done.files_kept += gone.file_kept
    return done


def detach(removal: Removal, file_id: str) -> Flow[str]:
    """Detach a document whose file is gone; return its id if it was still there, else nothing."""
    detached = yield from remove_document(removal.collection_id, file_id, team_id=removal.team_id)
    return file_id if detached else ""


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
