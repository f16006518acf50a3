"""The wait at the end of the operators that bring documents: what ends it, and what its end means."""

from __future__ import annotations

import re
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowTaskTimeout

from airflow_provider_xai_collections.airflow_errors import XAIFailException
from airflow_provider_xai_collections.emulator import FaultRule, HttpReply, HttpRequest
from airflow_provider_xai_collections.exceptions import XAIError, XAIIndexingError, XAITimeoutError
from airflow_provider_xai_collections.manifests.base import CAP
from airflow_provider_xai_collections.operators.documents import XAIAddDocumentsOperator
from airflow_provider_xai_collections.operators.sync import XAISyncCollectionOperator
from airflow_provider_xai_collections.triggers.documents import XAIDocumentsProcessedTrigger
from airflow_provider_xai_collections.waits.deferring import BACKSTOP
from tests.conftest import MANAGEMENT_KEY, Logged, playing
from tests.operators.stage import FlyingTime, Xai, deferring, finish, fire, run, write

SLOW = pytest.param(playing(indexing="reads:2"), id="slow")
STUCK = pytest.param(playing(stuck=("stuck*",)), id="stuck")
FAILING = pytest.param(playing(fail_names=("bad*",)), id="failing")


def task(**arguments: Any) -> XAIAddDocumentsOperator:
    return XAIAddDocumentsOperator(**{"task_id": "add", **arguments})


def files(xai: Xai, *names: str) -> list[str]:
    return [xai.file(name) for name in names]


@pytest.mark.parametrize("emulator_settings", [SLOW])
def test_the_task_waits_until_all_are_processed(xai: Xai, clock: FlyingTime) -> None:
    whales = xai.collection()
    manifest = run(task(collection_id=whales, file_ids=files(xai, "a.md", "b.md"), poll_interval=30.0))
    assert manifest["wait"]["end"] == "settled"
    assert manifest["wait"]["processed"] == 2
    assert clock.pauses == sorted(clock.pauses), "the pauses grow"
    assert max(clock.pauses) <= 30.0


@pytest.mark.parametrize("emulator_settings", [SLOW])
def test_without_wait_for_completion_nobody_looks(xai: Xai) -> None:
    whales = xai.collection()
    manifest = run(task(collection_id=whales, file_ids=files(xai, "a.md"), wait_for_completion=False))
    assert manifest["wait"] is None
    assert xai.emulator.counts == {"add_document": 1}


@pytest.mark.parametrize("emulator_settings", [FAILING])
def test_a_failed_document_fails_the_task_with_name_id_and_reason(xai: Xai) -> None:
    whales, two = xai.collection(), files(xai, "a.md", "bad.md")
    with pytest.raises(XAIIndexingError, match=rf"1 of 2 documents .*bad\.md \({two[1]}\): failed on order"):
        run(task(collection_id=whales, file_ids=two))


@pytest.mark.parametrize("emulator_settings", [FAILING])
@pytest.mark.parametrize("max_failed", [1, 0.5, 2])
def test_as_many_as_the_threshold_allows_are_only_counted(xai: Xai, max_failed: float) -> None:
    whales, two = xai.collection(), files(xai, "a.md", "bad.md")
    manifest = run(task(collection_id=whales, file_ids=two, on_failed="threshold", max_failed=max_failed))
    assert (manifest["wait"]["processed"], manifest["wait"]["failed"]) == (1, 1)
    assert [failure["name"] for failure in manifest["wait"]["failures"]] == ["bad.md"]


@pytest.mark.parametrize("emulator_settings", [FAILING])
@pytest.mark.parametrize("max_failed", [0, 0.4])
def test_one_more_than_the_threshold_fails_the_task(xai: Xai, max_failed: float) -> None:
    whales, two = xai.collection(), files(xai, "a.md", "bad.md")
    with pytest.raises(XAIIndexingError, match="1 of 2"):
        run(task(collection_id=whales, file_ids=two, on_failed="threshold", max_failed=max_failed))


@pytest.mark.parametrize("emulator_settings", [FAILING])
def test_ignored_failures_are_in_the_log_and_the_manifest(xai: Xai, logged: Logged) -> None:
    whales, one = xai.collection(), files(xai, "bad.md")
    manifest = run(task(collection_id=whales, file_ids=one, on_failed="ignore"))
    assert manifest["wait"]["failed"] == 1
    assert "bad.md" in logged()


@pytest.mark.parametrize("emulator_settings", [STUCK])
def test_a_wait_that_runs_out_names_the_documents(xai: Xai, clock: FlyingTime) -> None:
    whales, two = xai.collection(), files(xai, "a.md", "stuck.md")
    with pytest.raises(
        XAITimeoutError,
        match=rf"time ran out \(timeout is 10 minutes\); 1 of 2 .*\(stuck.md \[{two[1]}\]\).*a retry finds",
    ):
        run(task(collection_id=whales, file_ids=two, timeout=timedelta(minutes=10)))
    assert sum(clock.pauses) == pytest.approx(600, abs=5)


