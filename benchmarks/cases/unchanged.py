"""A large collection that is in step already: what it costs to find that out."""

from __future__ import annotations

from math import ceil

from benchmarks.cases.small_documents import AROUND, PAGE
from benchmarks.filled import COLLECTION_ID, hold
from benchmarks.outcomes import Outcome
from benchmarks.processes import Workshop, service
from benchmarks.sources import small_documents


def nothing_to_do(workshop: Workshop, *, documents: int) -> Outcome:
    """Sync a source that the collection holds as it is."""
    found = Outcome(f"A sync with nothing to do on {documents:,} documents")
    source = small_documents(workshop.folder / "unchanged", documents)
    database = workshop.folder / "unchanged.sqlite"
    hold(database, source)
    with service(database=database) as running:
        used = workshop.run("sync", running.connection, source=str(source), collection=COLLECTION_ID, prune=True)
        calls = running.observed()["calls"]
    found.exactly("documents kept", used.value["kept"], documents)
    found.exactly("pages listed", calls.pop("list_documents", 0), ceil(documents / PAGE))
    found.between("other requests", sum(calls.values()), 0, AROUND)
    found.at_most("our own CPU", used.cpu, 10, " s")
    found.at_most("memory grew by", used.megabytes, 300, " MB")
    found.figure("in all, with the service on the same machine", f"{used.seconds:.1f} s")
    found.figure("CPU per document", f"{used.cpu / documents * 1e6:.0f} µs")
    return found
