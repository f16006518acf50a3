"""Every endpoint of the client meets every fault, once, twice and for ever: each call is run, watched, and judged."""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any, TypeAlias

from airflow_provider_xai_collections.api.endpoints import (
    GET_COLLECTION,
    LIST_FILES,
    UPLOAD_DOCUMENT,
    VALIDATE_MANAGEMENT_KEY,
)
from airflow_provider_xai_collections.api.protocol import Host, call
from airflow_provider_xai_collections.api.wire import Empty
from airflow_provider_xai_collections.emulator import FaultRule
from airflow_provider_xai_collections.emulator.messages import HttpRequest
from airflow_provider_xai_collections.emulator.refusals import Refused
from airflow_provider_xai_collections.emulator.routes import find_route
from airflow_provider_xai_collections.exceptions import XAIError, XAIOutcomeUnknownError
from airflow_provider_xai_collections.hooks.collections import XAICollectionsHook
from airflow_provider_xai_collections.hooks.lineage import record_output
from tests.chaos.faults import FAULTS, GATEWAY_FAULTS, Fault
from tests.chaos.given import Given
from tests.chaos.leaks import capturing, memory, open_now, shown_keys, still_open, without_collector
from tests.chaos.operations import OPERATIONS, Operation
from tests.chaos.relay import ChooseHarm, Harm
from tests.chaos.report import Size, Trial
from tests.chaos.server import ATTEMPTS, OddEmulator, Server, connected, server

#: Seconds in which what was sent must have arrived.
_ARRIVAL = 5.0
#: How often the fault happens, as it is told.
_TIMES = {1: "once", 2: "twice", None: "always"}
#: Of the faults, the share that each operation meets; of these trials, the share that runs on the event loop as well.
_SHARE = {Size.SMALL: 0.2, Size.MEDIUM: 0.6, Size.FULL: 1.0}
_ON_THE_LOOP = 0.25
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
        hook = XAICollectionsHook(conn_id)
        await hook.arun(call(GET_COLLECTION.request(collection_id=given.collection_id)))
        await hook.aclose()

    emulator = OddEmulator()
    with running.serving(emulator) as relays, connected(relays) as conn_id:
        asyncio.run(ask(conn_id, Given.prepare(emulator, folder)))
        record_output(XAICollectionsHook(conn_id), "collection_1")


def _choose(size: Size, die: random.Random) -> Iterator[_Chosen]:
    for operation in OPERATIONS:
        own = GATEWAY_FAULTS if operation.faulted is UPLOAD_DOCUMENT else ()
        for fault in (*die.sample(FAULTS, round(_SHARE[size] * len(FAULTS))), *own):
            for times in _TIMES if size is Size.FULL else (die.choice(list(_TIMES)),):
                yield operation, fault, times, False
                if die.random() < _ON_THE_LOOP:
                    yield operation, fault, times, True


class _Plan:
    """Counts how often the fault has met the faulted call on its way, and ends it in time."""

    def __init__(self, endpoint: str, fault: Fault, times: int | None) -> None:
        self._endpoint = endpoint
        self._fault = fault
        self.left = float("inf") if times is None else times
        self.played = 0

    def at(self, host: Host) -> ChooseHarm:
        def harm(method: str, path: str) -> Harm | None:
            try:
                name = find_route(HttpRequest(method, host, path)).endpoint.name
            except Refused:
                return None
            return self._fault.harm if name == self._endpoint and self._fault.harm and self.plays() else None

        return harm

    def plays(self) -> bool:
        plays = self.left > 0
        self.left -= plays
        self.played += plays
        return plays


