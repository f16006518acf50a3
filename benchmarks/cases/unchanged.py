"""A large collection that equals its source already: what it costs to find that out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil

from benchmarks.cases.small_documents import PAGE, TO_FIND
from benchmarks.filled import COLLECTION_ID, hold
from benchmarks.outcomes import Outcome
from benchmarks.processes import Workshop, service
from benchmarks.sources import small_documents
from benchmarks.usage import Used

#: Of fewer documents, what a sync costs in any case is most of its cost.
_COMPARABLE = 1000


def nothing_to_do(workshop: Workshop, *, sizes: Sequence[int]) -> Outcome:
    """Sync sources of which the collection has all documents as they are.

    :param sizes: how many documents, from few to many.
    """
    most = sizes[-1]
    found = Outcome(f"A sync with nothing to do on {most:,} documents, and on fewer")
    used: dict[int, Used] = {}
    requests: dict[int, int] = {}
    for documents in sizes:
        used[documents], requests[documents] = _sync(workshop, found, documents)
    found.grid(
        ("documents", "time", "requests", "CPU", "CPU per document", "memory grew by"),
        [
            (
                f"{documents:,}",
                f"{each.seconds:.2f} s",
                f"{requests[documents]:,}",
                f"{each.cpu:.2f} s",
                f"{_per_document(each, documents):.0f} µs",
                f"{each.megabytes:.0f} MB",
            )
            for documents, each in used.items()
        ],
    )
    found.at_most("our own CPU", used[most].cpu, 10, " s")
    found.at_most("memory grew by", used[most].megabytes, 300, " MB")
    _compare(found, used)
    return found


def _sync(workshop: Workshop, found: Outcome, documents: int) -> tuple[Used, int]:
    """Return what it used, and its requests; one of them is that of the dry run before what is measured."""
    source = small_documents(workshop.folder / f"unchanged {documents}", documents)
    database = workshop.folder / f"unchanged {documents}.sqlite"
    hold(database, source)
    with service(database=database) as running:
        used = workshop.run("sync", running.connection, source=str(source), collection_id=COLLECTION_ID, prune=True)
        calls = running.observed()["calls"]
    requests = sum(calls.values())
    found.exactly(f"{documents:,}: documents kept", used.value["kept"], documents)
    found.exactly(f"{documents:,}: pages listed", calls.pop("list_documents", 0), ceil(documents / PAGE))
    found.exactly(f"{documents:,}: other requests", sum(calls.values()), TO_FIND)
    return used, requests


def _compare(found: Outcome, used: Mapping[int, Used]) -> None:
    """The cost grows with the documents, and no faster."""
    comparable = [documents for documents in used if documents >= _COMPARABLE]
    if len(comparable) > 1:
        least, *_, most = comparable
        growth = _per_document(used[most], most) / _per_document(used[least], least)
        found.at_most(f"CPU per document, of {most:,} ÷ of {least:,}", growth, 1.2)


def _per_document(used: Used, documents: int) -> float:
    """Microseconds of CPU."""
    return used.cpu / documents * 1e6
