"""``python -m benchmarks.service OPTIONS``: the emulator, observed.

Its first line is the connection that leads to it. For each line that comes in it says, as JSON, what it has seen since
the last; it ends with its input.
"""

from __future__ import annotations

import json
import re
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from airflow_provider_xai_collections.api.endpoints import UPLOAD_DOCUMENT, UPLOAD_FILE
from airflow_provider_xai_collections.emulator import Emulator, FaultRule, HttpReply, HttpRequest, Settings, Store
from airflow_provider_xai_collections.emulator.refusals import Refused
from airflow_provider_xai_collections.emulator.routes import find_route
from airflow_provider_xai_collections.emulator.server import ServerUrls, running

_FILENAME = re.compile(rb'filename="([^"]*)"')
#: The name of a file is so far into the body at most, behind the form fields of the one call.
_IN_HEAD = 4000
_UPLOADS = (UPLOAD_DOCUMENT.name, UPLOAD_FILE.name)
#: Seconds of silence that part one poll from the next.
PAUSE = 0.3


@dataclass(frozen=True, slots=True)
class Asked:
    """One ``documents:batchGet``: when it came, and which documents it asked for."""

    at: float
    file_ids: tuple[str, ...]


class Observed(Emulator):
    """The emulator, which notices what a count of calls does not tell.

    :param delay: seconds from each request to its answer.
    """

    def __init__(self, settings: Settings, store: Store, delay: float) -> None:
        super().__init__(settings, store, [FaultRule(delay=delay)] if delay else [])
        self._delay = delay
        self._guard = threading.Lock()
        self._forget()

    def _forget(self) -> None:
        self.reset_log()
        self._statuses: Counter[int] = Counter()
        self._done: Counter[str] = Counter()
        self._refused: Counter[tuple[str, str, bytes]] = Counter()
        self._asked: list[Asked] = []
        self._bytes = 0
        self._first = self._last = 0.0

    def handle(self, request: HttpRequest) -> HttpReply:
        now = time.monotonic()
        reply = super().handle(request)
        endpoint = _endpoint(request)
        with self._guard:
            self._statuses[reply.status] += 1
            if reply.status < 400:
                self._done[endpoint] += 1
            self._bytes += len(request.body) + request.dropped
            if self._first or endpoint in _UPLOADS:
                self._first, self._last = self._first or now, now
            if reply.status == 429:
                # Uploads into one collection have one path, and a new boundary each time.
                named = _FILENAME.search(request.body[:_IN_HEAD])
                self._refused[request.method, request.path, named[1] if named else b""] += 1
            elif request.path.endswith(":batchGet"):
                self._asked.append(Asked(now, tuple(value for name, value in request.query if name == "file_ids")))
        return reply

    def observations(self) -> dict[str, Any]:
        """Return what it has seen since the last time.

        ``calls`` by endpoint, and those of them that were ``done``; ``statuses`` by number; ``bytes`` of all bodies;
        ``polls``: for each the number of documents and of requests; ``refused_most``: how often one and the same
        request got a 429; ``seconds`` from the first upload to the last request.
        """
        with self._guard:
            seen = {
                "calls": self.counts,
                "done": self._done,
                "statuses": {str(status): count for status, count in self._statuses.items()},
                "bytes": self._bytes,
                "polls": polls(self._asked, self._delay + PAUSE),
                "refused_most": max(self._refused.values(), default=0),
                "seconds": self._last - self._first,
            }
            self._forget()
        return seen


def _endpoint(request: HttpRequest) -> str:
    """The name of the call; empty if there is no such call."""
    try:
        return find_route(request).endpoint.name
    except Refused:
        return ""


def polls(several: Iterable[Asked], pause: float) -> list[tuple[int, int]]:
    """Return of each poll how many documents it asked for in how many requests.

    A poll asks for a document once, and its requests follow each other: another begins after a longer ``pause``.
    """
    found: list[tuple[int, int]] = []
    asked: set[str] = set()
    requests, last = 0, 0.0
    for one in several:
        if requests and (asked.intersection(one.file_ids) or one.at - last > pause):
            found.append((len(asked), requests))
            asked, requests = set(), 0
        asked.update(one.file_ids)
        requests, last = requests + 1, one.at
    return [*found, (len(asked), requests)] if requests else found


def main(options: dict[str, Any]) -> None:
    """Serve until the input ends."""
    emulator = Observed(Settings(**options["settings"]), Store(options["database"]), options["delay"])
    with running(emulator, in_turn=True) as urls:
        _say(_connection(emulator.settings, urls))
        for _ in sys.stdin:
            _say(emulator.observations())
    emulator.close()


def _connection(settings: Settings, urls: ServerUrls) -> dict[str, Any]:
    return {
        "conn_type": "xai_collections",
        "host": urls.management_url,
        "password": settings.management_key,
        "extra": {"api_key": settings.api_key, "api_host": urls.api_url},
    }


def _say(what: dict[str, Any]) -> None:
    print(json.dumps(what), flush=True)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
