"""Throttling of the requests of many threads, where the service asks for it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace

from airflow_provider_xai_collections.api.errors import is_rate_limit
from airflow_provider_xai_collections.api.protocol import Host, Response
from airflow_provider_xai_collections.api.rate_limiter import RateLimiter, Ticket
from airflow_provider_xai_collections.api.retries import RetryPolicy, seconds_asked
from airflow_provider_xai_collections.client import clock as clocks

_log = logging.getLogger(__name__)


class Throttle:
    """One :class:`RateLimiter` for all requests of a client, shared between threads.

    It is for both services: uploads and attaches alternate, so limiting only one of them would gain nothing.
    """

    def __init__(self, policy: RetryPolicy, clock: Callable[[], float] | None = None) -> None:
        self._limiter = RateLimiter(policy)
        self._lock = threading.Lock()
        self._clock = clock or clocks.monotonic
        self._has_logged = False

    def exchange(self, service: Host, send: Callable[[], Response], pause: Callable[[float], None]) -> Response:
        """Wait for a ticket with ``pause``, which may raise, then send, and tell the limiter of a refusal."""
        ticket, held = self._wait(service, pause)
        response = send()
        if response.status in (429, 503, 529):
            asked = seconds_asked(response.headers.get("retry-after"), time.time())
            if is_rate_limit(response) or (response.status != 429 and asked is not None):
                with self._lock:
                    self._limiter.refused(ticket, self._clock(), asked)
        return replace(response, held=held) if held else response

    def _wait(self, service: Host, pause: Callable[[float], None]) -> tuple[Ticket, float]:
        held = 0.0
        with self._lock:
            ticket = self._limiter.ask(service, self._clock())
        try:
            while (seconds := self._seconds(ticket)) > 0:
                pause(seconds)
                held += seconds
        except BaseException:
            with self._lock:
                self._limiter.leave(ticket)
            raise
        if held:
            self._log_rate()
        return ticket, held

    def _seconds(self, ticket: Ticket) -> float:
        with self._lock:
            return self._limiter.wait(ticket, self._clock())

    def _log_rate(self) -> None:
        with self._lock:
            rate = self._limiter.rate(self._clock())
        if rate is not None and not self._has_logged:
            self._has_logged = True
            _log.info("xAI asks to slow down: requests start at about %.3g a second now, more as it allows", rate)
