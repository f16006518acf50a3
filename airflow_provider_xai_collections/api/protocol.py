"""The vocabulary of a flow: what it may ask of the outside world, and what it gets back.

A flow is a generator. It yields a :class:`Request`, a :class:`Sleep` or a :class:`Now`; it is resumed with the typed
answer, ``None`` or the time, or a typed error is thrown into it; and it returns a typed value. Flows never see a
failure that passes: each request they yield goes through :func:`~.retries.retrying`, which in turn speaks HTTP with
the driver in :class:`Request` and :class:`Response`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, BinaryIO, Generic, TypeAlias, TypeVar

from airflow_provider_xai_collections.api.wire import Answer
from airflow_provider_xai_collections.text import printable

if TYPE_CHECKING:
    from airflow_provider_xai_collections.api.endpoints import Endpoint

T = TypeVar("T")
A = TypeVar("A", bound=Answer)
A_co = TypeVar("A_co", bound=Answer, covariant=True)


class Host(Enum):
    """The two services; each takes its own key and never sees the other's."""

    MANAGEMENT = "management"
    API = "api"

    @property
    def key_name(self) -> str:
        """What xAI calls the key of this host."""
        return "management key" if self is Host.MANAGEMENT else "API key"


@dataclass(frozen=True, slots=True)
class Upload:
    """A file to send. ``open`` is called once per attempt, so that a retry sends the whole body again.

    :param filename: the name xAI stores.
    :param open: returns a fresh binary stream positioned at the start.
    :param size: bytes.
    :param content_type: MIME type, where the call can carry one.
    """

    filename: str
    open: Callable[[], BinaryIO] = field(repr=False, compare=False)
    size: int
    content_type: str | None = None


@dataclass(frozen=True, slots=True)
class Request(Generic[A_co]):
    """One HTTP exchange, ready to send. Built by :meth:`Endpoint.request`, never by hand.

    ``form`` and ``upload`` make a multipart body, ``json`` a JSON one. No retry starts after ``deadline``, in seconds
    since the epoch.
    """

    endpoint: Endpoint[A_co]
    path: str
    subject: str = ""
    query: tuple[tuple[str, str], ...] = ()
    json: Mapping[str, Any] | None = None
    form: tuple[tuple[str, str], ...] = ()
    upload: Upload | None = None
    deadline: float | None = None

    def __str__(self) -> str:
        """The call, for messages and logs; what it is about may be a name that others gave."""
        return f"{self.endpoint.name}({printable(self.subject)})"


@dataclass(frozen=True, slots=True)
class Response:
    """What came back. Header names are lower case.

    :param held: seconds for which the driver held the request back before it sent it.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    held: float = 0.0

    @property
    def content_type(self) -> str:
        return printable(self.headers.get("content-type", "")) or "no content type"

    @property
    def request_id(self) -> str | None:
        """The id that xAI's support can find the request by: ``x-request-id``, or else Cloudflare's ``cf-ray``."""
        return self._header("x-request-id") or self._header("cf-ray")

    @property
    def request_id_text(self) -> str:
        """The request id in the words of a message, which say of what kind it is."""
        if request_id := self._header("x-request-id"):
            return f"request {request_id}"
        ray = self._header("cf-ray")
        return f"cf-ray {ray}" if ray else "request without id"

    def _header(self, name: str) -> str | None:
        return printable(self.headers.get(name, "")) or None


@dataclass(frozen=True, slots=True)
class Sleep:
    """Pause for ``seconds`` plus a random share of ``jitter`` seconds (the driver rolls the die).

    :param then: what comes after it, and ``reason``: why it is needed at all. With a reason, the driver logs both.
    """

    seconds: float
    jitter: float = 0.0
    then: str = field(default="", compare=False)
    reason: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Now:
    """Ask for the time in seconds since the epoch (deadlines cross processes). It never goes back while a flow runs."""


Step: TypeAlias = Request[Any] | Sleep | Now
Flow: TypeAlias = Generator[Step, Any, T]


def call(request: Request[A]) -> Flow[A]:
    """Ask for one answer: ``collection = yield from call(GET_COLLECTION.request(collection_id=...))``."""
    answer: A = yield request
    return answer
