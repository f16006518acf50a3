"""Differences between what syncs tell of their work, in manifest and report, and the service's own records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from airflow_provider_xai_collections.emulator.records import FileRecord
from airflow_provider_xai_collections.manifests.json_lines import read_lines
from airflow_provider_xai_collections.sync.documents import Action, Outcome
from airflow_provider_xai_collections.sync.manifest import PLACED
from airflow_provider_xai_collections.sync.report import ReportLine
from tests.chaos.checks import Records, some
from tests.chaos.corpus import Corpus
from tests.chaos.worker import Told, Try

#: Counts of outcomes, whatever the action.
_OUTCOMES = {
    Outcome.SKIPPED: "skipped",
    Outcome.FAILED: "failed",
    Outcome.ERROR: "errors",
    Outcome.UNTRIED: "untried",
    Outcome.IN_PROGRESS: "in_progress",
}


@dataclass(frozen=True)
class Account:
    """What one sync told.

    :param counts: of its manifest; none if it ended before there was anything to count.
    :param lines: of its report.
    :param root: the URI of the source, with which those of its documents begin.
    """

    counts: Counter[str]
    lines: Sequence[ReportLine]
    root: str

    @classmethod
    def of(cls, told: Told, corpus: Corpus) -> Account:
        # One that ended before it began anything has no report.
        lines = list(read_lines(told.report, ReportLine)) if Path(told.report).exists() else []
        counts = Counter({name: count for name, count in told.manifest.items() if isinstance(count, int)})
        return cls(counts, lines, f"{corpus.folder.as_uri()}/")

    @cached_property
    def of_source(self) -> Sequence[ReportLine]:
        """The lines of documents that the source has."""
        return [line for line in self.lines if line.action is not Action.REMOVE]

    @cached_property
    def uploaded(self) -> Sequence[ReportLine]:
        """The lines of documents that were to be uploaded, and are there."""
        return [line for line in self.lines if line.action.uploads and line.file_id]

    @cached_property
    def in_doubt(self) -> set[str]:
        """Names of documents that ended in an error: what was asked for may have been done all the same."""
        # Of one that the source has no longer, only the URI is known.
        return {line.uri.removeprefix(self.root) for line in self.lines if line.outcome is Outcome.ERROR}

    @property
    def removed(self) -> list[str]:
        """Ids of the documents that it has removed, by its report."""
        return [file_id for line in self.lines for file_id in line.removed]


def wrong_accounts(before: Records, now: Records, tries: Sequence[Try], corpus: Corpus) -> Iterator[str]:
    """Check each sync against itself and the source, and all together against what the service did.

    A document that ended in an error may have been done all the same, and nobody tells of it: the next try finds it.
    Of every other document that came or went, a report must tell.
    """
    of_tries = [[Account.of(told, corpus) for told in each.told] for each in tries]
    accounts = [account for some_of in of_tries for account in some_of]
    known = {**{file.file_id: file for file in before.documents}, **now.attached}
    for account in accounts:
        if account.counts or account.lines:
            yield from _wrong_report(account, corpus)
            yield from _wrong_lines(account, known)
    if of_tries and not tries[-1].error:
        yield from _wrong_end(of_tries[-1], now)
    yield from _wrong_arrivals(accounts, {key: known[key] for key in now.attached.keys() - before.attached.keys()})
    there = {file.file_id for file in now.documents}
    yield from _wrong_departures(accounts, {key: file for key, file in known.items() if key not in there}, before)
    yield from _wrong_orphans(accounts, before, now)


def _wrong_report(account: Account, corpus: Corpus) -> Iterator[str]:
    """Check the manifest against the report, and both against the source: each of its documents has one line."""
    counts, lines = account.counts, account.of_source
    yield from some("twice in the report", _twice(line.uri for line in account.lines))
    yield from some("not in the report", corpus.hashes.keys() - {line.name for line in lines})
    yield from some("in the report and not in the source", {line.name for line in lines} - corpus.hashes.keys())
    yield from _differs("documents", counts["documents"], len(corpus.hashes), "in the source")
    for outcome, name in _OUTCOMES.items():
        yield from _differs(name, counts[name], sum(line.outcome is outcome for line in account.lines))
    # Each document that is there was kept or uploaded, once.
    there = sum(bool(line.file_id) for line in lines)
    placed = sum(counts[name] for name in PLACED.values())
    yield from _differs("kept, added, replaced or fixed", counts["kept"] + placed, there)
    for action, name in PLACED.items():
        if counts[name] > (most := sum(line.action is action for line in account.uploaded)):
            yield f"{counts[name]} {name}, {most} in the report"
    yield from _differs("removed", counts["removed"] + counts["outdated_removed"], len(account.removed))


def _wrong_lines(account: Account, known: Mapping[str, FileRecord]) -> Iterator[str]:
    """Check each line against the file that it names."""
    named = [(line, known.get(line.file_id)) for line in account.lines if line.file_id]
    yield from some("with an id that no document had", [line.name for line, file in named if file is None])
    others = [line.name for line, file in named if file and (file.filename, file.size) != (line.name, line.bytes)]
    yield from some("with the id of another document, or another size", others)


def _wrong_end(accounts: Sequence[Account], now: Records) -> Iterator[str]:
    """Check the reports of a try that succeeded against what is there."""
    lines = (line for account in accounts for line in account.lines)
    told = {line.file_id for line in lines if line.outcome is Outcome.PROCESSED}
    there = {file.file_id: file.filename for file in now.documents}
    yield from some("there, and processed in no report", [name for key, name in there.items() if key not in told])
    yield from some("processed in the report, and not there", told - there.keys())


def _wrong_arrivals(accounts: Sequence[Account], attached: Mapping[str, FileRecord]) -> Iterator[str]:
    """:param attached: the files that were attached while the tries ran."""
    came = {line.file_id for account in accounts for line in account.uploaded} & attached.keys()
    yield from _untold("attached", {attached[key].filename for key in attached.keys() - came}, accounts)
    told = sum(account.counts[name] for account in accounts for name in PLACED.values())
    yield from _differs("told", told, len(came), "attached")
    size = sum(attached[key].size for key in came)
    yield from _differs("bytes", sum(account.counts["bytes"] for account in accounts), size, "stored")


def _wrong_departures(accounts: Sequence[Account], lost: Mapping[str, FileRecord], before: Records) -> Iterator[str]:
    """:param lost: the files that were attached once and are no longer."""
    told = [file_id for account in accounts for file_id in account.removed]
    yield from some("removed in the report, and there", set(told) - lost.keys())
    yield from some("removed twice in reports", _twice(told))
    since = lost.keys() - (before.attached.keys() - {file.file_id for file in before.documents})
    yield from _untold("removed", {lost[key].filename for key in since - set(told)}, accounts)


def _wrong_orphans(accounts: Sequence[Account], before: Records, now: Records) -> Iterator[str]:
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


def _twice(names: Iterable[str]) -> list[str]:
    return [name for name, times in Counter(names).items() if times > 1]
