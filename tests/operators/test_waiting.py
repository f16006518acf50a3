"""The wait at the end of a task: what ends it, and what its end means. In a worker slot, and in the triggerer."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowTaskTimeout, TaskDeferred

from airflow_provider_xai_collections.airflow_errors import XAIFailException
from airflow_provider_xai_collections.emulator import FaultRule, HttpReply, HttpRequest
from airflow_provider_xai_collections.exceptions import XAIIndexingError, XAITimeoutError
from airflow_provider_xai_collections.operators.documents import XAIAddDocumentsOperator, XAIReindexDocumentsOperator
from airflow_provider_xai_collections.operators.ingest import XAIIngestDocumentsOperator
from airflow_provider_xai_collections.operators.sync import XAISyncCollectionOperator
from airflow_provider_xai_collections.waits.deferral import BACKSTOP, ROOM_FOR_WATCHED
from tests.conftest import MANAGEMENT_KEY, Logged, playing
from tests.operators.stage import FlyingTime, Xai, context, deferring, finish, fire, run, to_the_end, write
from tests.operators.syncs import counts

SLOW = pytest.mark.parametrize("emulator_settings", [pytest.param(playing(indexing="reads:2"), id="slow")])
STUCK = pytest.mark.parametrize("emulator_settings", [pytest.param(playing(stuck=("stuck*",)), id="stuck")])
FAILING = pytest.mark.parametrize("emulator_settings", [pytest.param(playing(fail_names=("bad*",)), id="failing")])
#: Documents of which a trigger watches the last ones only.
MANY = ROOM_FOR_WATCHED // 46 + 40


def task(**arguments: Any) -> XAIAddDocumentsOperator:
    return XAIAddDocumentsOperator(**{"task_id": "add", **arguments})


def files(xai: Xai, *names: str) -> list[str]:
    return [xai.file(name) for name in names]


def watched(deferred: TaskDeferred) -> Any:
    """The arguments of the trigger."""
    return deferred.trigger.serialize()[1]


@SLOW
def test_the_task_waits_until_all_are_processed(xai: Xai, clock: FlyingTime) -> None:
    whales = xai.collection()
    manifest = run(task(collection_id=whales, file_ids=files(xai, "a.md", "b.md"), poll_interval=30.0))
    assert (manifest["wait"]["end"], manifest["wait"]["processed"]) == ("settled", 2)
    assert clock.pauses == sorted(clock.pauses), "the pauses grow"
    assert max(clock.pauses) <= 30.0


@SLOW
def test_without_wait_for_completion_nobody_polls(xai: Xai) -> None:
    whales = xai.collection()
    manifest = run(task(collection_id=whales, file_ids=files(xai, "a.md"), wait_for_completion=False))
    assert manifest["wait"] is None
    assert xai.emulator.counts == {"add_document": 1}


@FAILING
@pytest.mark.parametrize(("max_failed", "fails"), [(0, True), (0.5, False)])
@pytest.mark.parametrize("deferrable", [False, True])
def test_max_failed_documents_are_tolerated(
    xai: Xai, max_failed: float, fails: bool, deferrable: bool, logged: Logged
) -> None:
    whales, two = xai.collection(), files(xai, "a.md", "bad.md")
    add = task(collection_id=whales, file_ids=two, max_failed=max_failed, deferrable=deferrable)
    if fails:
        with pytest.raises(XAIIndexingError, match=rf"1 of 2 documents .*bad\.md \({two[1]}\): failed on order"):
            run(add)
    else:
        wait = run(add)["wait"]
        assert (wait["processed"], wait["failed"], wait["failures"][0]["name"]) == (1, 1, "bad.md")
        assert f"Tolerated by max_failed={max_failed!r}" in logged()


@FAILING
def test_a_share_is_one_of_the_documents_that_the_task_is_about(xai: Xai) -> None:
    whales = xai.collection()
    for name in ("a.md", "b.md", "c.md", "bad.md"):
        xai.document(whales, name)
    reindex: dict[str, Any] = {"task_id": "reindex", "collection_id": whales, "which": "all"}
    assert run(XAIReindexDocumentsOperator(**reindex, max_failed=0.25))["wait"]["failed"] == 1
    with pytest.raises(XAIIndexingError, match="1 of 4 documents"):
        run(XAIReindexDocumentsOperator(**reindex, max_failed=0.2))


@STUCK
def test_a_wait_that_runs_out_names_the_documents(xai: Xai, clock: FlyingTime) -> None:
    whales, two = xai.collection(), files(xai, "a.md", "stuck.md")
    with pytest.raises(
        XAITimeoutError,
        match=rf"time ran out \(timeout is 10 minutes\); 1 of 2 .*\(stuck.md \[{two[1]}\]\).*a retry finds",
    ):
        run(task(collection_id=whales, file_ids=two, timeout=timedelta(minutes=10), max_failed=None))
    assert sum(clock.pauses) == pytest.approx(600, abs=5)


@pytest.mark.parametrize("deferrable", [False, True])
def test_documents_that_are_strange_are_warned_of_once(xai: Xai, logged: Logged, deferrable: bool) -> None:
    whales, book = xai.collection(), xai.file("book.pdf", "%PDF-1.4 " + "x " * 100_000)
    manifest = run(task(collection_id=whales, file_ids=[book], deferrable=deferrable))
    assert manifest["wait"]["doubtful"] == 1
    assert logged().count(f"book.pdf ({book}): ") == 1


@pytest.mark.parametrize("emulator_settings", [playing(stuck=("stuck*",), fail_names=("bad*",))])
@pytest.mark.parametrize("ingested", [False, True])
def test_a_wait_that_airflow_ends_names_the_documents_too(
    xai: Xai, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ingested: bool
) -> None:
    handle, polls = xai.emulator.handle, []

    def handle_until_time_is_over(request: HttpRequest) -> HttpReply:
        reply = handle(request)
        polls.extend(["poll"] if request.path.endswith(":batchGet") else [])
        if len(polls) == 3:
            polls.clear()
            signal.raise_signal(signal.SIGUSR1)
        return reply

    def time_out(*_: object) -> None:
        raise AirflowTaskTimeout("Timeout, PID: 7")

    patience: dict[str, Any] = {"execution_timeout": timedelta(minutes=5), "poll_interval": 1}
    doomed: Any
    if ingested:
        folder = write(tmp_path / "library", {"bad.md": "bad", "stuck.md": "stuck"})
        doomed = XAISyncCollectionOperator(task_id="t", collection_name="whales", source=folder, **patience)
    else:
        doomed = task(collection_id=xai.collection(), file_ids=files(xai, "bad.md", "stuck.md"), **patience)
    before = signal.signal(signal.SIGUSR1, time_out)
    monkeypatch.setattr(xai.emulator, "handle", handle_until_time_is_over)
    try:
        with pytest.raises(
            AirflowTaskTimeout,
            match=r"^Timeout, PID: 7\. .*: time ran out \(execution_timeout is 5 minutes\); .*\(.*stuck.md",
        ) as caught:
            run(doomed)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert re.search(r"still in progress \((bad.md \[file_[\w-]+\], )?stuck.md \[file_[\w-]+\]", str(caught.value))
    assert doomed.manifest is not None, "the work before the wait is told all the same"


@SLOW
@pytest.mark.parametrize("kind", [XAIAddDocumentsOperator, XAIReindexDocumentsOperator])
def test_a_try_after_one_that_died_while_it_waited_finds_what_is_there(
    xai: Xai, dying: Callable[..., Any], kind: type[Any]
) -> None:
    whales, ids = xai.collection(), files(xai, "a.md", "b.md")
    if kind is XAIReindexDocumentsOperator:
        run(task(collection_id=whales, file_ids=ids))

    def die() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), dying("batch_get_documents", die):
        run(kind(task_id="t", collection_id=whales, file_ids=ids))
    manifest = run(kind(task_id="t", collection_id=whales, file_ids=ids), try_number=2)
    assert (manifest["already_there"], manifest["wait"]["processed"]) == (2, 2)
    assert xai.names(whales) == ["a.md", "b.md"]


# In the triggerer.


@SLOW
async def test_deferred_the_trigger_knows_all_and_a_new_task_object_finishes(xai: Xai) -> None:
    whales, two = xai.collection(), files(xai, "a.md", "b.md")
    add = task(
        collection_id=whales,
        file_ids=two,
        poll_interval=timedelta(seconds=7),
        timeout=600,
        team_id="team_7",
        deferrable=True,
    )
    deferrals: list[TaskDeferred] = []
    manifest = await to_the_end(add, deferrals)
    assert (manifest["added"], manifest["wait"]["processed"], manifest["file_ids"]) == (2, 2, two)
    (deferred,) = deferrals
    expected = {"collection_id": whales, "file_ids": two, "poll_interval": 7.0, "team_id": "team_7"}
    assert {name: watched(deferred)[name] for name in expected} == expected
    assert watched(deferred)["deadline"] == pytest.approx(FlyingTime().time() + 600, abs=5)
    assert deferred.timeout == timedelta(seconds=600 + BACKSTOP)
    assert MANAGEMENT_KEY not in f"{deferred.trigger.serialize()}{manifest}"


def test_deferred_a_wait_that_is_over_needs_no_trigger(xai: Xai) -> None:
    manifest = run(task(collection_id=xai.collection(), file_ids=files(xai, "a.md"), deferrable=True))
    assert manifest["wait"]["processed"] == 1


@STUCK
async def test_deferred_only_those_in_progress_are_watched(xai: Xai) -> None:
    whales, (done, stuck) = xai.collection(), files(xai, "a.md", "stuck.md")
    add = task(collection_id=whales, file_ids=[done, stuck], timeout=60, deferrable=True)
    deferrals: list[TaskDeferred] = []
    with pytest.raises(XAITimeoutError, match=rf"timeout is 1 minute\); 1 of 2 .*\(stuck.md \[{stuck}\]\)"):
        await to_the_end(add, deferrals)
    assert [watched(each)["file_ids"] for each in deferrals] == [[stuck]]


@STUCK
@pytest.mark.parametrize(("execution_timeout", "ran_before", "left"), [(None, 0, 3600), (600, 400, 200)])
async def test_deferred_an_execution_timeout_ends_the_wait_if_it_comes_first(
    xai: Xai, execution_timeout: int | None, ran_before: int, left: int
) -> None:
    patience = None if execution_timeout is None else timedelta(seconds=execution_timeout)
    add = task(
        collection_id=xai.collection(),
        file_ids=files(xai, "stuck.md"),
        deferrable=True,
        execution_timeout=patience,
    )
    comes_first = left < 3600
    named = "execution_timeout is 10 minutes" if comes_first else "timeout is 1 hour"
    deferrals: list[TaskDeferred] = []
    with pytest.raises(XAITimeoutError, match=rf"time ran out \({named}\); 1 of 1 .*\(stuck.md"):
        await to_the_end(add, deferrals, start_date=datetime.now(UTC) - timedelta(seconds=ran_before))
    (deferred,) = deferrals
    assert watched(deferred)["at_deadline"] == ("execution_timed_out" if comes_first else "timed_out")
    assert deferred.timeout is not None
    assert deferred.timeout.total_seconds() == pytest.approx(left + BACKSTOP, abs=5)


@SLOW
async def test_deferred_an_error_of_the_trigger_is_the_error_of_the_task(xai: Xai) -> None:
    whales, one = xai.collection(), files(xai, "a.md")
    with deferring() as deferred:
        run(task(collection_id=whales, file_ids=one, deferrable=True))
    xai.hook.delete_collection(collection_id=whales)
    resumed = task(collection_id=whales, file_ids=one)
    with pytest.raises(XAIFailException, match=f"{whales}.*404"):
        await finish(deferred[0], resumed)
    assert resumed.manifest is not None, "the work before the wait is told all the same"
    assert resumed.manifest.counts["added"] == 1


# Of more documents than a trigger has room for.


@pytest.mark.parametrize("emulator_settings", [playing(indexing="reads:4", fail_names=("bad*",))])
async def test_of_many_documents_the_last_are_watched_and_then_all_are_polled(xai: Xai) -> None:
    whales = xai.collection()
    ids = [*xai.files(1, "bad-first"), *xai.files(MANY), *xai.files(1, "bad-last")]
    deferrals: list[TaskDeferred] = []
    add = task(collection_id=whales, file_ids=ids, max_failed=2, team_id="team_7", deferrable=True)
    manifest = await to_the_end(add, deferrals)
    assert (manifest["total"], manifest["file_ids"]) == (len(ids), [])
    assert (manifest["wait"]["processed"], manifest["wait"]["failed"], manifest["wait"]["pending"]) == (MANY, 2, 0)
    assert [failure["file_id"] for failure in manifest["wait"]["failures"]] == [ids[0], ids[-1]]
    first, second, *_ = map(watched, deferrals)
    assert first["file_ids"] == ids[-len(first["file_ids"]) :]
    assert second["file_ids"] == ids[: -len(first["file_ids"])], "the trigger before has seen the others to their end"
    assert len({each["deadline"] for each in map(watched, deferrals)}) == 1, "the deadline of the first wait holds"
    assert {query["team_id"] for query in xai.queries("batch_get_documents")} == {"team_7"}


@STUCK
async def test_of_many_documents_the_deadline_of_the_first_wait_holds(xai: Xai, clock: FlyingTime) -> None:
    whales, ids = xai.collection(), xai.files(MANY, "stuck")
    add = task(collection_id=whales, file_ids=ids, timeout=600, deferrable=True)
    with deferring() as first:
        run(add)
    for file_id in watched(first[0])["file_ids"]:
        xai.hook.remove_document(collection_id=whales, file_id=file_id)
    with deferring() as second:  # once the grace for those that were missing has passed
        await finish(first[0], add)
    assert watched(second[0])["deadline"] == watched(first[0])["deadline"]
    assert second[0].timeout is not None
    assert first[0].timeout is not None
    assert second[0].timeout < first[0].timeout
    missing = len(watched(first[0])["file_ids"])
    with pytest.raises(XAITimeoutError, match=rf"{MANY - missing} of {MANY} .*{missing} .*no longer in the collection"):
        await finish(second[0], add)


@pytest.mark.parametrize("emulator_settings", [playing(indexing="reads:4")])
# Of an ingestion, only a report tells of one that the trigger had no room for: see docs/waiting.md.
@pytest.mark.parametrize(("kind", "in_trigger"), [("add", True), ("add", False), ("ingest", True)])
async def test_of_many_documents_those_that_vanish_count_as_missing_once(
    xai: Xai, tmp_path: Path, kind: str, in_trigger: bool
) -> None:
    whales, many = xai.collection(), xai.files(MANY)
    folder = write(tmp_path / "many", {f"{number:03}.md": f"no {number}" for number in range(MANY)})
    arguments: dict[str, Any] = {"task_id": "t", "collection_id": whales, "max_failed": None, "deferrable": True}
    made: Any = task(**arguments, file_ids=many)
    if kind == "ingest":
        made = XAIIngestDocumentsOperator(**arguments, paths=folder)
    with deferring() as deferred:
        run(made)
    in_it = set(watched(deferred[0])["file_ids"])
    vanished = [each.file_id for each in xai.documents(whales) if (each.file_id in in_it) is in_trigger][:2]
    for file_id in vanished:
        xai.hook.remove_document(collection_id=whales, file_id=file_id)
    last, again = deferred[0], 0
    while True:
        try:
            manifest = await finish(last, made)
            break
        except TaskDeferred as deferral:
            last, again = deferral, again + 1
    assert again >= 1
    if kind == "add":
        assert (manifest["wait"]["missing"], manifest["wait"]["processed"]) == (2, MANY - 2)
        assert {*manifest["wait"]["missing_ids"]} == {*vanished}
    else:
        assert counts(manifest) == {"documents": MANY, "added": MANY, "errors": 2}
        assert {problem["reason"] for problem in manifest["problems"]} == {"it is no longer in the collection"}


@SLOW
async def test_an_error_of_the_trigger_is_the_tasks(xai: Xai) -> None:
    add: dict[str, Any] = {"collection_id": xai.collection(), "file_ids": files(xai, "a.md"), "deferrable": True}
    with deferring() as caught:
        run(task(**add))
    xai.emulator.set_faults(FaultRule(endpoint="batch_get_documents", status=403))
    event = await fire(caught[0].trigger)
    xai.emulator.set_faults()
    with pytest.raises(XAIFailException, match="403"):
        task(**add).execute_complete(context(), event)
