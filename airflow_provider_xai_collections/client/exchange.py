"""One exchange over HTTP: a request is sent, its answer received. The only module that imports httpx."""

from __future__ import annotations

import functools
import socket
import ssl
import threading
import time
import zlib
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from contextvars import Context
from typing import Any, TypeAlias, TypeVar

import anyio
import httpx

from airflow_provider_xai_collections import __version__
from airflow_provider_xai_collections.api.protocol import Request, Response
from airflow_provider_xai_collections.client import certificates
from airflow_provider_xai_collections.client.proxies import Proxy, proxy_for
from airflow_provider_xai_collections.client.settings import ClientSettings, Service
from airflow_provider_xai_collections.exceptions import (
    XAIArgumentError,
    XAICredentialError,
    XAIResponseError,
    XAISourceError,
    XAITransportError,
)
from airflow_provider_xai_collections.text import printable

#: What stands in for the network in tests.
Transport: TypeAlias = httpx.BaseTransport
AsyncTransport: TypeAlias = httpx.AsyncBaseTransport

E = TypeVar("E", bound=BaseException)

USER_AGENT = f"airflow-provider-xai-collections/{__version__}"
#: A file of at most so many bytes is sent in one piece: in several, each costs as much as all of it.
ONE_PIECE = 1_000_000
#: Bytes of an answer, and of one that is an error, that are read. A page of a list has some hundred kilobytes.
LARGEST_ANSWER = 64_000_000
LARGEST_ERROR = 1_000_000
#: Errors that come before the service can have received the request.
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError, httpx.UnsupportedProtocol)
_WHILE_CONNECTING = (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError)


class _NoCookies(httpx.Cookies):
    """No cookies: the services need none, and to parse them takes a sixth of the time of a request."""

    def extract_cookies(self, response: httpx.Response) -> None:
        pass


class HttpClient(httpx.Client):
    """httpx for the two services; its ``proxies`` are by the address of a service, ``transport`` replaces the network.

    :raises XAIArgumentError: the environment names proxies or certificates that cannot be used.
    """

    def __init__(self, settings: ClientSettings, transport: Transport | None = None) -> None:
        self.proxies = _proxies(settings, transport)
        super().__init__(**_options(settings, transport, self.proxies, httpx.HTTPTransport))

    @property  # type: ignore[misc]  # nobody sets them
    def cookies(self) -> httpx.Cookies:
        return _NO_COOKIES


class AsyncHttpClient(httpx.AsyncClient):
    """httpx as in :class:`HttpClient`, for an event loop."""

    def __init__(self, settings: ClientSettings, transport: AsyncTransport | None = None) -> None:
        self.proxies = _proxies(settings, transport)
        super().__init__(**_options(settings, transport, self.proxies, httpx.AsyncHTTPTransport))

    @property  # type: ignore[misc]  # nobody sets them
    def cookies(self) -> httpx.Cookies:
        return _NO_COOKIES


_NO_COOKIES = _NoCookies()


_loading = threading.Lock()


def trusted_certificates() -> ssl.SSLContext:
    """Return the authorities that we trust, loaded once for the process: it takes longer than many requests."""
    with _loading:  # or all threads that make their first request would load them
        return _load_certificates(certificates.named_by_environment())


@functools.cache
def _load_certificates(named: tuple[str, str] | None) -> ssl.SSLContext:
    return certificates.load(httpx.create_ssl_context)


def load_for_event_loop() -> None:
    """Load what the first request on an event loop needs. Call it in a thread: the loop would stand still meanwhile."""
    trusted_certificates()
    with _loading:
        _load_anyio()


@functools.cache
def _load_anyio() -> None:
    """Load the half of anyio that httpx needs for asyncio, and that is loaded when it is first used."""
    # In an empty context, or anyio would take this thread for the one of the loop that has sent us here.
    Context().run(anyio.run, anyio.sleep, 0)


def _proxies(settings: ClientSettings, transport: Any) -> dict[str, Proxy]:
    if transport is not None:
        return {}
    services = (settings.management, settings.api)
    return {service.url: proxy for service in services if (proxy := proxy_for(service)) is not None}


