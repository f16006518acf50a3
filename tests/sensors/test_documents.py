"""XAIDocumentsProcessedSensor: in every mode it ends when the documents do."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import (
    AirflowException,
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
    TaskDeferred,
)

from airflow_provider_xai_collections.emulator import FaultRule
from airflow_provider_xai_collections.exceptions import XAIInterruptedError
from airflow_provider_xai_collections.sensors.documents import XAIDocumentsProcessedSensor
from airflow_provider_xai_collections.waits.deferral import BACKSTOP, ROOM_FOR_WATCHED
from tests.conftest import Connect, Logged, playing
from tests.operators.stage import FlyingTime, Xai, context, deferring, finish, run, to_the_end

try:
    from airflow.sdk.exceptions import AirflowRescheduleException
except ImportError:  # Airflow 2
    from airflow.exceptions import AirflowRescheduleException

SLOW = pytest.param(playing(indexing="reads:2"), id="slow")
STUCK = pytest.param(playing(stuck=("stuck*",)), id="stuck")
FAILING = pytest.param(playing(fail_names=("bad*",)), id="failing")


def sensor(collection_id: str, *file_ids: str, **arguments: Any) -> XAIDocumentsProcessedSensor:
    defaults: dict[str, Any] = {"task_id": "wait", "file_ids": list(file_ids) or None, "poke_interval": 0}
    return XAIDocumentsProcessedSensor(collection_id=collection_id, **{**defaults, **arguments})


@pytest.mark.parametrize("emulator_settings", [SLOW])
def test_it_pokes_until_its_documents_are_processed(xai: Xai) -> None:
    whales = xai.collection()
    first, _ = xai.document(whales, "a.md"), xai.document(whales, "b.md")
    summary = run(sensor(whales, first))
    assert (summary["processed"], summary["end"]) == (1, "settled")
    assert xai.emulator.counts == {"batch_get_documents": 9}


@pytest.mark.parametrize("emulator_settings", [SLOW])
def test_without_ids_it_watches_what_of_the_collection_is_unprocessed_and_matches(xai: Xai) -> None:
    whales = xai.collection()
    for name in ("moby.md", "moby two.md", "other.md"):
        xai.document(whales, name)
    assert run(sensor(whales, filter='name:"moby"'))["processed"] == 2
    assert run(sensor(whales))["processed"] == 1
    assert run(sensor(whales))["processed"] == 3, "where nothing is left to do, all that is there counts"


@pytest.mark.parametrize("emulator_settings", [SLOW])
def test_it_shows_how_far_the_documents_are(xai: Xai) -> None:
    whales, xcoms = xai.collection(), dict[str, str]()
    run(sensor(whales, xai.document(whales, "a.md"), xai.document(whales, "b.md")), xcoms=xcoms)
    shown = json.loads(xcoms["xai_progress"])
    assert (shown["stage"], shown["documents"], shown["total"]) == ("done", 2, 2)


def test_a_filter_that_matches_nothing_is_warned_of(xai: Xai, logged: Logged) -> None:
    whales = xai.collection()
    xai.document(whales)
    assert run(sensor(whales, filter='name:"dick"'))["processed"] == 0
    assert f"{whales}: there was no document to wait for" in logged()


def test_the_team_is_sent_with_every_poll(xai: Xai) -> None:
    whales = xai.collection()
    file = xai.document(whales)
    run(sensor(whales, file, team_id="team_7"))
    run(sensor(whales, team_id="team_7"))
    for endpoint in ("batch_get_documents", "list_documents", "get_collection"):
        assert {query["team_id"] for query in xai.queries(endpoint)} == {"team_7"}


@pytest.mark.parametrize("emulator_settings", [FAILING])
@pytest.mark.parametrize("deferrable", [False, True])
@pytest.mark.parametrize(
    ("wish", "end", "said"),
    [
        ({}, AirflowFailException, r"1 of 2 documents.*bad\.md \(file_"),
        ({"soft_fail": True}, AirflowSkipException, None),
        ({"never_fail": True}, AirflowSkipException, None),
    ],
    ids=["fail", "soft_fail", "never_fail"],
)
def test_a_failed_document_ends_it_at_once_with_its_name(
    xai: Xai, wish: dict[str, Any], end: type[Exception], said: str | None, deferrable: bool
) -> None:
    whales = xai.collection()
    files = [xai.document(whales, "a.md"), xai.document(whales, "bad.md")]
    with pytest.raises(end, match=said):
        run(sensor(whales, *files, deferrable=deferrable, **wish))


@pytest.mark.parametrize("emulator_settings", [FAILING])
@pytest.mark.parametrize("max_failed", [None, 0.5, 1])
@pytest.mark.parametrize("deferrable", [False, True])
def test_failures_that_are_tolerated_are_counted(xai: Xai, max_failed: float | None, deferrable: bool) -> None:
    whales = xai.collection()
    files = [xai.document(whales, "a.md"), xai.document(whales, "bad.md")]
    summary = run(sensor(whales, *files, deferrable=deferrable, max_failed=max_failed))
    assert (summary["processed"], summary["failed"]) == (1, 1)


@pytest.mark.parametrize("emulator_settings", [STUCK])
def test_a_time_out_names_the_documents(xai: Xai) -> None:
    whales = xai.collection()
    stuck, done = xai.document(whales, "stuck.md"), xai.document(whales, "done.md")
    with pytest.raises(
        AirflowSensorTimeout, match=rf"{whales}: 1 of 2 documents .*still in progress \(\w+.md \[{stuck}\]\)"
    ):
        run(sensor(whales, stuck, done, timeout=0.2, poke_interval=0.05))


@pytest.mark.parametrize("emulator_settings", [STUCK])
def test_a_time_out_is_a_skip_with_soft_fail(xai: Xai) -> None:
    whales = xai.collection()
    with pytest.raises(AirflowSkipException):
        run(sensor(whales, xai.document(whales, "stuck.md"), timeout=0.1, poke_interval=0.05, soft_fail=True))


def test_polls_that_fail_for_a_passing_reason_are_repeated(xai: Xai, connect: Connect) -> None:
    whales = xai.collection()
    file = xai.document(whales)
    connect(retry_attempts=1)
    xai.emulator.set_faults(FaultRule(times=8, status=503))
    assert run(sensor(whales, file))["processed"] == 1
    xai.emulator.set_faults(FaultRule(times=8, cut="before"))
    assert run(sensor(whales))["processed"] == 1


def test_a_document_that_vanished_ends_the_wait_after_a_while(xai: Xai, clock: FlyingTime) -> None:
    whales = xai.collection()
    missing = xai.document(whales)
    xai.hook.remove_document(collection_id=whales, file_id=missing)
    with pytest.raises(AirflowFailException, match=rf"1 .*no longer in the collection \({missing}\)"):
        run(sensor(whales, missing, poke_interval=30))
    assert clock.pauses == [30, 30]


@pytest.mark.parametrize("emulator_settings", [SLOW])
def test_rescheduled_each_poll_is_a_process_of_its_own(xai: Xai, monkeypatch: pytest.MonkeyPatch) -> None:
    whales = xai.collection()
    file = xai.document(whales)
    polls, summary, shown = 0, None, []
    while summary is None:
        polls += 1
        xcoms: dict[str, Any] = {}
        with suppress(AirflowRescheduleException):
            summary = rescheduled(sensor(whales, file, mode="reschedule"), monkeypatch, xcoms)
        shown.append(json.loads(xcoms["xai_progress"])["stage"])
    assert (polls, summary["processed"]) == (9, 1)
    assert shown == [*["indexing"] * 8, "done"]


def rescheduled(
    task: XAIDocumentsProcessedSensor,
    monkeypatch: pytest.MonkeyPatch,
    xcoms: dict[str, str] | None = None,
    *,
    hours_ago: float = 0,
) -> Any:
    """Run one poll of a sensor whose first was ``hours_ago``."""
    began, mine = datetime.now(UTC) - timedelta(hours=hours_ago), context(xcoms=xcoms)
    mine["ti"].get_first_reschedule_date = lambda _: began
    if hasattr(task, "deps"):  # Airflow 2 asks its database instead
        vars(mine["ti"]).update(max_tries=0, dag_id="dag", task_id="wait", run_id="run", map_index=-1)
        monkeypatch.setattr("airflow.sensors.base._orig_start_date", lambda **_: began)
    return task.execute(mine)


@pytest.mark.parametrize("emulator_settings", [SLOW])
@pytest.mark.parametrize("whole_collection", [False, True])
async def test_deferred_the_trigger_goes_on_and_a_new_sensor_finishes(xai: Xai, whole_collection: bool) -> None:
    whales = xai.collection()
    file = xai.document(whales)
    which: dict[str, Any] = {"filter": 'name:"moby"'} if whole_collection else {"file_ids": [file]}
    wait = sensor(whales, timeout=600, poke_interval=7, team_id="team_7", deferrable=True, **which)
    deferrals: list[TaskDeferred] = []
    assert (await to_the_end(wait, deferrals))["processed"] == 1
    (deferred,) = deferrals
    kwargs = deferred.trigger.serialize()[1]
    assert kwargs["deadline"] == pytest.approx(FlyingTime().time() + 600, abs=5)
    expected = {"file_ids": None, "filter": None, **which, "team_id": "team_7", "poll_interval": 7}
    assert {name: kwargs[name] for name in expected} == expected
    assert deferred.timeout == timedelta(seconds=600 + BACKSTOP)


@pytest.mark.parametrize("emulator_settings", [STUCK])
async def test_deferred_an_execution_timeout_ends_the_wait_if_it_comes_first(xai: Xai) -> None:
    whales = xai.collection()
    patience = timedelta(minutes=10)
    wait = sensor(whales, xai.document(whales, "stuck.md"), timeout=3600, deferrable=True, execution_timeout=patience)
    deferrals: list[TaskDeferred] = []
    with pytest.raises(AirflowSensorTimeout, match=r"time ran out \(execution_timeout is 10 minutes\)"):
        await to_the_end(wait, deferrals, start_date=datetime.now(UTC) - timedelta(seconds=400))
    (deferred,) = deferrals
    assert deferred.timeout is not None
    assert deferred.timeout.total_seconds() == pytest.approx(200 + BACKSTOP, abs=5)


@pytest.mark.parametrize("emulator_settings", [playing(indexing="reads:4", fail_names=("bad*",))])
async def test_deferred_of_many_documents_the_last_are_watched_and_then_all_are_polled(xai: Xai) -> None:
    whales, ids = xai.collection(), [*xai.files(1, "bad"), *xai.files(ROOM_FOR_WATCHED // 46 + 20)]
    xai.attach(whales, ids)
    deferrals: list[TaskDeferred] = []
    wait = sensor(whales, *ids, poke_interval=30, max_failed=1, deferrable=True, timeout=36_000)
    summary = await to_the_end(wait, deferrals)
    assert (summary["processed"], summary["failed"]) == (len(ids) - 1, 1)
    first, second, *_ = (each.trigger.serialize()[1] for each in deferrals)
    assert first["file_ids"] == ids[-len(first["file_ids"]) :]
    assert second["file_ids"] == ids[: -len(first["file_ids"])]
    assert second["deadline"] == first["deadline"]


@pytest.mark.parametrize("emulator_settings", [STUCK])
@pytest.mark.parametrize("count", [1, ROOM_FOR_WATCHED // 46 + 20])
async def test_deferred_a_time_out_is_a_sensors_and_names_the_documents(xai: Xai, count: int) -> None:
    whales, ids = xai.collection(), xai.files(count, "stuck")
    xai.attach(whales, ids)
    deferrals: list[TaskDeferred] = []
    said = rf"timeout is 10 minutes\); {count} of {count} document.*still in progress \(stuck0.md \[{ids[0]}\]"
    with pytest.raises(AirflowSensorTimeout, match=said):
        await to_the_end(sensor(whales, *ids, poke_interval=30, timeout=600, deferrable=True), deferrals)
    assert len(deferrals) == 1, "the time of one part is that of all"


@pytest.mark.parametrize("emulator_settings", [STUCK])
@pytest.mark.parametrize("wish", ["soft_fail", "never_fail"])
async def test_deferred_a_time_out_is_a_skip_with_soft_fail(xai: Xai, wish: str) -> None:
    whales = xai.collection()
    stuck = xai.document(whales, "stuck.md")
    wait = sensor(whales, stuck, poke_interval=30, timeout=600, deferrable=True, **{wish: True})
    with pytest.raises(AirflowSkipException, match="still in progress"):
        await to_the_end(wait, [])


@pytest.mark.parametrize("emulator_settings", [playing(indexing="reads:2")])
@pytest.mark.parametrize("whole_collection", [False, True])
async def test_deferred_documents_that_are_strange_are_warned_of(
    xai: Xai, whole_collection: bool, logged: Logged
) -> None:
    whales = xai.collection()
    book = xai.document(whales, "book.pdf", "%PDF-1.4 " + "x " * 100_000)
    which = {} if whole_collection else {"file_ids": [book]}
    assert (await to_the_end(sensor(whales, poke_interval=7, deferrable=True, **which), []))["doubtful"] == 1
    assert logged().count(f"book.pdf ({book}): ") == 1


def test_deferred_a_wait_that_is_over_needs_no_trigger(xai: Xai) -> None:
    whales = xai.collection()
    assert run(sensor(whales, xai.document(whales), deferrable=True))["processed"] == 1


@pytest.mark.parametrize("emulator_settings", [SLOW])
async def test_deferred_an_error_is_of_the_class_that_soft_fail_looks_for(xai: Xai, connect: Connect) -> None:
    whales = xai.collection()
    wait = sensor(whales, xai.document(whales), deferrable=True)
    connect(retry_attempts=1)
    with deferring() as deferred:
        run(wait)
    xai.emulator.set_faults(FaultRule(status=503))
    with pytest.raises(AirflowException, match="503"):
        await finish(deferred[0], wait)
    with deferring():  # a poll that fails for a passing reason is repeated, by the trigger
        run(wait)


@pytest.mark.parametrize("emulator_settings", [STUCK])
def test_one_that_is_cancelled_polls_no_more_and_says_what_goes_on(xai: Xai, dying: Any, logged: Logged) -> None:
    whales = xai.collection()
    wait = sensor(whales, xai.document(whales, "stuck.md"), poke_interval=10, timeout=600)
    with pytest.raises(XAIInterruptedError, match="interrupted"), dying("batch_get_documents", wait.on_kill):
        run(wait)
    assert xai.emulator.count("batch_get_documents") == 1
    said = logged()
    assert f"{whales}: cancelled while waiting for 1 document" in said
    assert "Run again, the task polls again" in said


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"file_ids": []}, r"file_ids is empty: there is nothing to wait for.*too many for 16 KB: leave file_ids out"),
        ({"file_ids": 7.5}, r"file_ids must be a list of file ids"),
        ({"max_failed": -1}, r"max_failed is -1"),
    ],
)
@pytest.mark.parametrize("deferrable", [False, True])
def test_a_mistake_is_named_and_nothing_is_sent(xai: Xai, wrong: dict[str, Any], said: str, deferrable: bool) -> None:
    arguments = {"collection_id": "collection_1", "file_ids": ["file_1"], "deferrable": deferrable, **wrong}
    with pytest.raises(AirflowFailException, match=said):
        run(sensor(**arguments))
    assert xai.emulator.counts == {}


@pytest.mark.parametrize("jump", [86_400.0, -86_400.0])
def test_a_wall_clock_that_is_set_between_polls_makes_no_document_missing_sooner_or_later(
    xai: Xai, clock: FlyingTime, monkeypatch: pytest.MonkeyPatch, jump: float
) -> None:
    whales = xai.collection()
    missing = xai.document(whales)
    xai.hook.remove_document(collection_id=whales, file_id=missing)
    wait = sensor(whales, missing, max_failed=None)
    assert not wait.poke({}).is_done
    monkeypatch.setattr("time.time", lambda: clock.time() + jump)
    assert not wait.poke({}).is_done
    clock.sleep(60)
    assert wait.poke({}).is_done