@pytest.mark.parametrize("emulator_settings", [STUCK])
def test_a_wait_in_which_nothing_moves_ends_early(xai: Xai, clock: FlyingTime) -> None:
    whales, stuck = xai.collection(), files(xai, "stuck.md")
    with pytest.raises(XAITimeoutError, match=r"moved for too long \(stall_timeout is 2 minutes\); 1 of 1"):
        run(task(collection_id=whales, file_ids=stuck, timeout=timedelta(hours=10), stall_timeout=120))
    assert 120 <= sum(clock.pauses) < 150


@pytest.mark.parametrize("emulator_settings", [SLOW])
async def test_deferred_the_trigger_knows_all_and_a_new_task_object_finishes(xai: Xai) -> None:
    whales, two = xai.collection(), files(xai, "a.md", "b.md")
    arguments: dict[str, Any] = {"collection_id": whales, "file_ids": two, "poll_interval": timedelta(seconds=7)}
    with deferring() as deferred:
        run(task(**arguments, timeout=600, stall_timeout=60, team_id="team_7", deferrable=True))
    assert isinstance(deferred[0].trigger, XAIDocumentsProcessedTrigger)
    kwargs = deferred[0].trigger.serialize()[1]
    assert kwargs["deadline"] == pytest.approx(FlyingTime().time() + 600, abs=5)
    assert deferred[0].timeout == timedelta(seconds=600 + BACKSTOP)
    expected = {
        "collection_id": whales,
        "file_ids": two,
        "poll_interval": 7.0,
        "stall_timeout": 60.0,
        "team_id": "team_7",
    }
    assert {name: kwargs[name] for name in expected} == expected

    manifest = await finish(deferred[0], task(**arguments))
    assert (manifest["added"], manifest["wait"]["processed"], manifest["file_ids"]) == (2, 2, two)


@pytest.mark.parametrize("emulator_settings", [FAILING])
async def test_deferred_the_policy_for_failures_is_the_same(xai: Xai) -> None:
    whales, two = xai.collection(), files(xai, "a.md", "bad.md")
    with deferring() as deferred:
        run(task(collection_id=whales, file_ids=two, deferrable=True))
    with pytest.raises(XAIIndexingError, match=r"1 of 2 documents .*bad\.md"):
        await finish(deferred[0], task(collection_id=whales, file_ids=two))
    tolerant = task(collection_id=whales, file_ids=two, on_failed="ignore")
    assert (await finish(deferred[0], tolerant))["wait"]["failed"] == 1


@pytest.mark.parametrize("emulator_settings", [STUCK])
async def test_deferred_a_wait_that_runs_out_names_the_documents(xai: Xai) -> None:
    whales, stuck = xai.collection(), files(xai, "stuck.md")
    with deferring() as deferred:
        run(task(collection_id=whales, file_ids=stuck, timeout=60, deferrable=True))
    with pytest.raises(XAITimeoutError, match=stuck[0]):
        await finish(deferred[0], task(collection_id=whales, file_ids=stuck))


@pytest.mark.parametrize("emulator_settings", [STUCK])
@pytest.mark.parametrize(
    ("execution_timeout", "ran_before", "left"), [(None, 0, 3600), (600, 0, 600), (600, 400, 200), (7200, 400, 3600)]
)
def test_deferred_an_execution_timeout_ends_the_wait_if_it_comes_first(
    xai: Xai, execution_timeout: int | None, ran_before: int, left: int
) -> None:
    whales = xai.collection()
    patience = None if execution_timeout is None else timedelta(seconds=execution_timeout)
    waits = task(collection_id=whales, file_ids=files(xai, "stuck.md"), deferrable=True, execution_timeout=patience)
    with deferring() as deferred:
        run(waits, start_date=datetime.now(UTC) - timedelta(seconds=ran_before))
    kwargs = deferred[0].trigger.serialize()[1]
    assert kwargs["deadline"] == pytest.approx(FlyingTime().time() + left, abs=5)
    assert kwargs["at_deadline"] == ("execution_timed_out" if left < 3600 and execution_timeout == 600 else "timed_out")
    assert deferred[0].timeout is not None
    assert deferred[0].timeout.total_seconds() == pytest.approx(left + BACKSTOP, abs=5)


@pytest.mark.parametrize("emulator_settings", [STUCK])
async def test_deferred_the_limit_that_came_first_is_named(xai: Xai) -> None:
    whales, stuck = xai.collection(), files(xai, "stuck.md")
    arguments: dict[str, Any] = {"collection_id": whales, "file_ids": stuck, "execution_timeout": timedelta(minutes=5)}
    with deferring() as deferred:
        run(task(**arguments, deferrable=True))
    with pytest.raises(XAITimeoutError, match=r"time ran out \(execution_timeout is 5 minutes\); 1 of 1 .*\(stuck.md"):
        await finish(deferred[0], task(**arguments))


