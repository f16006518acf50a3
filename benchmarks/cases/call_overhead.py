"""A call of the hook: what it costs above the same request with bare httpx."""

from __future__ import annotations

from statistics import median

from benchmarks.outcomes import Outcome
from benchmarks.processes import Workshop, service


def call_overhead(workshop: Workshop, *, rounds: int) -> Outcome:
    """Get a collection again and again, from a service that answers at once."""
    found = Outcome(f"A call of the hook, {rounds:,} times in turns with bare httpx")
    with service() as running:
        taken = workshop.run("calls", running.connection, rounds=rounds).value
        calls = running.observed()["calls"]
    found.exactly("calls", calls.pop("get_collection", 0), 2 * rounds)
    found.exactly("other requests", sum(calls.values()), 1)
    hook, bare = median(taken["hook"]) * 1e6, median(taken["bare"]) * 1e6
    found.at_most("a call above bare httpx, median", hook - bare, 200, " µs")
    found.figure("a call of the hook, median", f"{hook:.0f} µs")
    found.figure("the same with bare httpx, median", f"{bare:.0f} µs")
    return found
