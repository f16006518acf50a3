"""Place documents, and remove outdated ones: the flow of one, the order of all, and when to stop."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass, field, replace
from zlib import crc32

from airflow_provider_xai_collections.api.files import MEGABYTE
from airflow_provider_xai_collections.api.flows import delete_file, remove_document
from airflow_provider_xai_collections.api.identity import SourceDocument, fields_digest, managed_fields
from airflow_provider_xai_collections.api.protocol import Flow, Now
from airflow_provider_xai_collections.api.removing import Removal
from airflow_provider_xai_collections.api.retries import concerns_every_call, is_transient
from airflow_provider_xai_collections.api.uploading import Target, prepare, upload_and_attach
from airflow_provider_xai_collections.exceptions import (
    XAIArgumentError,
    XAIConflictError,
    XAIError,
    XAIInterruptedError,
    XAIOutcomeUnknownError,
    XAISourceError,
    XAIStatusError,
    XAIUnfitDocumentError,
)
from airflow_provider_xai_collections.manifests.base import Manifest, shown
from airflow_provider_xai_collections.sources.fields import DocumentFields
from airflow_provider_xai_collections.sources.items import SourceItem
from airflow_provider_xai_collections.sync.documents import Action, Outcome, Row

#: Bytes of the documents that are read or uploaded at the same time; one that is larger goes alone.
BYTES_AT_ONCE = 256 * MEGABYTE
#: Documents in a row that the service does not take, after which no more are tried: a collection that is full, or a
#: service that is down.
GIVE_UP_AFTER = 50
#: Bytes of JSON that the reason of a refusal may take.
ROOM_FOR_REASON = 1_500


@dataclass(frozen=True, slots=True)
class Tools:
    """Tools for placing and removing documents.

    :param open: opens a document of the source; reads it unless its content hash is given.
    """

    target: Target
    removal: Removal
    fields: DocumentFields
    open: Callable[[SourceItem, str], SourceDocument]


@dataclass(frozen=True, slots=True)
class Placement:
    """The result of placing one document.

    :param is_rival: another run has attached this version meanwhile.
    :param removed: failed documents that were removed before, and ``files_kept``: files that xAI did not delete.
    :param possible_orphans: files that may exist, attached to nothing: of uploads whose answer was lost.
    :param error: why it is not placed.
    """

    row: Row
    is_rival: bool = False
    files_kept: int = 0
    possible_orphans: int = 0
    error: XAIError | None = None


def place(tools: Tools, row: Row) -> Flow[Placement]:
    """Upload and attach one document. What goes wrong is in the result: one document never ends the others."""
    began: float = yield Now()
    removed: list[str] = []
    files_kept = 0
    placed = None
    error: XAIError | None = None
    try:
        # First, because what cannot be read must not cost a document that is there.
        source = _opened(tools, row)
        fields = tools.fields.of(source)
        all_fields = {**fields, **managed_fields(tools.target.scope, source, fields_digest(fields))}
        upload = yield from prepare(tools.target, source, all_fields)
        if row.needs_type and not tools.target.way.is_direct:
            return Placement(replace(row, action=Action.REJECTED))
        for file_id in row.failed:
            gone = yield from tools.removal.of(file_id)
            removed += [file_id] if gone.document else []
            files_kept += gone.file_kept
        placed = yield from upload_and_attach(tools.target, upload, all_fields)
    except XAIInterruptedError:
        raise
    except XAIError as caught:
        error = caught
    now: float = yield Now()
    row = replace(row, removed=(*row.removed, *removed), seconds=now - began)
    if error is not None or placed is None:
        # An upload whose answer was lost for good is the only error that may leave a file.
        lost = isinstance(error, XAIOutcomeUnknownError)
        outcome = Outcome.SKIPPED if isinstance(error, XAIUnfitDocumentError) else Outcome.ERROR
        return Placement(row.ended(outcome, error or ""), files_kept=files_kept, possible_orphans=lost, error=error)
    row = replace(
        row,
        content_hash=source.content_hash,
        file_id=placed.file_id,
        outcome=Outcome.IN_PROGRESS,
        placed=placed.added,
        reason="",
        doubts=(placed.warning,) if placed.warning else (),
    )
    return Placement(row, not placed.added, files_kept, placed.possible_orphans)


def _opened(tools: Tools, row: Row) -> SourceDocument:
    if row.item is None:
        raise ValueError(f"only a document of the source can be uploaded: {row}")
    return tools.open(row.item, row.content_hash)


class Refusal(Manifest):
    """Documents in a row that the service did not take. It travels through all other stages and is raised last.

    :param count: how many.
    :param error: the last error, and ``reason`` its text.
    :param is_fatal: the key, the credits or the service itself is the reason: nothing else would work either.
    """

    count: int
    error: str
    reason: str
    is_fatal: bool = False

    @property
    def stops(self) -> bool:
        """Tell whether no more documents are tried."""
        return self.is_fatal or self.count >= GIVE_UP_AFTER

    @property
    def message(self) -> str:
        """The text of the error that it becomes."""
        if self.count == 1:
            return self.reason
        return f"{self.count} documents in a row failed, the last one because: {self.reason}"


def refusal_after(before: Refusal | None, error: XAIError | None) -> Refusal | None:
    """Return the refusal after one more document; an error that does not come from the service tells nothing of it."""
    if error is None:
        return None
    if isinstance(error, XAISourceError | XAIArgumentError):
        return before
    kind, reason = type(error).__name__, shown(str(error), ROOM_FOR_REASON)
    if concerns_every_call(error):
        return Refusal(count=1, error=kind, reason=reason, is_fatal=True)
    count = before.count + 1 if before else 1
    passing = is_transient(error) or not isinstance(error, XAIStatusError)
    return Refusal(count=count, error=kind, reason=reason, is_fatal=passing and count >= GIVE_UP_AFTER)


class Placing(Iterator["Flow[Placement] | None"]):
    """Hand out the flows of documents to place, and take in with :meth:`take` what they did.

    ``None`` instead of a flow means: not before one of those that run has ended. It ends early when the service
    refuses too many in a row.

    :param at_most: how many documents to place.
    """

    def __init__(self, rows: Iterable[Row], tools: Tools, *, at_most: int | None = None) -> None:
        # In an order without meaning, or a folder of bad files would look like a failing service.
        self.left = deque(sorted(rows, key=lambda row: crc32(row.uri.encode(errors="surrogatepass"))))
        self.refusal: Refusal | None = None
        self._tools = tools
        self._room = len(self.left) if at_most is None else at_most
        self._bytes = 0

    def __next__(self) -> Flow[Placement] | None:
        if not self.left or not self._room or self._is_over:
            raise StopIteration
        if self._bytes and self._bytes + self.left[0].size > BYTES_AT_ONCE:
            return None
        row = self.left.popleft()
        self._room -= 1
        self._bytes += row.size
        return place(self._tools, row)

    def take(self, done: Placement) -> None:
        """Take in what became of a document."""
        self._bytes -= done.row.size
        if not self._is_over:  # those that still ran then tell nothing more
            self.refusal = refusal_after(self.refusal, done.error)

    @property
    def _is_over(self) -> bool:
        return self.refusal is not None and self.refusal.stops


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
