"""Triggers of one event loop share the connection, its client and polls; limits and errors are each one's own."""

from __future__ import annotations

import asyncio
import json
import os
import time
from contextvars import ContextVar
from math import ceil
from typing import Any

import pytest

from airflow_provider_xai_collections.api.polling import WaitEnd, WaitRules
from airflow_provider_xai_collections.emulator import FaultRule, HttpReply, HttpRequest
from airflow_provider_xai_collections.triggers import sharing, watching
from airflow_provider_xai_collections.triggers.documents import XAIDocumentsProcessedTrigger
from airflow_provider_xai_collections.triggers.sharing import shared_client
from tests.conftest import CONN_ID, Connect, playing
from tests.operators.stage import Xai, fire
from tests.triggers.clients import open_clients

BATCH = 50
#: Polls until a document is found processed, at a pace of one read.
POLLS = 5
SLOW = pytest.param(playing(indexing="reads:1"), id="slow")
STUCK = pytest.param(playing(stuck=("stuck*",)), id="stuck")
slow = pytest.mark.parametrize("emulator_settings", [SLOW])
stuck = pytest.mark.parametrize("emulator_settings", [STUCK])


@pytest.fixture(autouse=True)
def _time_flies() -> None:
    """Not here: which waits poll together is a matter of time."""


