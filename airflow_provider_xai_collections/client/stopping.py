"""Telling work to end early, from a signal handler as well."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from airflow_provider_xai_collections.exceptions import XAIInterruptedError


class Stop:
    """A signal to stop, which wakes every pause. Safe to give in a signal handler.

    ``threading.Event`` would not do: a handler that sets it while the code it interrupts is inside ``wait`` or ``set``
    waits for ever for the lock which that code holds. A ``Condition`` lets the same thread in twice.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._others: list[Stop] = []
        self.is_said = False

    def say(self) -> None:
        self.is_said = True
        for other in tuple(self._others):
            other.say()
        with self._changed:
            self._changed.notify_all()

    def pause(self, seconds: float) -> None:
        """
        :raises XAIInterruptedError: it was said before, or meanwhile.
        """
        with self._changed:
            if seconds > 0 and not self.is_said:
                self._changed.wait(seconds)
        self.check()

    def check(self) -> None:
        """
        :raises XAIInterruptedError: it was said.
        """
        if self.is_said:
            raise XAIInterruptedError("interrupted, because the work it was part of has ended")

    @contextmanager
    def passed_on_to(self, other: Stop) -> Iterator[None]:
        """What is said here is said there as well, inside the context."""
        self._others.append(other)
        if self.is_said:
            other.say()
        try:
            yield
        finally:
            self._others.remove(other)
