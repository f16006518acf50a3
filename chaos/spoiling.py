"""One operation under one fault: played, watched, and what was seen."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

from airflow_provider_xai_collections.api.endpoints import LIST_FILES, VALIDATE_MANAGEMENT_KEY
from airflow_provider_xai_collections.api.protocol import Host, Request, call
from airflow_provider_xai_collections.emulator import FaultRule
from airflow_provider_xai_collections.emulator.messages import HttpRequest
from airflow_provider_xai_collections.emulator.refusals import Refused
from airflow_provider_xai_collections.emulator.routes import find_route
from chaos.faults import Fault
from chaos.hosts import Place, StrictEmulator, connected
from chaos.hurry import HurriedHook, Pause
from chaos.leftovers import held, shown_keys, still_held, without_collector
from chaos.operations import Operation
from chaos.overhearing import overhearing
from chaos.scenes import Scene
from chaos.wire import Harm, Weather

#: Who runs the operation: a task, or a trigger.
DRIVERS = ("by the hook", "on the event loop")

#: ``look(value, error, pauses)``: what is there when the operation has ended.
Look: TypeAlias = "Callable[[Any, BaseException | None, Sequence[Pause]], None]"

#: Seconds in which what was sent must have arrived.
_ARRIVAL = 5.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it.

    :param is_right: whether the value is what the operation should come to.
    :param played: how often the fault happened.
    :param done: how often the spoilt call was done, by the emulator's own count.
    :param traces: how often what the operation does is there; ``None`` if it only reads.
    :param began: when, in seconds since the epoch; the dates of a fault count from there.
    :param pauses: that the client made until it ended.
    :param wrong: what should be so after no fault.
    """

    value: Any
    error: BaseException | None
    is_right: bool
    played: int
    done: int
    traces: int | None
    began: float
    pauses: tuple[Pause, ...]
    wrong: tuple[str, ...]


class Storm:
    """What happens to one endpoint on the way, and how often it has.

    :param endpoint: the name of the calls that are spoilt.
    :param times: how often; ``None`` is always.
    """

    def __init__(self, endpoint: str, fault: Fault, times: int | None) -> None:
        self._endpoint = endpoint
        self._fault = fault
        self._left = float("inf") if times is None else times
        self.played = 0

    def at(self, host: Host) -> Weather:
        """What happens to requests to one of the services."""

        def harm(method: str, path: str) -> Harm | None:
            try:
                name = find_route(HttpRequest(method, host, path)).endpoint.name
            except Refused:
                return None
            return self._fault.harm if name == self._endpoint and self._fault.harm and self._plays() else None

        return harm

    def refuses_on(self) -> bool:
        """A connection was refused; whether the next will be, too."""
        self._plays()
        return self._left > 0

    def end(self) -> None:
        """Nothing happens from now on."""
        self._left = 0

    def _plays(self) -> bool:
        plays = self._left > 0
        self._left -= plays
        self.played += plays
        return plays


@without_collector()
def spoil(place: Place, folder: Path, operation: Operation, fault: Fault, times: int | None, driver: str) -> Outcome:
    """Play it.

    :param folder: for the documents of the scene.
    :param times: how often the fault happens; ``None`` is always.
    :param driver: one of :data:`DRIVERS`.
    """
    before = held()
    host = operation.spoilt.host
    storm = Storm(operation.spoilt.name, fault, times)
    afterwards = (VALIDATE_MANAGEMENT_KEY if host is Host.MANAGEMENT else LIST_FILES).request()
    seen: list[Outcome] = []
    emulator = StrictEmulator(retry_after_on_429=False, **operation.settings)
    with (
        place.playing(emulator),
        place.ways(storm.at, host if fault.refusing else None) as wires,
    ):
        scene = Scene.set_in(emulator, folder)
        began = time.time()
        if (rule := fault.rule_at(began)) is not None:
            emulator.set_faults(FaultRule(endpoint=operation.spoilt.name, times=times, **rule))

        def hear(line: str) -> None:
            if fault.refusing and line.startswith("connect_tcp.failed") and not storm.refuses_on():
                wires[host].listen()

        def look(value: Any, error: BaseException | None, pauses: Sequence[Pause]) -> None:
            """What is there, before anybody does anything else; then the sky is clear."""
            _wait_until(lambda: len(emulator.log) >= sum(wire.forwarded for wire in wires.values()))
            found = _look(emulator, scene, operation, storm, value, error)
            seen.append(replace(found, began=began, pauses=tuple(pauses)))
            storm.end()
            wires[host].listen()

        with overhearing(hear) as heard, connected(wires, request_timeout=fault.patience) as conn_id:
            run = _by_hook if driver == DRIVERS[0] else _on_the_loop
            failed = run(conn_id, operation, scene, look, afterwards)
    (outcome,) = seen
    wrong = [
        *outcome.wrong,
        *([] if failed is None else [f"the next call on the same hook failed: {failed!r}"]),
        *(f"a key came to the wrong service: {leak}" for leak in emulator.leaks),
        *(["somebody has followed the redirect"] if place.elsewhere.was_visited() else []),
        *shown_keys(heard.text, outcome.error),
        *still_held(before),
    ]
    return replace(outcome, wrong=tuple(wrong))


def _wait_until(arrived: Callable[[], bool]) -> None:
    """An impatient client is gone before what it sent has arrived, if the machine is busy."""
    give_up = time.monotonic() + _ARRIVAL
    while not arrived() and time.monotonic() < give_up:
        time.sleep(0.002)


def _look(
    emulator: StrictEmulator,
    scene: Scene,
    operation: Operation,
    storm: Storm,
    value: Any,
    error: BaseException | None,
) -> Outcome:
    log = emulator.log
    emulator.set_faults()
    return Outcome(
        value,
        error,
        is_right=error is None and operation.right(scene, value),
        played=storm.played + sum(entry.fault is not None for entry in log),
        done=sum(entry.done for entry in log if entry.endpoint == operation.spoilt.name),
        traces=None if operation.traces is None else operation.traces(scene),
        began=0.0,
        pauses=(),
        wrong=tuple(operation.complaints(scene, value)),
    )


def _by_hook(
    conn_id: str,
    operation: Operation,
    scene: Scene,
    look: Look,
    afterwards: Request[Any],
) -> Exception | None:
    """As a task does it. Returns why a further call failed, which should have been well."""
    with HurriedHook(conn_id) as hook:
        try:
            value, error = operation.act(hook, scene), None
        except Exception as raised:
            value, error = None, raised
        look(value, error, hook.pauses)
        try:
            hook.run(call(afterwards))
        except Exception as failed:
            return failed
    return None


def _on_the_loop(
    conn_id: str,
    operation: Operation,
    scene: Scene,
    look: Look,
    afterwards: Request[Any],
) -> Exception | None:
    """As a trigger does it. Returns what :func:`_by_hook` does."""

    async def run() -> Exception | None:
        hook = HurriedHook(conn_id)
        try:
            try:
                value, error = await hook.arun(operation.as_flow(scene)), None
            except Exception as raised:
                value, error = None, raised
            look(value, error, hook.pauses)
            try:
                await hook.arun(call(afterwards))
            except Exception as failed:
                return failed
        finally:
            await hook.aclose()
        return None

    return asyncio.run(run())