@pytest.fixture(autouse=True)
def _a_moment_to_join(monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as a slow machine takes to start some triggers."""
    monkeypatch.setattr(watching, "FIRST_PAUSE", 0.5)


def trigger(collection_id: str, *file_ids: str, **arguments: Any) -> XAIDocumentsProcessedTrigger:
    return XAIDocumentsProcessedTrigger(
        collection_id=collection_id, file_ids=file_ids, **{"poll_interval": 0.5, **arguments}
    )


def asked_for(xai: Xai) -> list[list[str]]:
    """The documents of each poll that came over the wire."""
    polls = [request for request in xai.emulator.requests if request.path.endswith(":batchGet")]
    return [[value for name, value in request.query if name == "file_ids"] for request in polls]


async def until_asked(xai: Xai, times: int = 1) -> None:
    while xai.emulator.count("batch_get_documents") < times:  # noqa: ASYNC110 - the emulator is in another thread
        await asyncio.sleep(0.005)


@slow
async def test_those_on_one_collection_poll_together(xai: Xai) -> None:
    whales = xai.collection()
    files = [xai.document(whales, f"{number}.md") for number in range(60)]
    triggers = [trigger(whales, *files[first : first + 3]) for first in range(0, 60, 3)]
    events = await asyncio.gather(*map(fire, triggers))
    assert [event["summary"]["processed"] for event in events] == [3] * 20
    least = ceil(60 / BATCH) * POLLS
    assert least <= len(asked_for(xai)) <= least + 2
    assert xai.emulator.counts.keys() == {"batch_get_documents"}
    assert sum(map(len, asked_for(xai))) == 60 * POLLS, "no document is asked for without need"


@slow
async def test_each_is_told_of_its_own_documents_however_many_watch_the_same(xai: Xai) -> None:
    whales, other = xai.collection(), xai.collection("other")
    a, b, c = (xai.document(whales, f"{name}.md") for name in "abc")
    elsewhere = xai.document(other, "d.md")
    watched = [(whales, a, b), (whales, b), (whales, b, c), (other, elsewhere)]
    events = await asyncio.gather(*(fire(trigger(*each)) for each in watched))
    assert [event["summary"]["processed"] for event in events] == [2, 1, 2, 1]
    assert all(len(each) == len(set(each)) for each in asked_for(xai))
    assert not any({elsewhere} < set(each) for each in asked_for(xai))


@slow
async def test_connections_are_not_mixed(xai: Xai, monkeypatch: pytest.MonkeyPatch) -> None:
    whales = xai.collection()
    mine, yours = xai.document(whales, "mine.md"), xai.document(whales, "yours.md")
    wrong = {**json.loads(os.environ[f"AIRFLOW_CONN_{CONN_ID.upper()}"]), "password": "xai-token-of-others"}
    monkeypatch.setenv("AIRFLOW_CONN_XAI_OTHERS", json.dumps(wrong))
    right, refused = await asyncio.gather(
        fire(trigger(whales, mine)), fire(trigger(whales, yours, conn_id="xai_others"))
    )
    assert right["summary"]["processed"] == 1
    assert refused["error_type"] == "XAIAuthError"
    keys = {
        (request.headers["authorization"], file_id)
        for request, asked in zip(xai.emulator.requests, asked_for(xai), strict=True)
        for file_id in asked
    }
    assert {file_id for key, file_id in keys if key.endswith("xai-token-of-others")} == {yours}
    assert len(keys) == 2


@slow
async def test_teams_are_not_mixed(xai: Xai) -> None:
    whales = xai.collection()
    first, second = xai.document(whales, "a.md"), xai.document(whales, "b.md")
    await asyncio.gather(fire(trigger(whales, first, team_id="team_7")), fire(trigger(whales, second)))
    teams = {(query.get("team_id"), query["file_ids"]) for query in xai.queries("batch_get_documents")}
    assert teams == {("team_7", first), (None, second)}


@stuck
async def test_they_share_one_client_that_is_closed_behind_the_last(xai: Xai, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sharing, "FRESH", 0.0)  # each looks the connection up, and finds the same
    whales = xai.collection()
    file = xai.document(whales, "stuck.md")
    running = [asyncio.create_task(fire(trigger(whales, file))) for _ in range(5)]
    await until_asked(xai)
    assert open_clients() == 1
    await _cancel(*running[1:])
    assert open_clients() == 1
    await _cancel(running[0])
    assert open_clients() == 0
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def _cancel(*running: asyncio.Task[Any]) -> None:
    for each in running:
        each.cancel()
    await asyncio.gather(*running, return_exceptions=True)


@stuck
async def test_one_that_is_cancelled_between_two_polls_is_not_asked_for_again(xai: Xai) -> None:
    whales = xai.collection()
    leaves, stays = xai.document(whales, "stuck.md"), xai.document(whales, "stuck too.md")
    patience: dict[str, Any] = {"poll_interval": 10, "deadline": time.time() + 3}
    leaving = asyncio.create_task(fire(trigger(whales, leaves, **patience)))
    staying = asyncio.create_task(fire(trigger(whales, stays, **patience)))
    await until_asked(xai)
    await asyncio.sleep(0.1)  # of a pause of 0.8 seconds at least
    await _cancel(leaving)
    assert (await staying)["summary"]["end"] == "timed_out"
    first, *later = asked_for(xai)
    assert set(first) == {leaves, stays}
    assert {file_id for each in later for file_id in each} == {stays}


@stuck
async def test_one_that_is_cancelled_during_a_poll_does_the_others_no_harm(xai: Xai) -> None:
    whales = xai.collection()
    leaves, stays = xai.document(whales, "stuck.md"), xai.document(whales, "moby.md")
    xai.emulator.set_faults(FaultRule(endpoint="batch_get_documents", delay=0.5))
    leaving = asyncio.create_task(fire(trigger(whales, leaves)))
    staying = asyncio.create_task(fire(trigger(whales, stays)))
    await until_asked(xai)
    await _cancel(leaving)
    assert not staying.done()
    assert (await staying)["summary"]["processed"] == 1
    assert len(asked_for(xai)) == 1


async def test_a_poll_that_fails_is_told_to_all_who_asked_and_repeated_for_all_at_once(
    xai: Xai, connect: Connect
) -> None:
    whales = xai.collection()
    files = [xai.document(whales, f"{number}.md") for number in range(4)]
    connect(retry_attempts=1)
    xai.emulator.set_faults(FaultRule(endpoint="batch_get_documents", times=5, status=503))
    events = await asyncio.gather(*(fire(trigger(whales, file)) for file in files))
    assert [event["summary"]["processed"] for event in events] == [1] * 4
    xai.emulator.set_faults(FaultRule(endpoint="batch_get_documents", times=6, status=503))
    xai.forget()
    events = await asyncio.gather(*(fire(trigger(whales, file)) for file in files))
    assert [event["error_type"] for event in events] == ["XAIServerError"] * 4
    assert len(asked_for(xai)) == 6


async def test_what_is_wrong_with_one_is_told_to_it_alone(xai: Xai, monkeypatch: pytest.MonkeyPatch) -> None:
    whales = xai.collection()
    right, odd = xai.document(whales), "file_" + "9" * 60
    handle = xai.emulator.handle

    def refuse_the_odd(request: HttpRequest) -> HttpReply:
        reply = handle(request)
        asked = {value for name, value in request.query if name == "file_ids"}
        return HttpReply(422, {}, b"") if odd in asked else reply

    monkeypatch.setattr(xai.emulator, "handle", refuse_the_odd)
    told, refused = await asyncio.gather(fire(trigger(whales, right)), fire(trigger(whales, odd)))
    assert told["summary"]["processed"] == 1
    assert refused["error_type"] == "XAIInvalidRequestError"


@stuck
async def test_a_wait_ends_although_others_keep_all_polls(xai: Xai, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "OVERTIME", 0.2)
    whales = xai.collection()
    file_id = xai.document(whales, "stuck.md")
    async with shared_client(CONN_ID) as client:
        for _ in range(sharing.SLOTS):
            await client._slots.acquire()
        rules = WaitRules(deadline=time.time() + 0.3, poll_interval=0.1)
        result = await client.wait(whales, [file_id], rules, filter=None, team_id=None, log=None)
    assert (result.end, result.pending) == (WaitEnd.TIMED_OUT, (file_id,))
    assert asked_for(xai) == []


async def test_a_collection_that_does_not_exist_is_told_to_all(xai: Xai) -> None:
    events = await asyncio.gather(*(fire(trigger("collection_42", f"file_{number}")) for number in range(9)))
    assert {event["error_type"] for event in events} == {"XAINotFoundError"}
    assert xai.emulator.counts == {"batch_get_documents": 1, "get_collection": 1}


@stuck
async def test_each_has_a_deadline_and_a_pace_of_its_own(xai: Xai) -> None:
    whales = xai.collection()
    hasty, calm = xai.document(whales, "stuck hasty.md"), xai.document(whales, "stuck calm.md")
    now = time.time()
    ends: dict[str, float] = {}

    async def wait(file_id: str, **arguments: Any) -> Any:
        event = await fire(trigger(whales, file_id, **arguments))
        ends[file_id] = time.time() - now
        return event

    events = await asyncio.gather(
        wait(hasty, poll_interval=0.1, deadline=now + 1.5), wait(calm, poll_interval=30, deadline=now + 3)
    )
    assert [event["summary"]["end"] for event in events] == ["timed_out"] * 2
    assert 1.5 <= ends[hasty] < 3 <= ends[calm]
    asked = [file_id for each in asked_for(xai) for file_id in each]
    assert asked.count(hasty) > asked.count(calm)
    assert 2 <= asked.count(calm) <= 4, "one of them along with the other"


@stuck
async def test_a_new_key_is_seen_by_those_who_start_and_does_the_others_no_harm(
    xai: Xai, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    whales = xai.collection()
    file, done = xai.document(whales, "stuck.md"), xai.document(whales, "done.md")
    running = asyncio.create_task(fire(trigger(whales, file)))
    await until_asked(xai)
    connect(password="xai-token-wrong")
    assert (await fire(trigger(whales, done)))["summary"]["processed"] == 1, "looked up a moment ago"
    monkeypatch.setattr(sharing, "FRESH", 0.0)
    assert (await fire(trigger(whales, done)))["error_type"] == "XAIAuthError"
    xai.forget()
    await until_asked(xai)
    assert not running.done()
    await _cancel(running)


@slow
async def test_each_hears_of_its_progress_in_its_own_context(xai: Xai) -> None:
    """Airflow finds the log of a trigger by the context that it runs in."""
    whales = xai.collection()
    files = {name: xai.document(whales, f"{name}.md") for name in ("a", "b", "c")}
    who: ContextVar[str] = ContextVar("who")
    heard: list[tuple[str, str]] = []

    class Log:
        def __init__(self, name: str) -> None:
            self.name = name

        def info(self, *_: Any) -> None:
            heard.append((self.name, who.get()))

    async def wait(name: str) -> WaitEnd:
        who.set(name)
        async with shared_client(CONN_ID) as client:
            rules = WaitRules(poll_interval=0.5)
            ended = await client.wait(whales, [files[name]], rules, filter=None, team_id=None, log=Log(name))
        return ended.end

    assert await asyncio.gather(*(asyncio.create_task(wait(name)) for name in files)) == [WaitEnd.SETTLED] * 3
    assert {name for name, _ in heard} == files.keys()
    assert all(name == context for name, context in heard)


@slow
def test_an_event_loop_shares_nothing_with_the_one_before(xai: Xai) -> None:
    whales = xai.collection()
    for number in range(2):
        event = asyncio.run(fire(trigger(whales, xai.document(whales, f"{number}.md"))))
        assert event["summary"]["processed"] == 1
    assert open_clients() == 0
