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

#: Documents of one look: it fails as a whole, so it must not be too many waits'.
POLL_SIZE = 5 * BATCH_SIZE
#: Seconds before its deadline from which on a wait does not look together with those that have longer.
HURRY = 60.0


@dataclass(eq=False, slots=True)
class Waiter:
    """One of the waits.

    :param poller: what it watches, and how patiently.
    """

    poller: Poller
    _due: float = field(init=False, default=0.0)
    _ready: float = field(init=False, default=0.0)
    _hurries: bool = field(init=False, default=False)
    _has_left: bool = field(init=False, default=False)


W = TypeVar("W", bound=Waiter)


@dataclass(frozen=True, slots=True)
class Poll(Generic[W]):
    """What several watchers ask for at once."""

    watchers: Sequence[W]

    @property
    def file_ids(self) -> list[str]:
        """Of all documents that any of them watches."""
        return list(dict.fromkeys(file_id for each in self.watchers for file_id in each.poller.pending))


class PollSchedule(Generic[W]):
    """Watchers between two looks. Times are in seconds, of a clock that is never set.

    A look is taken when one watcher is due. Free room in its last request goes to the watchers due next. So the number
    of requests depends on the number of documents, not of waits, and no watcher looks later than it would alone.
    """

    def __init__(self) -> None:
        self._next: list[tuple[float, int, W]] = []
        self._numbers = count()

    def rest(self, watcher: W, now: float, pause: float, *, time_left: float | None = None) -> None:
        """Let it look after the pause, or along with others once half of the pause is over.

        :param time_left: seconds from now to its deadline.
        """
        watcher._due, watcher._ready = now + pause, now + pause / 2
        watcher._hurries = time_left is not None and time_left - pause < HURRY
        heappush(self._next, (watcher._due, next(self._numbers), watcher))

    def leave(self, watcher: W) -> None:
        """It looks no more."""
        watcher._has_left = True

    @property
    def due(self) -> float | None:
        """When somebody has to look; ``None`` if nobody is here."""
        while self._next and self._next[0][2]._has_left:
            heappop(self._next)
        return self._next[0][0] if self._next else None

    def take(self, now: float) -> Poll[W] | None:
        """The look that is due, or ``None`` if none is: who was to take it has left."""
        if (due := self.due) is None or due > now:
            return None
        first = heappop(self._next)
        taken, file_ids = [first[2]], set(first[2].poller.pending)
        others = []
        while (due := self.due) is not None:
            watcher = self._next[0][2]
            size = len(file_ids) + sum(file_id not in file_ids for file_id in watcher.poller.pending)
            # A watcher that is due may enlarge the look; one that is only ready must fit into it.
            room = POLL_SIZE if due <= now else ceil(len(file_ids) / BATCH_SIZE) * BATCH_SIZE
            if watcher._ready > now or size > room:
                break
            entry = heappop(self._next)
            if watcher._hurries != taken[0]._hurries:
                others.append(entry)
                continue
            taken.append(watcher)
            file_ids.update(watcher.poller.pending)
        for entry in others:
            heappush(self._next, entry)
        return Poll(taken)