def _options(settings: ClientSettings, transport: Any, proxies: Mapping[str, Proxy], through: Any) -> dict[str, Any]:
    """Return the arguments of an httpx client that does not read the environment; ``through`` makes its transports."""
    size = settings.connections
    common: dict[str, Any] = {
        "limits": httpx.Limits(max_connections=size, max_keepalive_connections=size),
        "trust_env": False,
    }
    if transport is not None:
        route: dict[str, Any] = {"transport": transport}
    else:
        common["verify"] = trusted_certificates()
        route = {"mounts": {url: through(proxy=_as_httpx(proxy), **common) for url, proxy in proxies.items()}}
    return {
        **common,
        **route,
        "timeout": httpx.Timeout(
            settings.request_timeout, connect=settings.connect_timeout, pool=settings.pool_timeout
        ),
        "headers": {"user-agent": USER_AGENT, "accept": "application/json", "accept-encoding": "gzip"},
        "follow_redirects": False,
    }


def _as_httpx(proxy: Proxy) -> httpx.Proxy:
    try:
        return httpx.Proxy(proxy.url)
    except (httpx.InvalidURL, ValueError):
        pass  # its message may hold a piece of a password, and would be kept as a context
    raise proxy.refusal("httpx cannot read it")


@contextmanager
def sending(
    settings: ClientSettings, http: HttpClient | AsyncHttpClient, request: Request[Any]
) -> Iterator[httpx.Request]:
    """Build what to send. Inside the context, the file to send is open, and httpx's errors are ours."""
    host = request.endpoint.host
    service = settings.service(host)
    if not service.key:
        raise XAICredentialError(f"{request}: needs the {host.key_name}; {settings.missing_key(host)}")
    arguments: dict[str, Any] = {
        "method": request.endpoint.method,
        "url": service.url.rstrip("/") + request.path,
        "params": list(request.query) or None,
        "headers": {"authorization": f"Bearer {service.key}"},
        "json": request.json,
    }
    with ExitStack() as stack:
        try:
            if (upload := request.upload) is not None:
                stream = stack.enter_context(upload.open())
                arguments["data"] = dict(request.form)
                arguments["files"] = {request.endpoint.file_part: (upload.filename, stream, upload.content_type)}
            built = http.build_request(**arguments)
            if upload is not None and upload.size <= ONE_PIECE:
                built.read()
            yield built
        except OSError as error:
            raise XAISourceError(
                f"{request}: the file to upload cannot be read ({error.strerror or type(error).__name__}). "
                "It may have vanished since it was listed: check the source, then run it again"
            ) from error
        except UnicodeEncodeError as error:
            half = error.object[error.start : error.start + 1]
            raise XAIArgumentError(
                f"{request}: {half!a} in one of the arguments is half a character, which cannot be sent"
            ) from None
        except httpx.InvalidURL as error:
            raise XAIArgumentError(
                f"{request}: {service.url} and what is asked for make no address ({printable(str(error))}). Check the "
                f"host in {settings.origin}; or an id, a filter or a scope is too long"
            ) from error
        except httpx.RequestError as error:
            raise _error_from(settings, service, http.proxies.get(service.url), request, error) from error


def _error_from(
    settings: ClientSettings, service: Service, proxy: Proxy | None, request: Request[Any], error: httpx.RequestError
) -> XAIArgumentError | XAITransportError:
    """Return the error of a request that got no answer: where it went, what happened, what to check."""
    refusal = _cause(error, ssl.SSLCertVerificationError)
    if refusal is not None and certificates.is_unknown_authority(refusal):
        return XAIArgumentError(
            f"{request}: {service.place} shows a certificate of an authority that is not trusted here "
            f"({printable(refusal.verify_message)}). {certificates.way_to_trust()}"
        )
    what = f"{type(error).__name__}: {printable(str(error))}" if str(error) else type(error).__name__
    what_to_check = _what_to_check(settings, service, proxy, refusal, error)
    return XAITransportError(
        f"{request}: no usable answer from {service.place} ({what}). {what_to_check}",
        sent=not isinstance(error, _NOT_SENT),
    )


def _what_to_check(
    settings: ClientSettings,
    service: Service,
    proxy: Proxy | None,
    refusal: ssl.SSLCertVerificationError | None,
    error: httpx.RequestError,
) -> str:
    if refusal is not None:
        return f"Its certificate is not accepted: check the host in {settings.origin}, and this machine's clock"
    if proxy is not None and isinstance(error, _WHILE_CONNECTING):
        return f"It goes through {proxy}: check that one, and that it lets this machine through"
    if _cause(error, socket.gaierror) is not None:
        return f"Its name is not known here: check the host in {settings.origin}, and this machine's DNS"
    if isinstance(error, _WHILE_CONNECTING) and service.is_loopback:
        return f"Nothing listens there: start the emulator, or check the port in {settings.origin}"
    if isinstance(error, _WHILE_CONNECTING):
        return (
            f"Check host and port in {settings.origin}, and that a firewall lets this machine through; if only a "
            "proxy may, set HTTPS_PROXY"
        )
    if isinstance(error, httpx.PoolTimeout):
        return "Too many requests wait for a connection: run fewer at a time"
    if isinstance(error, httpx.TimeoutException):
        return (
            f"Nothing came for {settings.request_timeout:g} s: if this repeats, raise request_timeout in "
            f"{settings.origin}"
        )
    return "If this repeats, look for a proxy or firewall in between that cuts connections"


