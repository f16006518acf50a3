"""Routes of requests to endpoints, compiled from the contract table."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from string import Formatter
from typing import Any
from urllib.parse import unquote

from airflow_provider_xai_collections.api.endpoints import ENDPOINTS
from airflow_provider_xai_collections.api.files import OneFile
from airflow_provider_xai_collections.api.protocol import Endpoint, Host
from airflow_provider_xai_collections.api.wire import Empty
from airflow_provider_xai_collections.emulator.messages import HttpRequest
from airflow_provider_xai_collections.emulator.refusals import Refused

#: Answers with the bytes of a file. Recorded, and no call of the product.
GET_FILE_CONTENT = Endpoint(
    "get_file_content", "GET", "/v1/files/{file_id}/content", OneFile, Empty, host=Host.API, source="rec"
)
#: Everything that is played.
PLAYED: tuple[Endpoint[Any], ...] = (*ENDPOINTS, GET_FILE_CONTENT)


@dataclass(frozen=True, slots=True)
class Route:
    """An endpoint and the ids in its path."""

    endpoint: Endpoint[Any]
    ids: Mapping[str, str]


def _matcher(template: str) -> re.Pattern[str]:
    """Return ``/a/{id}:verb`` as a pattern. Ids are matched still encoded, so a slash within one does not split it."""
    pieces = (
        re.escape(literal) + (f"(?P<{name}>[^/]+)" if name else "")
        for literal, name, _, _ in Formatter().parse(template)
    )
    return re.compile("".join(pieces))


_MATCHERS = tuple((_matcher(endpoint.path), endpoint) for endpoint in PLAYED)


def find_route(request: HttpRequest) -> Route:
    """Find the endpoint.

    :raises Refused: 404 for a path this host does not serve, 405 for a method the path does not take.
    """
    other_methods = False
    for pattern, endpoint in _MATCHERS:
        if request.host in (None, endpoint.host) and (match := pattern.fullmatch(request.path)):
            if endpoint.method == request.method:
                return Route(endpoint, {name: unquote(value) for name, value in match.groupdict().items()})
            other_methods = True
    if other_methods:
        raise Refused(405, f"{request.method} is not a method of {request.path}")
    raise Refused(404, f"{request.path} is not served here")
