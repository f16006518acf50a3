"""Time of flows: a wall clock that is set meanwhile changes nothing, in either driver."""

from __future__ import annotations

from itertools import count
from typing import Any

import httpx
import pytest

from airflow_provider_xai_collections.api.flows import wait_for_documents
from airflow_provider_xai_collections.api.polling import Poller, WaitEnd, WaitRules
from airflow_provider_xai_collections.api.protocol import Flow, Now, Sleep, call
from airflow_provider_xai_collections.api.retries import RetryPolicy
from airflow_provider_xai_collections.client.drivers import Client
from airflow_provider_xai_collections.exceptions import XAIServerError
from tests.support.clock import FlyingTime

from .driving import GET, Run, RunMany, run_async, run_many_async, run_many_sync, run_sync, settings_for

SETTINGS = settings_for("https://management.example", retries=RetryPolicy(attempts=3, budget=60))
DAY = 86_400.0


class Machine(FlyingTime):
    """A machine whose wall clock can be set as well."""

    set_by = 0.0

    def time(self) -> float:
        return super().time() + self.set_by


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    machine = Machine()
    machine.install(monkeypatch.setattr)
    return machine


def one_by(run_many: RunMany) -> Run:
    def run(flow: Flow[Any], *others: Any) -> Any:
        ((_, value),) = run_many([flow], *others, concurrency=2)
        if isinstance(value, Exception):
            raise value
        return value

    return run


@pytest.fixture(
    params=[run_sync, run_async, one_by(run_many_sync), one_by(run_many_async)],
    ids=["sync", "async", "one of many, sync", "one of many, async"],
)
def run(request: pytest.FixtureRequest) -> Run:
    """Either driver, for one flow or for many."""
    chosen: Run = request.param
    return chosen


jumps = pytest.mark.parametrize("jump", [DAY, -DAY], ids=["forward", "back"])


@jumps
def test_time_goes_on_as_it_began(machine: Machine, run: Run, jump: float) -> None:
    def flow() -> Flow[list[float]]:
        times = []
        for _ in range(3):
            times.append((yield Now()))
            machine.set_by += jump
            yield Sleep(5.0)
        return times

    began = machine.time()
    assert run(flow(), SETTINGS) == pytest.approx([began, began + 5, began + 10], abs=2)


@jumps
def test_no_wait_ends_early_or_late(machine: Machine, run: Run, jump: float) -> None:
    polls = count()

    def answer(request: httpx.Request) -> httpx.Response:
        machine.set_by += jump if next(polls) == 2 else 0
        metadata = {"file_id": "file_1", "name": "a.md"}
        return httpx.Response(200, json={"documents": [{"file_metadata": metadata, "status": "a new word"}]})

    poller = Poller(["file_1"], WaitRules(deadline=machine.time() + 600, poll_interval=10))
    result = run(wait_for_documents("c", poller), SETTINGS, answer)
    assert result.end is WaitEnd.TIMED_OUT
    assert sum(machine.pauses) == pytest.approx(600, abs=5)


@jumps
def test_a_call_is_tried_as_often_as_the_policy_says(machine: Machine, run: Run, jump: float) -> None:
    tries = []

    def answer(request: httpx.Request) -> httpx.Response:
        tries.append(request)
        machine.set_by += jump
        return httpx.Response(503)

    with pytest.raises(XAIServerError, match=r"It failed 3 times in \d\.\d s"):
        run(call(GET), SETTINGS, answer)
    assert len(tries) == 3


def test_each_run_begins_with_the_time_that_the_machine_shows_then(machine: Machine) -> None:
    """A clock that was wrong once must not stay wrong: deadlines come from other processes."""

    def flow() -> Flow[float]:
        now: float = yield Now()
        return now

    with Client(SETTINGS) as client:
        assert client.run(flow()) == pytest.approx(machine.time(), abs=2)
        machine.set_by += DAY
        assert client.run(flow()) == pytest.approx(machine.time(), abs=2)


def test_each_retry_is_one_line_in_the_log(machine: Machine, run: Run, caplog: pytest.LogCaptureFixture) -> None:
    answers = iter([httpx.Response(429, headers={"retry-after": "4"}), httpx.Response(503, text="xai-" + "k" * 30)])

    def answer(request: httpx.Request) -> httpx.Response:
        return next(answers, httpx.Response(200, json={"collection_id": "c"}))

    run(call(GET), SETTINGS, answer)
    lines = [record.getMessage() for record in caplog.records if "because" in record.getMessage()]
    assert len(lines) == 2
    assert lines[0].startswith("try 2 of 3 in 4.0 s, because get_collection(c): too many requests (429, ")
    assert lines[1].startswith("try 3 of 3 in 0.5 s, because get_collection(c): the service failed (503, ")
    assert "xai-***" in lines[1]
    assert all(line.isprintable() for line in lines)
