"""The two drivers: they run flows over HTTP. The only module that imports httpx."""

from __future__ import annotations

import asyncio
import functools
import itertools
import random
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx

from airflow_provider_xai_collections import __version__
from airflow_provider_xai_collections.api.protocol import A, Flow, Now, Request, Response, Sleep
from airflow_provider_xai_collections.api.retries import retrying
from airflow_provider_xai_collections.exceptions import (
    XAIArgumentError,
    XAICredentialError,
    XAIError,
    XAISourceError,
    XAITransportError,
)
from airflow_provider_xai_collections.settings import LOOPBACK, Settings
from airflow_provider_xai_collections.stopping import Stop
from airflow_provider_xai_collections.turns import Turns

T = TypeVar("T")

USER_AGENT = f"airflow-provider-xai-collections/{__version__}"
#: Errors that come before the service can have received the request.
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError, httpx.UnsupportedProtocol)


@functools.cache
def _ssl_context() -> ssl.SSLContext:
    """One for the process: building it takes longer than many requests."""
    return httpx.create_ssl_context()


def _httpx_options(settings: Settings, transport: Any) -> dict[str, Any]:
    if transport is not None:
        route: dict[str, Any] = {"transport": transport}
    else:
        # A proxy from the environment is for the world, not for this machine.
        here = [url.hostname for url in map(urlsplit, (settings.management.url, settings.api.url))]
        direct = {f"all://[{name}]" if ":" in name else f"all://{name}": None for name in here if name in LOOPBACK}
        route = {"verify": _ssl_context(), "mounts": direct}
    size = settings.connections
    return {
        **route,
        "timeout": httpx.Timeout(
            settings.request_timeout, connect=settings.connect_timeout, pool=settings.pool_timeout
        ),
        "limits": httpx.Limits(max_connections=size, max_keepalive_connections=size),
        "headers": {"user-agent": USER_AGENT, "accept": "application/json"},
        "follow_redirects": False,
    }


@contextmanager
def _sending(settings: Settings, request: Request[Any]) -> Iterator[dict[str, Any]]:
    """The arguments for httpx. A file to send is open, and httpx's errors are ours, inside the context."""
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
            yield arguments
        except OSError as error:
            raise XAISourceError(
                f"{request}: the file to upload cannot be read ({error.strerror or type(error).__name__}). "
                "It may have vanished since it was listed: check the source, then run the task again"
            ) from error
        except httpx.InvalidURL as error:
            raise XAIArgumentError(f"{request}: {service.url!r} is not an address: {error}") from error
        except httpx.RequestError as error:
            what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            raise XAITransportError(
                f"{request}: no usable answer from {urlsplit(service.url).hostname} ({what})",
                sent=not isinstance(error, _NOT_SENT),
            ) from error


def _received(settings: Settings, answer: httpx.Response) -> Response:
    body = answer.content
    if not answer.is_success:
        # A service that quotes the key must not get it into our messages.
        for key in (settings.management.key, settings.api.key):
            body = body.replace(key.encode(), b"***") if key else body
    return Response(answer.status_code, answer.headers, body)


def _seconds(sleep: Sleep) -> float:
    return sleep.seconds + random.uniform(0, sleep.jitter)  # noqa: S311  # spreads load, hides nothing


def _check_concurrency(concurrency: int) -> None:
    if concurrency < 1:
        raise XAIArgumentError(f"concurrency is {concurrency}; it must be at least 1")


