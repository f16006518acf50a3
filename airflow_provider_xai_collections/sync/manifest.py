"""The result of a sync or an ingestion, and its handover to the process that finishes it: bounded and versioned."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from heapq import nsmallest
from typing import Annotated, Literal, Self

from pydantic import Field

from airflow_provider_xai_collections.exceptions import XAIError
from airflow_provider_xai_collections.manifests.base import (
    MAX_LISTED,
    MAX_NAME,
    ROOM_FOR_PROBLEMS,
    Manifest,
    TaskResult,
    first_of,
    shown,
)
from airflow_provider_xai_collections.sync.documents import Action, Outcome, Row, error_class
from airflow_provider_xai_collections.sync.place import Refusal
from airflow_provider_xai_collections.text import printable

#: Characters of a reason in a manifest: an error names the call, its ids and the request before it comes to the point.
REASON = 800
#: Bytes of JSON that a name and a reason may take: there is room for two problems at least.
ROOM_FOR_NAME = 500
ROOM_FOR_REASON = 1_500


class Problem(Manifest):
    """A document that is not as the source has it, and why."""

    name: str
    outcome: Outcome
    reason: str
    error: str = ""

    @classmethod
    def of(cls, name: str, outcome: Outcome, reason: str, error: str = "") -> Self:
        """Return a problem that fits into a manifest. Bytes of a name that are no text are shown as what they are."""
        text = name.encode(errors="backslashreplace").decode()
        return cls(
            name=shown(printable(text, MAX_NAME), ROOM_FOR_NAME),
            outcome=outcome,
            reason=shown(printable(reason, REASON), ROOM_FOR_REASON),
            error=error,
        )


class SyncManifest(TaskResult):
    """Counts of what a sync or an ingestion did; with ``dry_run``, of what it would do.

    :param scope: cut if it is very long.
    :param created: the collection is new.
    :param documents: how many the source has.
    :param added: new documents; ``replaced``: those whose content changed; ``fixed``: those that had failed.
    :param kept: those that were there already.
    :param removed: those that were missing from the source; ``outdated_removed``: old versions of others.
    :param left: those that are missing from the source and stay: pruning is off, or it was not safe.
    :param skipped: those that xAI would not take: empty, too large, of a type or name it refuses.
    :param failed: those that xAI could not index; ``errors``: those that could not be read, uploaded or replaced;
        ``untried``: those that were given up before their turn.
    :param in_progress: those that nobody waited for, or not long enough.
    :param doubtful: those that are processed, and whose text may not have been extracted, or is not what was sent.
    :param older_versions: documents with other content of the same sources, which an ingestion leaves alone.
    :param other_fields: documents that were there with other fields than asked for, and keep them.
    :param bytes: size of what was uploaded.
    :param possible_orphans: files that may exist, attached to nothing; ``XAIDeleteUnattachedFilesOperator`` finds such.
    :param files_kept: files of removed documents that the service did not delete.
    :param file_ids: the documents, if there are few enough to list them all.
    :param report: where the report is, cut if that is very long.
    :param sources: where the documents come from.
    :param problems: the first documents that are not as wanted.
    """

    version: Literal[1] = 1
    scope: str
    dry_run: bool = False
    created: bool = False
    documents: int = 0
    added: int = 0
    replaced: int = 0
    fixed: int = 0
    kept: int = 0
    removed: int = 0
    outdated_removed: int = 0
    left: int = 0
    skipped: int = 0
    failed: int = 0
    errors: int = 0
    untried: int = 0
    in_progress: int = 0
    doubtful: int = 0
    older_versions: int = 0
    other_fields: int = 0
    bytes: int = 0
    possible_orphans: int = 0
    files_kept: int = 0
    file_ids: Annotated[tuple[str, ...], Field(max_length=MAX_LISTED)] = ()
    report: str | None = None
    sources: tuple[str, ...] = ()
    problems: Annotated[tuple[Problem, ...], Field(max_length=MAX_LISTED)] = ()

    @property
    def counts(self) -> dict[str, int]:
        """The counts of an asset event."""
        if self.dry_run:
            return {}
        return {
            "added": self.added,
            "replaced": self.replaced + self.fixed,
            "removed": self.removed,
            "failed": self.lost,
            "bytes": self.bytes,
        }

    @property
    def outcomes(self) -> dict[str, int]:
        return {name: getattr(self, name) for name in OUTCOMES}

    @property
    def is_dry_run(self) -> bool:
        return self.dry_run

    @property
    def source_uris(self) -> tuple[str, ...]:
        return self.sources

    @property
    def state_change(self) -> str:
        return "CREATE" if self.created else ""

    @property
    def lost(self) -> int:
        """Documents that are not in the collection as they should be."""
        return self.failed + self.errors + self.untried

    @property
    def in_the_log(self) -> dict[str, int]:
        """The counts that people read, in their order."""
        counts = {name.replace("_", " "): getattr(self, name) for name in SYNC_COUNTS}
        return {"in the source": counts.pop("documents"), **counts}

    def plus(self, counts: Mapping[str, int], problems: Iterable[Problem] = ()) -> SyncManifest:
        """Return the manifest with more counts and problems."""
        sums = {name: getattr(self, name) + count for name, count in counts.items()}
        every = {(each.name, each.outcome): each for each in (*self.problems, *problems)}
        # Lost documents come first: a thousand skipped images must not hide the one that failed.
        first = nsmallest(MAX_LISTED, every.values(), key=lambda problem: not problem.outcome.is_lost)
        return self.model_copy(update={**sums, "problems": first_of(first, ROOM_FOR_PROBLEMS)})


#: The counts of what became of documents, for metrics.
OUTCOMES = (
    *("added", "replaced", "fixed", "kept", "removed", "outdated_removed", "skipped", "failed", "errors", "untried"),
    *("in_progress", "doubtful"),
)
#: The names of all counts.
SYNC_COUNTS = tuple(name for name, info in SyncManifest.model_fields.items() if info.annotation is int)


def problems_of(rows: Iterable[Row]) -> Iterator[Problem]:
    """Return the problems of documents, as many of each outcome as a manifest may list."""
    seen: dict[Outcome, int] = {}
    for row in rows:
        outcome = row.outcome
        if outcome is None or outcome in (Outcome.PROCESSED, Outcome.REMOVED, Outcome.LEFT):
            continue
        if outcome is Outcome.IN_PROGRESS and not row.reason:
            continue
        seen[outcome] = seen.get(outcome, 0) + 1
        if seen[outcome] <= MAX_LISTED:
            yield Problem.of(row.name, outcome, row.reason, row.error)


def kind_of(problems: Iterable[Problem]) -> type[XAIError]:
    """Return the class of the error that several lost documents make together; ``XAIError`` if theirs differ."""
    kinds = {problem.error for problem in problems if problem.outcome.is_lost}
    return error_class(kinds.pop()) if len(kinds) == 1 else XAIError


class Handover(Manifest):
    """Everything that the process which finishes must know of the time before it.

    :param manifest: with the counts of what has been done.
    :param approved: how many documents pruning was allowed to remove when the run began.
    :param refusal: the service refused too many documents in a row.
    :param deadline: when the wait in the triggerer ends, in seconds since the epoch.
    """

    version: Literal[1] = 1
    manifest: SyncManifest
    approved: int = 0
    refusal: Refusal | None = None
    deadline: float | None = None

    def plus(self, other: Handover) -> Handover:
        """Return the handover with what another task has done."""
        mine, theirs = self.refusal, other.refusal
        counts = {name: getattr(other.manifest, name) for name in SYNC_COUNTS if name != "documents"}
        return self.model_copy(
            update={
                "manifest": self.manifest.plus(counts, other.manifest.problems),
                "refusal": theirs if mine is None or (theirs is not None and theirs.is_fatal) else mine,
            }
        )


#: What a document that was placed counts as.
PLACED = {Action.ADD: "added", Action.REPLACE: "replaced", Action.FIX: "fixed"}
#: What a document counts as that was not.
NOT_PLACED = {Outcome.SKIPPED: "skipped", Outcome.ERROR: "errors", Outcome.UNTRIED: "untried"}