@without_collector()
def try_fault(
    running: Server, folder: Path, operation: Operation, fault: Fault, times: int | None, *, on_the_loop: bool = False
) -> Trial:
    """Try one operation under one fault.

    :param times: how often it happens; ``None`` is always.
    :param on_the_loop: run it as a trigger does, otherwise as a task does.
    """
    before = open_now()
    host, name = operation.faulted.host, operation.faulted.name
    plan = _Plan(name, fault, times)
    emulator = OddEmulator(retry_after_on_429=False)
    with running.serving(emulator, plan.at, host if fault.refusing else None) as relays:
        given = Given.prepare(emulator, folder)
        if (rule := fault.rule_at(time.time())) is not None:
            emulator.set_faults(FaultRule(endpoint=name, times=times, **rule))

        def hear(line: str) -> None:
            if fault.refusing and line.startswith("connect_tcp.failed"):
                plan.plays()
                if plan.left <= 0:
                    relays[host].listen()

        with (
            capturing(hear) as said,
            connected(relays, request_timeout=fault.patience, retry_attempts=ATTEMPTS) as conn_id,
            XAICollectionsHook(conn_id) as hook,
            asyncio.Runner() as loop,
        ):
            value = error = None
            try:
                value = loop.run(hook.arun(operation.as_flow(given))) if on_the_loop else operation.act(hook, given)
            except Exception as raised:
                error = raised
            # An impatient client is gone before what it sent has arrived, if the machine is busy.
            give_up = time.perf_counter() + _ARRIVAL
            while len(emulator.log) < sum(relay.forwarded for relay in relays.values()):
                if time.perf_counter() > give_up:
                    break
            log = emulator.log
            emulator.set_faults()
            played = plan.played + sum(entry.fault is not None for entry in log)
            done = sum(entry.done for entry in log if entry.endpoint == name)
            wrong = [
                *_wrong_end(operation, given, value, error, expected_error(operation, fault, times)),
                *_wrong_work(operation, given, fault, done, is_well=error is None),
            ]
            least, most = _tries(operation, fault, times)
            if not least <= played <= most:
                wrong.append(f"the fault happened {played} times, and should have {least} to {most} times")
            plan.left = 0
            relays[host].listen()
            afterwards = call((VALIDATE_MANAGEMENT_KEY if host is Host.MANAGEMENT else LIST_FILES).request())
            try:
                loop.run(hook.arun(afterwards)) if on_the_loop else hook.run(afterwards)
            except Exception as failed:
                wrong.append(f"the next call on the same hook failed: {failed!r}")
            if on_the_loop:
                loop.run(hook.aclose())
    return Trial(
        group=fault.name,
        what=f"{name}, {_TIMES[times]}, {'on the event loop' if on_the_loop else 'by the hook'}",
        ended=_ending(operation, fault, error),
        wrong=(*wrong, *shown_keys(said.text, error), *still_open(before)),
    )


def expected_error(operation: Operation, fault: Fault, times: int | None) -> type[XAIError] | None:
    """Return how the operation should end; ``None`` is well."""
    if _is_harmless(operation, fault):
        return None
    if fault.final:
        return fault.error
    if _may_repeat(operation, fault):
        return None if times else fault.error
    return None if operation.checks and (fault.works or times) else XAIOutcomeUnknownError


def _is_harmless(operation: Operation, fault: Fault) -> bool:
    """Tell whether the answer is enough: one that says nothing may come without a body."""
    is_empty = fault.rule is not None and fault.rule.get("body") == b""
    return fault.harmless or (is_empty and operation.faulted.answer is Empty)


def _may_repeat(operation: Operation, fault: Fault) -> bool:
    return operation.faulted.idempotent or fault.undone


def _ending(operation: Operation, fault: Fault, error: BaseException | None) -> str:
    if error is not None:
        return type(error).__name__
    if _is_harmless(operation, fault):
        return "done"
    found = fault.works and operation.checks and not _may_repeat(operation, fault)
    return "done, found by a check" if found else "done by the retry"


def _wrong_end(
    operation: Operation, given: Given, value: Any, error: Exception | None, expected: type[Exception] | None
) -> Iterator[str]:
    if type(error) is not (expected or type(None)):
        name = "no error" if expected is None else expected.__name__
        yield f"it ended with {error!r}, and should have with {name}"
    elif error is None and not operation.right(given, value):
        yield f"its value is {value!r}"


def _wrong_work(operation: Operation, given: Given, fault: Fault, done: int, *, is_well: bool) -> Iterator[str]:
    """Compare how often it was done, by the emulator's own count, with how often it should be."""
    if not operation.faulted.idempotent and done > 1:
        yield f"{operation.faulted.name} was done {done} times"
    wanted = int(is_well or fault.works)
    if operation.traces is not None and (there := operation.traces(given)) != wanted:
        yield f"what it does is there {there} times, and should be {wanted} times"


def _tries(operation: Operation, fault: Fault, times: int | None) -> tuple[int, int]:
    """Return how often the fault should be met, at least and at most."""
    if _is_harmless(operation, fault):
        return 1, 10
    if _may_repeat(operation, fault) and not fault.final:
        return (times or ATTEMPTS,) * 2
    if operation.checks and not fault.works and not fault.final:
        return min(times or 3, 3), times or 5
    return 1, 1
