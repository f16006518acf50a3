"""Differences between what the service holds after syncs, by its own records, what it should, and what they tell."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from airflow_provider_xai_collections.emulator.indexing import Indexing
from airflow_provider_xai_collections.emulator.records import FileRecord
from airflow_provider_xai_collections.emulator.store import Slice
from airflow_provider_xai_collections.manifests.json_lines import read_lines
from airflow_provider_xai_collections.sync.documents import Action, Outcome
from airflow_provider_xai_collections.sync.manifest import PLACED
from airflow_provider_xai_collections.sync.report import ReportLine
from tests.chaos.corpus import Corpus
from tests.chaos.watched import WatchedEmulator
from tests.chaos.worker import Told, Tried, Try

#: Bytes that a process may keep: what was loaded on the way, and so many more for each document of the source.
LOADED = 8_000_000
PER_DOCUMENT = 2_000

#: Counts of outcomes, whatever the action.
_OUTCOMES = {
    Outcome.SKIPPED: "skipped",
    Outcome.FAILED: "failed",
    Outcome.ERROR: "errors",
    Outcome.UNTRIED: "untried",
    Outcome.IN_PROGRESS: "in_progress",
}


@dataclass(frozen=True, slots=True)
class Records:
    """Everything that the service holds.

    :param collections: the name of each, and the files of its documents.
    :param unattached: names of files that are in no collection.
    :param done: how often each endpoint did what was asked so far.
    :param discarded: files deleted so far that had never been attached.
    :param unprocessed: names of documents that no search finds yet, if ever.
    :param attached: the files that were attached so far, by id, whether or not they are there still.
    """

    collections: tuple[tuple[str, tuple[FileRecord, ...]], ...]
    unattached: tuple[str, ...] = ()
    done: Counter[str] = field(default_factory=Counter)
    discarded: int = 0
    unprocessed: tuple[str, ...] = ()
    attached: Mapping[str, FileRecord] = field(default_factory=dict)

    @property
    def documents(self) -> list[FileRecord]:
        """The files of all documents, each as often as it is there."""
        return [file for _, files in self.collections for file in files]


def records_of(service: WatchedEmulator) -> Records:
    """Return what the service holds now."""
    store = service.store
    indexing = Indexing(service.settings, store, time.time)
    with store.transaction():
        found = [
            (each.definition.collection_name, list(store.documents(each.collection_id, Slice("filename", False), {})))
            for each in store.collections(Slice("c.created_at", False))
        ]
        files = list(store.files(Slice("filename", False)))
    documents = [document for _, those in found for document in those]
    attached = {document.file.file_id for document in documents}
    return Records(
        tuple((name, tuple(document.file for document in those)) for name, those in found),
        tuple(file.filename for file in files if file.file_id not in attached),
        service.done.copy(),
        service.discarded,
        tuple(document.file.filename for document in documents if not indexing.progress(document).is_processed),
        dict(service.attached),
    )


def wrong_documents(now: Records, corpus: Corpus, collections: Iterable[str] = ("whales",)) -> Iterator[str]:
    """Compare the collections with the source."""
    if (there := sorted(name for name, _ in now.collections)) != sorted(collections):
        yield f"the collections are {there}"
    yield from some("not processed", now.unprocessed)
    for _, files in now.collections:
        hashes = {file.filename: file.hash for file in files}
        yield from some("twice", _twice(file.filename for file in files))
        yield from some("missing", corpus.hashes.keys() - hashes.keys())
        yield from some("not in the source", hashes.keys() - corpus.hashes.keys())
        changed = [name for name in hashes if corpus.hashes.get(name, hashes[name]) != hashes[name]]
        yield from some("of another content", changed)


def wrong_process(tried: Tried, documents: int) -> Iterator[str]:
    """Tell what the process did not give back.

    :param documents: of the source.
    """
    yield from some("left open", tried.left_open)
    if tried.grown > (most := LOADED + documents * PER_DOCUMENT):
        yield f"{tried.grown / 1e6:.1f} MB are still in use after {documents} documents; {most / 1e6:.1f} may be"


def some(what: str, names: Iterable[str]) -> Iterator[str]:
    """Tell of names, if there are any, the first ones."""
    listed = sorted(names)
    if listed:
        yield f"{len(listed)} {what}: {', '.join(listed[:3])}{', …' if len(listed) > 3 else ''}"


@dataclass(frozen=True)
class Account:
    """The counts of a manifest (none if the sync ended before there was anything to count), and the report's lines."""

    counts: Counter[str]
    lines: Sequence[ReportLine]

    @classmethod
    def of(cls, told: Told) -> Account:
        lines = list(read_lines(told.report, ReportLine)) if Path(told.report).exists() else []
        return cls(Counter({name: count for name, count in told.manifest.items() if isinstance(count, int)}), lines)

    @property
    def of_source(self) -> list[ReportLine]:
        """The lines of documents that the source has."""
        return [line for line in self.lines if line.action is not Action.REMOVE]

    @property
    def placed(self) -> int:
        return sum(self.counts[name] for name in PLACED.values())


