"""What must be done so that a collection equals a source: decided purely, from two listings.

A document of the source is recognised by its URI, and its content by a fingerprint that the listing tells, so what did
not change is not read. What a plan does not need to know is not in it: a new document is read when its turn comes.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from airflow_provider_xai_collections.api.documents import Document, DocumentStatus
from airflow_provider_xai_collections.api.planning import (
    CONTENT_SHA256,
    SOURCE_FINGERPRINT,
    SOURCE_URI,
    digest_of,
)
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

    :param metadata: :func:`digest_of` its fields.
    :param created_at: when its file was uploaded, in seconds since the epoch.
    :param reason: why it failed.
    """

    file_id: str
    uri: str
    sha256: str
    fingerprint: str
    state: HeldState
    metadata: str
    created_at: float | None
    reason: str = ""

    @classmethod
    def of(cls, document: Document) -> HeldDocument:
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
            sha256=document.fields.get(CONTENT_SHA256, ""),
            fingerprint=document.fields.get(SOURCE_FINGERPRINT, ""),
            state=state,
            metadata=digest_of(document.fields),
            created_at=None if created is None else created.timestamp(),
            reason=document.error_message if state is HeldState.FAILED else "",
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
    :param sha256: of its content, where that is known already.
    :param file_id: the document of the collection that holds this version and stays.
    :param broken: documents that hold this version and must make room for it first.
    :param stale: documents to remove once this version is processed; for ``REMOVE``, those to remove.
    :param reason: why it is skipped, or unread, or failed before.
    :param error: the same as an error, if its kind is known.
    """

    action: SyncAction
    uri: str
    entry: SourceEntry | None = None
    sha256: str | None = None
    file_id: str = ""
    broken: tuple[str, ...] = ()
    stale: tuple[str, ...] = ()
    reason: str = ""
    error: XAIError | None = field(default=None, compare=False)

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


@dataclass(frozen=True, slots=True)
class SyncRules:
    """What is wanted, beside the listings.

    :param owns: whether a URI is one of this source.
    :param prune: remove what the source has no longer.
    :param verify: read every document that is there, rather than trust fingerprints.
    :param stuck_before: what was uploaded before that moment (seconds since the epoch) and is in progress still counts
        as failed.
    :param metadata: the :func:`digest_of` the fields that a document should have, by its entry and content hash;
        ``None`` if documents keep the fields they were added with.
    :param usual_metadata: then: the digest of what all are asked to have, to count those that have not.
    """

    owns: Callable[[str], bool] = lambda uri: True
    prune: bool = False
    verify: bool = False
    stuck_before: float = 0.0
    metadata: Callable[[SourceEntry, str], str] | None = None
    usual_metadata: str | None = None


class Holdings:
    """The documents of a scope, by source."""

    def __init__(self, documents: Iterable[HeldDocument], rules: SyncRules) -> None:
        self.by_uri: dict[str, list[HeldDocument]] = defaultdict(list)
        self.foreign: list[str] = []
        for document in {each.file_id: each for each in documents}.values():
            if document.uri and document.sha256 and rules.owns(document.uri):
                self.by_uri[document.uri].append(document)
            else:
                self.foreign.append(document.uri)

    def of(self, entry: SourceEntry) -> Sequence[HeldDocument]:
        return self.by_uri.get(entry.uri, ())

    def hash_of(self, entry: SourceEntry) -> str | None:
        """The content hash of the document that was made of this very file, as far as its listing tells.

        ``None`` if it does not, or if two contents have had this fingerprint: then one of them is out of date.
        """
        if entry.fingerprint is None:
            return None
        hashes = {document.sha256 for document in self.of(entry) if document.fingerprint == entry.fingerprint}
        return hashes.pop() if len(hashes) == 1 else None


def must_be_read(entries: Iterable[SourceEntry], held: Holdings, rules: SyncRules) -> list[SourceEntry]:
    """The entries whose content the plan needs to know: they are there, perhaps with other content."""
    return [
        entry
        for entry in entries
        if not entry.unfit and held.of(entry) and (rules.verify or held.hash_of(entry) is None)
    ]


def plan_sync(
    entries: Iterable[SourceEntry],
    held: Holdings,
    rules: SyncRules,
    *,
    read: Mapping[str, str] | None = None,
    unread: Mapping[str, str] | None = None,
) -> SyncPlan:
    """Compare a source with what the collection holds of it.

    :param held: listed before the source was. The other way round, what another sync has brought in since would look
        out of date, or gone.
    :param read: content hashes by URI, of all that :func:`must_be_read` unless reading failed.
    :param unread: why reading failed, by URI.
    """
    read, unread = read or {}, unread or {}
    steps: list[SyncStep] = []
    there: set[str] = set()
    unseen: set[str] = set()
    for entry in entries:
        if entry.uri in there:
            continue  # listed twice, it is one document all the same
        there.add(entry.uri)
        if entry.fingerprint is None:
            unseen.add(entry.uri)
        if entry.unfit:
            steps.append(SyncStep(SyncAction.SKIP, entry.uri, entry, reason=entry.unfit))
        elif entry.uri in unread:
            steps.append(SyncStep(SyncAction.UNREAD, entry.uri, entry, reason=unread[entry.uri]))
        else:
            try:
                steps.append(_step(entry, read.get(entry.uri) or held.hash_of(entry), held.of(entry), rules))
            except XAIError as error:  # what makes its metadata refuses this one
                steps.append(SyncStep(SyncAction.UNREAD, entry.uri, entry, reason=str(error), error=error))
    gone = sorted(uri for uri in held.by_uri.keys() - there if not _is_below(unseen, uri))
    removed = tuple(
        SyncStep(SyncAction.REMOVE, uri, stale=tuple(each.file_id for each in held.by_uri[uri])) for uri in gone
    )
    return SyncPlan(
        steps=(*steps, *removed) if rules.prune else tuple(steps),
        held=sum(map(len, held.by_uri.values())),
        left=0 if rules.prune else sum(len(step.stale) for step in removed),
        foreign=tuple(held.foreign),
        other_metadata=0 if rules.usual_metadata is None else _keeping_other_metadata(steps, held, rules),
    )


def _is_below(unseen: set[str], uri: str) -> bool:
    """Whether it may be in what could not be looked at: a link, say, to a folder that is out of reach today."""
    return bool(unseen) and any(uri[:at] in unseen for at, character in enumerate(uri) if character == "/")


def _keeping_other_metadata(steps: Iterable[SyncStep], held: Holdings, rules: SyncRules) -> int:
    kept = {step.file_id for step in steps if step.file_id}
    documents = (each for several in held.by_uri.values() for each in several)
    return sum(each.file_id in kept and each.metadata != rules.usual_metadata for each in documents)


def _step(entry: SourceEntry, sha256: str | None, there: Sequence[HeldDocument], rules: SyncRules) -> SyncStep:
    if sha256 is None or not there:
        return SyncStep(SyncAction.ADD, entry.uri, entry)
    metadata = rules.metadata(entry, sha256) if rules.metadata else None
    copies = [each for each in there if each.sha256 == sha256 and metadata in (None, each.metadata)]
    # The id settles ties, so that two syncs side by side do not each remove what the other one keeps.
    copies.sort(key=lambda each: (_progress(each, rules), each.created_at or 0.0, each.file_id), reverse=True)
    others = tuple(each.file_id for each in there if each not in copies)
    if not copies:
        return SyncStep(SyncAction.REPLACE, entry.uri, entry, sha256, stale=others)
    best, *doubles = copies
    match _progress(best, rules):
        case 0 if best.state is HeldState.IN_PROGRESS:
            # Never removed: it may be in the middle of a reindex, and its old index is searched meanwhile.
            action = SyncAction.REINDEX
        case 0:
            broken = tuple(each.file_id for each in copies)
            reason = best.reason or "the service gave no reason"
            return SyncStep(SyncAction.REPAIR, entry.uri, entry, sha256, broken=broken, stale=others, reason=reason)
        case 1:
            action = SyncAction.AWAIT
        case _:
            action = SyncAction.KEEP
    stale = (*others, *(each.file_id for each in doubles))
    return SyncStep(action, entry.uri, entry, sha256, best.file_id, stale=stale)


def _progress(document: HeldDocument, rules: SyncRules) -> int:
    """Which copy to go on with, should there be several: the one furthest along."""
    if document.state is HeldState.PROCESSED:
        return 2
    stuck = document.created_at is not None and document.created_at < rules.stuck_before
    return 0 if document.state is HeldState.FAILED or stuck else 1
