"""Scheduling of polls: waits for documents of one collection share requests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from math import ceil
from typing import Generic, TypeVar

from airflow_provider_xai_collections.api.flows import BATCH_SIZE
from airflow_provider_xai_collections.api.polling import Poller

#: Documents of one poll: it fails as a whole, so it must not be too many waits'.
POLL_SIZE = 5 * BATCH_SIZE
#: Seconds before its deadline from which on a wait does not share polls with those that have longer.
HURRY = 60.0


@dataclass(eq=False, slots=True)
class Waiter:
    """One of the waits."""

    poller: Poller
    _due: float = field(init=False, default=0.0)
    _ready: float = field(init=False, default=0.0)
    _hurries: bool = field(init=False, default=False)
    _has_left: bool = field(init=False, default=False)


WaiterT = TypeVar("WaiterT", bound=Waiter)


@dataclass(frozen=True, slots=True)
class Poll(Generic[WaiterT]):
    """One poll for several waiters."""

    waiters: Sequence[WaiterT]

    @property
    def file_ids(self) -> list[str]:
        """The ids of all documents that any of them waits for."""
        return list(dict.fromkeys(file_id for each in self.waiters for file_id in each.poller.pending))


class PollSchedule(Generic[WaiterT]):
    """Waiters between two polls. Times are in seconds, of a clock that is never set.

    A poll is due when one waiter is. Free room in its last request goes to the waiters due next. So the number of
    requests depends on the number of documents, not of waits, and no waiter polls later than it would alone.
    """

    def __init__(self) -> None:
        self._next: list[tuple[float, int, WaiterT]] = []
        self._numbers = count()

    def add(self, waiter: WaiterT, now: float, pause: float, *, time_left: float | None = None) -> None:
        """Let it poll after the pause, or with others after half of it; its deadline is in ``time_left`` seconds."""
        waiter._due, waiter._ready = now + pause, now + pause / 2
        waiter._hurries = time_left is not None and time_left - pause < HURRY
        heappush(self._next, (waiter._due, next(self._numbers), waiter))

    def remove(self, waiter: WaiterT) -> None:
        """Let it poll no more."""
        waiter._has_left = True

    @property
    def due(self) -> float | None:
        """The time of the next poll; ``None`` if there is no waiter."""
        while self._next and self._next[0][2]._has_left:
            heappop(self._next)
        return self._next[0][0] if self._next else None

    def next_poll(self, now: float) -> Poll[WaiterT] | None:
        """Return the poll that is due, or ``None`` if none is: its waiter was removed."""
        if (due := self.due) is None or due > now:
            return None
        first = heappop(self._next)
        taken, file_ids = [first[2]], set(first[2].poller.pending)
        others = []
        while (due := self.due) is not None:
            waiter = self._next[0][2]
            size = len(file_ids) + sum(file_id not in file_ids for file_id in waiter.poller.pending)
            # A waiter that is due may enlarge the poll; one that is only ready must fit into it.
            room = POLL_SIZE if due <= now else ceil(len(file_ids) / BATCH_SIZE) * BATCH_SIZE
            if waiter._ready > now or size > room:
                break
            entry = heappop(self._next)
            if waiter._hurries != taken[0]._hurries:
                others.append(entry)
                continue
            taken.append(waiter)
            file_ids.update(waiter.poller.pending)
        for entry in others:
            heappush(self._next, entry)
        return Poll(taken)