class Client:
    """Runs flows in the calling thread; safe to share between threads, which slow down together if xAI asks to.

    :param stop: ends what runs, before its next request, when it is said.
    """

    def __init__(
        self, settings: Settings, *, transport: httpx.BaseTransport | None = None, stop: Stop | None = None
    ) -> None:
        self.settings = settings
        self._transport = transport
        self._stop = stop or Stop()
        self._idle: list[httpx.Client] = []
        self._turns = Turns(settings.retries)

    def run(self, flow: Flow[T]) -> T:
        """Run a flow to its end and return its value."""
        return self._drive(flow, functools.partial(self._answer, stop=self._stop), self._stop.pause)

    def run_many(self, flows: Iterable[Flow[T] | None], *, concurrency: int) -> Iterator[tuple[int, T | XAIError]]:
        """Run flows side by side, ``concurrency`` at a time, and yield ``(position, value or error)`` as each ends.

        A flow is taken from ``flows`` only when there is room for it. ``None`` in its place means: not before one of
        those that run has ended and the caller has seen it. If the caller leaves early, those that run end before their
        next request.
        """
        _check_concurrency(concurrency)
        leaving = Stop()
        deliver = functools.partial(self._answer, stop=leaving)
        waiting = iter(flows)
        taken = itertools.count()
        running: dict[Future[T], int] = {}
        pool = ThreadPoolExecutor(concurrency, thread_name_prefix="xai-collections")
        with self._stop.passed_on_to(leaving), pool:
            try:
                while True:
                    self._stop.check()
                    while len(running) < concurrency and (flow := next(waiting, None)) is not None:
                        running[pool.submit(self._drive, flow, deliver, leaving.pause)] = next(taken)
                    if not running:
                        return
                    for future in wait(running, return_when=FIRST_COMPLETED).done:
                        position, outcome = running.pop(future), _outcome(future)
                        yield position, outcome
            finally:
                leaving.say()

    def close(self) -> None:
        while self._idle:
            self._idle.pop().close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    @contextmanager
    def _http(self) -> Iterator[httpx.Client]:
        """An httpx client that no other thread uses meanwhile.

        A shared pool that is full may close a connection another thread has just been given
        (https://github.com/encode/httpcore/issues/1110), which puts writes in doubt.
        """
        try:
            http = self._idle.pop()
        except IndexError:
            http = httpx.Client(**_httpx_options(self.settings, self._transport))
        try:
            yield http
        finally:
            self._idle.append(http)

    def _answer(self, request: Request[A], stop: Stop) -> A:
        stop.check()
        deliver = functools.partial(self._exchange, pause=stop.pause)
        return self._drive(retrying(request, self.settings.retries), deliver, stop.pause)

    def _exchange(self, request: Request[Any], pause: Callable[[float], None]) -> Response:
        def send() -> Response:
            with _sending(self.settings, request) as arguments:
                return _received(self.settings, http.request(**arguments))

        with self._http() as http:  # before its turn, because making one takes a while
            return self._turns.exchange(send, pause)

    def _drive(
        self,
        flow: Flow[T],
        deliver: Callable[[Request[Any]], Any],
        pause: Callable[[float], None],
    ) -> T:
        resume: Callable[[], Any] = functools.partial(next, flow)
        while True:
            try:
                step = resume()
            except StopIteration as end:
                value: T = end.value
                return value
            try:
                match step:
                    case Request():
                        resume = functools.partial(flow.send, deliver(step))
                    case Sleep():
                        pause(_seconds(step))
                        resume = functools.partial(flow.send, None)
                    case Now():
                        resume = functools.partial(flow.send, time.time())
            except XAIError as error:
                resume = functools.partial(flow.throw, error)


class AsyncClient:
    """Runs flows on the running event loop, for triggers. Bound to the loop it is first used on."""

    def __init__(self, settings: Settings, *, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self.settings = settings
        self._transport = transport
        self._opened: httpx.AsyncClient | None = None

    async def run(self, flow: Flow[T]) -> T:
        """Run a flow to its end and return its value."""
        return await self._drive(flow, self._answer)

    async def run_many(self, flows: Iterable[Flow[T]], *, concurrency: int) -> AsyncIterator[tuple[int, T | XAIError]]:
        """Run flows side by side, ``concurrency`` at a time, and yield ``(position, value or error)`` as each ends."""
        _check_concurrency(concurrency)
        waiting = enumerate(flows)
        running: dict[asyncio.Task[T], int] = {}
        try:
            while True:
                while len(running) < concurrency and (item := next(waiting, None)) is not None:
                    running[asyncio.create_task(self.run(item[1]))] = item[0]
                if not running:
                    return
                done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    position, outcome = running.pop(task), _outcome(task)
                    yield position, outcome
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def close(self) -> None:
        if self._opened is not None:
            await self._opened.aclose()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def _http(self) -> httpx.AsyncClient:
        if self._opened is None:
            self._opened = httpx.AsyncClient(**_httpx_options(self.settings, self._transport))
        return self._opened

    async def _answer(self, request: Request[A]) -> A:
        return await self._drive(retrying(request, self.settings.retries), self._exchange)

    async def _exchange(self, request: Request[Any]) -> Response:
        http = self._http
        with _sending(self.settings, request) as arguments:
            return _received(self.settings, await http.request(**arguments))

    async def _drive(self, flow: Flow[T], deliver: Callable[[Request[Any]], Awaitable[Any]]) -> T:
        resume: Callable[[], Any] = functools.partial(next, flow)
        while True:
            try:
                step = resume()
            except StopIteration as end:
                value: T = end.value
                return value
            try:
                match step:
                    case Request():
                        resume = functools.partial(flow.send, await deliver(step))
                    case Sleep():
                        await asyncio.sleep(_seconds(step))
                        resume = functools.partial(flow.send, None)
                    case Now():
                        resume = functools.partial(flow.send, time.time())
            except XAIError as error:
                resume = functools.partial(flow.throw, error)


def _outcome(finished: Future[T] | asyncio.Task[T]) -> T | XAIError:
    """The value, or the error if it is one of ours; anything else is a bug and goes up."""
    error = finished.exception()
    if isinstance(error, XAIError):
        return error
    return finished.result()
