"""New documents, against services that are near and far, with few and many requests at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.outcomes import Outcome
from benchmarks.processes import Service, Workshop, service
from benchmarks.sources import small_documents

#: Requests that come before those of the documents, one after the other. Of a sync: find that there is no collection of
#: the name, before the source is listed and after it, create one, and see that nobody else has. Of an ingestion: find
#: the collection, and list what it has of ours.
_AHEAD = {"sync": 4, "ingest": 2, "bare": 0}
#: Documents, and requests of no document, before the clock runs; see the jobs.
_BEFORE = {"sync": (0, 1), "ingest": (1, 4), "bare": (0, 1)}
#: What is wanted of each cell, if the machine can do it at all: if bare httpx can.
_GOAL = 1.1


@dataclass(frozen=True, slots=True)
class Cell:
    """So many documents at a time, against a service that takes so long.

    :param delay: seconds from each request to its answer.
    """

    delay: float
    concurrency: int
    documents: int

    @property
    def rounds(self) -> float:
        """Waits of each thread for an answer: one for each document, which is uploaded by one call."""
        return self.documents / self.concurrency


def floors(
    workshop: Workshop, *, delays: Sequence[float], concurrencies: Sequence[int], seconds: float, most: int
) -> Outcome:
    """Upload new documents by an ingestion and by a sync, and make the same requests with bare httpx.

    :param delays: seconds from each request to its answer.
    :param seconds: what the documents of one measurement take at least.
    :param most: documents of one measurement; fewer than take so many seconds, if the machine would not keep up.
    """
    found = Outcome("New documents ÷ the floor: all requests that are made, perfectly packed")
    ratios: dict[tuple[str, float], list[float]] = {}
    for delay in delays:
        cells = [_cell(delay, concurrency, seconds, most) for concurrency in concurrencies]
        folders = {each.documents: workshop.folder / f"floors {each.documents}" for each in cells}
        for documents, folder in folders.items():
            if not folder.exists():
                small_documents(folder, documents)
        with service(delay=delay) as running:
            for job, ahead in _AHEAD.items():
                runs = [_arguments(job, cell, folders[cell.documents]) for cell in cells]
                used = workshop.run("series", running.connection, of=job, runs=runs).value
                ratios[job, delay] = [
                    each["seconds"] / ((cell.rounds + ahead) * cell.delay)
                    for cell, each in zip(cells, used, strict=True)
                ]
                _count(found, running, f"{job}, {_in_words(delay)}", job, cells)
    found.grid(
        ("seconds ÷ floor, by requests at once", *map(str, concurrencies)),
        [(f"{job}, {_in_words(delay)}", *(f"{each:.2f}" for each in row)) for (job, delay), row in ratios.items()],
    )
    _measure(found, ratios)
    return found


def _cell(delay: float, concurrency: int, seconds: float, most: int) -> Cell:
    """Each thread has equally many documents, or the last ones would be alone."""
    each = min(seconds / delay, most / concurrency)
    return Cell(delay, concurrency, concurrency * max(1, round(each)))


def _arguments(job: str, cell: Cell, source: Path) -> dict[str, Any]:
    if job == "bare":
        return {"count": cell.documents, "concurrency": cell.concurrency}
    documents = {"source": str(source)} if job == "sync" else {"paths": str(source)}
    ours = {"collection_name": f"{job} {cell.concurrency}", "concurrency": cell.concurrency}
    return {**documents, **ours, "wait_for_completion": False}


def _count(found: Outcome, running: Service, case: str, job: str, cells: Sequence[Cell]) -> None:
    calls = running.observed()["calls"]
    one_more, others = _BEFORE[job]
    documents = sum(cell.documents + one_more for cell in cells)
    found.exactly(f"{case}: uploads", calls.pop("upload_document", 0), documents)
    found.exactly(f"{case}: other requests", sum(calls.values()), (_AHEAD[job] + others) * len(cells))


def _measure(found: Outcome, ratios: Mapping[tuple[str, float], Sequence[float]]) -> None:
    """Ours, where bare httpx reaches the goal."""
    for job in _AHEAD:
        if job == "bare":
            continue
        cells = [
            (ratio, bare)
            for (name, delay), row in ratios.items()
            for ratio, bare in zip(row, ratios["bare", delay], strict=True)
            if name == job
        ]
        ours = [ratio for ratio, bare in cells if bare <= _GOAL]
        where = f"where bare httpx is within {_GOAL:g} ({len(ours)} of {len(cells)})"
        if ours:
            found.at_most(f"{job}: farthest from the floor, {where}", max(ours), _GOAL)
        else:
            found.figure(f"{job}: farthest from the floor, {where}", "not measurable: the machine is too slow, or busy")


def _in_words(delay: float) -> str:
    return f"{delay * 1000:g} ms a request"
