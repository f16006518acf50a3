"""What crosses a process border: trigger events and XComs. Versioned, bounded, and checked on arrival."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from airflow_provider_xai_collections.api.polling import FailedDocument, WaitEnd, WaitResult
from airflow_provider_xai_collections.api.printable import printable
from airflow_provider_xai_collections.api.reconciling import Changes
from airflow_provider_xai_collections.api.search import SearchMatch
from airflow_provider_xai_collections.exceptions import XAIError

#: Ids and failures a manifest lists; beyond it carries only their number.
CAP = 50
#: Characters of a document's name, and of a service's reason.
NAME = 100
REASON = 200
#: Bytes of JSON that each list may take, where one character may need twelve: a manifest stays below 16 KB.
ROOM_FOR_FAILURES = 5_000
ROOM_FOR_IDS = 2_400
ROOM_FOR_NAMES = 1_600
ROOM_FOR_PASSAGES = 13_000
ROOM_FOR_SOURCES = 1_500
#: What a task may have done to a collection, as its asset event counts it.
COUNTS = ("added", "replaced", "removed", "failed", "bytes")
#: Fields that a passage carries.
FIELDS = 10

M = TypeVar("M", bound="Manifest")
Item = TypeVar("Item", bound="str | Manifest")


class Manifest(BaseModel):
    """Base of all that crosses a border. An unknown or missing field fails loudly."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def dump(self) -> dict[str, Any]:
        """As JSON types."""
        return self.model_dump(mode="json")

    @classmethod
    def parse(cls: type[M], data: Any) -> M:
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            where = ", ".join(".".join(map(str, mistake["loc"])) for mistake in error.errors())
            raise XAIError(
                f"a {cls.__name__} of another version of this provider, or none at all ({where or 'not an object'}). "
                "Clear the task to run it again with the installed version"
            ) from None


class Failure(Manifest):
    """A document that the service could not index."""

    file_id: str
    name: str
    reason: str

    @classmethod
    def of(cls, failed: FailedDocument) -> Failure:
        return cls(file_id=failed.file_id, name=printable(failed.name, NAME), reason=printable(failed.reason, REASON))


def first_of(items: Sequence[Item], room: int) -> tuple[Item, ...]:
    """The first items: at most ``CAP``, and no more than fit into ``room`` bytes of JSON."""
    kept: list[Item] = []
    for item in items[:CAP]:
        room -= len(json.dumps(item.dump() if isinstance(item, Manifest) else item)) + len(", ")
        if room < 0:
            break
        kept.append(item)
    return tuple(kept)


class WaitSummary(Manifest):
    """How a wait ended: counts, and the first few documents that did not make it."""

    version: Literal[1]
    end: WaitEnd
    processed: int
    failed: int
    missing: int
    pending: int
    failures: Annotated[tuple[Failure, ...], Field(max_length=CAP)]
    missing_ids: Annotated[tuple[str, ...], Field(max_length=CAP)]
    pending_ids: Annotated[tuple[str, ...], Field(max_length=CAP)]
    untyped: Annotated[tuple[str, ...], Field(max_length=CAP)]

    @classmethod
    def of(cls, result: WaitResult) -> WaitSummary:
        return cls(
            version=1,
            end=result.end,
            processed=len(result.processed),
            failed=len(result.failed),
            missing=len(result.missing),
            pending=len(result.pending),
            failures=first_of([Failure.of(failed) for failed in result.failed[:CAP]], ROOM_FOR_FAILURES),
            missing_ids=first_of(result.missing, ROOM_FOR_IDS),
            pending_ids=first_of(result.pending, ROOM_FOR_IDS),
            untyped=_names(result.untyped),
        )

    @property
    def total(self) -> int:
        return self.processed + self.failed + self.missing + self.pending

    def plus(self, other: WaitSummary) -> WaitSummary:
        """Both as one, no larger than either may be; it ended as the first of them that did not settle."""
        return WaitSummary(
            version=1,
            end=other.end if self.end is WaitEnd.SETTLED else self.end,
            processed=self.processed + other.processed,
            failed=self.failed + other.failed,
            missing=self.missing + other.missing,
            pending=self.pending + other.pending,
            failures=first_of(self.failures + other.failures, ROOM_FOR_FAILURES),
            missing_ids=first_of(self.missing_ids + other.missing_ids, ROOM_FOR_IDS),
            pending_ids=first_of(self.pending_ids + other.pending_ids, ROOM_FOR_IDS),
            untyped=first_of(self.untyped + other.untyped, ROOM_FOR_NAMES),
        )


class WaitPart(Manifest):
    """Documents of a wait that are more than a trigger may list: as many as one may."""

    version: Literal[1]
    file_ids: tuple[str, ...]


class WaitProgress(Manifest):
    """How far a wait in parts is.

    :param deadline: when it gives up, in seconds since the epoch.
    :param parts: how many there are, and ``part``: which of them the trigger watches.
    :param so_far: the documents that settled before.
    """

    version: Literal[1]
    deadline: float
    parts: int
    part: int
    so_far: WaitSummary


class Report(Manifest):
    """What a task did to a collection: its result, and what those who wait for the collection are told."""

    collection_id: str

    @property
    def counts(self) -> dict[str, int]:
        """Those of ``COUNTS`` that it knows."""
        return {}

    @property
    def all_counts(self) -> dict[str, int]:
        """Each of ``COUNTS``."""
        return {**dict.fromkeys(COUNTS, 0), **self.counts}

    @property
    def only_looked(self) -> bool:
        """Whether it was never meant to change anything."""
        return False

    @property
    def came_from(self) -> tuple[str, ...]:
        """URIs of what went into the collection."""
        return ()

    @property
    def state_change(self) -> str:
        """What became of the collection itself, in OpenLineage's words: ``CREATE``, ``ALTER``, ``DROP``, or nothing."""
        return ""

    def event_extra(self, documents: int | None) -> dict[str, Any]:
        """The extra of an asset event: the counts and the report itself.

        :param documents: how many the collection holds now; ``None`` if nobody knows.
        """
        return {**self.all_counts, "documents": documents, "report": self.dump()}


