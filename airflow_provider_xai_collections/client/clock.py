"""The time by which work waits: nobody sets it back or forward while the work runs."""

from __future__ import annotations

import time


def monotonic() -> float:
    """Seconds on a clock that is never set."""
    return time.monotonic()


class Clock:
    """Tells the wall-clock time of when it was made, and what has passed since then.

    Deadlines cross processes, so they are in seconds since the epoch. But within a process, a machine whose clock is
    corrected would end waits and pauses at once, or hold them for hours.
    """

    __slots__ = ("_difference",)

    def __init__(self) -> None:
        self._difference = time.time() - monotonic()

    def __call__(self) -> float:
        """Seconds since the epoch."""
        return self._difference + monotonic()
