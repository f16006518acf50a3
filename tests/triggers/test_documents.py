"""XAIDocumentsProcessedTrigger: one wait, one event, whatever happens."""

from __future__ import annotations

import os
from typing import Any

import pytest

from airflow_provider_xai_collections.emulator import FaultRule, HttpReply, HttpRequest
from airflow_provider_xai_collections.triggers.documents import XAIDocumentsProcessedTrigger
from tests.conftest import API_KEY, MANAGEMENT_KEY, Connect, Logged, playing
from tests.operators.stage import FlyingTime, Xai, fire

SLOW = pytest.param(playing(indexing="reads:2"), id="slow")
STUCK = pytest.param(playing(stuck=("stuck*",)), id="stuck")
MANIFEST = {"version": 1, "collection_id": "collection_1", "total": 1, "added": 1, "already_there": 0}


def trigger(collection_id: str, *file_ids: str, **arguments: Any) -> XAIDocumentsProcessedTrigger:
    return XAIDocumentsProcessedTrigger(collection_id=collection_id, file_ids=file_ids or None, **arguments)


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


async def test_the_team_is_sent_with_every_poll(xai: Xai) -> None:
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
async def test_a_deadline_that_has_passed_still_allows_one_poll(xai: Xai, clock: FlyingTime) -> None:
    whales = xai.collection()
    stuck, done = xai.document(whales, "stuck.md"), xai.document(whales, "done.md")
    late = clock.time() - 3600
    assert (await fire(trigger(whales, done, deadline=late)))["summary"]["end"] == "settled"
    assert (await fire(trigger(whales, stuck, deadline=late)))["summary"]["end"] == "timed_out"
    assert xai.emulator.counts == {"batch_get_documents": 2}


async def test_five_polls_in_a_row_may_fail_the_sixth_is_the_event(xai: Xai, connect: Connect) -> None:
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


@pytest.mark.parametrize(("file_ids", "documents"), [(["file_1", "file_2"], "2 documents"), (None, "documents")])
async def test_when_a_user_cancels_the_task_it_says_what_goes_on(
    logged: Logged, file_ids: list[str] | None, documents: str
) -> None:
    await XAIDocumentsProcessedTrigger(collection_id="collection_1", file_ids=file_ids).on_kill()
    said = logged()
    assert f"collection_1: cancelled while waiting for {documents}. Indexing goes on at xAI" in said
    assert "Run again, the task finds what is there" in said


async def test_a_redeploy_says_nothing(logged: Logged) -> None:
    await XAIDocumentsProcessedTrigger(collection_id="collection_1").cleanup()
    assert "collection_1" not in logged()


@pytest.mark.parametrize("emulator_settings", [STUCK])
@pytest.mark.parametrize("jump", [86_400.0, -86_400.0])
async def test_a_wall_clock_that_is_set_meanwhile_ends_no_wait(
    xai: Xai, clock: FlyingTime, monkeypatch: pytest.MonkeyPatch, jump: float
) -> None:
    whales = xai.collection()
    stuck, missing = xai.document(whales, "stuck.md"), xai.document(whales, "missing.md")
    xai.hook.remove_document(collection_id=whales, file_id=missing)
    deadline, set_by, handle = clock.time() + 600, [0.0], xai.emulator.handle

    def handle_and_set(request: HttpRequest) -> HttpReply:
        set_by[0] = jump
        return handle(request)

    monkeypatch.setattr("time.time", lambda: clock.time() + set_by[0])
    monkeypatch.setattr(xai.emulator, "handle", handle_and_set)
    clock.pauses.clear()
    event = await fire(trigger(whales, stuck, missing, deadline=deadline, poll_interval=30.0))
    assert (event["summary"]["end"], event["summary"]["missing_ids"]) == ("timed_out", [missing])
    assert sum(clock.pauses) == pytest.approx(600, abs=5)
