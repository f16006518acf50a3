"""Many tasks that wait in one triggerer for documents of one collection."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

from benchmarks.cases.small_documents import BATCH
from benchmarks.filled import hold_unprocessed
from benchmarks.outcomes import Outcome
from benchmarks.processes import Workshop, service
from benchmarks.usage import Used

#: Polls until a document is found processed: its four steps take two each, and the last poll is one more.
_PACE, _POLLS = "reads:2", 9


def many_waits(workshop: Workshop, *, sizes: Sequence[int], documents: int, poll_interval: float) -> Outcome:
    """Wait from the first poll to the event, in triggers that all start at once.

    :param sizes: how many triggers.
    :param documents: how many each waits for.
    """
    found = Outcome(
        f"{' and '.join(f'{size:,}' for size in sizes)} waits in one triggerer, polling every {poll_interval:g} s"
    )
    for triggers in sizes:
        _measure(found, f"{triggers:,} waits", _wait(workshop, found, triggers, documents, poll_interval))
    return found


def _wait(workshop: Workshop, found: Outcome, triggers: int, documents: int, poll_interval: float) -> Used:
    database = workshop.folder / f"waits {triggers}.sqlite"
    hold_unprocessed(database, triggers * documents)
    with service(database=database, settings={"indexing": _PACE}) as running:
        used = workshop.run(
            "wait", running.connection, triggers=triggers, documents=documents, poll_interval=poll_interval
        )
        calls = running.observed()["calls"]
    events = used.value["fired"]
    case = f"{triggers:,} waits"
    found.exactly(f"{case}: fired once", sum(len(each) == 1 for each in events), triggers)
    right = {"end": "settled", "processed": documents, "failed": 0, "missing": 0, "pending": 0}
    summaries = [each[0]["summary"] or {} for each in events if each]
    found.exactly(
        f"{case}: told that all is processed", sum(right.items() <= each.items() for each in summaries), triggers
    )
    # Each document is asked for as often as it takes, in requests that are full, or nearly.
    least = ceil(triggers * documents / BATCH) * _POLLS
    found.between(f"{case}: requests of {_POLLS} polls", calls.pop("batch_get_documents", 0), least, least + least // 5)
    found.exactly(f"{case}: other requests", sum(calls.values()), 0)
    return used


def _measure(found: Outcome, case: str, used: Used) -> None:
    lags, collected = sorted(used.value["lags"]), used.value["collected"]
    found.at_most(f"{case}: share of a core", used.cpu / used.seconds, 0.5)
    found.at_most(f"{case}: memory grew by", used.megabytes, 200, " MB")
    found.at_most(f"{case}: most lag of the event loop", lags[-1] * 1000, 50, " ms")
    found.figure(f"{case}: lag of 99 of 100 naps", f"{lags[int(len(lags) * 0.99)] * 1000:.1f} ms")
    longest = max(collected, default=0.0)
    found.figure(f"{case}: not in it: {len(collected)} full collections of garbage, up to", f"{longest * 1000:.0f} ms")
    found.figure(f"{case}: from the first start to the last event", f"{used.seconds:.0f} s")
