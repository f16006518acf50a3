"""Durations: ``timedelta`` or seconds from users, seconds inside, words in messages."""

from __future__ import annotations

from datetime import timedelta
from math import isfinite
from typing import TypeAlias

import pendulum

from airflow_provider_xai_collections.exceptions import XAIArgumentError

Duration: TypeAlias = timedelta | float


def seconds(name: str, value: Duration, *, or_none: bool = False) -> float:
    """Return ``value`` in seconds, or refuse the argument by ``name`` if it is no duration above zero.

    :param or_none: zero will do as well.
    """
    plain = value.total_seconds() if isinstance(value, timedelta) else value
    is_number = isinstance(plain, int | float) and not isinstance(plain, bool) and isfinite(plain)
    if not is_number or plain < 0 or (plain == 0 and not or_none):
        least = "of at least 0" if or_none else "above 0"
        raise XAIArgumentError(f"{name} is {value!r}; it must be a timedelta or a number of seconds {least}")
    return float(plain)


def in_words(duration: float) -> str:
    """Return ``90`` as ``1 minute 30 seconds``."""
    whole = round(duration)
    return pendulum.duration(seconds=whole).in_words() if whole else "less than a second"
