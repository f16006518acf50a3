"""Another host, where no key may arrive."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Elsewhere:
    """A listener that answers everything with success, and keeps what reached it: request line and headers."""

    port: int
    reached: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def listening() -> Iterator[Elsewhere]:
    """On a free port of this machine, until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def parse_request(self) -> bool:
            fine = super().parse_request()
            place.reached.append(f"{self.requestline}\n{self.headers}")
            self.send_response(200)
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"{}")
            self.close_connection = True
            return fine and False

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        place = Elsewhere(server.server_address[1])
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), name="elsewhere", daemon=True)
        thread.start()
        try:
            yield place
        finally:
            server.shutdown()
            thread.join()
