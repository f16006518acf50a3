"""Large files: they must stream."""

from __future__ import annotations

from benchmarks.outcomes import Outcome
from benchmarks.processes import Workshop, service
from benchmarks.sources import large_documents
from benchmarks.usage import MEGABYTE

#: What the service keeps of each; the rest is read and thrown away.
_KEPT = 10_000


def large_files(
    workshop: Workshop, *, documents: int, megabytes: int, concurrency: int, poll_interval: float
) -> Outcome:
    """Sync new documents of so many megabytes each."""
    found = Outcome(f"{documents} files of {megabytes} MB, concurrency {concurrency}")
    size = megabytes * MEGABYTE
    source = large_documents(workshop.folder / "large", documents, size)
    with service(settings={"max_kept_bytes": _KEPT}) as running:
        used = workshop.run(
            "sync",
            running.connection,
            source=str(source),
            collection_name="large",
            concurrency=concurrency,
            poll_interval=poll_interval,
        )
        seen = running.observed()
    found.exactly("documents added", used.value["added"], documents)
    found.exactly("uploads", seen["calls"].get("upload_document", 0), documents)
    # What is around each file, and the other requests, are a few kilobytes each.
    found.between("megabytes sent", seen["bytes"] // MEGABYTE, documents * megabytes, documents * (megabytes + 1))
    found.at_most("memory grew by", used.megabytes, 100, " MB")
    found.figure("throughput, hashed and sent", f"{documents * megabytes / used.seconds:.0f} MB/s")
    found.figure("CPU per megabyte", f"{used.cpu / (documents * megabytes) * 1000:.1f} ms")
    return found
