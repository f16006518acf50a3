"""A document in the three forms that the engine knows: existing in the collection, on its way there, reported."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from airflow_provider_xai_collections import exceptions
from airflow_provider_xai_collections.api.chunking import ChunkConfiguration
from airflow_provider_xai_collections.api.content_types import UNTYPED
from airflow_provider_xai_collections.api.documents import Document, DocumentStatus
from airflow_provider_xai_collections.api.doubts import Doubt, doubts_about, reason_of_failure, service_hash
from airflow_provider_xai_collections.api.identity import (
    CONTENT_HASH,
    SOURCE_FINGERPRINT,
    SOURCE_URI,
    fields_digest,
)
from airflow_provider_xai_collections.exceptions import XAIError
from airflow_provider_xai_collections.sources.items import SourceItem

#: What xAI says of content that it will never index. Seen: API reference page, "Which way a document is uploaded".
_NEVER = ("not supported", "does not contain readable text")


class State(StrEnum):
    """State of a document of the collection. ``REJECTED``: it failed, and the same content would fail again."""

    PROCESSED = "processed"
    IN_PROGRESS = "in_progress"
    FAILED = "failed"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class ExistingDocument:
    """A document of the collection, as far as the engine needs to know it: a few hundred bytes.

    :param content_hash: of the content that was sent.
    :param size: bytes.
    :param created_at: when its file was uploaded, in seconds since the epoch; 0 if that is not known.
    :param reason: why it failed.
    :param doubts: why it may not be as it should, although it is processed.
    :param is_verified: the service's own hash says that it holds what was sent.
    :param is_untyped: it is kept without a content type, as in two calls; one call sends the type.
    """

    file_id: str
    uri: str
    content_hash: str
    fingerprint: str
    fields_digest: str
    size: int
    created_at: float
    state: State
    reason: str = ""
    doubts: tuple[Doubt, ...] = ()
    is_verified: bool = False
    is_untyped: bool = False

    @property
    def has_failed(self) -> bool:
        """Tell that it was not indexed."""
        return self.state in (State.FAILED, State.REJECTED)

    @property
    def is_altered(self) -> bool:
        """Tell that the service holds other content than was sent, by its own hash."""
        return any(doubt.altered for doubt in self.doubts)

    @classmethod
    def of(cls, document: Document, chunking: ChunkConfiguration | None = None) -> ExistingDocument:
        """Read a document.

        :param chunking: of the collection, if it is known.
        """
        fields, file, state = document.fields, document.file_metadata, _state_of(document)
        return cls(
            file_id=document.file_id,
            uri=fields.get(SOURCE_URI, ""),
            content_hash=fields.get(CONTENT_HASH, ""),
            fingerprint=fields.get(SOURCE_FINGERPRINT, ""),
            fields_digest=fields_digest(fields),
            size=file.size_bytes,
            created_at=0.0 if file.created_at is None else file.created_at.timestamp(),
            state=state,
            reason=reason_of_failure(document) if state in (State.FAILED, State.REJECTED) else "",
            doubts=tuple(doubts_about(document, chunking)) if state is State.PROCESSED else (),
            is_verified=bool(digest := service_hash(document)) and digest == fields.get(CONTENT_HASH),
            is_untyped=file.content_type == UNTYPED,
        )


def _state_of(document: Document) -> State:
    match document.status:
        case DocumentStatus.PROCESSED:
            return State.PROCESSED
        case DocumentStatus.FAILED:
            said = document.error_message.lower()
            return State.REJECTED if any(words in said for words in _NEVER) else State.FAILED
        case _:
            return State.IN_PROGRESS


class Action(StrEnum):
    """The action that a document needs.

    ``ADD``: the collection does not have it. ``REPLACE``: it has another version. ``FIX``: it has this version, and
    that failed: it is removed and uploaded again. ``AWAIT``: it is in progress. ``KEEP``: it is there and processed.
    ``REJECTED``: it failed, and would fail again. ``SKIP``: xAI would not take it. ``UNREADABLE``: it cannot be read,
    or has no valid metadata. ``REMOVE``: it is missing from the source.
    """

    ADD = "add"
    REPLACE = "replace"
    FIX = "fix"
    AWAIT = "await"
    KEEP = "keep"
    REJECTED = "rejected"
    SKIP = "skip"
    UNREADABLE = "unreadable"
    REMOVE = "remove"

    @property
    def uploads(self) -> bool:
        """Tell whether the document is uploaded."""
        return self in (Action.ADD, Action.REPLACE, Action.FIX)


class Outcome(StrEnum):
    """The outcome for a document.

    ``PROCESSED``, ``REMOVED``: as wanted. ``IN_PROGRESS``: not waited for, or no longer. ``FAILED``: could not be
    indexed. ``ERROR``: could not be read, uploaded, found again or replaced. ``UNTRIED``: given up before its turn.
    ``SKIPPED``: not meant to be uploaded. ``LEFT``: missing from the source, and still in the collection.
    """

    PROCESSED = "processed"
    IN_PROGRESS = "in_progress"
    FAILED = "failed"
    ERROR = "error"
    UNTRIED = "untried"
    SKIPPED = "skipped"
    REMOVED = "removed"
    LEFT = "left"

    @property
    def is_lost(self) -> bool:
        """Tell that the document is not in the collection as it should be."""
        return self in (Outcome.FAILED, Outcome.ERROR, Outcome.UNTRIED)


@dataclass(frozen=True, slots=True)
class Row:
    """One document on its way through all stages.

    :param uri: where it is, or was.
    :param item: the document outside; ``None`` if it is missing there.
    :param content_hash: of its content, where that is known.
    :param file_id: the document of the collection that holds this version.
    :param failed: documents that hold this version and failed: removed before it is uploaded again, for their key is
        unique.
    :param outdated: documents to remove once this version is processed; if it is missing from the source, all of them.
    :param older: how many documents hold other content of it and stay, as in an ingestion.
    :param outcome: ``None``: nothing has been done yet.
    :param needs_type: it failed because its content type was not sent: only the one call may help.
    :param placed: it was uploaded and attached by this run.
    :param removed: documents that were removed for it.
    :param seconds: it took so long to upload and attach.
    :param reason: why it is not as wanted, and ``error`` the class of that error, by name: it crosses processes.
    :param doubts: why it may not be as it should, although nothing failed.
    """

    action: Action
    uri: str
    item: SourceItem | None = None
    content_hash: str = ""
    file_id: str = ""
    failed: tuple[str, ...] = ()
    outdated: tuple[str, ...] = ()
    older: int = 0
    outcome: Outcome | None = None
    needs_type: bool = False
    placed: bool = False
    removed: tuple[str, ...] = ()
    seconds: float = 0.0
    reason: str = ""
    error: str = ""
    doubts: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Its path below the source, or its URI if it is missing there."""
        return self.item.name if self.item else self.uri

    @property
    def size(self) -> int:
        """Bytes of the document outside; 0 if they are not known."""
        return self.item.size if self.item else 0

    @property
    def to_remove(self) -> tuple[str, ...]:
        """The outdated documents that are still there; never the one that holds this version."""
        gone = {*self.removed, self.file_id}
        return tuple(file_id for file_id in self.outdated if file_id not in gone)

    def ended(self, outcome: Outcome, error: XAIError | str) -> Row:
        """Return the row with this end, and the reason for it."""
        kind = type(error).__name__ if isinstance(error, XAIError) else ""
        return replace(self, outcome=outcome, reason=str(error), error=kind)

    def doubted(self, doubts: Iterable[str]) -> Row:
        """Return the row with more doubts about its document."""
        return replace(self, doubts=tuple(dict.fromkeys((*self.doubts, *doubts))))


def error_class(name: str) -> type[XAIError]:
    """Return the class of an error by its name; ``XAIError`` if there is none of that name."""
    kind = getattr(exceptions, name, XAIError)
    return kind if isinstance(kind, type) and issubclass(kind, XAIError) else XAIError
