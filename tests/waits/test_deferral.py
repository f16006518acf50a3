"""A wait in the triggerer: the documents that a trigger has room for, and the limit that comes first."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_xai_collections.api.polling import WaitEnd
from airflow_provider_xai_collections.waits.deferral import BACKSTOP, ROOM_FOR_WATCHED, deadline_of, last_of

NOW = 1_800_000_000.0


@given(st.lists(st.text(min_size=1, max_size=60), max_size=400))
def test_the_last_ids_are_kept_as_far_as_there_is_room(ids: list[str]) -> None:
    kept = last_of(ids)
    assert kept == ids[len(ids) - len(kept) :]
    assert len(json.dumps(kept)) <= ROOM_FOR_WATCHED or len(kept) == 1
    more = ids[-len(kept) - 1 :]
    assert kept == ids or len(json.dumps(more)) > ROOM_FOR_WATCHED - len(", "), "not one more would fit"
    assert bool(kept) == bool(ids), "a trigger watches one at least"


@pytest.fixture(autouse=True)
def _a_still_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: NOW)


def deadline(
    *, execution_timeout: float | None = None, ran_before: float | None = 0, began_with: float | None = None
) -> Any:
    """The deadline of a wait of at most an hour."""
    limit = None if execution_timeout is None else timedelta(seconds=execution_timeout)
    began = None if ran_before is None else datetime.fromtimestamp(NOW - ran_before, UTC)
    context = {"ti": SimpleNamespace(start_date=began)}
    return deadline_of(SimpleNamespace(execution_timeout=limit), context, 3600, began_with=began_with)


@pytest.mark.parametrize(
    ("limits", "left", "end"),
    [
        ({}, 3600, WaitEnd.TIMED_OUT),
        ({"execution_timeout": 600}, 600, WaitEnd.EXECUTION_TIMED_OUT),
        ({"execution_timeout": 600, "ran_before": 400}, 200, WaitEnd.EXECUTION_TIMED_OUT),
        ({"execution_timeout": 600, "ran_before": None}, 600, WaitEnd.EXECUTION_TIMED_OUT),
        ({"execution_timeout": 7200, "ran_before": 400}, 3600, WaitEnd.TIMED_OUT),
        ({"began_with": NOW + 50}, 50, WaitEnd.TIMED_OUT),
        ({"began_with": NOW - 50}, -50, WaitEnd.TIMED_OUT),
        ({"began_with": NOW + 200, "execution_timeout": 600, "ran_before": 400}, 200, WaitEnd.EXECUTION_TIMED_OUT),
    ],
)
def test_the_limit_that_comes_first_ends_the_wait(limits: dict[str, Any], left: float, end: WaitEnd) -> None:
    found = deadline(**limits)
    assert (found.at, found.end) == (NOW + left, end)
    assert found.defer_timeout == timedelta(seconds=max(0, left) + BACKSTOP)
