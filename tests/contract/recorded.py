"""Exchanges with the live service that were recorded in April 2026, with ids and the team replaced.

A column of README's table of calls is made from it, so it imports nothing that a user who runs `make tables` may not
have.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from airflow_provider_xai_collections.api.protocol import Endpoint, Host, Response
from airflow_provider_xai_collections.emulator.messages import HttpRequest
from airflow_provider_xai_collections.emulator.routes import find_route


@dataclass(frozen=True)
class Exchange:
    """A request and its answer.

    :param headers: of the answer, where the value was kept.
    :param header_names: of all headers of the answer.
    :param day: on which it was recorded.
    """

    host: Host
    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    request_body: bytes
    status: int
    headers: dict[str, str]
    header_names: frozenset[str]
    body: str
    day: str

    @cached_property
    def endpoint(self) -> Endpoint[Any]:
        """The call."""
        return find_route(HttpRequest(self.method, self.host, self.path)).endpoint

    @property
    def json(self) -> Any:
        """The answer, if it is JSON."""
        return json.loads(self.body)

    @property
    def is_json(self) -> bool:
        return self.headers["content-type"] == "application/json"

    @property
    def response(self) -> Response:
        """The answer as a driver hands it to the client, which has unpacked it."""
        return Response(self.status, self.headers, self.body.encode())

    def __str__(self) -> str:
        return f"{self.day} {self.endpoint.name} {self.status}"


def _exchange(said: dict[str, Any]) -> Exchange:
    return Exchange(
        host=Host(said["host"]),
        method=said["method"],
        path=said["path"],
        query=tuple(parse_qsl(said["query"])),
        request_body=(said["request_body"] or "").encode(),
        status=said["status"],
        headers=said["headers"],
        header_names=frozenset({*said["headers"], *said["other_header_names"]}),
        body=said["body"],
        day=said["recorded"],
    )


EXCHANGES = tuple(
    _exchange(said) for said in json.loads(Path(__file__).with_name("recorded.json").read_text("utf-8"))["exchanges"]
)


def statuses(endpoint: Endpoint[Any]) -> str:
    """Return the statuses of the recorded answers of a call, as README shows them."""
    found = sorted({exchange.status for exchange in EXCHANGES if exchange.endpoint is endpoint})
    return ", ".join(map(str, found)) or "no"
