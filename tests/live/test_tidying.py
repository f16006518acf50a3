"""A run deletes all that it has made and nothing else, whatever became of the answers, or says what is left."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from airflow_provider_xai_collections.emulator import FaultRule
from tests.conftest import RecordingEmulator, playing
from tests.operators.stage import Xai

from .conftest import Play, holds
from .meter import Budget, Meter
from .open_points import POINTS
from .playing import clear
from .scenarios import sync

UPLOAD = "The one-call upload: its answer? (seen: also a 500)"
UPLOAD_IN_ONE_CALL = {UPLOAD: POINTS[UPLOAD]}


@pytest.fixture
def theirs(xai: Xai) -> set[str]:
    """A collection and a file of somebody else's."""
    return {xai.collection("somebody else's"), xai.file("theirs.md")}


@pytest.mark.parametrize("endpoint", ["create_collection", "upload_file", "upload_document"])
@pytest.mark.parametrize(
    "fault",
    [{"status": 500, "after": True}, {"cut": "after"}, {"body": b"{}", "after": True}, {"body": b"[]", "after": True}],
    ids=["an error", "cut off", "nothing in it", "no answer of its kind"],
)
@pytest.mark.parametrize("emulator_settings", [playing(delete_attached_file="refuse")])
def test_what_was_made_by_a_request_that_failed_is_deleted(
    played: Play, emulator: RecordingEmulator, xai: Xai, theirs: set[str], endpoint: str, fault: dict[str, Any]
) -> None:
    emulator.set_faults(FaultRule(endpoint=endpoint, **fault))
    outcome = played(scenarios=[sync], points=UPLOAD_IN_ONE_CALL)
    assert outcome.left == []
    assert outcome.deleted >= 2
    assert holds(xai) == theirs
    assert "none is left" in outcome.report("here")


def test_what_cannot_be_deleted_is_said_and_an_earlier_runs_leftovers_can_be_cleared(
    connection: str, played: Play, emulator: RecordingEmulator, xai: Xai, theirs: set[str]
) -> None:
    faults = [FaultRule(endpoint=endpoint, status=403) for endpoint in ("delete_collection", "delete_file")]
    emulator.set_faults(*faults)
    outcome = played(scenarios=[sync], points={})
    assert len(outcome.left) == 1 + 5, "a collection, and the files of five uploads"
    assert all("403" in one for one in outcome.left)
    emulator.set_faults()
    assert clear(connection, Meter(Budget())) == (6, [])
    assert holds(xai) == theirs


@pytest.mark.parametrize(("endpoint", "what"), [("list_collections", "collections"), ("list_files", "files")])
def test_what_could_not_be_searched_is_not_said_to_be_deleted(
    played: Play, emulator: RecordingEmulator, endpoint: str, what: str
) -> None:
    emulator.set_faults(FaultRule(endpoint=endpoint, status=403))
    outcome = played(scenarios=(), points=UPLOAD_IN_ONE_CALL)
    assert outcome.deleted == 2, "what the answers told the ids of"
    (left,) = outcome.left
    assert left.startswith(f"perhaps {what}, for not all were searched: {endpoint}")
    assert outcome.wrong == [f"left behind: {left}"]
    report = outcome.report("here")
    assert "none is left" not in report
    assert f"- {left}" in report


def test_the_budget_for_tidying_is_kept_and_what_it_did_not_reach_is_said(
    played: Play, emulator: RecordingEmulator, xai: Xai
) -> None:
    outcome = played(Budget(requests=20, tidying=3))
    assert len(emulator.requests) == 23
    assert (holding := holds(xai))
    assert {one.partition(":")[0] for one in outcome.left if not one.startswith("perhaps")} >= holding
    assert any(one.startswith("perhaps files") for one in outcome.left)


def test_files_that_are_older_than_the_run_are_not_searched(played: Play, emulator: RecordingEmulator) -> None:
    ages = {"file_1": 60, "file_2": 2 * 86_400}
    files = [
        {"id": file_id, "filename": "a.md", "bytes": 1, "created_at": int(time.time()) - age, "purpose": ""}
        for file_id, age in ages.items()
    ]
    page = json.dumps({"data": files, "pagination_token": "more"}).encode()
    emulator.set_faults(FaultRule(endpoint="list_files", body=page))
    outcome = played(scenarios=(), points=UPLOAD_IN_ONE_CALL)
    assert (outcome.deleted, outcome.left) == (2, [])
    assert emulator.count("list_files") == 1
