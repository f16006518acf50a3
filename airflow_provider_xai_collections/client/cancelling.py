"""Cancelling work, from a signal handler as well."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from airflow_provider_xai_collections.exceptions import XAIInterruptedError


class CancelToken:
    """A signal to stop, which wakes every pause and may come from a signal handler, between any two steps of a pause.

    A ``threading.Event`` or ``Condition`` would not do: a handler that runs between the pause's check and its wait
    wakes nobody, or waits for ever for a lock of the code that it interrupts. A lock that is released stays so until
    the pause comes for it. (Nor would ``queue.SimpleQueue``: in CPython 3.11, ``get`` blocks for ever if its timeout
    has passed before it begins to wait.)
    """

    def __init__(self) -> None:
        self._pauses: set[threading.Lock] = set()
        self._others: list[CancelToken] = []
        self.is_cancelled = False

    def cancel(self) -> None:
        """Wake all pauses, and those of the tokens that this one is linked to."""
        self.is_cancelled = True
        for other in tuple(self._others):
            other.cancel()
        for asleep in tuple(self._pauses):
            with suppress(RuntimeError):  # it was woken before
                asleep.release()

    def pause(self, seconds: float) -> None:
        """Wait, or raise :class:`XAIInterruptedError` if it was cancelled, before or meanwhile."""
        asleep = threading.Lock()
        asleep.acquire()
        self._pauses.add(asleep)  # before the check, so that no later call misses it
        try:
            if seconds > 0 and not self.is_cancelled:
                asleep.acquire(timeout=min(seconds, threading.TIMEOUT_MAX))
        finally:
            self._pauses.discard(asleep)
        self.check()

    def check(self) -> None:
        """Raise :class:`XAIInterruptedError` if it was cancelled."""
        if self.is_cancelled:
            raise XAIInterruptedError("interrupted, because the work it was part of has ended")

    @contextmanager
    def linked_to(self, other: CancelToken) -> Iterator[None]:
        """Cancel the other one as well, inside the context."""
        self._others.append(other)
        if self.is_cancelled:
            other.cancel()
        try:
            yield
        finally:
            self._others.remove(other)
