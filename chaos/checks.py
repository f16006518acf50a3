"""What is not as it should be after a sync: the service's own records against the source."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from math import inf

from airflow_provider_xai_collections.api.unattached import take_inventory
from airflow_provider_xai_collections.emulator import Store
from airflow_provider_xai_collections.emulator.indexing import Indexing
from airflow_provider_xai_collections.emulator.records import FileRecord
from airflow_provider_xai_collections.emulator.store import Slice
from chaos.corpus import Corpus
from chaos.hosts import inside
from chaos.jobs import Tried
from chaos.service import WatchedEmulator

#: Bytes that a process may keep: what was loaded on the way, and so many more for each document of the source.
LOADED = 8_000_000
PER_DOCUMENT = 2_000


@dataclass(frozen=True, slots=True)
class Held:
    """What the service holds, by its own records.

    :param documents: the file of each, as often as it is there.
    :param unattached: names of files that are in no collection.
    :param done: how often each endpoint did what was asked so far.
    :param discarded: files deleted so far that had never been attached.
    :param unprocessed: names of documents that no search finds yet, if ever.
    :param attached: the files that were attached so far, by id, whether or not they are there still.
    """

    collections: int
    documents: tuple[FileRecord, ...]
    unattached: tuple[str, ...]
    done: Counter[str]
    discarded: int
    unprocessed: tuple[str, ...] = ()
    attached: Mapping[str, FileRecord] = field(default_factory=dict)


def held(store: Store, service: WatchedEmulator) -> Held:
    indexing = Indexing(service.settings, store, service.clock.time)
    with store.transaction():
        collections = list(store.collections(Slice("c.created_at", False)))
        documents = [
            document
            for collection in collections
            for document in store.documents(collection.collection_id, Slice("filename", False), {})
        ]
        files = list(store.files(Slice("filename", False)))
    attached = {document.file.file_id for document in documents}
    return Held(
        len(collections),
        tuple(document.file for document in documents),
        tuple(file.filename for file in files if file.file_id not in attached),
        service.done.copy(),
        service.discarded,
        tuple(document.file.filename for document in documents if not indexing.progress(document).is_processed),
        dict(service.attached),
    )


def wrong_documents(now: Held, corpus: Corpus) -> Iterator[str]:
    """The collection against the source."""
    if now.collections != 1:
        yield f"{now.collections} collections"
    yield from some("not processed", now.unprocessed)
    times = Counter(file.filename for file in now.documents)
    hashes = {file.filename: file.hash for file in now.documents}
    yield from some("twice", [name for name, count in times.items() if count > 1])
    yield from some("missing", corpus.hashes.keys() - hashes.keys())
    yield from some("not in the source", hashes.keys() - corpus.hashes.keys())
    yield from some(
        "of another content", [name for name in hashes if corpus.hashes.get(name, hashes[name]) != hashes[name]]
    )


def wrong_inventory(now: Held, service: WatchedEmulator) -> Iterator[str]:
    """The files that the maintenance job would delete, against those that no document refers to."""
    inventory = inside(service).run(take_inventory())
    found = sorted(file.filename for file in inventory.unattached(before=inf))
    if found != sorted(now.unattached):
        yield f"the inventory finds {found[:3]} and others in no collection, and there are {now.unattached[:3]}"


def wrong_process(tried: Tried, documents: int) -> Iterator[str]:
    """What the process did not give back.

    :param documents: of the source.
    """
    yield from some("left open", tried.left_open)
    if tried.grown > (most := LOADED + documents * PER_DOCUMENT):
        yield f"{tried.grown / 1e6:.1f} MB are still in use after {documents} documents; {most / 1e6:.1f} may be"


def some(what: str, names: Iterable[str]) -> Iterator[str]:
    listed = sorted(names)
    if listed:
        yield f"{len(listed)} {what}: {', '.join(listed[:3])}{', …' if len(listed) > 3 else ''}"
