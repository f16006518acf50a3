"""The plan of a sync: what it knows of both sides, and one step for each document."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from airflow_provider_xai_collections.api.chunking import ChunkConfiguration
from airflow_provider_xai_collections.api.documents import Document, DocumentStatus
from airflow_provider_xai_collections.api.doubts import Doubt, doubts_about, service_hash
from airflow_provider_xai_collections.api.planning import CONTENT_HASH, SOURCE_FINGERPRINT, SOURCE_URI, digest_of
from airflow_provider_xai_collections.exceptions import XAIError


@dataclass(frozen=True, slots=True)
class SourceEntry:
    """A document outside the collection: listed, not read.

    :param uri: where it is, the same from every machine; with the scope its identity.
    :param name: its path below the source's root: the file name xAI shows.
    :param size: bytes.
    :param fingerprint: what the listing tells of its content: size, and ETag or time of change. ``None`` if it tells
        nothing: then it is always read.
    :param path: what opens it, in another process as well: a local path, or a URL with the id of its connection.
    :param unfit: why xAI would not take it; empty if it would.
    """

    uri: str
    name: str
    size: int
    fingerprint: str | None
    path: str
    unfit: str = ""


class HeldState(StrEnum):
    """How far a document of the collection is."""

    PROCESSED = "processed"
    IN_PROGRESS = "in_progress"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class HeldDocument:
    """What a sync needs to know of a document of the collection, in a few hundred bytes.

    :param content_hash: of the content that was sent.
    :param metadata: :func:`digest_of` its fields.
    :param created_at: when its file was uploaded, in seconds since the epoch.
    :param reason: why it failed.
    :param doubts: why it may not be as it should, although it is processed.
    :param is_proven: the service's own hash says that it holds what was sent.
    """

    file_id: str
    uri: str
    content_hash: str
    fingerprint: str
    state: HeldState
    metadata: str
    created_at: float | None
    reason: str = ""
    doubts: tuple[Doubt, ...] = ()
    is_proven: bool = False

    @property
    def is_altered(self) -> bool:
        """Tell that the service holds other content than was sent, by its own hash."""
        return any(doubt.altered for doubt in self.doubts)

    @classmethod
    def of(cls, document: Document, chunking: ChunkConfiguration | None = None) -> HeldDocument:
        """Read from a document what a sync needs to know.

        :param chunking: of the collection, if it is known.
        """
        match document.status:
            case DocumentStatus.PROCESSED:
                state = HeldState.PROCESSED
            case DocumentStatus.FAILED:
                state = HeldState.FAILED
            case _:
                state = HeldState.IN_PROGRESS
        created = document.file_metadata.created_at
        return cls(
            file_id=document.file_id,
            uri=document.fields.get(SOURCE_URI, ""),
            content_hash=document.fields.get(CONTENT_HASH, ""),
            fingerprint=document.fields.get(SOURCE_FINGERPRINT, ""),
            state=state,
            metadata=digest_of(document.fields),
            created_at=None if created is None else created.timestamp(),
            reason=document.error_message if state is HeldState.FAILED else "",
            doubts=tuple(doubts_about(document, chunking)) if state is HeldState.PROCESSED else (),
            is_proven=bool(digest := service_hash(document)) and digest == document.fields.get(CONTENT_HASH),
        )


class SyncAction(StrEnum):
    """What a document needs.

    ``ADD``: it is not there. ``REPLACE``: it is there with other content. ``REPAIR``: it is there, and failed.
    ``REINDEX``: it is there, and in progress for too long. ``AWAIT``: it is there and in progress. ``KEEP``: it is
    there and processed. ``REMOVE``: the source has it no longer. ``SKIP``: xAI would not take it. ``UNREAD``: it could
    not be read, or has no valid metadata.
    """

    ADD = "add"
    REPLACE = "replace"
    REPAIR = "repair"
    REINDEX = "reindex"
    AWAIT = "await"
    KEEP = "keep"
    REMOVE = "remove"
    SKIP = "skip"
    UNREAD = "unread"

    @property
    def uploads(self) -> bool:
        return self in (SyncAction.ADD, SyncAction.REPLACE, SyncAction.REPAIR)


@dataclass(frozen=True, slots=True)
class SyncStep:
    """One document, and what to do.

    :param entry: the document outside; ``None`` if it is gone.
    :param uri: where it is, or was.
    :param content_hash: of its content, where that is known already.
    :param file_id: the document of the collection that holds this version and stays.
    :param broken: documents that hold this version and must make room for it first.
    :param stale: documents to remove once this version is processed; for ``REMOVE``, those to remove.
    :param reason: why it is skipped, or unread, or failed before.
    :param error: the same as an error, if its kind is known.
    :param doubts: about the document that stays.
    """

    action: SyncAction
    uri: str
    entry: SourceEntry | None = None
    content_hash: str | None = None
    file_id: str = ""
    broken: tuple[str, ...] = ()
    stale: tuple[str, ...] = ()
    reason: str = ""
    error: XAIError | None = field(default=None, compare=False)
    doubts: tuple[Doubt, ...] = ()

    @property
    def name(self) -> str:
        return self.entry.name if self.entry else self.uri

    @property
    def asks(self) -> bool:
        """Whether it takes a request."""
        waits = (SyncAction.AWAIT, SyncAction.REINDEX, SyncAction.REMOVE)
        return self.action in waits or self.action.uploads or bool(self.stale)

    @property
    def size(self) -> int:
        return self.entry.size if self.entry else 0


@dataclass(frozen=True, slots=True)
class SyncPlan:
    """What a sync does.

    :param steps: one for each document of the source, then those to remove.
    :param held: documents that the scope holds, of this source.
    :param left: those of them that the source has no longer, and that stay because pruning is off.
    :param foreign: URIs of documents in the scope that do not come from this source; empty ones have no identity.
    :param other_metadata: documents that are there with other fields than asked for, and keep them.
    """

    steps: tuple[SyncStep, ...]
    held: int = 0
    left: int = 0
    foreign: tuple[str, ...] = ()
    other_metadata: int = 0
    counts: Mapping[SyncAction, int] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "counts", Counter(step.action for step in self.steps))

    def __str__(self) -> str:
        return ", ".join(f"{self.counts[action]} to {action}" for action in SyncAction if self.counts[action]) or (
            "nothing there, and nothing to do"
        )

    @property
    def bytes_to_upload(self) -> int:
        return sum(step.size for step in self.steps if step.action.uploads)

    @property
    def to_upload(self) -> int:
        """Documents of the source that the collection does not hold, or not in this version."""
        return self.counts[SyncAction.ADD] + self.counts[SyncAction.REPLACE]

    @property
    def gone(self) -> str:
        """A digest of what the source has no longer: two plans with the same one would prune the same."""
        uris = sorted(step.uri for step in self.steps if step.action is SyncAction.REMOVE)
        return hashlib.sha256(json.dumps(uris).encode()).hexdigest()[:32]

    @property
    def removals(self) -> int:
        """Documents that pruning removes."""
        return sum(len(step.stale) for step in self.steps if step.action is SyncAction.REMOVE)

    def requests(self, *, each_upload: int, each_removal: int) -> int:
        """How many requests it takes, without those that ask how far indexing is."""
        uploads = sum(step.action.uploads for step in self.steps)
        removed = sum(len(step.broken) + len(step.stale) for step in self.steps)
        return uploads * each_upload + removed * each_removal + self.counts[SyncAction.REINDEX]

    @property
    def superseded(self) -> int:
        """Documents that make room for others."""
        others = (step for step in self.steps if step.action is not SyncAction.REMOVE)
        return sum(len(step.broken) + len(step.stale) for step in others)

    @property
    def to_do(self) -> int:
        """Steps that ask for anything."""
        return sum(step.asks for step in self.steps)

    @property
    def source_documents(self) -> int:
        return len(self.steps) - self.counts[SyncAction.REMOVE]
