"""Remove documents with their files: all files first, then what is still shown without its file."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, field, replace

from airflow_provider_xai_collections.api.flows import delete_file, remove_document
from airflow_provider_xai_collections.api.protocol import Flow
from airflow_provider_xai_collections.api.removing import Removal
from airflow_provider_xai_collections.exceptions import XAIConflictError, XAIError, XAIInterruptedError
from airflow_provider_xai_collections.sync.documents import Action, Outcome, Row


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
