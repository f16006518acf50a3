"""Log of the requests, for tests to read. Never a header, so never a key."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass

from airflow_provider_xai_collections.emulator.faults import FaultRule
from airflow_provider_xai_collections.emulator.messages import HttpRequest
from airflow_provider_xai_collections.emulator.routes import Route

MAX_ENTRIES = 10_000


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One request.

    :param n: its number, from 1.
    :param endpoint: name in the contract table; "" if it matched none.
    :param ids: what the path names.
    :param status: of the answer, delivered or not; 0 if there was none.
    :param done: what was asked for was done, whatever became of the answer.
    :param fault: what a fault rule did to it, in words.
    """

    n: int
    endpoint: str
    method: str
    path: str
    ids: Mapping[str, str]
    status: int
    fault: str | None
    bytes_in: int
    done: bool


class RequestLog:
    """The last requests, and counts of all by endpoint."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        """Forget all requests."""
        with self._lock:
            self._entries: deque[LogEntry] = deque(maxlen=MAX_ENTRIES)
            self._counts: Counter[str] = Counter()
            self._n = 0

    def add(
        self, request: HttpRequest, route: Route | None, status: int, fault: FaultRule | None, *, done: bool
    ) -> None:
        """Write one request down."""
        endpoint = route.endpoint.name if route else ""
        with self._lock:
            self._n += 1
            self._counts[endpoint] += 1
            self._entries.append(
                LogEntry(
                    n=self._n,
                    endpoint=endpoint,
                    method=request.method,
                    path=request.path,
                    ids=route.ids if route else {},
                    status=status,
                    fault=str(fault) if fault else None,
                    bytes_in=len(request.body) + request.dropped,
                    done=done,
                )
            )

    @property
    def entries(self) -> tuple[LogEntry, ...]:
        """The last of them, oldest first."""
        with self._lock:
            return tuple(self._entries)

    @property
    def counts(self) -> dict[str, int]:
        """The number of calls by endpoint."""
        with self._lock:
            return dict(self._counts)
