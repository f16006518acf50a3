"""Many flows at once, through both drivers."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import httpx
import pytest

from airflow_provider_xai_collections.api.collections import Collection
from airflow_provider_xai_collections.api.endpoints import GET_COLLECTION
from airflow_provider_xai_collections.api.protocol import Flow, Sleep, call
from airflow_provider_xai_collections.client.drivers import Client
from airflow_provider_xai_collections.exceptions import XAIArgumentError, XAIError

from .driving import FINE, Handler, RunMany, head_of, listening, run_many_sync, settings_for

SETTINGS = settings_for("https://management.example")
pytestmark = pytest.mark.usefixtures("no_long_pause")


def get(number: int) -> Flow[Collection]:
    return call(GET_COLLECTION.request(collection_id=str(number)))


def asleep() -> Flow[Collection]:
    """A flow nobody should have to wait for."""
    yield Sleep(30.0)
    return (yield from get(0))


def answer(request: httpx.Request) -> httpx.Response:
    name = request.url.path.rpartition("/")[2]
    if name.startswith("4"):
        return httpx.Response(404)
    return httpx.Response(200, json={"collection_id": name})


def a_client(handler: Handler = answer) -> Client:
    return Client(SETTINGS, transport=httpx.MockTransport(handler))


@pytest.mark.parametrize("concurrency", [1, 7, 100])
def test_every_flow_comes_back_once_with_its_value_or_error(run_many: RunMany, concurrency: int) -> None:
    outcomes = run_many(map(get, range(50)), SETTINGS, answer, concurrency=concurrency)
    shown = sorted((n, getattr(value, "collection_id", type(value).__name__)) for n, value in outcomes)
    assert shown == [(n, "XAINotFoundError" if str(n).startswith("4") else str(n)) for n in range(50)]


def test_as_many_requests_are_in_flight_as_asked_for_and_never_more(run_many: RunMany) -> None:
    in_flight = most = 0
    lock = threading.Lock()

    def answered() -> None:
        nonlocal in_flight
        in_flight -= 3

    together = threading.Barrier(3, answered)  # breaks, and the test fails, unless three are in flight at once

    def behave(connection: socket.socket) -> None:
        nonlocal in_flight, most
        while head_of(connection):
            with lock:
                in_flight += 1
                most = max(most, in_flight)
            together.wait(5)
            connection.sendall(FINE)

    with listening(behave) as server:
        outcomes = run_many(map(get, range(12)), settings_for(server.url), concurrency=3)
    assert [outcome for _, outcome in outcomes if isinstance(outcome, XAIError)] == []
    assert (len(outcomes), most) == (12, 3)


@pytest.mark.parametrize("take", [1, 20])
def test_flows_are_taken_as_there_is_room(run_many: RunMany, take: int) -> None:
    taken = 0

    def endless() -> Iterator[Flow[Collection]]:
        nonlocal taken
        while True:
            taken += 1
            yield get(taken)

    run_many(endless(), SETTINGS, answer, concurrency=4, take=take)
    assert taken < take + 4


@pytest.mark.parametrize("concurrency", [0, -1])
def test_no_concurrency_is_refused(run_many: RunMany, concurrency: int) -> None:
    with pytest.raises(XAIArgumentError, match=f"concurrency is {concurrency}; it must be at least 1"):
        run_many([], SETTINGS, concurrency=concurrency)


def test_who_leaves_early_waits_for_no_pause_and_sends_nothing_more(run_many: RunMany) -> None:
    requests: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return answer(request)

    ((position, _),) = run_many([asleep(), get(1), asleep()], SETTINGS, handler, concurrency=3, take=1)
    assert position == 1
    assert [request.url.path for request in requests] == ["/v1/collections/1"]


def test_a_bug_in_one_flow_ends_all_of_them(run_many: RunMany) -> None:
    def buggy() -> Flow[Collection]:
        yield Sleep(0.0)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run_many([asleep(), buggy(), asleep()], SETTINGS, answer, concurrency=3)


# In threads


@pytest.mark.parametrize("concurrency", [1, 3])
def test_a_flow_may_depend_on_what_came_of_another(concurrency: int) -> None:
    told, asked_in_vain, positions = 1, 0, []

    def chain() -> Iterator[Flow[Collection] | None]:
        nonlocal told, asked_in_vain
        for number in range(1, 10):
            while not told:
                asked_in_vain += 1
                yield None
            told -= 1
            yield get(number)

    with a_client() as client:
        for position, _ in client.run_many(chain(), concurrency=concurrency):
            positions.append(position)
            told += 1
    assert positions == list(range(9))
    assert asked_in_vain <= 9  # not before another one has ended


def test_to_wait_for_a_flow_when_none_runs_is_the_end() -> None:
    assert run_many_sync([None, get(1)], SETTINGS, answer, concurrency=2) == []


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

    with a_client(handler) as client:
        results: Any = client.run_many([two(), get(1)], concurrency=2)
        with closing(results):
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

    run_many_sync([careful(), get(1)], SETTINGS, answer, concurrency=2, take=1)
    assert [str(error) for error in told] == ["interrupted, because the work it was part of has ended"]
