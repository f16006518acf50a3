"""XAIDocumentsProcessedTrigger: one wait, one event, whatever happens."""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import re
from typing import Any

import pytest

from airflow_provider_xai_collections.emulator import FaultRule, HttpReply, HttpRequest
from airflow_provider_xai_collections.triggers.documents import XAIDocumentsProcessedTrigger
from tests.conftest import API_KEY, MANAGEMENT_KEY, Connect, playing
from tests.operators.stage import FlyingTime, Xai, fire
from tests.triggers.clients import open_clients

SLOW = pytest.param(playing(indexing="reads:2"), id="slow")
STUCK = pytest.param(playing(stuck=("stuck*",)), id="stuck")
MANIFEST = {"version": 1, "collection_id": "collection_1", "total": 1, "added": 1, "already_there": 0}
EVERYTHING: dict[str, Any] = {
    "collection_id": "collection_1",
    "file_ids": ["file_1", "file_2"],
    "filter": 'name:"moby"',
    "team_id": "team_7",
    "conn_id": "xai_other",
    "deadline": 1_800_000_000.5,
    "at_deadline": "execution_timed_out",
    "poll_interval": 7.0,
    "stall_timeout": 60.0,
    "manifest": MANIFEST,
}


def trigger(collection_id: str, *file_ids: str, **arguments: Any) -> XAIDocumentsProcessedTrigger:
    return XAIDocumentsProcessedTrigger(collection_id=collection_id, file_ids=file_ids or None, **arguments)


def test_serialized_and_rebuilt_it_is_the_same() -> None:
    path, kwargs = XAIDocumentsProcessedTrigger(**EVERYTHING).serialize()
    assert path == "airflow_provider_xai_collections.triggers.documents.XAIDocumentsProcessedTrigger"
    assert kwargs == EVERYTHING
    stored = json.loads(json.dumps(kwargs))
    assert XAIDocumentsProcessedTrigger(**stored).serialize() == (path, kwargs)


def test_no_argument_is_left_out_and_all_but_the_collection_have_defaults() -> None:
    parameters = inspect.signature(XAIDocumentsProcessedTrigger).parameters
    assert parameters.keys() == EVERYTHING.keys()
    assert [name for name, one in parameters.items() if one.default is inspect.Parameter.empty] == ["collection_id"]


@pytest.mark.parametrize("emulator_settings", [SLOW])
async def test_it_fires_once_when_all_are_processed(xai: Xai) -> None:
    whales = xai.collection()
    files = [xai.document(whales, "a.md"), xai.document(whales, "b.md")]
    event = await fire(trigger(whales, *files, manifest=MANIFEST))
    assert (event["summary"]["end"], event["summary"]["processed"]) == ("settled", 2)
    assert event["manifest"]["added"] == 1


@pytest.mark.parametrize("emulator_settings", [SLOW])
async def test_it_watches_the_given_documents_or_those_of_the_collection_that_match(xai: Xai) -> None:
    whales = xai.collection()
    first, _, _ = (xai.document(whales, name) for name in ("moby.md", "moby two.md", "other.md"))
    assert (await fire(trigger(whales, first)))["summary"]["processed"] == 1
    assert (await fire(trigger(whales, filter='name:"moby"')))["summary"]["processed"] == 1
    assert (await fire(trigger(whales)))["summary"]["processed"] == 1
    assert (await fire(trigger(whales)))["summary"]["processed"] == 3


@pytest.mark.parametrize("emulator_settings", [playing(list_lag_reads=4)])
async def test_a_collection_is_looked_at_again_as_long_as_it_says_it_has_more_documents(xai: Xai) -> None:
    whales = xai.collection()
    for number in range(11):
        xai.document(whales, f"{number}.md")
    assert (await fire(trigger(whales)))["summary"]["processed"] == 11


