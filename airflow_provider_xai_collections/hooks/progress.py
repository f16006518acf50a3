"""What a running wait says in the log."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Protocol

from airflow_provider_xai_collections.api.polling import Poller
from airflow_provider_xai_collections.text import printable

#: Seconds between two lines about the same wait.
EVERY = 10.0
#: Documents of which the log warns.
NAMED = 50
#: Characters of a status that nobody knows.
WORD = 60


class Doubted(Protocol):
    """A document that may not be as it should, and why."""

    @property
    def file_id(self) -> str: ...

    @property
    def name(self) -> str: ...

    @property
    def reason(self) -> str: ...


def warn_of_doubts(log: Any, doubts: Sequence[Doubted], count: int) -> None:
    """Warn of processed documents that may not be as they should, up to :data:`NAMED` of them.

    :param count: how many doubts there are, if not all of them are at hand.
    """
    for doubt in doubts[:NAMED]:
        log.warning("%s (%s): %s", printable(doubt.name), doubt.file_id, printable(doubt.reason))
    if (more := count - min(len(doubts), NAMED)) > 0:
        log.warning("%d more documents like that, which the manifest counts and does not name", more)


class LogTimer:
    """Whether it is time for another line in the log about long work."""

    __slots__ = ("_next",)

    def __init__(self) -> None:
        self._next = time.monotonic() + EVERY

    def is_due(self) -> bool:
        """True once every few seconds, and not at once."""
        if (now := time.monotonic()) < self._next:
            return False
        self._next = now + EVERY
        return True


class ProgressLog:
    """Logs how far a wait is, at most every few seconds and only when something changed."""

    __slots__ = ("_collection_id", "_log", "_next", "_said", "_unknown")

    def __init__(self, log: Any, collection_id: str) -> None:
        self._log = log
        self._collection_id = printable(collection_id)
        self._next = 0.0
        self._said: tuple[int, int] | None = None
        self._unknown: set[str] = set()

    def __call__(self, poller: Poller) -> None:
        if new := poller.unknown_words - self._unknown:
            self._unknown |= new
            words = ", ".join(printable(word, WORD) for word in sorted(new))
            self._log.warning("xAI reports a status this provider does not know (%s): still waiting", words)
        state = (poller.processed_count, len(poller.pending))
        if state == self._said or time.monotonic() < self._next:
            return
        self._said, self._next = state, time.monotonic() + EVERY
        self._log.info("%s: %d documents processed, %d to go", self._collection_id, *state)