def wrong_accounts(before: Records, now: Records, tries: Sequence[Try], corpus: Corpus) -> Iterator[str]:
    """Check each sync against itself and the source, and all together against what the service did.

    A document that ended in an error may have been done all the same, and nobody tells of it: the next try finds it.
    Of every other document that came or went, a report must tell.
    """
    accounts = [Account.of(told) for each in tries for told in each.told]
    for account in accounts:
        if account.counts or account.lines:
            yield from _wrong_report(account, corpus)
    lines = [line for account in accounts for line in account.lines]
    known = {**{file.file_id: file for file in before.documents}, **now.attached}
    there = {file.file_id: file.filename for file in now.documents}
    for line in lines:
        file = known.get(line.file_id)
        if line.file_id and (file is None or (file.filename, file.size) != (line.name, line.bytes)):
            yield f"{line.name} with the id of no document, of another one, or another size"
    if tries and not tries[-1].error:
        of_last = [line for told in tries[-1].told for line in Account.of(told).lines]
        processed = {line.file_id for line in of_last if line.outcome is Outcome.PROCESSED}
        yield from some("there, and processed in no report", [there[key] for key in there.keys() - processed])
        yield from some("processed in the report, and not there", processed - there.keys())
    # Of a document that the source has no longer, an error tells only the URI.
    root = f"{corpus.folder.as_uri()}/"
    in_doubt = [line.uri.removeprefix(root) for line in lines if line.outcome is Outcome.ERROR]
    # What came
    attached = now.attached.keys() - before.attached.keys()
    came = {line.file_id for line in lines if line.action.uploads} & attached
    untold = {known[key].filename for key in attached - came}
    yield from some("attached and told by nobody", untold.difference(in_doubt))
    yield from _differs("told", sum(account.placed for account in accounts), len(came), "attached")
    size = sum(known[key].size for key in came)
    yield from _differs("bytes", sum(account.counts["bytes"] for account in accounts), size, "stored")
    # What went
    removed = [file_id for line in lines for file_id in line.removed]
    yield from some("removed in the report, and there", there.keys() & set(removed))
    yield from some("removed twice in reports", _twice(removed))
    earlier = before.attached.keys() - {file.file_id for file in before.documents}
    untold = {known[key].filename for key in known.keys() - there.keys() - earlier - set(removed)}
    yield from some("removed and told by nobody", untold.difference(in_doubt))
    # What came to nothing. A refused attach takes its file along; nothing else deletes a file that was never attached.
    possible = sum(account.counts["possible_orphans"] for account in accounts)
    discarded = now.discarded - before.discarded
    if discarded > len(in_doubt):
        yield f"{discarded} files never attached and deleted, {len(in_doubt)} in doubt"
    lost = len(now.unattached) + discarded - len(before.unattached)
    if lost > possible + len(in_doubt):
        yield f"{lost} uploads came to nothing, {possible} were told"


def _wrong_report(account: Account, corpus: Corpus) -> Iterator[str]:
    """Check the manifest against the report, and both against the source: each of its documents has one line."""
    counts, lines = account.counts, account.of_source
    yield from some("twice in the report", _twice(line.uri for line in account.lines))
    yield from some("only in the source or only in the report", corpus.hashes.keys() ^ {line.name for line in lines})
    yield from _differs("documents", counts["documents"], len(corpus.hashes), "in the source")
    for outcome, name in _OUTCOMES.items():
        yield from _differs(name, counts[name], sum(line.outcome is outcome for line in account.lines))
    # Each document that is there was kept or uploaded, once.
    there = [line for line in lines if line.file_id]
    yield from _differs("kept, added, replaced or fixed", counts["kept"] + account.placed, len(there))
    for action, name in PLACED.items():
        if counts[name] > (most := sum(line.action is action for line in there)):
            yield f"{counts[name]} {name}, {most} in the report"
    removed = sum(len(line.removed) for line in account.lines)
    yield from _differs("removed", counts["removed"] + counts["outdated_removed"], removed)


def _differs(what: str, told: int, seen: int, where: str = "in the report") -> Iterator[str]:
    if told != seen:
        yield f"{told} {what}, {seen} {where}"


def _twice(names: Iterable[str]) -> list[str]:
    return [name for name, times in Counter(names).items() if times > 1]
