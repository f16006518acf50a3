"""Durations: ``timedelta`` or seconds from users, seconds inside, words in messages."""

from __future__ import annotations

from datetime import timedelta
from math import isfinite
from typing import TypeAlias

import pendulum

from airflow_provider_xai_collections.exceptions import XAIArgumentError

Duration: TypeAlias = timedelta | float


def seconds(name: str, value: Duration) -> float:
    """Return ``value`` in seconds, or refuse the argument by ``name`` if it is no duration above zero."""
    plain = value.total_seconds() if isinstance(value, timedelta) else value
    if isinstance(plain, bool) or not isinstance(plain, int | float) or not (plain > 0 and isfinite(plain)):
        raise XAIArgumentError(f"{name} is {value!r}; it must be a timedelta or a number of seconds above 0")
    return float(plain)


def in_words(duration: float) -> str:
    """Return ``90`` as ``1 minute 30 seconds``."""
    whole = round(duration)
    return pendulum.duration(seconds=whole).in_words() if whole else "less than a second"
