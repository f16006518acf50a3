"""The work of a sync on the wire: what a scope holds, bringing one document up to date, looking how far indexing is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from airflow_provider_xai_collections.api.chunking import ChunkConfiguration
from airflow_provider_xai_collections.api.documents import Document
from airflow_provider_xai_collections.api.endpoints import LIST_DOCUMENTS, REINDEX_DOCUMENT
from airflow_provider_xai_collections.api.filters import quoted
from airflow_provider_xai_collections.api.flows import Pages, batch_get_documents
from airflow_provider_xai_collections.api.ingestion import Placed, Target, bring_in, prepare
from airflow_provider_xai_collections.api.planning import SCOPE, SourceDocument, digest_of, managed_fields
from airflow_provider_xai_collections.api.protocol import Flow, Now, Sleep, call
from airflow_provider_xai_collections.api.removing import Removal, Removed
from airflow_provider_xai_collections.api.sync_plan import HeldDocument, SourceEntry, SyncAction, SyncStep
from airflow_provider_xai_collections.exceptions import XAIError, XAIInterruptedError


@dataclass(frozen=True, slots=True)
class SyncTools:
    """What the work needs beside its plan.

    :param read: opens a document of the source; reads it for its content hash unless that is given. It may block, and
        raises :class:`XAISourceError`.
    :param fields: the fields that a document should have.
    :param metadata_is_content: other fields make another version of a document.
    :param chunking: of the collection, if it is known.
    """

    target: Target
    removal: Removal
    read: Callable[[SourceEntry, str | None], SourceDocument]
    fields: Callable[[SourceDocument], Mapping[str, str]]
    metadata_is_content: bool = False
    chunking: ChunkConfiguration | None = None


@dataclass(frozen=True, slots=True)
class Brought:
    """A step that uploads is over, for good or bad, short of indexing.

    :param at: when, and ``seconds``: how long it took.
    :param file_ids: documents that made room for it before.
    :param files_kept: files of theirs that the service did not delete.
    """

    step: SyncStep
    at: float
    seconds: float
    placed: Placed | None = None
    error: XAIError | None = None
    file_ids: tuple[str, ...] = ()
    files_kept: int = 0


@dataclass(frozen=True, slots=True)
class Cleared:
    """Documents that a step no longer needs are gone, or not.

    :param at: when, and ``seconds``: how long it took.
    :param files_kept: files that the service did not delete.
    """

    step: SyncStep
    at: float
    seconds: float
    file_ids: tuple[str, ...] = ()
    files_kept: int = 0
    error: XAIError | None = None


@dataclass(frozen=True, slots=True)
class Looked:
    """One look at documents in progress."""

    at: float
    asked: Sequence[str]
    documents: Sequence[Document] = ()
    error: XAIError | None = None


@dataclass(frozen=True, slots=True)
class Rested:
    """A pause is over."""

    at: float


def rest(pause: Sleep) -> Flow[Rested]:
    """Only wait."""
    yield pause
    now: float = yield Now()
    return Rested(now)


def held_documents(target: Target, chunking: ChunkConfiguration | None) -> Flow[list[HeldDocument]]:
    """List what the scope holds. Of each page only what a sync needs is kept: there may be very many.

    :param chunking: of the collection, if it is known.
    """
    pages: Pages[Document] = Pages(
        LIST_DOCUMENTS,
        collection_id=target.collection_id,
        filter=f"fields.{SCOPE}:{quoted(target.scope)}",
        team_id=target.team_id,
    )
    held: list[HeldDocument] = []
    while (request := pages.next_request()) is not None:
        page = pages.observe((yield from call(request)))
        # The service's filter may match more.
        held.extend(HeldDocument.of(each, chunking) for each in page if each.fields.get(SCOPE) == target.scope)
    return held


def bring(tools: SyncTools, step: SyncStep) -> Flow[Brought]:
    """Do what a step says that uploads, up to the attached document; or that has a document indexed anew."""
    began: float = yield Now()
    gone: dict[str, Removed] = {}
    placed: Placed | None = None
    error: XAIError | None = None
    try:
        placed = yield from _place(tools, step, gone)
    except XAIInterruptedError:
        raise
    except XAIError as caught:
        error = caught
    now: float = yield Now()
    return Brought(
        step,
        now,
        now - began,
        placed,
        error,
        file_ids=tuple(file_id for file_id, removed in gone.items() if removed.document),
        files_kept=sum(removed.file_kept for removed in gone.values()),
    )


def _place(tools: SyncTools, step: SyncStep, gone: dict[str, Removed]) -> Flow[Placed | None]:
    target = tools.target
    if step.action is SyncAction.REINDEX:
        yield from call(
            REINDEX_DOCUMENT.request(collection_id=target.collection_id, file_id=step.file_id, team_id=target.team_id)
        )
        return None
    if step.entry is None:
        raise ValueError(f"a step that uploads needs its document: {step}")
    # First, because what cannot be read must not cost a document that is there.
    source = tools.read(step.entry, step.content_hash)
    fields = tools.fields(source)
    metadata = digest_of(fields) if tools.metadata_is_content else None
    all_fields = {**fields, **managed_fields(target.scope, source, metadata)}
    upload = yield from prepare(target, source, all_fields)
    for file_id in step.broken:
        gone[file_id] = yield from tools.removal.of(file_id)
    return (yield from bring_in(target, upload, all_fields))


def clear(tools: SyncTools, step: SyncStep, stays: str = "") -> Flow[Cleared]:
    """Remove the documents that are stale.

    :param stays: what takes their place. It may be one of them: a document that holds the version key of what was to be
        brought in, although it did not look like it.
    """
    began: float = yield Now()
    gone: list[str] = []
    kept = 0
    error = None
    for file_id in step.stale:
        if file_id == stays:
            continue
        try:
            removed = yield from tools.removal.of(file_id)
        except XAIInterruptedError:
            raise
        except XAIError as caught:
            error = caught
        else:
            kept += removed.file_kept
            gone.extend([file_id] if removed.document else [])
    now: float = yield Now()
    return Cleared(step, now, now - began, tuple(gone), kept, error)


def look(target: Target, file_ids: Sequence[str], pause: Sleep, deadline: float | None) -> Flow[Looked]:
    """Pause, then ask how far the documents are."""
    yield pause
    try:
        documents = yield from batch_get_documents(
            target.collection_id, file_ids, team_id=target.team_id, deadline=deadline
        )
    except XAIInterruptedError:
        raise
    except XAIError as error:
        now: float = yield Now()
        return Looked(now, file_ids, error=error)
    now = yield Now()
    return Looked(now, file_ids, documents)