async def test_the_team_is_sent_with_every_look(xai: Xai) -> None:
    whales = xai.collection()
    file = xai.document(whales)
    await fire(trigger(whales, file, team_id="team_7"))
    await fire(trigger(whales, team_id="team_7"))
    for endpoint in ("batch_get_documents", "list_documents", "get_collection"):
        assert {query["team_id"] for query in xai.queries(endpoint)} == {"team_7"}


async def test_the_connection_is_the_one_it_is_told(xai: Xai, monkeypatch: pytest.MonkeyPatch) -> None:
    whales = xai.collection()
    file = xai.document(whales)
    monkeypatch.setenv("AIRFLOW_CONN_XAI_OTHER", os.environ.pop("AIRFLOW_CONN_XAI_COLLECTIONS_DEFAULT"))
    assert (await fire(trigger(whales, file, conn_id="xai_other")))["summary"]["processed"] == 1


@pytest.mark.parametrize("emulator_settings", [STUCK])
async def test_it_gives_up_at_the_deadline_with_the_documents_in_progress(xai: Xai, clock: FlyingTime) -> None:
    whales = xai.collection()
    stuck = xai.document(whales, "stuck.md")
    event = await fire(trigger(whales, stuck, deadline=clock.time() + 600, poll_interval=30.0))
    assert (event["summary"]["end"], event["summary"]["pending_ids"]) == ("timed_out", [stuck])
    assert sum(clock.pauses) == pytest.approx(600, abs=5)
    assert max(clock.pauses) <= 30.0


@pytest.mark.parametrize("emulator_settings", [STUCK])
async def test_a_deadline_that_has_passed_still_allows_one_look(xai: Xai, clock: FlyingTime) -> None:
    whales = xai.collection()
    stuck, done = xai.document(whales, "stuck.md"), xai.document(whales, "done.md")
    late = clock.time() - 3600
    assert (await fire(trigger(whales, done, deadline=late)))["summary"]["end"] == "settled"
    assert (await fire(trigger(whales, stuck, deadline=late)))["summary"]["end"] == "timed_out"
    assert xai.emulator.counts == {"batch_get_documents": 2}


@pytest.mark.parametrize("emulator_settings", [STUCK])
async def test_it_gives_up_when_nothing_moves(xai: Xai) -> None:
    whales = xai.collection()
    stuck = xai.document(whales, "stuck.md")
    event = await fire(trigger(whales, stuck, stall_timeout=60.0))
    assert (event["summary"]["end"], event["summary"]["pending"]) == ("stalled", 1)


async def test_a_document_that_vanished_is_reported_after_a_while(xai: Xai, clock: FlyingTime) -> None:
    whales = xai.collection()
    gone = xai.document(whales)
    xai.hook.remove_document(collection_id=whales, file_id=gone)
    event = await fire(trigger(whales, gone))
    assert (event["summary"]["end"], event["summary"]["missing_ids"]) == ("settled", [gone])
    assert sum(clock.pauses) >= 60


@pytest.mark.parametrize("emulator_settings", [playing(fail_names=("bad*",))])
async def test_a_document_that_failed_is_reported_with_its_reason(xai: Xai) -> None:
    whales = xai.collection()
    bad = xai.document(whales, "bad.md")
    [failure] = (await fire(trigger(whales, bad)))["summary"]["failures"]
    assert failure == {"file_id": bad, "name": "bad.md", "reason": "failed on order of fail_names"}


async def test_five_looks_in_a_row_may_fail_the_sixth_is_the_event(xai: Xai, connect: Connect) -> None:
    whales = xai.collection()
    file = xai.document(whales)
    connect(retry_attempts=1)
    xai.emulator.set_faults(FaultRule(endpoint="batch_get_documents", times=5, status=503))
    assert (await fire(trigger(whales, file)))["summary"]["processed"] == 1
    xai.emulator.set_faults(FaultRule(endpoint="batch_get_documents", times=6, status=503))
    event = await fire(trigger(whales, file, manifest=MANIFEST))
    assert (event["summary"], event["error_type"]) == (None, "XAIServerError")
    assert "503" in event["error"]
    assert event["manifest"]["total"] == 1


