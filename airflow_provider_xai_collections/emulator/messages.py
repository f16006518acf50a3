"""HTTP as values: what comes in, what goes out. No socket is needed to use the emulator."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from airflow_provider_xai_collections.api.protocol import Host

#: Where a connection breaks: before any work, after the work (its answer lost), or in the middle of the answer.
Cut: TypeAlias = Literal["before", "after", "partial"]
Json: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request.

    :param host: which of the two services it came to; ``None`` if one port serves both.
    :param path: raw, still percent-encoded, without the query.
    :param query: decoded pairs, in order.
    :param headers: names in lower case.
    :param dropped: bytes that the server has left out of the middle of the body.
    """

    method: str
    host: Host | None
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    dropped: int = 0


@dataclass(frozen=True, slots=True)
class HttpReply:
    """One answer, and how the server sends it.

    :param status: 0 if the connection is cut before there is an answer.
    :param delay: seconds from the request to its answer.
    :param cut: how the connection breaks, if it does.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    delay: float = 0.0
    cut: Cut | None = None

    def json(self) -> Any:
        """The body, read as JSON."""
        return json.loads(self.body)


def json_reply(payload: Any, status: int = 200) -> HttpReply:
    """Answer with JSON."""
    return HttpReply(status, {"content-type": "application/json"}, json.dumps(payload).encode())
