"""The vocabulary of a flow: what it may ask of the outside world, and what it gets back.

A flow is a generator. It yields a :class:`Request`, a :class:`Sleep` or a :class:`Now`; it is resumed with the typed
answer, ``None`` or the time, or a typed error is thrown into it; and it returns a typed value. Flows never see a
failure that passes: each request they yield goes through :func:`~.retries.retrying`, which in turn speaks HTTP with
the driver in :class:`Request` and :class:`Response`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from string import Formatter
from typing import Any, BinaryIO, Generic, TypeAlias, TypeVar
from urllib.parse import quote

from pydantic import ValidationError

from airflow_provider_xai_collections.api.wire import SENDING, Answer, Params, explain
from airflow_provider_xai_collections.exceptions import XAIArgumentError, XAIResponseError
from airflow_provider_xai_collections.text import counted, printable

T = TypeVar("T")
A = TypeVar("A", bound=Answer)
A_co = TypeVar("A_co", bound=Answer, covariant=True)


class Host(Enum):
    """The two services; each takes its own key and never sees the other's."""

    MANAGEMENT = "management"
    API = "api"

    @property
    def key_name(self) -> str:
        """The name that xAI has for the key of this host."""
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
    """An HTTP answer; header names are lower case. The driver held the request back for ``held`` seconds."""

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


@dataclass(frozen=True)
class Endpoint(Generic[A_co]):
    """One call of the service.

    Parameters named in ``path`` go there; others into the query of a GET, PATCH or DELETE, and into the body of a POST
    or PUT: JSON, or multipart if ``file_part`` names the part that carries the file.

    :param idempotent: sending it twice leaves the service as sending it once would.
    :param source: where the contract is from: ``doc``, ``proto``, ``seen`` or ``open``.
    """

    name: str
    method: str
    path: str
    params: type[Params]
    answer: type[A_co]
    host: Host = Host.MANAGEMENT
    idempotent: bool = True
    file_part: str | None = None
    source: str = "doc"

    @cached_property
    def path_params(self) -> tuple[str, ...]:
        return tuple(name for _, name, _, _ in Formatter().parse(self.path) if name)

    @property
    def has_json_body(self) -> bool:
        return self.method in ("POST", "PUT") and self.file_part is None

    def request(self, **params: Any) -> Request[A_co]:
        """Check the parameters, naming those that are wrong, and build the request."""
        try:
            checked = self.params.model_validate(params, context=SENDING)
        except ValidationError as error:
            raise XAIArgumentError(f"{self.name}: {explain(error)}") from None
        segments = {name: self._segment(name, getattr(checked, name)) for name in self.path_params}
        path = self.path.format(**segments)
        subject = "/".join(str(getattr(checked, name)) for name in self.path_params) or checked.subject
        others = checked.model_dump(mode="json", exclude_none=True, exclude={*self.path_params, "upload"})
        if isinstance(upload := getattr(checked, "upload", None), Upload):
            form = tuple((name, _form_value(value)) for name, value in others.items())
            return Request(self, path, subject=subject, form=form, upload=upload)
        if self.has_json_body:
            return Request(self, path, subject=subject, json=others)
        return Request(self, path, subject=subject, query=tuple(_query(others)))

    def _segment(self, name: str, value: str) -> str:
        try:
            if value not in ("", ".", ".."):
                return quote(value, safe="")
        except UnicodeEncodeError:
            pass  # half a character, which nothing can send
        raise XAIArgumentError(f"{self.name}: {name} is {printable(ascii(value))}, which is not an id")

    def decode(self, response: Response) -> A_co:
        """Read a success answer, or raise :class:`XAIResponseError` if it is not what the contract says."""
        body = response.body.strip()
        if not body and not self.answer.model_fields:
            body = b"{}"
        try:
            return self.answer.model_validate_json(body)
        except ValidationError as error:
            raise XAIResponseError(
                f"{self.name}: the answer is not a {self.answer.__name__}: {printable(explain(error))} "
                f"(status {response.status}, {response.content_type}, {counted(len(body), 'byte')}, "
                f"{response.request_id_text}). If this repeats, look for a proxy in between"
            ) from None


def _form_value(value: Any) -> str:
    return json.dumps(value) if isinstance(value, Mapping) else str(value)


def _query(params: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [
        (name, str(item))
        for name, value in params.items()
        for item in (value if isinstance(value, list | tuple) else [value])
    ]


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
