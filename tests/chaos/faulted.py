"""One operation under one fault: run, watched, and judged."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from airflow_provider_xai_collections.api.endpoints import LIST_FILES, VALIDATE_MANAGEMENT_KEY
from airflow_provider_xai_collections.api.protocol import Host, call
from airflow_provider_xai_collections.api.wire import Empty
from airflow_provider_xai_collections.emulator import FaultRule
from airflow_provider_xai_collections.emulator.messages import HttpRequest
from airflow_provider_xai_collections.emulator.refusals import Refused
from airflow_provider_xai_collections.emulator.routes import find_route
from airflow_provider_xai_collections.exceptions import XAIError, XAIOutcomeUnknownError
from tests.chaos.faults import Fault
from tests.chaos.given import Given
from tests.chaos.leaks import capturing, open_now, shown_keys, still_open, without_collector
from tests.chaos.operations import Operation
from tests.chaos.relay import ChooseHarm, Harm
from tests.chaos.report import Trial
from tests.chaos.server import ImpatientHook, OddEmulator, Server, connected

#: How much longer than asked a client may wait: once asked to slow down, requests keep a distance as well.
_LONGER = 1.2
#: Seconds in which what was sent must have arrived.
_ARRIVAL = 5.0
_TIMES = {1: "once", 2: "twice", None: "always"}


@dataclass(frozen=True, slots=True)
class Outcome:
    """Everything there is when the operation has ended, before anybody does anything else.

    :param is_right: whether the value is what the operation should come to.
    :param played: how often the fault happened.
    :param done: how often the faulted call was done, by the emulator's own count.
    :param traces: how often what the operation does is there; ``None`` if it only reads.
    :param pauses: seconds that the client has paused.
    """

    value: Any
    error: BaseException | None
    is_right: bool
    played: int
    done: int
    traces: int | None
    pauses: tuple[float, ...]


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


def try_fault(
    server: Server, folder: Path, operation: Operation, fault: Fault, times: int | None, *, on_the_loop: bool = False
) -> Trial:
    """Try one operation under one fault.

    :param times: how often it happens; ``None`` is always.
    :param on_the_loop: run it as a trigger does, otherwise as a task does.
    """
    outcome, wrong = _run(server, folder, operation, fault, times, on_the_loop)
    return Trial(
        group=fault.name,
        what=f"{operation.faulted.name}, {_TIMES[times]}, {'on the event loop' if on_the_loop else 'by the hook'}",
        ended=_ending(operation, fault, outcome.error),
        wrong=(
            *_wrong_end(outcome, expected_error(operation, fault, times)),
            *_wrong_work(operation, fault, times, outcome),
            *_wrong_pauses(fault, outcome),
            *wrong,
        ),
    )


@without_collector()
def _run(
    server: Server, folder: Path, operation: Operation, fault: Fault, times: int | None, on_the_loop: bool
) -> tuple[Outcome, list[str]]:
    before = open_now()
    host, name = operation.faulted.host, operation.faulted.name
    plan = _Plan(name, fault, times)
    emulator = OddEmulator(retry_after_on_429=False)
    with server.serving(emulator, plan.at, host if fault.refusing else None) as relays:
        given = Given.prepare(emulator, folder)
        server.clock.pauses.clear()
        if (rule := fault.rule_at(time.time())) is not None:
            emulator.set_faults(FaultRule(endpoint=name, times=times, **rule))

        def hear(line: str) -> None:
            if fault.refusing and line.startswith("connect_tcp.failed"):
                plan.plays()
                if plan.left <= 0:
                    relays[host].listen()

        with (
            capturing(hear) as said,
            connected(relays, request_timeout=fault.patience) as conn_id,
            ImpatientHook(conn_id) as hook,
            asyncio.Runner() as loop,
        ):
            value = error = failed = None
            try:
                value = loop.run(hook.arun(operation.as_flow(given))) if on_the_loop else operation.act(hook, given)
            except Exception as raised:
                error = raised
            pauses = tuple(server.clock.pauses)
            # An impatient client is gone before what it sent has arrived, if the machine is busy.
            give_up = time.perf_counter() + _ARRIVAL
            while len(emulator.log) < sum(relay.forwarded for relay in relays.values()):
                if time.perf_counter() > give_up:
                    break
            log = emulator.log
            emulator.set_faults()
            outcome = Outcome(
                value,
                error,
                is_right=error is None and operation.right(given, value),
                played=plan.played + sum(entry.fault is not None for entry in log),
                done=sum(entry.done for entry in log if entry.endpoint == name),
                traces=None if operation.traces is None else operation.traces(given),
                pauses=pauses,
            )
            wrong = []
            plan.left = 0
            relays[host].listen()
            afterwards = call((VALIDATE_MANAGEMENT_KEY if host is Host.MANAGEMENT else LIST_FILES).request())
            try:
                loop.run(hook.arun(afterwards)) if on_the_loop else hook.run(afterwards)
            except Exception as raised:
                failed = raised
            if on_the_loop:
                loop.run(hook.aclose())
    if failed is not None:
        wrong.append(f"the next call on the same hook failed: {failed!r}")
    if server.forbidden.was_visited():
        wrong.append("somebody has followed the redirect")
    wrong += [f"a key came to the wrong service: {leak}" for leak in emulator.leaks]
    return outcome, [*wrong, *shown_keys(said.text, error), *still_open(before)]


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


def _wrong_end(outcome: Outcome, expected: type[Exception] | None) -> Iterator[str]:
    if type(outcome.error) is not (expected or type(None)):
        name = "no error" if expected is None else expected.__name__
        yield f"it ended with {outcome.error!r}, and should have with {name}"
    elif expected is None and not outcome.is_right:
        yield f"its value is {outcome.value!r}"


def _wrong_work(operation: Operation, fault: Fault, times: int | None, outcome: Outcome) -> Iterator[str]:
    if not operation.faulted.idempotent and outcome.done > 1:
        yield f"{operation.faulted.name} was done {outcome.done} times"
    wanted = 1 if outcome.error is None or fault.works else 0
    if outcome.traces not in (None, wanted):
        yield f"what it does is there {outcome.traces} times, and should be {wanted} times"
    least, most = _tries(operation, fault, times)
    if not least <= outcome.played <= most:
        yield f"the fault happened {outcome.played} times, and should have {least} to {most} times"


def _wrong_pauses(fault: Fault, outcome: Outcome) -> Iterable[str]:
    """The client waits before each retry for as long as it was asked, and not much longer."""
    if not fault.asks:
        return
    # A date counts in whole seconds, and is over after the first pause.
    least, retries = fault.asks, outcome.played - (outcome.error is not None)
    if fault.by_date:
        least, retries = fault.asks - 2, min(retries, 1)
    as_asked = sum(pause >= least for pause in outcome.pauses)
    if as_asked < retries:
        yield f"it waited as asked {as_asked} times, and tried again {retries} times"
    if (longest := max(outcome.pauses, default=0.0)) > fault.asks * _LONGER:
        yield f"it waited for {longest} seconds, and was asked for {fault.asks}"


def _tries(operation: Operation, fault: Fault, times: int | None) -> tuple[int, int]:
    """Return how often the fault should be met, at least and at most."""
    if _is_harmless(operation, fault):
        return 1, 10
    if _may_repeat(operation, fault) and not fault.final:
        return (times or ImpatientHook.attempts,) * 2
    if operation.checks and not fault.works and not fault.final:
        return min(times or 3, 3), times or 5
    return 1, 1
