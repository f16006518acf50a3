"""What is not as it should be after a sync: the service's own records against the source, and against what was told."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from airflow_provider_xai_collections.emulator import Store
from airflow_provider_xai_collections.emulator.indexing import Indexing
from airflow_provider_xai_collections.emulator.store import Slice
from chaos.corpus import Corpus
from chaos.jobs import Tried, Try
from chaos.service import WatchedEmulator

#: Bytes that a process may keep for itself: what was loaded on the way, and memory that Python does not give back.
MEMORY = 40_000_000
_UPLOADED = ("added", "replaced", "repaired")
_GONE = ("removed", "superseded")


@dataclass(frozen=True, slots=True)
class Held:
    """What the service holds, by its own records.

    :param documents: name and content hash of each, as often as it is there.
    :param unattached: names of files that are in no collection.
    :param done: how often each endpoint did what was asked so far.
    :param discarded: files deleted so far that had never been attached.
    :param unprocessed: names of documents that no search finds yet, if ever.
    """

    collections: int
    documents: tuple[tuple[str, str], ...]
    unattached: tuple[str, ...]
    done: Counter[str]
    discarded: int
    unprocessed: tuple[str, ...] = ()


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
        tuple((document.file.filename, document.file.sha256) for document in documents),
        tuple(file.filename for file in files if file.file_id not in attached),
        service.done.copy(),
        service.discarded,
        tuple(document.file.filename for document in documents if not indexing.progress(document).is_processed),
    )


def wrong_documents(now: Held, corpus: Corpus) -> Iterator[str]:
    """The collection against the source."""
    if now.collections != 1:
        yield f"{now.collections} collections"
    yield from _some("not processed", now.unprocessed)
    times = Counter(name for name, _ in now.documents)
    hashes = dict(now.documents)
    yield from _some("twice", [name for name, count in times.items() if count > 1])
    yield from _some("missing", corpus.hashes.keys() - hashes.keys())
    yield from _some("not in the source", hashes.keys() - corpus.hashes.keys())
    yield from _some(
        "of another content", [name for name in hashes if corpus.hashes.get(name, hashes[name]) != hashes[name]]
    )


def wrong_counts(before: Held, now: Held, tries: Sequence[Try]) -> Iterator[str]:
    """What all tries told together against what the service did.

    A document that ended in an error may have been done all the same, and the next try finds it: it was told as an
    error. So many may be told too few, and none too many.
    """
    told = Counter[str]()
    in_doubt = 0
    for each in tries:
        told.update({name: count for name, count in each.manifest.items() if isinstance(count, int)})
        in_doubt += sum(line["outcome"] == "error" for line in _lines(each.report))
    attached = now.done["add_document"] - before.done["add_document"]
    gone = len(before.documents) + attached - len(now.documents)
    discarded = now.discarded - before.discarded
    yield from _between("attached", attached, sum(told[name] for name in _UPLOADED), in_doubt)
    yield from _between("documents gone", gone, sum(told[name] for name in _GONE), in_doubt)
    # A refused attach takes its file along, which is nobody's orphan.
    yield from _between("files never attached and deleted", discarded, told["orphans_removed"], in_doubt)
    lost = len(now.unattached) + discarded - len(before.unattached)
    if lost > told["possible_orphans"] + in_doubt:
        yield f"{lost} uploads came to nothing, {told['possible_orphans']} were told"


def wrong_process(tried: Tried) -> Iterator[str]:
    """What the process did not give back."""
    yield from _some("left open", tried.left_open)
    if tried.grown > MEMORY:
        yield f"{tried.grown / 1e6:.0f} MB of memory were not given back"


def _between(what: str, seen: int, told: int, in_doubt: int) -> Iterator[str]:
    if not told <= seen <= told + in_doubt:
        yield f"{seen} {what}, {told} told{f' and {in_doubt} in doubt' if in_doubt else ''}"


def _some(what: str, names: object) -> Iterator[str]:
    listed = sorted(names)  # type: ignore[call-overload]
    if listed:
        yield f"{len(listed)} {what}: {', '.join(listed[:3])}{', …' if len(listed) > 3 else ''}"


def _lines(report: str) -> Iterator[dict[str, str]]:
    # A try that ended before it began anything has none.
    if Path(report).exists():
        for line in Path(report).read_text(encoding="utf-8").splitlines():
            yield json.loads(line)
