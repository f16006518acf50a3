"""Time of flows: a wall clock that is set meanwhile changes nothing, in either driver."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from itertools import count
from typing import Any

import httpx
import pytest

from airflow_provider_xai_collections.api.endpoints import GET_COLLECTION
from airflow_provider_xai_collections.api.flows import wait_for_documents
from airflow_provider_xai_collections.api.polling import Poller, WaitEnd, WaitRules
from airflow_provider_xai_collections.api.protocol import Flow, Now, Sleep, call
from airflow_provider_xai_collections.api.retries import RetryPolicy
from airflow_provider_xai_collections.client.cancelling import CancelToken
from airflow_provider_xai_collections.client.clock import Clock
from airflow_provider_xai_collections.client.drivers import AsyncClient, Client
from airflow_provider_xai_collections.client.settings import ClientSettings, Service
from airflow_provider_xai_collections.exceptions import XAIServerError

SETTINGS = ClientSettings(
    management=Service("https://management.example", "k"), retries=RetryPolicy(attempts=3, budget=60)
)
DAY = 86_400.0
GET = GET_COLLECTION.request(collection_id="c")
Answer = Callable[[httpx.Request], httpx.Response]


class Time:
    """The machine's two clocks. Pauses move both on; one of them can be set as well."""

    def __init__(self) -> None:
        self.steady = 1_000.0
        self.wall = 1_800_000_000.0
        self.paused: list[float] = []

    def pass_(self, seconds: float) -> None:
        self.paused.append(seconds)
        self.steady += seconds
        self.wall += seconds


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Time:
    machine = Time()
    here, really = threading.current_thread(), asyncio.sleep

    async def sleep(seconds: float) -> None:
        if threading.current_thread() is not here:  # a server of other tests has a loop of its own
            return await really(seconds)
        machine.pass_(seconds)
        return None

    monkeypatch.setattr("time.time", lambda: machine.wall)
    monkeypatch.setattr("airflow_provider_xai_collections.client.clock.monotonic", lambda: machine.steady)
    monkeypatch.setattr(CancelToken, "pause", lambda token, seconds: machine.pass_(seconds) if seconds > 0 else None)
    monkeypatch.setattr("asyncio.sleep", sleep)
    monkeypatch.setattr("random.uniform", lambda least, most: most)
    return machine


def run_sync(flow: Flow[Any], answer: Answer) -> Any:
    with Client(SETTINGS, transport=httpx.MockTransport(answer)) as client:
        return client.run(flow)


def run_sync_many(flow: Flow[Any], answer: Answer) -> Any:
    with Client(SETTINGS, transport=httpx.MockTransport(answer)) as client:
        ((_, value),) = client.run_many([flow], concurrency=2)
        if isinstance(value, Exception):
            raise value
        return value


def run_async(flow: Flow[Any], answer: Answer) -> Any:
    async def run() -> Any:
        async with AsyncClient(SETTINGS, transport=httpx.MockTransport(answer)) as client:
            return await client.run(flow)

    return asyncio.run(run())


def run_async_many(flow: Flow[Any], answer: Answer) -> Any:
    async def run() -> Any:
        async with AsyncClient(SETTINGS, transport=httpx.MockTransport(answer)) as client:
            ((_, value),) = [pair async for pair in client.run_many([flow], concurrency=2)]
            if isinstance(value, Exception):
                raise value
            return value

    return asyncio.run(run())


@pytest.fixture(params=[run_sync, run_sync_many, run_async, run_async_many])
def run(request: pytest.FixtureRequest) -> Any:
    """Either driver, for one flow or for many."""
    return request.param


jumps = pytest.mark.parametrize("jump", [DAY, -DAY], ids=["forward", "back"])


@jumps
def test_time_goes_on_as_it_began(machine: Time, run: Any, jump: float) -> None:
    def flow() -> Flow[list[float]]:
        times = []
        for _ in range(3):
            times.append((yield Now()))
            machine.wall += jump
            yield Sleep(5.0)
        return times

    began = machine.wall
    assert run(flow(), lambda request: httpx.Response(500)) == [began, began + 5, began + 10]


