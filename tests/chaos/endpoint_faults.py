"""Every endpoint of the client meets every fault, once, twice and for ever."""

from __future__ import annotations

import asyncio
import random
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TypeAlias

from airflow_provider_xai_collections.api.endpoints import GET_COLLECTION, UPLOAD_DOCUMENT
from airflow_provider_xai_collections.api.protocol import call
from airflow_provider_xai_collections.hooks.lineage import record_output
from tests.chaos.faulted import try_fault
from tests.chaos.faults import FAULTS, GATEWAY_FAULTS, Fault
from tests.chaos.given import Given
from tests.chaos.leaks import memory
from tests.chaos.operations import OPERATIONS, Operation
from tests.chaos.report import Size, Trial
from tests.chaos.server import ImpatientHook, OddEmulator, Server, connected, server

#: Of the faults, the share that each operation meets; of these trials, the share that runs on the event loop as well.
_SHARE = {Size.SMALL: 0.2, Size.MEDIUM: 0.6, Size.FULL: 1.0}
_ON_THE_LOOP = 0.25
#: How often the fault happens; ``None`` is always.
_TIMES = (1, 2, None)
#: Bytes that a trial may leave in memory, beside what is loaded on the way.
_PER_TRIAL, _LOADED = 20_000, 30_000_000

_Chosen: TypeAlias = tuple[Operation, Fault, int | None, bool]


def endpoint_faults(size: Size, seed: int) -> Generator[Trial, None, None]:
    """A read gets past what passes. A write is repeated where nothing can have been done, and done once at most."""
    with server() as running, tempfile.TemporaryDirectory() as folder:
        warm_up(running, Path(folder))
        before, count = memory(), 0
        for operation, fault, times, on_the_loop in _choose(size, random.Random(seed)):  # no secret
            yield try_fault(running, Path(folder), operation, fault, times, on_the_loop=on_the_loop)
            count += 1
        grown, most = memory() - before, _LOADED + count * _PER_TRIAL
        wrong = [f"they keep {grown:,} bytes, and may keep {most:,}"] if grown > most else []
        yield Trial("memory", f"after {count} trials", "kept" if wrong else "given back", tuple(wrong))


def warm_up(running: Server, folder: Path) -> None:
    """Let Airflow start the thread in which it looks up connections for an event loop, and which it keeps; and load
    what all providers say of assets, as it does for the first document that is added."""

    async def ask(conn_id: str, given: Given) -> None:
        hook = ImpatientHook(conn_id)
        await hook.arun(call(GET_COLLECTION.request(collection_id=given.collection_id)))
        await hook.aclose()

    emulator = OddEmulator()
    with running.serving(emulator) as relays, connected(relays) as conn_id:
        asyncio.run(ask(conn_id, Given.prepare(emulator, folder)))
        record_output(ImpatientHook(conn_id), "collection_1")


def _choose(size: Size, die: random.Random) -> Iterator[_Chosen]:
    for operation in OPERATIONS:
        own = GATEWAY_FAULTS if operation.faulted is UPLOAD_DOCUMENT else ()
        for fault in (*die.sample(FAULTS, round(_SHARE[size] * len(FAULTS))), *own):
            for times in _TIMES if size is Size.FULL else (die.choice(_TIMES),):
                yield operation, fault, times, False
                if die.random() < _ON_THE_LOOP:
                    yield operation, fault, times, True
