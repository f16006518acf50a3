"""The fixtures of the stage, and another host, where no key may arrive."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.operators.stage import FlyingTime, clock, folder, xai
from tests.operators.workers import cluster, many

__all__ = ["clock", "cluster", "folder", "many", "xai"]


@pytest.fixture(autouse=True)
def _time_flies(clock: FlyingTime) -> None:
    """For every test here."""


@dataclass
class Elsewhere:
    """A listener that answers everything with success, and keeps what reached it: request line and headers."""

    url: str
    reached: list[str] = field(default_factory=list)


@pytest.fixture
def elsewhere() -> Iterator[Elsewhere]:
    """A host that is none of xAI's, on a free port of this machine."""

    class Handler(BaseHTTPRequestHandler):
        def parse_request(self) -> bool:
            super().parse_request()
            place.reached.append(f"{self.requestline}\n{self.headers}")
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()
            self.close_connection = True
            return False

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        place = Elsewhere(f"http://127.0.0.1:{server.server_address[1]}")
        threading.Thread(target=server.serve_forever, args=(0.01,), name="elsewhere", daemon=True).start()
        yield place
        server.shutdown()
