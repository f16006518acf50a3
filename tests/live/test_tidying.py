"""A run leaves nothing behind, whatever the service did with its answers, or says what."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_xai_collections.emulator import FaultRule, Settings
from airflow_provider_xai_collections.emulator.records import FileRecord
from airflow_provider_xai_collections.emulator.store import Store
from tests.conftest import RecordingEmulator, playing
from tests.operators.stage import Xai

from . import named
from .meter import Budget
from .open_points import POINTS
from .rehearsal import holds_nothing, metering, played
from .report import report
from .scenarios import sync
from .tidying import Tidied, clear

DAY = 86_400
UPLOAD_IN_ONE_CALL = [point for point in POINTS if point.question.startswith("The one-call upload")]


@pytest.fixture
def store() -> Store:
    """The store of the emulator."""
    return Store()


@pytest.fixture
def emulator(emulator_settings: Settings, store: Store) -> Iterator[RecordingEmulator]:
    emulator = RecordingEmulator(emulator_settings, store=store)
    yield emulator
    emulator.close()


def there(store: Store, name: str, number: int, age: float) -> None:
    """Add files of so many seconds ago, each one second older than the one before."""
    for n in range(number):
        record = FileRecord(f"file_{name}_{n}", f"{name}-{n}.md", "text/markdown", 1, "", "", time.time() - age - n)
        store.add_file(record, b"x")


@pytest.mark.parametrize("emulator_settings", [playing(direct_upload_answer="empty")])
def test_a_file_whose_id_no_answer_told_is_deleted(connection: str, xai: Xai, tmp_path: Path) -> None:
    outcome = played(connection, tmp_path, scenarios=(), points=UPLOAD_IN_ONE_CALL)
    assert [line.seen for line in outcome.points] == ["200 {}"]
    assert (outcome.deleted, outcome.left) == (2, ())
    assert holds_nothing(xai)


@pytest.mark.parametrize("endpoint", ["create_collection", "upload_file", "upload_document"])
@pytest.mark.parametrize(
    "fault",
    [{"status": 500, "after": True}, {"cut": "after"}, {"body": b"{}", "after": True}, {"body": b"[]", "after": True}],
    ids=["an error", "cut off", "nothing in it", "no answer of its kind"],
)
def test_what_was_made_by_a_request_that_failed_is_deleted(
    connection: str, emulator: RecordingEmulator, xai: Xai, tmp_path: Path, endpoint: str, fault: dict[str, Any]
) -> None:
    theirs = (xai.collection("somebody else's"), xai.file("theirs.md"))
    emulator.set_faults(FaultRule(endpoint=endpoint, **fault))
    outcome = played(connection, tmp_path, scenarios=[sync], points=[*POINTS[:1], *UPLOAD_IN_ONE_CALL])
    assert outcome.left == ()
    assert outcome.deleted >= 2
    assert [one.collection_id for one in xai.hook.list_collections()] == [theirs[0]]
    assert [one.id for one in xai.hook.list_files()] == [theirs[1]]
    assert "none is left" in report(outcome, where="here", when="today")


@pytest.mark.parametrize("emulator_settings", [playing(delete_attached_file="refuse")])
def test_a_file_in_a_collection_that_only_its_name_leads_to_is_deleted(
    connection: str, emulator: RecordingEmulator, xai: Xai, tmp_path: Path
) -> None:
    emulator.set_faults(FaultRule(endpoint="create_collection", status=500, after=True))
    outcome = played(connection, tmp_path, scenarios=[sync], points=())
    assert (outcome.wrong, outcome.left) == ([], ()), "a sync finds the collection that it made"
    assert holds_nothing(xai)


def test_what_cannot_be_deleted_is_said_and_an_earlier_runs_leftovers_can_be_cleared(
    connection: str, emulator: RecordingEmulator, xai: Xai, tmp_path: Path
) -> None:
    theirs = (xai.collection("somebody else's"), xai.file("theirs.md"))
    emulator.set_faults(
        FaultRule(endpoint="delete_collection", status=403), FaultRule(endpoint="delete_file", status=403)
    )
    outcome = played(connection, tmp_path, scenarios=[sync], points=())
    assert len(outcome.left) == 1 + 5, "a collection, and the files of five uploads"
    assert all("403" in one for one in outcome.left)
    emulator.set_faults()
    assert clear(xai.hook, metering()) == Tidied(6, ())
    assert [one.collection_id for one in xai.hook.list_collections()] == [theirs[0]]
    assert [one.id for one in xai.hook.list_files()] == [theirs[1]]


@pytest.mark.parametrize(("endpoint", "what"), [("list_collections", "collections"), ("list_files", "files")])
def test_what_could_not_be_searched_is_not_said_to_be_deleted(
    connection: str, emulator: RecordingEmulator, tmp_path: Path, endpoint: str, what: str
) -> None:
    emulator.set_faults(FaultRule(endpoint=endpoint, status=403))
    outcome = played(connection, tmp_path, scenarios=(), points=UPLOAD_IN_ONE_CALL)
    (left,) = outcome.left
    assert left.startswith(f"perhaps {what}, for not all were searched: {endpoint}")
    assert outcome.wrong == [f"left behind: {left}"]
    text = report(outcome, where="here", when="today")
    assert "none is left" not in text
    assert f"- {left}" in text


def test_the_budget_for_tidying_is_kept_and_what_it_did_not_reach_is_said(
    connection: str, emulator: RecordingEmulator, xai: Xai, tmp_path: Path
) -> None:
    budget = Budget(requests=20, tidying=3)
    outcome = played(connection, tmp_path, metering(budget))
    assert len(emulator.requests) == 23
    holding = {one.collection_id for one in xai.hook.list_collections()} | {one.id for one in xai.hook.list_files()}
    assert holding
    assert {one.partition(":")[0] for one in outcome.left if not one.startswith("perhaps")} >= holding
    assert any(one.startswith("perhaps files") for one in outcome.left)


def test_only_as_many_files_are_searched_as_may_be_of_this_run(
    connection: str, emulator: RecordingEmulator, store: Store, tmp_path: Path
) -> None:
    there(store, "recent", 150, age=60)
    there(store, "old", 400, age=2 * DAY)
    outcome = played(connection, tmp_path, scenarios=(), points=UPLOAD_IN_ONE_CALL)
    assert (outcome.deleted, outcome.left) == (2, ())
    assert emulator.count("list_files") == 2


def test_files_beyond_the_pages_that_are_searched_are_said_to_be_perhaps_there(
    connection: str, xai: Xai, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(named, "MAX_PAGES", 2)
    there(store, "recent", 250, age=60)
    outcome = played(connection, tmp_path, scenarios=(), points=UPLOAD_IN_ONE_CALL)
    (left,) = outcome.left
    assert left.startswith("perhaps files, for not all were searched: there are more files than the 2 pages")
    assert clear(xai.hook, metering()).left == outcome.left
