"""Decide what each document needs, from two listings; and what may be pruned. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from airflow_provider_xai_collections.api.content_types import content_type_of
from airflow_provider_xai_collections.arguments import allowed_of
from airflow_provider_xai_collections.exceptions import XAIError
from airflow_provider_xai_collections.sources.items import SourceItem
from airflow_provider_xai_collections.sync.documents import Action, ExistingDocument, Outcome, Row, State
from airflow_provider_xai_collections.sync.options import SyncOptions
from airflow_provider_xai_collections.text import counted, in_brackets


class Existing:
    """The documents of a scope, by URI; and those in it that come from elsewhere.

    :param owns: tells whether a URI is one of the source.
    """

    def __init__(self, documents: Iterable[ExistingDocument], owns: Callable[[str], bool]) -> None:
        self.by_uri: dict[str, list[ExistingDocument]] = defaultdict(list)
        #: URIs of the others; empty ones have no identity.
        self.foreign: list[str] = []
        #: Types, by name, of which the service's hashes are what we take them for: one agrees with what was sent.
        self._hashed_as_sent: set[str | None] = set()
        for document in {each.file_id: each for each in documents}.values():
            if document.uri and document.content_hash and owns(document.uri):
                self.by_uri[document.uri].append(document)
                if document.is_verified:
                    self._hashed_as_sent.add(content_type_of(document.uri))
            else:
                self.foreign.append(document.uri)

    def of(self, item: SourceItem) -> Sequence[ExistingDocument]:
        """Return the documents of one source, in all versions."""
        return self.by_uri.get(item.uri, ())

    def hash_of(self, item: SourceItem) -> str:
        """Return the content hash of the document that was made of this very state of the file.

        Empty if there is none, or if two contents have had this fingerprint: then the file must be read.
        """
        if item.content_hash or item.fingerprint is None:
            return item.content_hash
        hashes = {document.content_hash for document in self.of(item) if document.fingerprint == item.fingerprint}
        return hashes.pop() if len(hashes) == 1 else ""

    def holds_other_content(self, document: ExistingDocument) -> bool:
        """Tell beyond doubt that the service holds other content than was sent.

        If none of its hashes of such files agreed with what was sent, they might be of something else, such as the
        text that it extracts.
        """
        return document.is_altered and content_type_of(document.uri) in self._hashed_as_sent


#: Actions that are no doing.
_IN_WORDS = {Action.AWAIT: "in progress", Action.REJECTED: "rejected", Action.UNREADABLE: "unreadable"}


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan of a run.

    :param rows: one for each document of the source.
    :param missing: the documents that the source has no longer, by URI.
    :param existing: documents of this source in the scope.
    :param foreign: URIs of documents in the scope that come from elsewhere.
    :param other_fields: documents that have other fields than asked for, and keep them.
    """

    rows: Sequence[Row]
    missing: Mapping[str, Sequence[ExistingDocument]] = field(default_factory=dict)
    existing: int = 0
    foreign: Sequence[str] = ()
    other_fields: int = 0

    def __str__(self) -> str:
        counts = Counter(row.action for row in self.rows)
        parts = [f"{counts[action]} {_IN_WORDS.get(action, f'to {action}')}" for action in Action if counts[action]]
        parts += [f"{self.removals} missing from the source"] if self.removals else []
        return ", ".join(parts) or "nothing there, and nothing to do"

    @property
    def removals(self) -> int:
        """Documents that pruning would remove."""
        return sum(map(len, self.missing.values()))

    @property
    def missing_rows(self) -> list[Row]:
        """One row for each URI that the source has no longer."""
        return [
            Row(Action.REMOVE, uri, outdated=tuple(each.file_id for each in documents), outcome=Outcome.LEFT)
            for uri, documents in sorted(self.missing.items())
        ]


def to_read(items: Iterable[SourceItem], existing: Existing, options: SyncOptions) -> list[SourceItem]:
    """Return the items whose content the plan needs to know: they are there, perhaps with other content."""
    return [
        item
        for item in items
        if not item.unfit and existing.of(item) and (options.verify_content or not existing.hash_of(item))
    ]


