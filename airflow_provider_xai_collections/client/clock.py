"""Clocks that are never set back or forward while work runs."""

from __future__ import annotations

import time


def monotonic() -> float:
    """Return the seconds on a clock that is never set."""
    return time.monotonic()


class Clock:
    """A wall clock that counts on from the moment it was made, whatever becomes of the machine's clock.

    Deadlines cross processes, so they are in seconds since the epoch; but a clock that is set would end waits at once,
    or prolong them for hours.
    """

    __slots__ = ("_difference",)

    def __init__(self) -> None:
        self._difference = time.time() - monotonic()

    def __call__(self) -> float:
        """Return the seconds since the epoch."""
        return self._difference + monotonic()