@pytest.mark.parametrize("emulator_settings", [playing(stuck=("stuck*",), fail_names=("bad*",))])
@pytest.mark.parametrize("synced", [False, True])
def test_what_airflow_ends_itself_names_the_documents_too(
    xai: Xai, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, synced: bool
) -> None:
    handle, looks = xai.emulator.handle, []

    def handle_until_time_is_over(request: HttpRequest) -> HttpReply:
        reply = handle(request)
        looks.extend(["look"] if request.path.endswith(":batchGet") else [])
        if len(looks) == 3:
            looks.clear()
            signal.raise_signal(signal.SIGUSR1)
        return reply

    def time_out(*_: object) -> None:
        raise AirflowTaskTimeout("Timeout, PID: 7")

    patience: dict[str, Any] = {"execution_timeout": timedelta(minutes=5), "poll_interval": 1}
    if synced:
        folder = write(tmp_path / "library", {"bad.md": "bad", "stuck.md": "stuck"})
        doomed: Any = XAISyncCollectionOperator(task_id="t", collection="whales", source=folder, **patience)
    else:
        doomed = task(collection_id=xai.collection(), file_ids=files(xai, "bad.md", "stuck.md"), **patience)
    before = signal.signal(signal.SIGUSR1, time_out)
    monkeypatch.setattr(xai.emulator, "handle", handle_until_time_is_over)
    try:
        with pytest.raises(
            AirflowTaskTimeout,
            match=r"^Timeout, PID: 7\. collection_.*: time ran out \(execution_timeout is 5 minutes\); .*\(stuck.md",
        ) as caught:
            run(doomed)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert re.search(r"still in progress \((bad.md \[file_[\w-]+\], )?stuck.md \[file_[\w-]+\]", str(caught.value))
    if not synced:
        assert "1 failed: bad.md" in str(caught.value)


async def test_deferred_an_error_of_the_trigger_is_the_error_of_the_task(xai: Xai) -> None:
    whales, one = xai.collection(), files(xai, "a.md")
    with deferring() as deferred:
        run(task(collection_id=whales, file_ids=one, deferrable=True))
    xai.hook.delete_collection(collection_id=whales)
    resumed = task(collection_id=whales, file_ids=one)
    with pytest.raises(XAIFailException, match=f"{whales}.*404"):
        await finish(deferred[0], resumed)
    assert resumed.so_far is not None, "what was done before the wait is told all the same"
    assert resumed.so_far.counts["added"] == 1


@pytest.mark.parametrize("event", [None, {}, {"version": 2}, {"version": 1, "status": "success"}, "success"])
def test_an_event_of_nobody_fails_loudly(xai: Xai, event: Any) -> None:
    with pytest.raises(XAIError, match=r"a WaitEvent of another version.*Clear the task"):
        task(collection_id="collection_1", file_ids=["file_1"]).execute_complete({}, event=event)


def test_an_event_without_a_reason_points_to_the_log(xai: Xai) -> None:
    with pytest.raises(XAIError, match="without a reason: see the triggerer's log"):
        task(collection_id="collection_1", file_ids=["file_1"]).execute_complete({}, event={"version": 1})


def test_the_manifest_lists_few_ids_or_only_their_number(xai: Xai) -> None:
    whales, few = xai.collection(), files(xai, *(f"{number}.md" for number in range(CAP)))
    assert run(task(collection_id=whales, file_ids=few))["file_ids"] == few
    many = [*few, *files(xai, "one_more.md")]
    manifest = run(task(collection_id=whales, file_ids=many))
    assert (manifest["file_ids"], manifest["total"]) == ([], CAP + 1)


async def test_no_key_crosses_to_the_triggerer_or_into_xcom(xai: Xai) -> None:
    whales, one = xai.collection(), files(xai, "a.md")
    with deferring() as deferred:
        run(task(collection_id=whales, file_ids=one, deferrable=True))
    event = await fire(deferred[0].trigger)
    manifest = await finish(deferred[0], task(collection_id=whales, file_ids=one))
    assert MANAGEMENT_KEY not in f"{deferred[0].trigger.serialize()}{event}{manifest}"


def test_looks_that_fail_in_between_are_survived(xai: Xai) -> None:
    whales, one = xai.collection(), files(xai, "a.md")
    xai.emulator.set_faults(FaultRule(endpoint="batch_get_documents", times=30, status=503))
    assert run(task(collection_id=whales, file_ids=one))["wait"]["processed"] == 1


def test_a_task_that_has_done_its_work_does_not_fail_for_want_of_a_table(xai: Xai, logged: Logged) -> None:
    whales, file_ids = xai.collection(), files(xai, "a.md")
    run(task(collection_id=whales, file_ids=file_ids))
    xai.emulator.set_faults(FaultRule(endpoint="batch_get_documents", nth=tuple(range(2, 8)), status=503))
    assert run(task(collection_id=whales, file_ids=file_ids))["wait"]["processed"] == 1
    assert "The log cannot show the documents" in logged()
