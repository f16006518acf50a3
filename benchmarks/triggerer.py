"""Triggers on one event loop, run as Airflow's triggerer runs them, with an eye on the loop."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from airflow_provider_xai_collections.triggers.documents import XAIDocumentsProcessedTrigger
from benchmarks.filled import COLLECTION_ID, unprocessed

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
        lags: list[float] = []
        probing = asyncio.create_task(_probe(lags, collected))
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
    return {"fired": fired, "lags": lags, "collected": collected}


async def _events_of(trigger: XAIDocumentsProcessedTrigger) -> list[Any]:
    return [event.payload async for event in trigger.run()]


async def _probe(lags: list[float], collected: list[float]) -> None:
    """Note how much later than it asked for it is woken, again and again; full collections of garbage apart."""
    clock = asyncio.get_running_loop().time
    while True:
        due, before = clock() + _NAP, sum(collected)
        await asyncio.sleep(_NAP)
        lags.append(max(0.0, clock() - due - (sum(collected) - before)))


@contextmanager
def _full_collections() -> Iterator[list[float]]:
    """How long each takes. That depends on all that Airflow has loaded, and they come in any triggerer."""
    found: list[float] = []
    began = 0.0

    def watch(phase: str, about: Mapping[str, int]) -> None:
        nonlocal began
        if phase == "start":
            began = time.perf_counter()
        elif about["generation"] == len(gc.get_threshold()) - 1:
            found.append(time.perf_counter() - began)

    gc.callbacks.append(watch)
    try:
        yield found
    finally:
        gc.callbacks.remove(watch)
