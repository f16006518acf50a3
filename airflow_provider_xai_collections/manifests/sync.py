"""What a sync tells: its result, the lines of its report, the parts of a plan that other workers carry out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from heapq import nsmallest
from typing import Annotated, Literal, Self

from pydantic import Field

from airflow_provider_xai_collections.api.doubts import Doubt
from airflow_provider_xai_collections.api.printable import escaped, printable
from airflow_provider_xai_collections.api.sync_plan import SourceEntry, SyncAction, SyncStep
from airflow_provider_xai_collections.api.sync_work import Done, SyncOutcome
from airflow_provider_xai_collections.manifests.base import (
    CAP,
    NAME,
    ROOM_FOR_PROBLEMS,
    Manifest,
    Report,
    first_of,
    shown,
)

#: Characters of a reason in a report, which has more room than a manifest.
WHOLE_REASON = 2_000
#: Characters of a reason in a manifest: an error names the call, its ids and the request before it comes to the point.
REASON = 400
#: Bytes of JSON that both may take: there is room for two at least.
ROOM_FOR_NAME = 500
ROOM_FOR_REASON = 1_500


class Problem(Manifest):
    """A document that is not as the source has it, and why."""

    name: str
    outcome: SyncOutcome
    reason: str


class SyncManifest(Report):
    """What a sync did; with ``dry_run``, what it would have done.

    :param scope: what it calls its own in the collection; cut, with a digest, if it is very long or not printable.
    :param documents: how many the source has.
    :param added: new documents; ``replaced``: whose content changed; ``repaired``: that had failed or were stuck.
    :param kept: that were there already, as the source has them.
    :param removed: that the source has no longer; ``superseded``: old versions that made room for new ones.
    :param left: that the source has no longer, and that stay: pruning is off, or did not come to its turn.
    :param gone: a digest of which documents the source has no longer, as of when it was listed.
    :param skipped: that xAI would not take: empty, too large, of a type or name it refuses.
    :param failed: that xAI could not index; ``errors``: that did not get so far; ``untried``: given up before.
    :param in_progress: that nobody waited for, or not long enough.
    :param doubtful: that are processed, and whose text may not have been extracted, by their type or their chunks.
    :param altered: that are processed, and of which the service holds other content than was sent, by its own hash.
    :param other_fields: that were there with other values of the fields asked for, and kept them.
    :param bytes: size of what was uploaded.
    :param requests: with ``dry_run``, an estimate of the requests it takes, without those that wait.
    :param possible_orphans: files that nothing may refer to; ``XAIDeleteUnattachedFilesOperator`` finds such files.
    :param files_kept: files of removed documents that the service did not delete.
    :param report: where the report is, cut if that is very long.
    :param sources: where the documents come from.
    :param problems: the first documents that are not as wanted.
    """

    version: Literal[1]
    scope: str
    dry_run: bool = False
    created: bool = False
    documents: int = 0
    added: int = 0
    replaced: int = 0
    repaired: int = 0
    kept: int = 0
    removed: int = 0
    superseded: int = 0
    left: int = 0
    gone: str = ""
    skipped: int = 0
    failed: int = 0
    errors: int = 0
    untried: int = 0
    in_progress: int = 0
    doubtful: int = 0
    altered: int = 0
    other_fields: int = 0
    bytes: int = 0
    requests: int = 0
    possible_orphans: int = 0
    files_kept: int = 0
    report: str | None = None
    sources: tuple[str, ...] = ()
    problems: Annotated[tuple[Problem, ...], Field(max_length=CAP)] = ()

    @property
    def counts(self) -> dict[str, int]:
        if self.dry_run:
            return {}
        return {
            "added": self.added,
            "replaced": self.replaced + self.repaired,
            "removed": self.removed,
            "failed": self.failed + self.errors + self.untried,
            "bytes": self.bytes,
        }

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
        """The counts that people read."""
        names = ("added", "replaced", "repaired", "kept", "removed", "superseded", "left", "skipped", "failed")
        others = ("errors", "untried", "in_progress", "doubtful", "altered")
        counts = {name.replace("_", " "): int(getattr(self, name)) for name in (*names, *others)}
        return {"in the source": self.documents, **counts, "bytes": self.bytes, "requests": self.requests}


#: The outcomes of documents that are not in the collection as they should be.
LOST = (SyncOutcome.FAILED, SyncOutcome.ERROR, SyncOutcome.UNTRIED)


def first_problems(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """As many as a manifest has room for. Documents that are lost come before those that nobody expected to be there:
    a thousand skipped images must not hide the one that failed."""
    return first_of(nsmallest(CAP, problems, key=lambda problem: problem.outcome not in LOST), ROOM_FOR_PROBLEMS)


def as_text(name: str) -> str:
    """A name fit for JSON: on disk, one may hold bytes that are no text."""
    return name.encode(errors="backslashreplace").decode()


def both_doubts(earlier: str, later: str) -> str:
    """Join what was said of a document before and after a wait, each thing once."""
    return earlier if later in earlier else later if earlier in later else f"{later}; {earlier}"


def _doubt_of(doubts: Iterable[Doubt], *others: str) -> str:
    said = [doubt.reason for doubt in doubts] + [other for other in others if other]
    return printable("; ".join(said), WHOLE_REASON)


class SyncLine(Manifest):
    """One document in a report.

    :param action: what it needed; ``outcome``: what became of it.
    :param file_id: the document that holds it now.
    :param removed: documents that were removed for it.
    :param bytes: size of the source.
    :param seconds: from its first request until it was settled.
    :param reason: why it is not as wanted.
    :param doubt: why it may not be as wanted, although it is processed.
    """

    version: Literal[1]
    uri: str
    name: str
    action: SyncAction
    outcome: SyncOutcome | None = None
    file_id: str = ""
    removed: tuple[str, ...] = ()
    bytes: int = 0
    seconds: float = 0.0
    reason: str = ""
    doubt: str = ""

    @classmethod
    def of(cls, done: Done) -> SyncLine:
        return cls(
            version=1,
            uri=done.step.uri,
            name=as_text(done.step.name),
            action=done.step.action,
            outcome=done.outcome,
            file_id=done.file_id,
            removed=done.removed,
            bytes=done.step.size,
            seconds=round(done.seconds, 3),
            reason=printable(done.reason, WHOLE_REASON),
            doubt=_doubt_of(done.doubts, done.placed.warning if done.placed else ""),
        )

    @classmethod
    def planned(cls, step: SyncStep) -> SyncLine:
        """Of a dry run: without an outcome."""
        return cls(
            version=1,
            uri=step.uri,
            name=as_text(step.name),
            action=step.action,
            file_id=step.file_id,
            bytes=step.size,
            reason=printable(step.reason, WHOLE_REASON),
            doubt=_doubt_of(step.doubts),
        )

    def shown(self) -> Self:
        """The line as people get it: what others wrote is printable, and without anything that looks like a key."""
        return self.model_copy(update={"uri": escaped(self.uri), "name": escaped(self.name)})

    @property
    def problem(self) -> Problem | None:
        if self.outcome is None or self.outcome in (SyncOutcome.PROCESSED, SyncOutcome.REMOVED):
            return None
        if self.outcome is SyncOutcome.IN_PROGRESS and not self.reason:
            return None
        if self.action is SyncAction.REMOVE and self.outcome is SyncOutcome.UNTRIED:
            return None  # what stays is no trouble of its own
        name, reason = printable(self.name, NAME), printable(self.reason, REASON)
        return Problem(name=shown(name, ROOM_FOR_NAME), outcome=self.outcome, reason=shown(reason, ROOM_FOR_REASON))


def merged(earlier: Iterable[SyncLine], later: Iterable[SyncLine]) -> Iterator[SyncLine]:
    """The lines of a report from before a wait, with what is known after it."""
    before = {line.uri: line for line in earlier}
    for line in later:
        if (known := before.pop(line.uri, None)) is None:
            yield line
        else:
            news = {"outcome": line.outcome, "reason": line.reason, "removed": (*known.removed, *line.removed)}
            there = {"file_id": line.file_id or known.file_id, "doubt": both_doubts(known.doubt, line.doubt)}
            yield known.model_copy(update={**news, **there})
    yield from before.values()


class StepLine(Manifest):
    """One step of a plan, for another process."""

    version: Literal[1]
    action: SyncAction
    uri: str
    name: str
    size: int
    fingerprint: str | None
    path: str
    content_hash: str | None
    file_id: str
    broken: tuple[str, ...]
    stale: tuple[str, ...]
    reason: str

    @classmethod
    def of(cls, step: SyncStep) -> StepLine:
        if (entry := step.entry) is None:
            raise ValueError(f"only a document of the source is another worker's business: {step}")
        return cls(
            version=1,
            action=step.action,
            uri=step.uri,
            name=entry.name,
            size=entry.size,
            fingerprint=entry.fingerprint,
            path=entry.path,
            content_hash=step.content_hash,
            file_id=step.file_id,
            broken=step.broken,
            stale=step.stale,
            reason=step.reason,
        )

    def step(self) -> SyncStep:
        entry = SourceEntry(self.uri, self.name, self.size, self.fingerprint, self.path)
        return SyncStep(
            self.action, self.uri, entry, self.content_hash, self.file_id, self.broken, self.stale, self.reason
        )


class SyncPlanned(Manifest):
    """What the task that plans hands on to those that apply the plan.

    :param manifest: what is known before anything is done.
    :param folder: where the parts of the plan are, and where those of the report will be.
    :param shards: how many parts there are.
    """

    version: Literal[1]
    manifest: SyncManifest
    folder: str
    shards: int

    def steps_of(self, shard: int) -> str:
        """Where the steps of a part are."""
        return f"{self.folder}/plan-{shard:04}.jsonl"

    @property
    def report_of_plan(self) -> str:
        """Where the report of the plan is: of documents that no part takes."""
        return f"{self.folder}/report-plan.jsonl"

    def report_of(self, shard: int) -> str:
        """Where the report of a part is."""
        return f"{self.folder}/report-{shard:04}.jsonl"
