"""Durations come as ``timedelta`` or seconds, and go out as seconds or words."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from airflow_provider_xai_collections.durations import in_words, seconds
from airflow_provider_xai_collections.exceptions import XAIArgumentError


@pytest.mark.parametrize(
    ("value", "expected"),
    [(90, 90.0), (0.5, 0.5), (timedelta(minutes=1, milliseconds=500), 60.5), (timedelta.max, 86399999999999.999999)],
)
def test_seconds_of_both_kinds(value: Any, expected: float) -> None:
    result = seconds("timeout", value)
    assert isinstance(result, float)
    assert result == expected


@pytest.mark.parametrize(
    "value", [0, -1, -0.5, timedelta(0), timedelta(-1), float("nan"), float("inf"), True, "60", None, [60]]
)
def test_what_is_no_duration_is_refused_by_the_name_of_the_argument(value: Any) -> None:
    with pytest.raises(XAIArgumentError) as caught:
        seconds("poll_interval", value)
    assert str(caught.value) == (f"poll_interval is {value!r}; it must be a timedelta or a number of seconds above 0")


def test_none_at_all_is_a_duration_where_the_argument_says_so() -> None:
    assert [seconds("overlap", none, or_none=True) for none in (0, timedelta(0))] == [0.0, 0.0]
    with pytest.raises(XAIArgumentError, match="of at least 0"):
        seconds("overlap", -1, or_none=True)


@pytest.mark.parametrize(
    ("duration", "words"),
    [
        (0.2, "less than a second"),
        (1, "1 second"),
        (89.6, "1 minute 30 seconds"),
        (3600, "1 hour"),
        (90061, "1 day 1 hour 1 minute 1 second"),
    ],
)
def test_durations_in_words(duration: float, words: str) -> None:
    assert in_words(duration) == words
