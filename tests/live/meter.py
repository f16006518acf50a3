"""Budget and record of a run: no request leaves this process uncounted."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

import httpx

from airflow_provider_xai_collections.api.endpoints import SEARCH_DOCUMENTS

from .masking import Mask


class BudgetSpentError(RuntimeError):
    """The next request would be one too many. No error of the provider's, so that nothing retries or swallows it."""


@dataclass(frozen=True, slots=True)
class Budget:
    """The most that a run may do. Searches are what costs: $2.50 for 1,000, so these twenty are five cents.

    :param requests: of all kinds.
    :param searches: of these, how many may be searches.
    :param sent: bytes of all request bodies together.
    :param tidying: requests beside these, to find and delete in the end what has been made.
    """

    requests: int = 500
    searches: int = 20
    sent: int = 400_000
    tidying: int = 100


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and its answer."""

    method: str
    path: str
    status: int
    headers: httpx.Headers
    body: bytes
    query_size: int
    mask: Mask

    def __str__(self) -> str:
        """The answer in one line, fit to be pasted: keys are masked, then a long text is cut."""
        text = self.mask.quoted(self.body.decode("utf-8", "replace"), 200)
        return f"{self.status} {text or '(no body)'}"

    @property
    def json(self) -> Any:
        """The body read as JSON; ``None`` if it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None


@dataclass
class Made:
    """Ids of what this run has made, and has to delete, as far as answers have told them."""

    collections: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)

    def note(self, exchange: Exchange) -> None:
        """Remember the id that the answer to a creating request holds."""
        if exchange.method != "POST" or exchange.status >= 300 or not isinstance(exchange.json, dict):
            return
        said = exchange.json
        if exchange.path.endswith("/v1/collections"):
            self._add(self.collections, said.get("collection_id"))
        elif exchange.path.endswith("/v1/files"):
            self._add(self.files, said.get("id"))
        elif exchange.path.endswith("/documents") and isinstance(metadata := said.get("file_metadata"), dict):
            self._add(self.files, metadata.get("file_id"))

    @staticmethod
    def _add(ids: list[str], said: object) -> None:
        if isinstance(said, str) and said:
            ids.append(said)


class Meter:
    """Counts, remembers and, in time, refuses.

    :param mask: what the run says of itself goes through it.
    """

    def __init__(self, budget: Budget, mask: Mask) -> None:
        self.budget = budget
        self.mask = mask
        self.requests = self.searches = self.sent = 0
        self.exchanges: list[Exchange] = []
        self.made = Made()
        self._tidying = False
        self._ending: int | None = None
        self._lock = threading.Lock()

    def end(self, status: int) -> None:
        """Leave the program before the next request, not in the middle of one whose answer says what has been made."""
        self._ending = status

    def admit(self, request: httpx.Request) -> None:
        """Count a request that is about to leave.

        :raises BudgetSpentError: instead of letting it.
        """
        if self._ending is not None and not self._tidying:
            raise SystemExit(self._ending)
        with self._lock:
            search = request.url.path.endswith(SEARCH_DOCUMENTS.path)
            length = int(request.headers.get("content-length", 0))
            budget = self.budget
            after = {
                "requests": (self.requests + 1, budget.requests + (budget.tidying if self._tidying else 0)),
                "searches": (self.searches + search, budget.searches),
                "bytes": (self.sent + length, budget.sent),
            }
            for what, (count, most) in after.items():
                if count > most:
                    raise BudgetSpentError(f"{request.method} {request.url.path} would make {count} {what} of {most}")
            self.requests, self.searches, self.sent = (count for count, _ in after.values())

    def note(self, request: httpx.Request, response: httpx.Response) -> None:
        """Remember an answer."""
        exchange = Exchange(
            request.method,
            request.url.path,
            response.status_code,
            response.headers,
            response.content,
            len(request.url.query),
            self.mask,
        )
        with self._lock:
            self.exchanges.append(exchange)
            self.made.note(exchange)

    @contextmanager
    def tidying(self) -> Iterator[None]:
        """Let the reserve be used, inside."""
        self._tidying = True
        try:
            yield
        finally:
            self._tidying = False


@contextmanager
def metered(meter: Meter) -> Iterator[Meter]:
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
        yield meter
