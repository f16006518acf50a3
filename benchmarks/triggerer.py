"""Triggers on one event loop, run as Airflow's triggerer runs them, with an eye on the loop."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeAlias

from airflow_provider_xai_collections.triggers.documents import XAIDocumentsProcessedTrigger
from benchmarks.filled import COLLECTION_ID, unprocessed

#: From when until when, in seconds of one clock.
Span: TypeAlias = tuple[float, float]

#: Seconds that the probe sleeps; what it oversleeps is the lag of the loop.
_NAP = 0.01


def wait_for_all(triggers: int, documents: int, poll_interval: float) -> dict[str, Any]:
    """Wait for unprocessed documents in so many triggers, for as many in each, until the last has fired.

    :returns: ``fired``, the payloads of the events of each; ``lags``, how late the loop was each time; ``collected``,
        how long it stood still while Python searched everything for garbage. In seconds.
    """
    return asyncio.run(_wait_for_all(triggers, documents, poll_interval))


async def _wait_for_all(triggers: int, documents: int, poll_interval: float) -> dict[str, Any]:
    with _full_collections() as collected:
        naps: list[Span] = []
        probing = asyncio.create_task(_probe(naps))
        running = []
        for first in range(0, triggers * documents, documents):
            trigger = XAIDocumentsProcessedTrigger(
                collection_id=COLLECTION_ID,
                file_ids=[unprocessed(number) for number in range(first, first + documents)],
                poll_interval=poll_interval,
            )
            running.append(asyncio.create_task(_events_of(trigger)))
            await asyncio.sleep(0)  # as the triggerer does
        fired = [await each for each in running]
        probing.cancel()
    return {
        "fired": fired,
        "lags": [_lag(nap, collected) for nap in naps],
        "collected": [ended - began for began, ended in collected],
    }


async def _events_of(trigger: XAIDocumentsProcessedTrigger) -> list[Any]:
    return [event.payload async for event in trigger.run()]


async def _probe(naps: list[Span]) -> None:
    """Sleep again and again, and note of each nap when it should have ended and when it did."""
    while True:
        due = time.perf_counter() + _NAP
        await asyncio.sleep(_NAP)
        naps.append((due, time.perf_counter()))


def _lag(nap: Span, collected: Iterable[Span]) -> float:
    """Return how late a nap ended; full collections of garbage apart."""
    due, woke = nap
    apart = sum(max(0.0, min(woke, ended) - max(due, began)) for began, ended in collected)
    return max(0.0, woke - due - apart)


@contextmanager
def _full_collections() -> Iterator[list[Span]]:
    """When each began and ended. How long they take depends on all that Airflow has loaded; they come in any triggerer.

    (Noted and not just added up: one in another thread lets the event loop go on before it is known to have ended.)
    """
    found: list[Span] = []
    began = 0.0

    def watch(phase: str, about: Mapping[str, int]) -> None:
        nonlocal began
        if phase == "start":
            began = time.perf_counter()
        elif about["generation"] == len(gc.get_threshold()) - 1:
            found.append((began, time.perf_counter()))

    gc.callbacks.append(watch)
    try:
        yield found
    finally:
        gc.callbacks.remove(watch)
