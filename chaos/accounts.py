"""What a sync tells of its work, in its manifest and its report, against the service's own records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from airflow_provider_xai_collections.api.sync_plan import SyncAction
from airflow_provider_xai_collections.api.sync_work import SyncOutcome
from airflow_provider_xai_collections.emulator.records import FileRecord
from airflow_provider_xai_collections.manifests.json_lines import read_lines
from airflow_provider_xai_collections.manifests.sync import LOST, SyncLine
from chaos.checks import Held, some
from chaos.corpus import Corpus
from chaos.jobs import Try

#: What a step that uploads is counted as; and what an outcome is counted as, whatever the step.
_BROUGHT = {SyncAction.ADD: "added", SyncAction.REPLACE: "replaced", SyncAction.REPAIR: "repaired"}
_OUTCOMES = {
    SyncOutcome.SKIPPED: "skipped",
    SyncOutcome.FAILED: "failed",
    SyncOutcome.ERROR: "errors",
    SyncOutcome.UNTRIED: "untried",
    SyncOutcome.IN_PROGRESS: "in_progress",
}
_GONE = ("removed", "superseded")


@dataclass(frozen=True)
class Account:
    """What one try told.

    :param counts: of its manifest; none if the try ended before there was anything to count.
    :param lines: of its report.
    :param root: the URI of the source, with which those of its documents begin.
    """

    counts: Counter[str]
    lines: Sequence[SyncLine]
    root: str

    @classmethod
    def of(cls, tried: Try, corpus: Corpus) -> Account:
        # A try that ended before it began anything has no report.
        lines = list(read_lines(tried.report, SyncLine)) if Path(tried.report).exists() else []
        counts = Counter({name: count for name, count in tried.manifest.items() if isinstance(count, int)})
        return cls(counts, lines, f"{corpus.folder.as_uri()}/")

    @cached_property
    def of_source(self) -> Sequence[SyncLine]:
        """The lines of documents that the source has."""
        return [line for line in self.lines if line.action is not SyncAction.REMOVE]

    @cached_property
    def brought(self) -> Sequence[SyncLine]:
        """The lines of documents that were to be uploaded, and are there."""
        return [line for line in self.lines if line.action in _BROUGHT and line.file_id]

    @cached_property
    def in_doubt(self) -> set[str]:
        """Names of documents that ended in an error: what was asked for may have been done all the same."""
        # Of one that the source has no longer, only the URI is known.
        return {line.uri.removeprefix(self.root) for line in self.lines if line.outcome is SyncOutcome.ERROR}

    @property
    def gone(self) -> list[str]:
        """Ids of the documents that it has removed, by its report."""
        return [file_id for line in self.lines for file_id in line.removed]


def wrong_counts(before: Held, now: Held, tries: Sequence[Try], corpus: Corpus) -> Iterator[str]:
    """Each try against itself and the source, and all tries together against what the service did.

    A document that ended in an error may have been done all the same, and nobody tells of it: the next try finds it.
    Of every other document that came or went, a report must tell.
    """
    accounts = [Account.of(each, corpus) for each in tries]
    known = {**{file.file_id: file for file in before.documents}, **now.attached}
    for account in accounts:
        if account.counts or account.lines:
            yield from _wrong_report(account, corpus)
            yield from _wrong_lines(account, known)
    if accounts and not tries[-1].error:
        yield from _wrong_end(accounts[-1], now)
    yield from _wrong_arrivals(accounts, {key: known[key] for key in now.attached.keys() - before.attached.keys()})
    there = {file.file_id for file in now.documents}
    yield from _wrong_departures(accounts, {key: file for key, file in known.items() if key not in there}, before)
    yield from _wrong_orphans(accounts, before, now)


def _wrong_report(account: Account, corpus: Corpus) -> Iterator[str]:
    """The manifest against the report, and both against the source: each of its documents has one line."""
    counts, lines = account.counts, account.of_source
    yield from some("twice in the report", _twice(line.uri for line in account.lines))
    yield from some("not in the report", corpus.hashes.keys() - {line.name for line in lines})
    yield from some("in the report and not in the source", {line.name for line in lines} - corpus.hashes.keys())
    yield from _differs("documents", counts["documents"], len(corpus.hashes), "in the source")
    for outcome, name in _OUTCOMES.items():
        # What was to be removed and stays is counted as left.
        told = lines if outcome is SyncOutcome.UNTRIED else account.lines
        yield from _differs(name, counts[name], sum(line.outcome is outcome for line in told))
    # Each document that is there was kept or brought, once. Only one that has failed to be indexed anew is neither.
    there = sum(bool(line.file_id) for line in lines) - sum(
        bool(line.file_id) and line.action is SyncAction.REINDEX and line.outcome in LOST for line in lines
    )
    yield from _differs(
        "kept, added, replaced or repaired", counts["kept"] + sum(counts[name] for name in _BROUGHT.values()), there
    )
    for action, name in _BROUGHT.items():
        most = sum(line.action is action for line in account.brought)
        most += sum(line.action is SyncAction.REINDEX for line in lines) if name == "repaired" else 0
        if counts[name] > most:
            yield f"{counts[name]} {name}, {most} in the report"
    yield from _differs("removed or superseded", sum(counts[name] for name in _GONE), len(account.gone))


def _wrong_lines(account: Account, known: Mapping[str, FileRecord]) -> Iterator[str]:
    """Each line against the file that it names."""
    named = [(line, known.get(line.file_id)) for line in account.lines if line.file_id]
    yield from some("with an id that no document had", [line.name for line, file in named if file is None])
    others = [line.name for line, file in named if file and (file.filename, file.size) != (line.name, line.bytes)]
    yield from some("with the id of another document, or another size", others)


def _wrong_end(account: Account, now: Held) -> Iterator[str]:
    """The report of a try that succeeded against what is there."""
    told = {line.file_id for line in account.lines if line.outcome is SyncOutcome.PROCESSED}
    there = {file.file_id: file.filename for file in now.documents}
    yield from some("there, and processed in no report", [name for key, name in there.items() if key not in told])
    yield from some("processed in the report, and not there", told - there.keys())


def _wrong_arrivals(accounts: Sequence[Account], attached: Mapping[str, FileRecord]) -> Iterator[str]:
    """:param attached: the files that were attached while the tries ran."""
    came = {line.file_id for account in accounts for line in account.brought} & attached.keys()
    yield from _untold("attached", {attached[key].filename for key in attached.keys() - came}, accounts)
    reindexed = sum(line.action is SyncAction.REINDEX for account in accounts for line in account.of_source)
    told = sum(account.counts[name] for account in accounts for name in _BROUGHT.values())
    if not len(came) <= told <= len(came) + reindexed:
        yield f"{len(came)} attached, {told} told"
    size = sum(attached[key].size for key in came)
    yield from _differs("bytes", sum(account.counts["bytes"] for account in accounts), size, "stored")


def _wrong_departures(accounts: Sequence[Account], lost: Mapping[str, FileRecord], before: Held) -> Iterator[str]:
    """:param lost: the files that were attached once and are no longer."""
    told = [file_id for account in accounts for file_id in account.gone]
    yield from some("removed in the report, and there", set(told) - lost.keys())
    yield from some("removed twice in reports", _twice(told))
    since = lost.keys() - (before.attached.keys() - {file.file_id for file in before.documents})
    yield from _untold("removed", {lost[key].filename for key in since - set(told)}, accounts)


def _wrong_orphans(accounts: Sequence[Account], before: Held, now: Held) -> Iterator[str]:
    possible = sum(account.counts["possible_orphans"] for account in accounts)
    in_doubt = sum(len(account.in_doubt) for account in accounts)
    discarded = now.discarded - before.discarded
    # A refused attach takes its file along. Nothing else deletes a file that was never attached.
    if discarded > in_doubt:
        yield f"{discarded} files never attached and deleted, {in_doubt} in doubt"
    lost = len(now.unattached) + discarded - len(before.unattached)
    if lost > possible + in_doubt:
        yield f"{lost} uploads came to nothing, {possible} were told"


def _untold(what: str, names: set[str], accounts: Sequence[Account]) -> Iterator[str]:
    yield from some(f"{what} and told by nobody", names.difference(*(account.in_doubt for account in accounts)))


def _differs(what: str, told: int, seen: int, where: str = "in the report") -> Iterator[str]:
    if told != seen:
        yield f"{told} {what}, {seen} {where}"


def _twice(names: Iterator[str] | Sequence[str]) -> list[str]:
    return [name for name, times in Counter(names).items() if times > 1]
