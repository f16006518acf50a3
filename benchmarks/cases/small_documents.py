"""Many small documents, against a service that takes its time for each request."""

from __future__ import annotations

from math import ceil
from typing import Any

from benchmarks.outcomes import Outcome
from benchmarks.processes import Service, Workshop, service
from benchmarks.sources import small_documents
from benchmarks.usage import Used

PAGE, BATCH = 100, 50
#: Requests that do not depend on the number of documents: that of the dry run before what is measured, and to find the
#: collection; or to find that there is none, twice, to create one, and to see that nobody else has.
TO_FIND, TO_CREATE = 2, 5
#: The calls by which a document gets into a collection, by the way of uploading: the default one, and the other.
UPLOADS = {"auto": ("upload_document",), "files": ("upload_file", "add_document")}
IN_WORDS = {"auto": "one call a document", "files": "two calls a document"}
#: Ours and bare httpx take turns, so that other work on the machine meets both.
_TRIES = 3


def many_small_documents(
    workshop: Workshop, *, documents: int, delay: float, concurrency: int, poll_interval: float
) -> Outcome:
    """Upload new documents, sync again with nothing to do, then remove every tenth.

    :param delay: seconds from each request to its answer.
    """
    found = Outcome(f"{documents:,} small documents, {delay * 1000:g} ms a request, concurrency {concurrency}")
    source = small_documents(workshop.folder / "small", documents)
    with service(delay=delay) as running:
        arguments = {
            "source": str(source),
            "concurrency": concurrency,
            "poll_interval": poll_interval,
            "max_prune": None,
        }

        def sync(**more: Any) -> Used:
            return workshop.run("sync", running.connection, **arguments, **more)

        def place(number: int, method: str) -> tuple[Used, Used]:
            """By bare httpx, and by ours."""
            counted = {"count": documents, "concurrency": concurrency, "in_two_calls": method == "files"}
            bare = workshop.run("bare", running.connection, **counted)
            running.observed()
            ours = sync(collection_name=f"{method} {number}", upload_method=method, wait_for_completion=False)
            _count_new(found, running, documents, f"new, {IN_WORDS[method]}, try {number + 1}", method)
            return bare, ours

        placed = {method: [place(number, method) for number in range(_TRIES)] for method in UPLOADS}
        processed = sync(collection_name="processed")
        _count_new(found, running, documents, "new, until processed", "auto")
        again = sync(collection_name="processed", prune=True)
        seen = running.observed()["calls"]
        found.exactly("nothing to do: pages listed", seen.pop("list_documents", 0), ceil(documents / PAGE))
        found.exactly("nothing to do: other requests", sum(seen.values()), TO_FIND)
        missing = [path for number, path in enumerate(sorted(source.rglob("*.md"))) if not number % 10]
        for path in missing:
            path.unlink()
        removed = sync(collection_name="processed", prune=True)
        _count_removed(found, running, documents, len(missing))

    floor = documents * delay / concurrency
    for method, tries in placed.items():
        bare, ours = (min(each, key=_seconds) for each in zip(*tries, strict=True))
        _measure_new(found, method, documents, floor * len(UPLOADS[method]), bare, ours)
    found.figure("new documents, by one call, until processed ÷ floor", f"{processed.seconds / floor:.2f}")
    found.figure("nothing to do ÷ its floor", f"{again.seconds / (ceil(documents / PAGE) * delay):.2f}")
    found.figure(f"{len(missing)} documents removed", f"{removed.seconds:.2f} s")
    return found


def _seconds(used: Used) -> float:
    return used.seconds


def _measure_new(found: Outcome, method: str, documents: int, floor: float, bare: Used, placed: Used) -> None:
    way, requests = IN_WORDS[method], documents * len(UPLOADS[method])
    found.figure(f"{way}: floor, perfectly packed", f"{floor:.2f} s")
    found.at_most(f"{way}: new documents ÷ floor, best of {_TRIES}", placed.seconds / floor, 1.2)
    found.figure(f"{way}: the same requests with bare httpx ÷ floor, best of {_TRIES}", f"{bare.seconds / floor:.2f}")
    found.figure(f"{way}: new documents ÷ bare httpx", f"{placed.seconds / bare.seconds:.2f}")
    found.figure(f"{way}: CPU of ours per request", f"{placed.cpu / requests * 1000:.2f} ms")
    found.figure(f"{way}: CPU of bare httpx per request", f"{bare.cpu / requests * 1000:.2f} ms")
    found.figure(f"{way}: memory grew by", f"{placed.megabytes:.0f} MB")


def _count_new(found: Outcome, running: Service, documents: int, case: str, method: str) -> None:
    seen = running.observed()
    calls = seen["calls"]
    for name in UPLOADS[method]:
        found.exactly(f"{case}: {name}", calls.pop(name, 0), documents)
    polls = seen["polls"]
    least = sum(ceil(asked / BATCH) for asked, _ in polls)
    found.exactly(f"{case}: requests of {len(polls)} polls", calls.pop("batch_get_documents", 0), least)
    found.exactly(f"{case}: other requests", sum(calls.values()), TO_CREATE)


def _count_removed(found: Outcome, running: Service, documents: int, missing: int) -> None:
    """A document goes with its file. A few requests tell of many at once that none is left without."""
    calls = running.observed()["calls"]
    found.exactly("removed: files", calls.pop("delete_file", 0), missing)
    found.exactly("removed: documents asked for", calls.pop("batch_get_documents", 0), ceil(missing / BATCH))
    found.exactly("removed: pages listed", calls.pop("list_documents", 0), ceil(documents / PAGE))
    found.exactly("removed: other requests", sum(calls.values()), TO_FIND)
