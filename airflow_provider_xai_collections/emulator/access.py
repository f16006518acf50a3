"""Keys and rate limits of calls."""

from __future__ import annotations

import hmac
import threading
from collections import Counter
from collections.abc import Callable

from airflow_provider_xai_collections.api.protocol import Host
from airflow_provider_xai_collections.emulator.messages import HttpRequest
from airflow_provider_xai_collections.emulator.refusals import Refused
from airflow_provider_xai_collections.emulator.settings import Settings

#: The text and the header of a refused management key. [rec]
_INVALID = "Invalid bearer token. Please ensure you use a valid management key."


class Gate:
    """Checks each request before its work: the key of the host it is for, then the rate."""

    def __init__(self, settings: Settings, clock: Callable[[], float]) -> None:
        self._settings = settings
        self._clock = clock
        self._lock = threading.Lock()
        self._second = 0
        self._calls: Counter[Host | None] = Counter()

    def check(self, request: HttpRequest, host: Host) -> None:
        """Let the request pass.

        :raises Refused: 401 (or the 400 that some have got for an API key), or 429.
        """
        self._check_key(request.headers.get("authorization", ""), host)
        if self._settings.rate_limit is not None and self._calls_this_second(host) > self._settings.rate_limit:
            raise Refused(429, "too many requests")

    def _check_key(self, authorization: str, host: Host) -> None:
        scheme, _, key = authorization.partition(" ")
        given = key if scheme.lower() == "bearer" else ""
        wanted = self._settings.management_key if host is Host.MANAGEMENT else self._settings.api_key
        if hmac.compare_digest(given.encode(), wanted.encode()):
            return
        if host is Host.MANAGEMENT:
            raise Refused(401, _INVALID, headers={"www-authenticate": _INVALID})
        if not given:
            raise Refused(401, "no bearer token in the Authorization header")
        raise Refused(self._settings.wrong_api_key_status, "Incorrect API key provided")

    def _calls_this_second(self, host: Host) -> int:
        counted = host if self._settings.rate_limit_of == "key" else None
        with self._lock:
            if (second := int(self._clock())) != self._second:
                self._second = second
                self._calls.clear()
            self._calls[counted] += 1
            return self._calls[counted]
