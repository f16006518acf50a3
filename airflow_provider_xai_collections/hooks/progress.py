"""Log lines about long work: progress, and documents that may not be as they should."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from airflow_provider_xai_collections.api.doubts import Doubt
from airflow_provider_xai_collections.api.polling import Poller
from airflow_provider_xai_collections.manifests.waits import Doubtful
from airflow_provider_xai_collections.text import counted, printable

#: Seconds between two lines about the same work.
LOG_INTERVAL = 10.0
#: Doubtful documents of which the log warns one by one.
MAX_WARNINGS = 50
#: Characters of an unknown status.
MAX_STATUS = 60


def warn_of_doubts(log: Any, doubts: Sequence[Doubt | Doubtful], count: int) -> None:
    """Warn of the first documents that may not be as they should, of ``count`` in all."""
    for doubt in doubts[:MAX_WARNINGS]:
        log.warning("%s (%s): %s", printable(doubt.name), doubt.file_id, printable(doubt.reason))
    if (more := count - min(len(doubts), MAX_WARNINGS)) > 0:
        log.warning("%s like that, which the manifest counts and does not name", counted(more, "more document"))


class LogTimer:
    """A timer for log lines about long work."""

    __slots__ = ("_next",)

    def __init__(self) -> None:
        self._next = time.monotonic() + LOG_INTERVAL

    def is_due(self) -> bool:
        """Tell whether it is time for a line: once every few seconds, and not at once."""
        if (now := time.monotonic()) < self._next:
            return False
        self._next = now + LOG_INTERVAL
        return True


class ProgressLog:
    """Log how far a wait is, at most every few seconds and only when something changed."""

    __slots__ = ("_collection", "_log", "_logged", "_next", "_unknown")

    def __init__(self, log: Any, collection: str) -> None:
        self._log = log
        self._collection = printable(collection)
        self._next = 0.0
        self._logged: tuple[int, int] | None = None
        self._unknown: set[str] = set()

    def __call__(self, poller: Poller) -> None:
        if new := poller.unknown_words - self._unknown:
            self._unknown |= new
            words = ", ".join(printable(word, MAX_STATUS) for word in sorted(new))
            self._log.warning("xAI reports a status this provider does not know (%s): still waiting", words)
        state = (poller.processed_count, len(poller.pending))
        if state == self._logged or time.monotonic() < self._next:
            return
        self._logged, self._next = state, time.monotonic() + LOG_INTERVAL
        processed, pending = state
        self._log.info("%s: %s processed, %d to go", self._collection, counted(processed, "document"), pending)
