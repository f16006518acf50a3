"""What must be done so that a collection equals a source: decided purely, from two listings.

A document of the source is recognised by its URI, and its content by a fingerprint that the listing tells, so what did
not change is not read. What a plan does not need to know is not in it: a new document is read when its turn comes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from airflow_provider_xai_collections.api.content_types import content_type_of
from airflow_provider_xai_collections.api.sync_plan import (
    HeldDocument,
    HeldState,
    SourceEntry,
    SyncAction,
    SyncPlan,
    SyncStep,
)
from airflow_provider_xai_collections.exceptions import XAIError


@dataclass(frozen=True, slots=True)
class SyncRules:
    """What is wanted, beside the listings.

    :param owns: whether a URI is one of this source.
    :param prune: remove what the source has no longer.
    :param verify: read every document that is there, rather than trust fingerprints; and have those replaced of which
        the service's own hash says that it holds other content.
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
        #: The types, by name, of which the service's hashes are what we take them for: one agrees with what was sent.
        self._hashed_as_sent: set[str | None] = set()
        for document in {each.file_id: each for each in documents}.values():
            if document.uri and document.content_hash and rules.owns(document.uri):
                self.by_uri[document.uri].append(document)
                if document.is_proven:
                    self._hashed_as_sent.add(content_type_of(document.uri))
            else:
                self.foreign.append(document.uri)

    def of(self, entry: SourceEntry) -> Sequence[HeldDocument]:
        return self.by_uri.get(entry.uri, ())

    def must_be_replaced(self, document: HeldDocument, rules: SyncRules) -> bool:
        """Tell beyond doubt that the service holds other content than was sent.

        If none of its hashes of such files agreed with what was sent, they might be of something else, such as the
        text that it extracts.
        """
        return rules.verify and document.is_altered and content_type_of(document.uri) in self._hashed_as_sent

    def hash_of(self, entry: SourceEntry) -> str | None:
        """The content hash of the document that was made of this very file, as far as its listing tells.

        ``None`` if it does not, or if two contents have had this fingerprint: then one of them is out of date.
        """
        if entry.fingerprint is None:
            return None
        hashes = {document.content_hash for document in self.of(entry) if document.fingerprint == entry.fingerprint}
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
            steps.append(SyncStep(SyncAction.SKIP, entry.uri, entry, reason=entry.unfit + _still_there(held, entry)))
        elif entry.uri in unread:
            reason = unread[entry.uri] + _still_there(held, entry)
            steps.append(SyncStep(SyncAction.UNREAD, entry.uri, entry, reason=reason))
        else:
            try:
                steps.append(_step(entry, read.get(entry.uri) or held.hash_of(entry), held, rules))
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


def _still_there(held: Holdings, entry: SourceEntry) -> str:
    """Say of a document that is not uploaded which earlier version a search goes on finding."""
    found = [each.file_id for each in held.of(entry) if each.state is not HeldState.FAILED]
    if not found:
        return ""
    return f". An earlier version of it stays in the collection and searchable: {', '.join(found)}"


def _is_below(unseen: set[str], uri: str) -> bool:
    """Whether it may be in what could not be looked at: a link, say, to a folder that is out of reach today."""
    return bool(unseen) and any(uri[:at] in unseen for at, character in enumerate(uri) if character == "/")


def _keeping_other_metadata(steps: Iterable[SyncStep], held: Holdings, rules: SyncRules) -> int:
    kept = {step.file_id for step in steps if step.file_id}
    documents = (each for several in held.by_uri.values() for each in several)
    return sum(each.file_id in kept and each.metadata != rules.usual_metadata for each in documents)


def _step(entry: SourceEntry, content_hash: str | None, held: Holdings, rules: SyncRules) -> SyncStep:
    there = held.of(entry)
    if content_hash is None or not there:
        return SyncStep(SyncAction.ADD, entry.uri, entry)

    def progress(document: HeldDocument) -> int:
        return 0 if held.must_be_replaced(document, rules) else _progress(document, rules)

    metadata = rules.metadata(entry, content_hash) if rules.metadata else None
    copies = [each for each in there if each.content_hash == content_hash and metadata in (None, each.metadata)]
    # The id settles ties, so that two syncs side by side do not each remove what the other one keeps.
    copies.sort(key=lambda each: (progress(each), each.created_at or 0.0, each.file_id), reverse=True)
    others = tuple(each.file_id for each in there if each not in copies)
    if not copies:
        return SyncStep(SyncAction.REPLACE, entry.uri, entry, content_hash, stale=others)
    best, *doubles = copies
    match progress(best):
        case 0 if best.state is HeldState.IN_PROGRESS:
            # Never removed: it may be in the middle of a reindex, and its old index is searched meanwhile.
            action = SyncAction.REINDEX
        case 0:
            broken = tuple(each.file_id for each in copies)
            altered = next((doubt.reason for doubt in best.doubts if doubt.altered), "the service gave no reason")
            repair = SyncStep(SyncAction.REPAIR, entry.uri, entry, content_hash, broken=broken, stale=others)
            return replace(repair, reason=best.reason or altered, doubts=best.doubts)
        case 1:
            action = SyncAction.AWAIT
        case _:
            action = SyncAction.KEEP
    stale = (*others, *(each.file_id for each in doubles))
    return SyncStep(action, entry.uri, entry, content_hash, best.file_id, stale=stale, doubts=best.doubts)


def _progress(document: HeldDocument, rules: SyncRules) -> int:
    """Which copy to go on with, should there be several: the one furthest along."""
    if document.state is HeldState.PROCESSED:
        return 2
    stuck = document.created_at is not None and document.created_at < rules.stuck_before
    return 0 if document.state is HeldState.FAILED or stuck else 1
