"""Count of what a client does."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Usage:
    """Requests and bytes of a client, since they were last taken.

    :param requests: HTTP requests, those of ``retries`` among them.
    :param bytes: of files that were sent, each time they were.
    :param held: seconds for which requests were held back because of the service's rate limit, added up.
    """

    requests: int = 0
    retries: int = 0
    bytes: int = 0
    held: float = 0.0


class UsageCounter:
    """Count what one or several clients do; safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._usage = Usage()

    def sent(self, size: int, *, is_retry: bool) -> None:
        """Count a request with a file of so many bytes."""
        with self._lock:
            usage = self._usage
            self._usage = replace(
                usage, requests=usage.requests + 1, retries=usage.retries + is_retry, bytes=usage.bytes + size
            )

    def held(self, seconds: float) -> None:
        """Count the seconds for which a request was held back."""
        with self._lock:
            self._usage = replace(self._usage, held=self._usage.held + seconds)

    def take(self) -> Usage:
        """Return what was counted since the last call."""
        with self._lock:
            usage, self._usage = self._usage, Usage()
        return usage