class DocumentsManifest(Report):
    """What a task that brings documents into a collection returns.

    :param file_ids: the documents, if they are few enough; else an empty list, and ``total`` says how many there are.
    :param possible_orphans: files that nothing may refer to: of uploads whose answer was lost, and of failed documents
        that were replaced.
    :param replaced: those of ``added`` that took the place of a document that had failed.
    :param bytes: size of the documents that were uploaded for it.
    :param sources: where the documents come from: their URIs, or the folders they are in if those are too many.
    :param older_versions: documents that hold other content of the same sources; they were left alone.
    :param other_fields: documents that were there with other values of the fields asked for, and kept them.
    :param reindexed: documents of the collection that were indexed anew.
    """

    version: Literal[1]
    total: int
    added: int
    already_there: int
    replaced: int = 0
    bytes: int = 0
    possible_orphans: int = 0
    older_versions: int = 0
    other_fields: int = 0
    reindexed: int = 0
    sources: tuple[str, ...] = ()
    file_ids: Annotated[tuple[str, ...], Field(max_length=CAP)] = ()
    wait: WaitSummary | None = None

    @property
    def counts(self) -> dict[str, int]:
        failed = self.wait.failed if self.wait else 0
        return {"added": self.added, "replaced": self.replaced, "failed": failed, "bytes": self.bytes}

    @property
    def came_from(self) -> tuple[str, ...]:
        return self.sources


class ChangesManifest(Report):
    """What a task changed in a collection; with ``dry_run``, what it would have changed.

    :param created: the collection itself is new.
    :param settings: names of what was set.
    :param fields_added: keys of fields; the first ones, if there are very many. So are the next two.
    """

    version: Literal[1]
    dry_run: bool = False
    created: bool = False
    settings: tuple[str, ...] = ()
    fields_added: Annotated[tuple[str, ...], Field(max_length=CAP)] = ()
    fields_changed: Annotated[tuple[str, ...], Field(max_length=CAP)] = ()
    fields_deleted: Annotated[tuple[str, ...], Field(max_length=CAP)] = ()

    @property
    def only_looked(self) -> bool:
        return self.dry_run

    @property
    def state_change(self) -> str:
        if self.created:
            return "CREATE"
        changed = self.settings or self.fields_added or self.fields_changed or self.fields_deleted
        return "ALTER" if changed and not self.dry_run else ""

    @classmethod
    def of(
        cls, collection_id: str, changes: Changes, *, created: bool = False, dry_run: bool = False
    ) -> ChangesManifest:
        return cls(
            version=1,
            collection_id=collection_id,
            dry_run=dry_run,
            created=created,
            settings=changes.settings,
            fields_added=_names(changes.added),
            fields_changed=_names(changes.changed),
            fields_deleted=_names(changes.deleted),
        )


def _names(names: Sequence[str]) -> tuple[str, ...]:
    return first_of([printable(name, NAME) for name in names[:CAP]], ROOM_FOR_NAMES)


class RemovalManifest(Report):
    """What was removed.

    :param total: documents asked for, or found.
    :param missing: those of them that were not in the collection.
    :param files_kept: files that the service did not delete, because they are attached elsewhere.
    :param collection_deleted: the collection itself as well; ``False`` where it was not there.
    """

    version: Literal[1]
    total: int = 0
    removed: int = 0
    missing: int = 0
    files_deleted: int = 0
    files_kept: int = 0
    collection_deleted: bool = False

    @property
    def counts(self) -> dict[str, int]:
        return {"removed": self.removed}

    @property
    def state_change(self) -> str:
        return "DROP" if self.collection_deleted else ""


class Passage(Manifest):
    """A passage that a search found, with the beginning of its text."""

    file_id: str
    chunk_id: str
    score: float
    page_number: int | None
    fields: dict[str, str]
    text: str

    @classmethod
    def of(cls, match: SearchMatch, max_chars: int) -> Passage:
        fields = list(match.fields.items())[:FIELDS]
        return cls(
            file_id=match.file_id,
            chunk_id=printable(match.chunk_id, NAME),
            score=match.score,
            page_number=match.page_number,
            fields={printable(key, NAME): printable(value, NAME) for key, value in fields},
            text=match.chunk_content.replace("\0", "")[:max_chars],  # PostgreSQL stores no NUL
        )


class SearchManifest(Manifest):
    """What a search found.

    :param total: passages that came back; ``matches`` are the best of them, as many as fit.
    """

    version: Literal[1]
    collection_ids: Annotated[tuple[str, ...], Field(max_length=CAP)]
    total: int
    best_score: float | None
    matches: Annotated[tuple[Passage, ...], Field(max_length=CAP)]

    @classmethod
    def of(cls, collection_ids: Sequence[str], matches: Sequence[SearchMatch], *, max_chars: int) -> SearchManifest:
        return cls(
            version=1,
            collection_ids=first_of(collection_ids, ROOM_FOR_IDS),
            total=len(matches),
            best_score=max((match.score for match in matches), default=None),
            matches=first_of([Passage.of(match, max_chars) for match in matches[:CAP]], ROOM_FOR_PASSAGES),
        )


class WaitEvent(Manifest):
    """What the trigger tells the task: a summary or the error that ended the wait, and what the task had it keep."""

    version: Literal[1]
    summary: WaitSummary | None = None
    error: str | None = None
    error_type: str | None = None
    manifest: dict[str, Any] | None = None
