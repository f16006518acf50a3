"""Waits for very many documents: no row of Airflow's database grows with them, and the outcome is the same."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowSensorTimeout, TaskDeferred

from airflow_provider_xai_collections.airflow_errors import XAIFailException
from airflow_provider_xai_collections.api.endpoints import UPLOAD_FILE
from airflow_provider_xai_collections.emulator import FaultRule
from airflow_provider_xai_collections.exceptions import XAIIndexingError, XAITimeoutError
from airflow_provider_xai_collections.operators.documents import XAIAddDocumentsOperator
from airflow_provider_xai_collections.sensors.documents import XAIDocumentsProcessedSensor
from tests.conftest import API_KEY, playing
from tests.emulator.caller import encode, upload
from tests.operators.stage import FlyingTime, Xai, deferring, finish, run

LIMIT = 16 * 1024
#: More than one trigger watches.
MANY = 200


def task(collection_id: str, file_ids: list[str], **arguments: Any) -> XAIAddDocumentsOperator:
    arguments = {"deferrable": True, **arguments}
    return XAIAddDocumentsOperator(task_id="add", collection_id=collection_id, file_ids=file_ids, **arguments)


def files(xai: Xai, count: int, name: str = "good") -> list[str]:
    """Make files, handed to the emulator without a socket in between: they are many."""
    made = []
    for number in range(count):
        request = encode(UPLOAD_FILE.request(upload=upload(f"{name}{number}.md", b"a whale")))
        reply = xai.emulator.handle(replace(request, headers={**request.headers, "authorization": f"Bearer {API_KEY}"}))
        made.append(reply.json()["id"])
    xai.forget()
    return made


def watched(deferred: TaskDeferred) -> list[str]:
    found: list[str] = deferred.trigger.serialize()[1]["file_ids"]
    return found


async def to_the_end(task: Any) -> tuple[Any, list[TaskDeferred]]:
    """Run a task; return its result and each deferral. Nothing that is kept of it is larger than it may be."""
    xcoms: dict[str, str] = {}
    deferrals: list[TaskDeferred] = []
    with deferring() as caught:
        run(task, xcoms=xcoms)
    while True:
        deferrals.append(caught[0])
        assert len(json.dumps(caught[0].trigger.serialize())) < LIMIT
        assert xcoms == {}
        try:
            result = await finish(caught[0], task, xcoms=xcoms)
        except TaskDeferred as deferred:
            caught = [deferred]
        else:
            assert len(json.dumps(result)) < LIMIT
            return result, deferrals


SLOW = pytest.mark.parametrize("emulator_settings", [playing(indexing="reads:3", fail_names=("bad*",))])
STUCK = pytest.mark.parametrize("emulator_settings", [playing(stuck=("stuck*",), fail_names=("bad*",))])


@pytest.mark.parametrize("emulator_settings", [playing(indexing="reads:7", fail_names=("bad*",))])
@pytest.mark.parametrize("max_failed", [0, 3])
async def test_the_failed_ones_are_named_wherever_they_are(xai: Xai, max_failed: float) -> None:
    whales = xai.collection()
    ids = [*files(xai, 1, "bad-first"), *files(xai, MANY), *files(xai, 1, "bad-middle"), *files(xai, MANY)]
    ids += files(xai, 1, "bad-last")
    adding = task(whales, ids, max_failed=max_failed)
    if max_failed == 0:
        named = r"bad-first0\.md.*bad-middle0\.md.*bad-last0\.md"
        with pytest.raises(XAIIndexingError, match=rf"3 of {len(ids)} documents .*{named}"):
            await to_the_end(adding)
        return
    manifest, deferrals = await to_the_end(adding)
    wait = manifest["wait"]
    assert (manifest["total"], manifest["file_ids"]) == (len(ids), [])
    assert (wait["processed"], wait["failed"], wait["pending"]) == (len(ids) - 3, 3, 0)
    assert [failure["file_id"] for failure in wait["failures"]] == [ids[0], ids[MANY + 1], ids[-1]]
    assert len(deferrals) > 1


@SLOW
async def test_the_trigger_watches_the_last_ones_with_all_that_the_task_knows(xai: Xai) -> None:
    whales, ids = xai.collection(), files(xai, MANY)
    adding = task(whales, ids, timeout=600, poll_interval=7, team_id="team_7")
    began = FlyingTime().time()
    _, deferrals = await to_the_end(adding)
    ended = FlyingTime().time()
    kwargs = deferrals[0].trigger.serialize()[1]
    assert began + 600 <= kwargs["deadline"] <= ended + 600
    assert watched(deferrals[0]) == ids[-len(watched(deferrals[0])) :]
    assert len(watched(deferrals[0])) < MANY
    expected = {"collection_id": whales, "poll_interval": 7.0, "team_id": "team_7"}
    assert {name: kwargs[name] for name in expected} == expected
    assert {query["team_id"] for query in xai.queries("batch_get_documents")} == {"team_7"}


async def test_documents_that_are_processed_at_once_cost_no_trigger(xai: Xai) -> None:
    manifest = run(task(xai.collection(), files(xai, MANY)))
    assert (manifest["wait"]["end"], manifest["wait"]["processed"]) == ("settled", MANY)


@STUCK
async def test_only_those_in_progress_are_watched(xai: Xai) -> None:
    ids, stuck = files(xai, MANY), files(xai, 2, "stuck")
    with deferring() as deferred:
        run(task(xai.collection(), [*ids, *stuck]))
    assert watched(deferred[0]) == stuck


@STUCK
async def test_a_timeout_names_all_kinds_of_documents(xai: Xai) -> None:
    ids = [*files(xai, MANY, "stuck"), *files(xai, 1, "bad")]
    said = rf"time ran out.*{MANY} of {MANY + 1} .*{ids[0]}.*1 failed: bad0\.md"
    with pytest.raises(XAITimeoutError, match=said):
        await to_the_end(task(xai.collection(), ids, timeout=600))


@STUCK
async def test_a_deadline_is_that_of_the_whole_wait(xai: Xai) -> None:
    whales, ids = xai.collection(), files(xai, MANY, "stuck")
    adding = task(whales, ids, timeout=600)
    with deferring() as first:
        run(adding)
    removed = watched(first[0])
    for file_id in removed:
        xai.hook.remove_document(collection_id=whales, file_id=file_id)
    with deferring() as second:
        await finish(first[0], adding)
    deadlines = [one[0].trigger.serialize()[1]["deadline"] for one in (first, second)]
    assert deadlines[0] == deadlines[1]
    assert second[0].timeout is not None
    assert first[0].timeout is not None
    assert second[0].timeout < first[0].timeout, "time has passed until those that are missing were given up"
    with pytest.raises(XAITimeoutError, match=rf"{len(removed)} no longer in the collection \({removed[0]}"):
        await finish(second[0], adding)


@SLOW
async def test_an_error_that_is_final_fails_the_task_before_and_after_the_wait(xai: Xai) -> None:
    whales, ids = xai.collection(), files(xai, MANY)
    xai.emulator.set_faults(FaultRule(endpoint="batch_get_documents", status=403))
    with pytest.raises(XAIFailException, match="403"):
        run(task(whales, ids))
    xai.emulator.set_faults()
    with deferring() as deferred:
        run(task(whales, ids))
    xai.hook.delete_collection(collection_id=whales)
    with pytest.raises(XAIFailException, match=f"{whales}.*404"):
        await finish(deferred[0], task(whales, ids))


@pytest.mark.parametrize("emulator_settings", [playing(indexing="reads:6", fail_names=("bad*",))])
async def test_a_sensor_waits_for_very_many_as_well(xai: Xai) -> None:
    whales, ids = xai.collection(), [*files(xai, MANY), *files(xai, 1, "bad")]
    run(task(whales, ids, wait_for_completion=False))
    sensor = XAIDocumentsProcessedSensor(
        task_id="wait", collection_id=whales, file_ids=ids, max_failed=None, deferrable=True, timeout=36_000
    )
    summary, deferrals = await to_the_end(sensor)
    assert (summary["processed"], summary["failed"]) == (MANY, 1)
    assert len(deferrals) > 1


@STUCK
async def test_a_sensor_of_very_many_times_out(xai: Xai) -> None:
    whales, ids = xai.collection(), files(xai, MANY, "stuck")
    run(task(whales, ids, wait_for_completion=False))
    sensor = XAIDocumentsProcessedSensor(
        task_id="wait", collection_id=whales, file_ids=ids, deferrable=True, timeout=600
    )
    with pytest.raises(AirflowSensorTimeout, match=f"{MANY} of {MANY} documents still in progress"):
        await to_the_end(sensor)
