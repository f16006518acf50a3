"""Many flows at once, through both drivers."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, closing
from typing import Any

import httpx
import pytest

from airflow_provider_xai_collections.api.collections import Collection
from airflow_provider_xai_collections.api.endpoints import GET_COLLECTION
from airflow_provider_xai_collections.api.protocol import Flow, Sleep, call
from airflow_provider_xai_collections.api.retries import RetryPolicy
from airflow_provider_xai_collections.client.drivers import AsyncClient, Client
from airflow_provider_xai_collections.client.settings import ClientSettings, Service
from airflow_provider_xai_collections.exceptions import XAIArgumentError, XAIError, XAINotFoundError

SETTINGS = ClientSettings(management=Service("https://management.example", "k"), retries=RetryPolicy(attempts=1))


def get(number: int) -> Flow[Collection]:
    return call(GET_COLLECTION.request(collection_id=str(number)))


def asleep() -> Flow[Collection]:
    """A flow nobody should have to wait for."""
    yield Sleep(30.0)
    return (yield from get(0))


class Flows:
    """Endless flows, and how many of them were taken."""

    taken = 0

    def __iter__(self) -> Iterator[Flow[Collection]]:
        while True:
            self.taken += 1
            yield get(self.taken)


def answer(request: httpx.Request) -> httpx.Response:
    name = request.url.path.rpartition("/")[2]
    if name.startswith("4"):
        return httpx.Response(404)
    return httpx.Response(200, json={"collection_id": name})


def a_client(handler: Any = answer) -> Client:
    return Client(SETTINGS, transport=httpx.MockTransport(handler))


def an_async_client(handler: Any = answer) -> AsyncClient:
    return AsyncClient(SETTINGS, transport=httpx.MockTransport(handler))


def _results(results: Any) -> Any:
    """The generator behind an iterator, which a caller may close."""
    return results


def shown(position: int, outcome: Collection | XAIError) -> tuple[int, str]:
    return position, outcome.collection_id if isinstance(outcome, Collection) else type(outcome).__name__


EXPECTED = {(n, "XAINotFoundError" if str(n).startswith("4") else str(n)) for n in range(50)}


@pytest.fixture(autouse=True)
def _nobody_waits_for_what_was_left() -> Iterator[None]:
    start = time.monotonic()
    yield
    assert time.monotonic() - start < 10


# In threads


@pytest.mark.parametrize("concurrency", [1, 7, 100])
def test_every_flow_comes_back_once_with_its_value_or_error(concurrency: int) -> None:
    with a_client() as client:
        outcomes = [shown(*pair) for pair in client.run_many(map(get, range(50)), concurrency=concurrency)]
    assert len(outcomes) == 50
    assert set(outcomes) == EXPECTED


def test_as_many_requests_are_in_flight_as_asked_for_and_never_more() -> None:
    together = threading.Barrier(3)  # breaks, and the test fails, unless three requests are in flight at once
    lock = threading.Lock()
    in_flight: list[int] = []
    most = 0

    def handler(request: httpx.Request) -> httpx.Response:
        nonlocal most
        with lock:
            in_flight.append(1)
            most = max(most, len(in_flight))
        together.wait(5)
        with lock:
            in_flight.pop()
        return answer(request)

    with a_client(handler) as client:
        assert len(list(client.run_many(map(get, range(12)), concurrency=3))) == 12
    assert most == 3


def test_flows_are_taken_as_there_is_room() -> None:
    flows = Flows()
    with a_client() as client, closing(_results(client.run_many(flows, concurrency=4))) as results:
        for finished in range(1, 20):
            next(results)
            assert flows.taken < finished + 4


def test_no_flows_are_no_results() -> None:
    with a_client() as client:
        assert list(client.run_many([], concurrency=2)) == []


class Chain:
    """Each flow depends on what came of one before: there is none until the caller has told."""

    def __init__(self, length: int) -> None:
        self.left = list(range(1, length + 1))
        self.known = 1
        self.asked_in_vain = 0

    def __iter__(self) -> Iterator[Flow[Collection] | None]:
        while self.left:
            if self.known:
                self.known -= 1
                yield get(self.left.pop(0))
            else:
                self.asked_in_vain += 1
                yield None


@pytest.mark.parametrize("concurrency", [1, 3])
def test_a_flow_may_depend_on_what_came_of_another(concurrency: int) -> None:
    chain = Chain(9)
    positions = []
    with a_client() as client:
        for position, _ in client.run_many(chain, concurrency=concurrency):
            positions.append(position)
            chain.known += 1
    assert positions == list(range(9))
    assert chain.asked_in_vain <= 9  # not before another one has ended


def test_to_wait_for_a_flow_when_none_runs_is_the_end() -> None:
    with a_client() as client:
        assert list(client.run_many([None, get(1)], concurrency=2)) == []


def test_who_leaves_early_waits_for_no_pause_and_sends_nothing_more() -> None:
    requests: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return answer(request)

    with a_client(handler) as client:
        for position, _ in client.run_many([asleep(), get(1), asleep()], concurrency=3):
            assert position == 1
            break
    assert [request.url.path for request in requests] == ["/v1/collections/1"]


def test_a_flow_left_behind_in_a_request_gets_its_answer_and_asks_no_more() -> None:
    left = threading.Event()
    requests: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        requests.append(request.url.path.rpartition("/")[2])
        if requests[-1] == "2":
            left.wait(5)
        return answer(request)

    def two() -> Flow[Collection]:
        yield from get(2)
        return (yield from get(3))

    with a_client(handler) as client, closing(_results(client.run_many([two(), get(1)], concurrency=2))) as results:
        next(results)
        threading.Timer(0.1, left.set).start()  # while the results are being closed
    assert sorted(requests) == ["1", "2"]


def test_flows_left_behind_are_told_so_and_may_clean_up() -> None:
    told: list[XAIError] = []

    def careful() -> Flow[Collection]:
        try:
            return (yield from asleep())
        except XAIError as error:
            told.append(error)
            raise

    with a_client() as client:
        next(iter(client.run_many([careful(), get(1)], concurrency=2)))
    assert [str(error) for error in told] == ["interrupted, because the work it was part of has ended"]


def test_a_bug_in_one_flow_ends_all_of_them() -> None:
    def buggy() -> Flow[Collection]:
        yield Sleep(0.0)
        raise ZeroDivisionError

    with a_client() as client, pytest.raises(ZeroDivisionError):
        list(client.run_many([asleep(), buggy(), asleep()], concurrency=3))


@pytest.mark.parametrize("concurrency", [0, -1])
def test_no_concurrency_is_refused(concurrency: int) -> None:
    with a_client() as client, pytest.raises(XAIArgumentError, match=f"concurrency is {concurrency}; it must be at le"):
        list(client.run_many([], concurrency=concurrency))


def test_a_client_is_shared_between_threads() -> None:
    with a_client() as client:
        outcomes: list[str] = []
        threads = [
            threading.Thread(target=lambda n=n: outcomes.append(client.run(get(n)).collection_id))
            for n in range(10, 20)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(outcomes) == [str(n) for n in range(10, 20)]


# On an event loop


@pytest.mark.parametrize("concurrency", [1, 7, 100])
async def test_async_every_flow_comes_back_once_with_its_value_or_error(concurrency: int) -> None:
    async with an_async_client() as client:
        outcomes = [shown(*pair) async for pair in client.run_many(map(get, range(50)), concurrency=concurrency)]
    assert len(outcomes) == 50
    assert set(outcomes) == EXPECTED


async def test_async_as_many_requests_are_in_flight_as_asked_for_and_never_more() -> None:
    together = asyncio.Barrier(3)
    in_flight: list[int] = []
    most = 0

    async def handler(request: httpx.Request) -> httpx.Response:
        nonlocal most
        in_flight.append(1)
        most = max(most, len(in_flight))
        await asyncio.wait_for(together.wait(), 5)
        in_flight.pop()
        return answer(request)

    async with an_async_client(handler) as client:
        assert len([pair async for pair in client.run_many(map(get, range(12)), concurrency=3)]) == 12
    assert most == 3


async def test_async_flows_are_taken_as_there_is_room() -> None:
    flows = Flows()
    async with an_async_client() as client, aclosing(_results(client.run_many(flows, concurrency=4))) as results:
        for finished in range(1, 20):
            await anext(results)
            assert flows.taken < finished + 4


async def test_async_who_leaves_early_waits_for_no_pause_and_sends_nothing_more() -> None:
    requests: list[httpx.Request] = []

    async def handler(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return answer(request)

    async with an_async_client(handler) as client:
        results: AsyncIterator[Any] = client.run_many([asleep(), get(1), asleep()], concurrency=3)
        async with aclosing(_results(results)):
            async for position, _ in results:
                assert position == 1
                break
        assert len(asyncio.all_tasks()) == 1  # this test; nothing of ours is left on the loop
    assert [request.url.path for request in requests] == ["/v1/collections/1"]


async def test_async_a_bug_in_one_flow_ends_all_of_them() -> None:
    def buggy() -> Flow[Collection]:
        yield Sleep(0.0)
        raise ZeroDivisionError

    async with an_async_client() as client:
        with pytest.raises(ZeroDivisionError):
            async for _ in client.run_many([asleep(), buggy(), asleep()], concurrency=3):
                pass
        assert len(asyncio.all_tasks()) == 1


async def test_async_no_concurrency_is_refused() -> None:
    async with an_async_client() as client:
        with pytest.raises(XAIArgumentError):
            await anext(aiter(client.run_many([], concurrency=0)))


async def test_async_a_flow_that_is_cancelled_sends_nothing_more() -> None:
    async with an_async_client() as client:
        task = asyncio.create_task(client.run(asleep()))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_async_errors_reach_the_caller_of_one_flow() -> None:
    async with an_async_client() as client:
        with pytest.raises(XAINotFoundError):
            await client.run(get(4))