@jumps
def test_no_wait_ends_early_or_late(machine: Time, run: Any, jump: float) -> None:
    polls = count()

    def answer(request: httpx.Request) -> httpx.Response:
        machine.wall += jump if next(polls) == 2 else 0
        metadata = {"file_id": "file_1", "name": "a.md"}
        return httpx.Response(200, json={"documents": [{"file_metadata": metadata, "status": "a new word"}]})

    poller = Poller(["file_1"], WaitRules(deadline=machine.wall + 600, poll_interval=10))
    result = run(wait_for_documents("c", poller), answer)
    assert result.end is WaitEnd.TIMED_OUT
    assert sum(machine.paused) == pytest.approx(600, abs=1)


@jumps
def test_no_document_is_missing_sooner_or_later_than_after_its_grace(machine: Time, run: Any, jump: float) -> None:
    polls = count()

    def answer(request: httpx.Request) -> httpx.Response:
        machine.wall += jump if next(polls) == 2 else 0
        return httpx.Response(200, json={"documents": []})

    poller = Poller(["file_1"], WaitRules(poll_interval=10, grace=60))
    assert run(wait_for_documents("c", poller), answer).missing == ("file_1",)
    assert sum(machine.paused) == pytest.approx(60, abs=10)


@jumps
def test_a_call_is_tried_as_often_as_the_policy_says(machine: Time, run: Any, jump: float) -> None:
    tries = []

    def answer(request: httpx.Request) -> httpx.Response:
        tries.append(request)
        machine.wall += jump
        return httpx.Response(503)

    with pytest.raises(XAIServerError, match=r"It failed 3 times in 1\.5 s"):
        run(call(GET), answer)
    assert len(tries) == 3


def test_each_run_begins_with_the_time_that_the_machine_shows_then(machine: Time) -> None:
    """A clock that was wrong once must not stay wrong: deadlines come from other processes."""

    def flow() -> Flow[float]:
        now: float = yield Now()
        return now

    with Client(SETTINGS) as client:
        before = client.run(flow())
        machine.wall += DAY
        assert client.run(flow()) == before + DAY


def test_a_clock_tells_the_time_of_the_machine() -> None:
    assert Clock()() == pytest.approx(time.time(), abs=5)


# The log of retries


def test_each_retry_is_one_line_in_the_log(machine: Time, run: Any, caplog: pytest.LogCaptureFixture) -> None:
    answers = iter([httpx.Response(429, headers={"retry-after": "4"}), httpx.Response(503, text="xai-" + "k" * 30)])

    def answer(request: httpx.Request) -> httpx.Response:
        return next(answers, httpx.Response(200, json={"collection_id": "c"}))

    run(call(GET), answer)
    lines = [record.getMessage() for record in caplog.records if "because" in record.getMessage()]
    assert len(lines) == 2
    assert lines[0].startswith("try 2 of 3 in 4.5 s, because get_collection(c): too many requests (429, ")
    assert lines[1].startswith("try 3 of 3 in 1.0 s, because get_collection(c): the service failed (503, ")
    assert "xai-***" in lines[1]
    assert all(line.isprintable() for line in lines)


def test_a_poll_that_failed_and_is_repeated_says_so(machine: Time, run: Any, caplog: pytest.LogCaptureFixture) -> None:
    answers = iter([httpx.Response(503)] * 3)

    def answer(request: httpx.Request) -> httpx.Response:
        metadata = {"file_id": "file_1", "name": "a.md"}
        status = {"file_metadata": metadata, "status": "DOCUMENT_STATUS_PROCESSED"}
        return next(answers, httpx.Response(200, json={"documents": [status]}))

    result = run(wait_for_documents("c", Poller(["file_1"], WaitRules(poll_interval=100))), answer)
    assert result.processed == ("file_1",)
    lines = [record.getMessage() for record in caplog.records if record.getMessage().startswith("the next poll in ")]
    assert len(lines) == 1
    assert "because batch_get_documents(c): the service failed (503, " in lines[0]
    assert "It failed 3 times in 1.5 s" in lines[0]