async def test_an_error_becomes_an_event_that_names_it_and_no_key(xai: Xai, connect: Connect) -> None:
    event = await fire(trigger("collection_42", "file_1"))
    assert event["error_type"] == "XAINotFoundError"
    assert "collection_42" in event["error"]
    connect(password="xai-token-wrong")
    event = await fire(trigger("collection_42", "file_1"))
    assert event["error_type"] == "XAIAuthError"
    assert not any(key in str(event) for key in (MANAGEMENT_KEY, API_KEY, "xai-token-wrong"))


async def test_an_error_that_is_not_ours_becomes_an_event_too(xai: Xai) -> None:
    event = await fire(trigger("collection_1", "file_1", conn_id="nobody_knows"))
    assert event["error_type"] is None
    assert "in the trigger" in event["error"]
    assert "nobody_knows" in event["error"]
    assert "poll_interval is 0" in (await fire(trigger("collection_1", "file_1", poll_interval=0)))["error"]


@pytest.mark.parametrize("emulator_settings", [STUCK])
async def test_cancelled_it_closes_its_connections(xai: Xai) -> None:
    whales = xai.collection()
    stuck = xai.document(whales, "stuck.md")
    running = asyncio.create_task(fire(trigger(whales, stuck)))
    while not xai.emulator.count("batch_get_documents"):  # noqa: ASYNC110 - the emulator is in another thread
        await asyncio.sleep(0.001)
    assert open_clients() == 1
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert open_clients() == 0


@pytest.mark.parametrize(
    ("of_the_task", "then"),
    [
        ({"file_ids": ["file_1", "file_2"]}, "for 2 documents. .* Run again, the task looks again"),
        ({}, "for documents. "),
        ({"manifest": {"reindexed": 0}}, "Run again, the task finds what is there and does the rest"),
        ({"manifest": {"reindexed": 2}}, "Run again, the task indexes documents anew"),
    ],
)
async def test_when_a_user_ends_the_task_it_says_what_goes_on(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture, of_the_task: dict[str, Any], then: str
) -> None:
    await XAIDocumentsProcessedTrigger(collection_id="collection_1", **of_the_task).on_kill()
    said = "".join(capfd.readouterr()) + caplog.text
    assert "collection_1: told to end while waiting for " in said
    assert "Indexing goes on at xAI" in said
    assert re.search(then, said)


async def test_a_redeploy_says_nothing(capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
    await XAIDocumentsProcessedTrigger(collection_id="collection_1").cleanup()
    assert "collection_1" not in "".join(capfd.readouterr()) + caplog.text


@pytest.mark.parametrize("emulator_settings", [STUCK])
@pytest.mark.parametrize("jump", [86_400.0, -86_400.0])
async def test_a_wall_clock_that_is_set_meanwhile_ends_no_wait(
    xai: Xai, clock: FlyingTime, monkeypatch: pytest.MonkeyPatch, jump: float
) -> None:
    whales = xai.collection()
    stuck, gone = xai.document(whales, "stuck.md"), xai.document(whales, "gone.md")
    xai.hook.remove_document(collection_id=whales, file_id=gone)
    deadline, set_by, handle = clock.time() + 600, [0.0], xai.emulator.handle

    def handle_and_set(request: HttpRequest) -> HttpReply:
        set_by[0] = jump
        return handle(request)

    monkeypatch.setattr("time.time", lambda: clock.time() + set_by[0])
    monkeypatch.setattr(xai.emulator, "handle", handle_and_set)
    clock.pauses.clear()
    event = await fire(trigger(whales, stuck, gone, deadline=deadline, poll_interval=30.0))
    assert (event["summary"]["end"], event["summary"]["missing_ids"]) == ("timed_out", [gone])
    assert sum(clock.pauses) == pytest.approx(600, abs=5)