@dataclass(frozen=True, slots=True)
class Comparison:
    """The rules by which two listings are compared.

    :param read: what reading told of the items of :func:`to_read`: a content hash, or why it failed.
    :param unfit: why xAI would not take some of those that were read, by URI.
    :param digest: with ``update_fields``, the digest of the fields that a document should have.
    :param usual_digest: without: the digest of what all documents should have, to count those that have not.
    :param is_direct: documents go by the one call, which sends their type.
    """

    options: SyncOptions
    read: Mapping[str, str | XAIError] = field(default_factory=dict)
    digest: Callable[[SourceItem, str], str] | None = None
    usual_digest: str | None = None
    is_direct: bool = True

    def plan(self, items: Iterable[SourceItem], existing: Existing) -> Plan:
        """Compare a source with what the collection holds of it.

        :param existing: listed before the source was. The other way round, what another run has attached since would
            look as if it were outdated, or missing from the source.
        """
        rows: dict[str, Row] = {}
        for item in items:
            if item.uri not in rows:  # listed twice, it is one document all the same
                rows[item.uri] = self._row(item, existing)
        replaces = self.options.replace
        return Plan(
            rows=list(rows.values()) if replaces else [_leaving_others(row, existing) for row in rows.values()],
            missing=_missing(rows.values(), existing) if replaces else {},
            existing=sum(map(len, existing.by_uri.values())),
            foreign=existing.foreign,
            other_fields=self._keeping_other_fields(rows.values(), existing),
        )

    def _row(self, item: SourceItem, existing: Existing) -> Row:
        read = self.read.get(item.uri, "")
        if item.unfit:
            return Row(Action.SKIP, item.uri, item).ended(Outcome.SKIPPED, item.unfit + _still_there(item, existing))
        if isinstance(read, XAIError):
            row = Row(Action.UNREADABLE, item.uri, item).ended(Outcome.ERROR, read)
            return replace(row, reason=row.reason + _still_there(item, existing))
        try:
            return self._compared(item, read or existing.hash_of(item), existing)
        except XAIError as error:  # of the function that makes its fields
            return Row(Action.UNREADABLE, item.uri, item).ended(Outcome.ERROR, error)

    def _compared(self, item: SourceItem, content_hash: str, existing: Existing) -> Row:
        there = existing.of(item)
        if not content_hash or not there:
            return Row(Action.ADD, item.uri, item, content_hash)
        digest = self.digest(item, content_hash) if self.digest else None
        copies = [each for each in there if each.content_hash == content_hash and digest in (None, each.fields_digest)]
        others = [each for each in there if each not in copies]
        # Nobody finds a version that failed, so it goes before the next one is uploaded.
        failed = tuple(each.file_id for each in others if each.has_failed)
        outdated = tuple(each.file_id for each in others if not each.has_failed)
        if not copies:
            action = Action.REPLACE if self.options.replace else Action.ADD
            return Row(action, item.uri, item, content_hash, failed=failed, outdated=outdated)
        # The id settles ties, so that two runs side by side do not each remove what the other one keeps.
        copies.sort(key=lambda each: (self._progress(each, existing), each.created_at, each.file_id), reverse=True)
        best, *doubles = copies
        rest = tuple(each.file_id for each in (*others, *doubles))
        row = Row(Action.KEEP, item.uri, item, content_hash, best.file_id, outdated=rest, outcome=Outcome.PROCESSED)
        row = row.doubted(doubt.reason for doubt in best.doubts)
        if self._progress(best, existing) == 2:
            return row
        if best.state is State.IN_PROGRESS:
            return replace(row, action=Action.AWAIT, outcome=Outcome.IN_PROGRESS)
        altered = next((doubt.reason for doubt in best.doubts if doubt.altered), "the service gave no reason")
        row = replace(row, outcome=Outcome.FAILED, reason=best.reason or altered)
        if best.state is State.REJECTED and not self._may_work(best):
            return replace(row, action=Action.REJECTED)
        return replace(
            row,
            action=Action.FIX,
            outdated=outdated,
            failed=(*failed, *(each.file_id for each in copies)),
            needs_type=best.state is State.REJECTED and best.is_untyped and not self.options.retry_failed,
        )

    def _progress(self, document: ExistingDocument, existing: Existing) -> int:
        """Rank copies: the one to go on with is the one furthest along."""
        if self.options.verify_content and existing.holds_other_content(document):
            return 0
        return {State.PROCESSED: 2, State.IN_PROGRESS: 1}.get(document.state, 0)

    def _may_work(self, document: ExistingDocument) -> bool:
        """Tell whether to upload again what the service has said it cannot index."""
        return self.options.retry_failed or (document.is_untyped and self.is_direct)

    def _keeping_other_fields(self, rows: Iterable[Row], existing: Existing) -> int:
        if self.usual_digest is None:
            return 0
        kept = {row.file_id for row in rows if row.file_id and not row.action.uploads}
        documents = (each for several in existing.by_uri.values() for each in several)
        return sum(each.file_id in kept and each.fields_digest != self.usual_digest for each in documents)


