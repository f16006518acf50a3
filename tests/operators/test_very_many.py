"""Waits for very many documents: no row of Airflow's database grows with them, and the verdict is the same."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowSensorTimeout, TaskDeferred

from airflow_provider_xai_collections.airflow_errors import XAIFailException
from airflow_provider_xai_collections.api.endpoints import UPLOAD_FILE
from airflow_provider_xai_collections.emulator import FaultRule
from airflow_provider_xai_collections.exceptions import XAIError, XAIIndexingError, XAITimeoutError
from airflow_provider_xai_collections.operators.documents import XAIAddDocumentsOperator
from airflow_provider_xai_collections.operators.ingest import XAIIngestDocumentsOperator
from airflow_provider_xai_collections.sensors.documents import XAIDocumentsProcessedSensor
from airflow_provider_xai_collections.waits.deferring import BACKSTOP, KEY, ROOM_FOR_WATCHED
from tests.conftest import API_KEY, playing
from tests.emulator.caller import encode, upload
from tests.operators.stage import FlyingTime, Xai, deferring, finish, run, write

LIMIT = 16 * 1024
#: Three triggers' worth.
MANY = 3 * ROOM_FOR_WATCHED // 46


def task(**arguments: Any) -> XAIAddDocumentsOperator:
    return XAIAddDocumentsOperator(**{"task_id": "add", "deferrable": True, **arguments})


def files(xai: Xai, count: int, name: str = "good") -> list[str]:
    """New files, handed to the emulator without a socket in between: they are many."""
    made = []
    for number in range(count):
        request = encode(UPLOAD_FILE.request(upload=upload(f"{name}{number}.md", b"a whale")))
        reply = xai.emulator.handle(replace(request, headers={**request.headers, "authorization": f"Bearer {API_KEY}"}))
        made.append(reply.json()["id"])
    xai.forget()
    return made


def rows(deferred: TaskDeferred, xcoms: dict[str, str]) -> list[str]:
    """What the database keeps of a task that waits."""
    return [json.dumps(deferred.trigger.serialize()), json.dumps(deferred.kwargs), *xcoms.values()]


class Waited:
    """A task that was run to its end."""

    def __init__(self) -> None:
        self.xcoms: dict[str, str] = {}
        self.deferrals: list[TaskDeferred] = []

    async def to_the_end(self, task: Any, again: Any) -> Any:
        """Every resumption is one of a new task object; no row is larger than it may be."""
        with deferring() as caught:
            run(task, xcoms=self.xcoms)
        while True:
            self.deferrals.append(caught[0])
            assert max(map(len, rows(caught[0], self.xcoms))) < LIMIT
            try:
                result = await finish(caught[0], again, xcoms=self.xcoms)
            except TaskDeferred as deferred:
                caught = [deferred]
            else:
                assert len(json.dumps(result)) < LIMIT
                return result


@pytest.fixture
def waited() -> Waited:
    return Waited()


@pytest.mark.parametrize("emulator_settings", [playing(indexing="reads:2", fail_names=("bad*",))])
async def test_five_thousand_wait_in_small_rows_and_the_failed_ones_are_named(xai: Xai, waited: Waited) -> None:
    whales = xai.collection()
    ids = [*files(xai, 4_500), *files(xai, 3, "bad"), *files(xai, 497)]
    arguments = {"collection_id": whales, "file_ids": ids, "on_failed": "threshold", "max_failed": 3}
    manifest = await waited.to_the_end(task(**arguments), task(**arguments))
    assert (manifest["total"], manifest["file_ids"]) == (5_000, [])
    assert (manifest["wait"]["processed"], manifest["wait"]["failed"], manifest["wait"]["pending"]) == (4_997, 3, 0)
    assert [failure["file_id"] for failure in manifest["wait"]["failures"]] == ids[4_500:4_503]
    assert len(waited.deferrals) > 1


SLOW = pytest.param(playing(indexing="reads:3", fail_names=("bad*",)), id="slow")
STUCK = pytest.param(playing(stuck=("stuck*",), fail_names=("bad*",)), id="stuck")


@pytest.mark.parametrize("emulator_settings", [SLOW])
async def test_the_failed_ones_fail_the_task_by_name_whichever_part_they_are_in(xai: Xai, waited: Waited) -> None:
    whales = xai.collection()
    ids = [*files(xai, 1, "bad-first"), *files(xai, MANY), *files(xai, 1, "bad-last")]
    arguments = {"collection_id": whales, "file_ids": ids}
    with pytest.raises(XAIIndexingError, match=rf"2 of {MANY + 2} documents .*bad-first0\.md.*bad-last0\.md"):
        await waited.to_the_end(task(**arguments), task(**arguments))
    assert {deferred.method_name for deferred in waited.deferrals} == {"execute_part_complete"}


@pytest.mark.parametrize("emulator_settings", [SLOW])
async def test_the_trigger_of_a_part_knows_what_that_of_few_documents_knows(xai: Xai, waited: Waited) -> None:
    whales, ids = xai.collection(), files(xai, MANY)
    arguments = {"collection_id": whales, "file_ids": ids, "timeout": 600, "poll_interval": 7, "stall_timeout": 60}
    began = FlyingTime().time()
    await waited.to_the_end(task(team_id="team_7", **arguments), task(team_id="team_7", **arguments))
    ended = FlyingTime().time()
    first = waited.deferrals[0]
    kwargs = first.trigger.serialize()[1]
    assert first.timeout is not None
    assert began + 600 <= kwargs["deadline"] <= ended + 600
    assert 600 + BACKSTOP - (ended - began) <= first.timeout.total_seconds() <= 600 + BACKSTOP
    assert kwargs["file_ids"] == ids[: len(kwargs["file_ids"])]
    expected = {"collection_id": whales, "poll_interval": 7.0, "stall_timeout": 60.0, "team_id": "team_7"}
    assert {name: kwargs[name] for name in expected} == expected
    assert {query["team_id"] for query in xai.queries("batch_get_documents")} == {"team_7"}


async def test_documents_that_are_processed_when_the_last_one_is_in_place_cost_no_trigger(xai: Xai) -> None:
    xcoms: dict[str, str] = {}
    manifest = run(task(collection_id=xai.collection(), file_ids=files(xai, MANY)), xcoms=xcoms)
    assert (manifest["wait"]["end"], manifest["wait"]["processed"]) == ("settled", MANY)
    assert xcoms == {}


@pytest.mark.parametrize("emulator_settings", [STUCK])
async def test_only_those_in_progress_are_watched_and_kept(xai: Xai) -> None:
    ids, stuck, xcoms = files(xai, MANY), files(xai, 2, "stuck"), dict[str, str]()
    with deferring() as deferred:
        run(task(collection_id=xai.collection(), file_ids=[*ids, *stuck]), xcoms=xcoms)
    assert deferred[0].trigger.serialize()[1]["file_ids"] == stuck
    assert xcoms.keys() == {KEY, f"{KEY}_0"}


@pytest.mark.parametrize("emulator_settings", [STUCK])
@pytest.mark.parametrize(
    ("patience", "why"), [({"timeout": 600}, "time ran out"), ({"stall_timeout": 60}, "no document moved")]
)
async def test_time_that_runs_out_in_one_part_ends_the_wait_for_all(
    xai: Xai, waited: Waited, patience: dict[str, Any], why: str
) -> None:
    whales, ids = xai.collection(), [*files(xai, MANY, "stuck"), *files(xai, 1, "bad")]
    arguments = {"collection_id": whales, "file_ids": ids, **patience}
    with pytest.raises(XAITimeoutError, match=rf"{why}.*{MANY} of {MANY + 1} .*{ids[0]}.*1 failed: bad0\.md"):
        await waited.to_the_end(task(**arguments), task(**arguments))
    assert len(waited.deferrals) == 1


@pytest.mark.parametrize("emulator_settings", [STUCK])
async def test_a_deadline_is_that_of_the_whole_wait(xai: Xai, waited: Waited, clock: FlyingTime) -> None:
    whales, ids = xai.collection(), files(xai, MANY, "stuck")
    with deferring() as first:
        run(task(collection_id=whales, file_ids=ids, timeout=600), xcoms=waited.xcoms)
    for file_id in first[0].trigger.serialize()[1]["file_ids"]:
        xai.hook.remove_document(collection_id=whales, file_id=file_id)
    again = task(collection_id=whales, file_ids=ids, timeout=600)
    with deferring() as second:
        await finish(first[0], again, xcoms=waited.xcoms)
    assert [one[0].trigger.serialize()[1]["deadline"] for one in (first, second)].count(
        first[0].trigger.serialize()[1]["deadline"]
    ) == 2
    assert second[0].timeout is not None
    assert first[0].timeout is not None
    assert second[0].timeout < first[0].timeout, "the grace for those that were missing has passed"
    gone = len(first[0].trigger.serialize()[1]["file_ids"])
    with pytest.raises(XAITimeoutError, match=rf"{gone} are no longer in the collection \({ids[0]}"):
        await finish(second[0], again, xcoms=waited.xcoms)


@pytest.mark.parametrize("emulator_settings", [SLOW])
async def test_looks_that_fail_leave_the_documents_to_the_trigger(xai: Xai, waited: Waited) -> None:
    whales, ids = xai.collection(), files(xai, MANY)
    xai.emulator.set_faults(FaultRule(endpoint="batch_get_documents", times=6, status=503))
    arguments = {"collection_id": whales, "file_ids": ids}
    manifest = await waited.to_the_end(task(**arguments), task(**arguments))
    assert manifest["wait"]["processed"] == MANY


@pytest.mark.parametrize("emulator_settings", [SLOW])
async def test_an_error_that_is_final_fails_the_task_at_the_look_and_in_the_trigger(xai: Xai) -> None:
    whales, ids, xcoms = xai.collection(), files(xai, MANY), dict[str, str]()
    xai.emulator.set_faults(FaultRule(endpoint="batch_get_documents", status=403))
    with pytest.raises(XAIFailException, match="403"):
        run(task(collection_id=whales, file_ids=ids))
    xai.emulator.set_faults()
    again = task(collection_id=whales, file_ids=ids)
    with deferring() as deferred:
        run(again, xcoms=xcoms)
    xai.hook.delete_collection(collection_id=whales)
    with pytest.raises(XAIFailException, match=f"{whales}.*404"):
        await finish(deferred[0], again, xcoms=xcoms)


@pytest.mark.parametrize("emulator_settings", [SLOW])
async def test_what_was_kept_and_is_gone_fails_loudly(xai: Xai) -> None:
    again = task(collection_id=xai.collection(), file_ids=files(xai, MANY))
    with deferring() as deferred:
        run(again)
    with pytest.raises(XAIError, match=r"a WaitProgress of another version.*Clear the task to run it again"):
        await finish(deferred[0], again)


@pytest.mark.parametrize("emulator_settings", [playing(indexing="reads:3", fail_names=("bad*", "theirs*"))])
async def test_an_ingestion_is_not_blamed_for_others_of_its_scope(xai: Xai, waited: Waited, tmp_path: Any) -> None:
    whales = xai.collection()
    ours = {f"{number}.md": f"no {number}" for number in range(MANY)}
    folder, theirs = write(tmp_path / "ours", {**ours, "bad.md": "bad"}), write(tmp_path / "more", {"theirs.md": "x"})
    ingest: dict[str, Any] = {"task_id": "ingest", "collection_id": whales, "deferrable": True, "on_failed": "ignore"}
    run(XAIIngestDocumentsOperator(**ingest, paths=theirs, wait_for_completion=False))
    again = XAIIngestDocumentsOperator(**ingest, paths=folder)
    manifest = await waited.to_the_end(again, again)
    assert [failure["name"] for failure in manifest["wait"]["failures"]] == ["bad.md"]
    assert (manifest["added"], manifest["wait"]["processed"]) == (MANY + 1, MANY)


@pytest.mark.parametrize("emulator_settings", [playing(indexing="reads:4", fail_names=("bad*",))])
async def test_a_sensor_waits_for_very_many_as_well(xai: Xai, waited: Waited) -> None:
    whales, ids = xai.collection(), [*files(xai, MANY), *files(xai, 1, "bad")]
    run(task(collection_id=whales, file_ids=ids, wait_for_completion=False))
    sensor = XAIDocumentsProcessedSensor(
        task_id="wait", collection_id=whales, file_ids=ids, on_failed="ignore", deferrable=True, timeout=36_000
    )
    summary = await waited.to_the_end(sensor, sensor)
    assert (summary["processed"], summary["failed"]) == (MANY, 1)


@pytest.mark.parametrize("emulator_settings", [STUCK])
async def test_a_sensor_of_very_many_times_out(xai: Xai, waited: Waited) -> None:
    whales, ids = xai.collection(), files(xai, MANY, "stuck")
    run(task(collection_id=whales, file_ids=ids, wait_for_completion=False))
    sensor = XAIDocumentsProcessedSensor(
        task_id="wait", collection_id=whales, file_ids=ids, deferrable=True, timeout=600
    )
    with pytest.raises(AirflowSensorTimeout, match=f"{MANY} of {MANY} documents are still in progress"):
        await waited.to_the_end(sensor, sensor)


async def test_ids_that_fit_into_a_trigger_are_in_it_and_in_no_xcom(xai: Xai) -> None:
    whales, xcoms = xai.collection(), dict[str, str]()
    ids = files(xai, 150)
    with deferring() as deferred:
        run(task(collection_id=whales, file_ids=ids), xcoms=xcoms)
    assert deferred[0].trigger.serialize()[1]["file_ids"] == ids
    assert max(map(len, rows(deferred[0], xcoms))) < LIMIT
    assert xcoms == {}
