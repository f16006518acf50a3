"""Telling work to end early, from a signal handler as well."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from queue import Empty, SimpleQueue

from airflow_provider_xai_collections.exceptions import XAIInterruptedError


class Stop:
    """A signal to stop, which wakes every pause. Safe to give in a signal handler, between any two steps of a pause.

    A ``threading.Event`` or ``Condition`` would not do: a handler that runs after the pause has looked, and before it
    waits, wakes nobody, or waits for ever for a lock which the code holds that it interrupts. What is put into a queue
    stays there until the pause comes for it, and ``SimpleQueue.put`` may interrupt itself.
    """

    def __init__(self) -> None:
        self._pauses: set[SimpleQueue[None]] = set()
        self._others: list[Stop] = []
        self.is_said = False

    def say(self) -> None:
        self.is_said = True
        for other in tuple(self._others):
            other.say()
        for woken in tuple(self._pauses):
            woken.put(None)

    def pause(self, seconds: float) -> None:
        """
        :raises XAIInterruptedError: it was said before, or meanwhile.
        """
        woken: SimpleQueue[None] = SimpleQueue()
        self._pauses.add(woken)  # before it looks, so that whoever speaks after that is heard
        try:
            if seconds > 0 and not self.is_said:
                with suppress(Empty):
                    woken.get(timeout=seconds)
        finally:
            self._pauses.discard(woken)
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