def _missing(rows: Collection[Row], existing: Existing) -> dict[str, Sequence[ExistingDocument]]:
    there = {row.uri for row in rows}
    unseen = {row.uri for row in rows if row.item is not None and row.item.fingerprint is None}
    return {uri: found for uri, found in existing.by_uri.items() if uri not in there and not _is_below(unseen, uri)}


def _is_below(unseen: set[str], uri: str) -> bool:
    """Tell whether it may be in what could not be listed, such as a link to a folder that is out of reach today."""
    return bool(unseen) and any(uri[:at] in unseen for at, character in enumerate(uri) if character == "/")


def _still_there(item: SourceItem, existing: Existing) -> str:
    """Tell of a document that is not uploaded which earlier version a search goes on finding."""
    found = [each.file_id for each in existing.of(item) if each.state in (State.PROCESSED, State.IN_PROGRESS)]
    return f". An earlier version stays in the collection and searchable: {', '.join(found)}" if found else ""


def _leaving_others(row: Row, existing: Existing) -> Row:
    there = existing.by_uri.get(row.uri, ()) if row.content_hash else ()
    older = sum(each.content_hash != row.content_hash and not each.has_failed for each in there)
    return replace(row, outdated=(), older=older)


def prune_refusal(plan: Plan, options: SyncOptions, *, root: str, approved: int = 0) -> str:
    """Tell why pruning is refused, with the next step; empty if it is not. Asked before anything is changed.

    :param root: the source, for the message.
    :param approved: how many documents pruning was allowed to remove when this run began, however few there are now.
    """
    if not options.prune:
        return ""
    if plan.foreign:
        return f"pruning is refused: {foreign_documents(plan, options.scope, root)}"
    if not plan.missing:
        return ""
    missing = in_brackets(sorted(plan.missing))
    if not plan.rows:
        return (
            f"pruning is refused: {root} is empty, and all documents of this scope would be removed: "
            f"{plan.removals}{missing}. Check the source; if it is meant to be empty, remove them with "
            f"XAIRemoveDocumentsOperator(scope={options.scope!r}, delete_files=True)"
        )
    limit = options.max_prune
    if limit is None or plan.removals <= max(approved, allowed_of(limit, plan.existing)):
        return ""
    return (
        f"pruning is refused: {plan.removals} of {counted(plan.existing, 'document')} missing from {root}{missing}, "
        f"and max_prune is {limit}. Check the source; if they are meant to go, raise max_prune"
    )


def foreign_documents(plan: Plan, scope: str, root: str) -> str:
    """Describe the documents of the scope that come from elsewhere, with the next step."""
    documents = counted(len(plan.foreign), "document")
    names = in_brackets([uri or "without a source" for uri in plan.foreign])
    return (
        f"the scope {scope!r} holds {documents} from elsewhere than {root}{names}, left alone. Give each source a "
        "scope of its own. If the source has moved and that is left of it, "
        f"XAIRemoveDocumentsOperator(scope={scope!r}, delete_files=True) removes all that the scope holds, and the "
        "next sync uploads again what the source has"
    )


def may_be_pruned(plan: Plan, rows: Iterable[Row], now: Iterable[SourceItem]) -> dict[str, Sequence[ExistingDocument]]:
    """Return the missing documents that are safe to remove.

    One stays if the source has it again; and as long as a document of the source that is not processed may be it under
    another name: it has the size or the file name of it, or nobody knows its size. Of one that xAI rejects, the content
    tells.

    :param rows: of all documents of the source, as far as they are.
    :param now: the source, listed once more.
    """
    items = {item.uri: item for item in now}
    by_uri = {row.uri: row for row in rows}
    open_ = [item for uri, item in items.items() if not (item.unfit or _is_settled(by_uri.get(uri), item))]
    rejected = {row.content_hash for row in by_uri.values() if row.action is Action.REJECTED}
    sizes, names = {item.size for item in open_}, {_file_name(item.uri) for item in open_}
    unseen = {item.uri for item in items.values() if item.fingerprint is None}
    return {
        uri: documents
        for uri, documents in plan.missing.items()
        if uri not in items
        and not _is_below(unseen, uri)
        and 0 not in sizes
        and _file_name(uri) not in names
        and not any(each.size in sizes or each.content_hash in rejected for each in documents)
    }


def _is_settled(row: Row | None, item: SourceItem) -> bool:
    """Tell whether the collection holds this very state of a document, or never will."""
    if row is None or row.item is None or row.item.fingerprint != item.fingerprint:
        return False
    return row.outcome is Outcome.PROCESSED or row.action in (Action.SKIP, Action.REJECTED)


def _file_name(uri: str) -> str:
    return uri.rpartition("/")[2]
