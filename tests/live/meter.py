"""Budget and record of a run: no request leaves this process uncounted."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import httpx

from airflow_provider_xai_collections.api.endpoints import SEARCH_DOCUMENTS

#: Dollars. Searches are what costs.
PRICE = 0.0025


class BudgetSpentError(RuntimeError):
    """The next request would be one too many. No error of the provider's, so that nothing retries or swallows it."""


@dataclass(frozen=True, slots=True)
class Budget:
    """The most that a run may do.

    :param requests: of all kinds.
    :param searches: of these, how many may be searches.
    :param sent: bytes of all request bodies together.
    :param tidying: requests beside these, to find and delete in the end what has been made.
    """

    requests: int = 500
    searches: int = 20
    sent: int = 400_000
    tidying: int = 100

    def __str__(self) -> str:
        return (
            f"{self.searches} searches (${self.searches * PRICE:.2f}), {self.requests} requests (and {self.tidying} to "
            f"tidy up), {self.sent:,} bytes sent"
        )


class Meter:
    """Counts, remembers and, in time, refuses.

    :ivar tidying: lets the reserve of requests be used.
    :ivar collections: ids of what this run has made, and has to delete, as far as answers have told them.
    :ivar files: the same.
    """

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.requests = self.searches = self.sent = 0
        self.answers: list[httpx.Response] = []
        self.collections: list[str] = []
        self.files: list[str] = []
        self.tidying = False
        self._ending: int | None = None
        self._lock = threading.Lock()

    def __str__(self) -> str:
        return (
            f"{self.searches} searches (${self.searches * PRICE:.4f}), {self.requests} requests, {self.sent:,} bytes "
            f"sent; allowed were {self.budget}"
        )

    def end(self, status: int) -> None:
        """Leave the program before the next request, not in the middle of one whose answer says what has been made."""
        self._ending = status

    def admit(self, request: httpx.Request) -> None:
        """Count a request that is about to leave.

        :raises BudgetSpentError: instead of letting it.
        """
        if self._ending is not None and not self.tidying:
            raise SystemExit(self._ending)
        budget, most = self.budget, self.budget.requests + (self.budget.tidying if self.tidying else 0)
        with self._lock:
            requests = self.requests + 1
            searches = self.searches + request.url.path.endswith(SEARCH_DOCUMENTS.path)
            sent = self.sent + int(request.headers.get("content-length", 0))
            if requests > most or searches > budget.searches or sent > budget.sent:
                raise BudgetSpentError(f"{request.method} {request.url.path} is one too many, after {self}")
            self.requests, self.searches, self.sent = requests, searches, sent

    def note(self, request: httpx.Request, response: httpx.Response) -> None:
        """Remember an answer, and the id of what it says was made."""
        response.request = request
        self.answers.append(response)
        said, path = read(response), request.url.path
        if request.method != "POST" or not response.is_success or not isinstance(said, dict):
            return
        if path.endswith("/v1/collections"):
            self.collections += _ids(said.get("collection_id"))
        elif path.endswith("/v1/files"):
            self.files += _ids(said.get("id"))
        elif path.endswith("/documents") and isinstance(metadata := said.get("file_metadata"), dict):
            self.files += _ids(metadata.get("file_id"))


def _ids(said: object) -> list[str]:
    return [said] if said and isinstance(said, str) else []


def read(response: httpx.Response) -> Any:
    """Return the body read as JSON; ``None`` if it is none."""
    try:
        return json.loads(response.content)
    except ValueError:
        return None


@contextmanager
def metered(meter: Meter) -> Iterator[None]:
    """Count all that httpx sends in this process, inside, whoever sends it."""
    send: Callable[..., httpx.Response] = httpx.HTTPTransport.handle_request
    send_async: Callable[..., Any] = httpx.AsyncHTTPTransport.handle_async_request

    def handle_request(transport: httpx.HTTPTransport, request: httpx.Request) -> httpx.Response:
        meter.admit(request)
        response = send(transport, request)
        response.read()
        meter.note(request, response)
        return response

    async def handle_async_request(transport: httpx.AsyncHTTPTransport, request: httpx.Request) -> httpx.Response:
        meter.admit(request)
        response: httpx.Response = await send_async(transport, request)
        await response.aread()
        meter.note(request, response)
        return response

    with (
        patch.object(httpx.HTTPTransport, "handle_request", handle_request),
        patch.object(httpx.AsyncHTTPTransport, "handle_async_request", handle_async_request),
    ):
        yield