def _cause(error: BaseException | None, kind: type[E]) -> E | None:
    """Return the first of this kind in a chain of errors."""
    while error is not None:
        if isinstance(error, kind):
            return error
        error = error.__cause__ or error.__context__
    return None


def pieces_of(answer: httpx.Response) -> Iterable[bytes]:
    """Return the body as it is on the wire; or unpacked and in one piece, if a transport of tests has read it."""
    return [answer.content] if answer.is_stream_consumed else answer.iter_raw()


def async_pieces_of(answer: httpx.Response) -> AsyncIterator[bytes]:
    """Return the pieces of an answer to an :class:`AsyncHttpClient`, as :func:`pieces_of`."""
    return _at_once(answer.content) if answer.is_stream_consumed else answer.aiter_raw()


async def _at_once(body: bytes) -> AsyncIterator[bytes]:
    yield body


class BoundedAnswer:
    """The body of an answer while it arrives, bounded in size and time. Of an error the beginning is enough.

    It is decompressed here: httpx decompresses a piece before anybody can say stop, and a kilobyte may become a
    gigabyte.

    :raises XAIResponseError: it is larger than any answer should be, or compressed in a way we did not ask for.
    :raises XAITransportError: it has taken too long, although it never fell silent.
    """

    def __init__(self, settings: ClientSettings, request: Request[Any], answer: httpx.Response) -> None:
        self._settings = settings
        self._request = request
        self._answer = answer
        self._limit = LARGEST_ANSWER if answer.is_success else LARGEST_ERROR
        packed = not answer.is_stream_consumed
        encoding = answer.headers.get("content-encoding", "identity") if packed else "identity"
        self._unpack = self._unpacking(encoding.strip().lower())
        self._body = bytearray()
        self._ends = time.monotonic() + settings.answer_timeout

    def _unpacking(self, encoding: str) -> Callable[[bytes, int], bytes]:
        if encoding == "gzip":
            return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress
        if encoding == "identity":
            return lambda piece, most: piece[:most]
        if self._answer.is_success:
            raise XAIResponseError(
                f"{self._request}: the answer is compressed as {printable(encoding)!r}, which nobody asked for. Look "
                "for a proxy in between"
            )
        return lambda piece, most: b""  # the status says what is needed

    def takes(self, piece: bytes) -> bool:
        """Take a piece of the body as it is on the wire, and tell whether more is wanted."""
        if time.monotonic() > self._ends:
            seconds = self._settings.answer_timeout
            place = self._settings.service(self._request.endpoint.host).place
            raise XAITransportError(
                f"{self._request}: the answer of {place} was not complete after {seconds:g} seconds. If this repeats, "
                f"look for a slow proxy in between, or raise request_timeout in {self._settings.origin}: an answer "
                "may take ten times as long",
                sent=True,
            )
        room = self._limit - len(self._body)
        try:
            unpacked = self._unpack(piece, room + 1)
        except zlib.error as error:
            if not self._answer.is_success:
                return False
            raise XAIResponseError(
                f"{self._request}: the answer cannot be decompressed ({error}). If this repeats, look for a "
                "proxy in between"
            ) from error
        self._body += unpacked[:room]
        if len(unpacked) <= room:
            return True
        if self._answer.is_success:
            raise XAIResponseError(
                f"{self._request}: the answer is larger than {self._limit // 1_000_000} MB. Ask for less at once; if "
                "that does not help, look for a proxy in between"
            )
        return False

    def received(self) -> Response:
        """Return the answer without our keys: a service that quotes one must not get it into our messages."""
        keys = [key.encode() for key in (self._settings.management.key, self._settings.api.key) if key]
        body: bytes = bytes(self._body)
        headers: Mapping[str, str] = self._answer.headers
        if not self._answer.is_success:
            body = _without(keys, body)
        if any(key in value for key in keys for _, value in self._answer.headers.raw):
            headers = {name: _without(keys, value.encode()).decode() for name, value in headers.items()}
        return Response(self._answer.status_code, headers, body)


def _without(keys: Iterable[bytes], text: bytes) -> bytes:
    for key in keys:
        text = text.replace(key, b"***")
    return text
