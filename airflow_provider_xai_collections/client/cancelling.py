"""Telling work to end early, from a signal handler as well."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from airflow_provider_xai_collections.exceptions import XAIInterruptedError


class CancelToken:
    """A signal to stop, which wakes every pause. Safe to give in a signal handler, between any two steps of a pause.

    A ``threading.Event`` or ``Condition`` would not do: a handler that runs after the pause has looked, and before it
    waits, wakes nobody, or waits for ever for a lock which the code holds that it interrupts. A lock that is released
    stays so until the pause comes for it. (Nor would ``queue.SimpleQueue``: in CPython 3.11, ``get`` blocks for ever if
    its timeout has passed by the time that it begins to wait.)
    """

    def __init__(self) -> None:
        self._pauses: set[threading.Lock] = set()
        self._others: list[CancelToken] = []
        self.is_cancelled = False

    def cancel(self) -> None:
        self.is_cancelled = True
        for other in tuple(self._others):
            other.cancel()
        for asleep in tuple(self._pauses):
            with suppress(RuntimeError):  # it was woken before
                asleep.release()

    def pause(self, seconds: float) -> None:
        """
        :raises XAIInterruptedError: it was said before, or meanwhile.
        """
        asleep = threading.Lock()
        asleep.acquire()
        self._pauses.add(asleep)  # before it looks, so that whoever speaks after that is heard
        try:
            if seconds > 0 and not self.is_cancelled:
                asleep.acquire(timeout=min(seconds, threading.TIMEOUT_MAX))
        finally:
            self._pauses.discard(asleep)
        self.check()

    def check(self) -> None:
        """
        :raises XAIInterruptedError: it was said.
        """
        if self.is_cancelled:
            raise XAIInterruptedError("interrupted, because the work it was part of has ended")

    @contextmanager
    def linked_to(self, other: CancelToken) -> Iterator[None]:
        """What is said here is said there as well, inside the context."""
        self._others.append(other)
        if self.is_cancelled:
            other.cancel()
        try:
            yield
        finally:
            self._others.remove(other)
