"""Differences between what the service holds after a sync, by its own records, and what it should."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from math import inf

from airflow_provider_xai_collections.api.unattached import take_inventory
from airflow_provider_xai_collections.emulator.indexing import Indexing
from airflow_provider_xai_collections.emulator.records import FileRecord
from airflow_provider_xai_collections.emulator.store import Slice
from tests.chaos.corpus import Corpus
from tests.chaos.watched import WatchedEmulator
from tests.chaos.worker import Tried
from tests.support.caller import Caller

#: Bytes that a process may keep: what was loaded on the way, and so many more for each document of the source.
LOADED = 8_000_000
PER_DOCUMENT = 2_000


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
        times = Counter(file.filename for file in files)
        hashes = {file.filename: file.hash for file in files}
        yield from some("twice", [name for name, count in times.items() if count > 1])
        yield from some("missing", corpus.hashes.keys() - hashes.keys())
        yield from some("not in the source", hashes.keys() - corpus.hashes.keys())
        changed = [name for name in hashes if corpus.hashes.get(name, hashes[name]) != hashes[name]]
        yield from some("of another content", changed)


def wrong_inventory(now: Records, service: WatchedEmulator) -> Iterator[str]:
    """Compare the files that the maintenance task would delete with those that no document refers to."""
    inventory = Caller(service).run(take_inventory())
    found = sorted(file.filename for file in inventory.unattached(before=inf))
    if found != sorted(now.unattached):
        yield f"the inventory finds {found[:3]} and others in no collection, and there are {now.unattached[:3]}"


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
