"""The two drivers: they run flows over HTTP."""

from __future__ import annotations

import asyncio
import functools
import itertools
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import aclosing, closing, contextmanager
from queue import SimpleQueue
from types import TracebackType
from typing import Any, TypeVar

from airflow_provider_xai_collections.api.protocol import A, Flow, Now, Request, Response, Sleep
from airflow_provider_xai_collections.api.retries import retrying
from airflow_provider_xai_collections.client.cancelling import CancelToken
from airflow_provider_xai_collections.client.clock import Clock
from airflow_provider_xai_collections.client.exchange import (
    AsyncHttpClient,
    AsyncTransport,
    BoundedAnswer,
    HttpClient,
    Transport,
    async_pieces_of,
    load_for_event_loop,
    pieces_of,
    sending,
)
from airflow_provider_xai_collections.client.settings import ClientSettings
from airflow_provider_xai_collections.client.throttling import Throttle
from airflow_provider_xai_collections.client.usage import UsageCounter
from airflow_provider_xai_collections.exceptions import XAIArgumentError, XAIError

T = TypeVar("T")

_log = logging.getLogger(__name__)


def with_jitter(sleep: Sleep) -> float:
    """Return the seconds to pause, with random jitter; log what comes after the pause, if there is a reason for it."""
    seconds = sleep.seconds + random.uniform(0, sleep.jitter)  # noqa: S311  # spreads load, hides nothing
    if sleep.reason:
        _log.warning("%s in %.1f s, because %s", sleep.then, seconds, sleep.reason)
    return seconds


def _check_concurrency(concurrency: int) -> None:
    if concurrency < 1:
        raise XAIArgumentError(f"concurrency is {concurrency}; it must be at least 1")


class Client:
    """Run flows in the calling thread; safe to share between threads, which slow down together if xAI asks to.

    :param cancel_token: ends what runs, before its next request, when it is cancelled.
    :param usage: counts what it does.
    """

    def __init__(
        self,
        settings: ClientSettings,
        *,
        transport: Transport | None = None,
        cancel_token: CancelToken | None = None,
        usage: UsageCounter | None = None,
    ) -> None:
        self.settings = settings
        self._transport = transport
        self._cancel_token = cancel_token or CancelToken()
        self._usage = usage or UsageCounter()
        self._idle: list[HttpClient] = []
        self._throttle = Throttle(settings.retries)

    def run(self, flow: Flow[T]) -> T:
        """Run a flow to its end and return its value."""
        return self._run(flow, self._cancel_token, Clock())

    def answer(self, request: Request[Any]) -> Response:
        """Send a request once, and return the answer as it came, whatever it says."""
        return self._exchange(request, self._cancel_token.pause, is_retry=False)

    def run_many(self, flows: Iterable[Flow[T] | None], *, concurrency: int) -> Iterator[tuple[int, T | XAIError]]:
        """Run flows side by side, ``concurrency`` at a time, and yield ``(position, value or error)`` as each ends.

        A flow is taken from ``flows`` only when there is room for it. ``None`` instead of one means: not before one of
        those that run has ended and the caller has its value. If the caller leaves early, those that run end before
        their next request.
        """
        _check_concurrency(concurrency)
        leaving, clock = CancelToken(), Clock()
        waiting = iter(flows)
        taken = itertools.count()
        running: dict[Future[T], int] = {}
        ended: SimpleQueue[Future[T]] = SimpleQueue()
        pool = ThreadPoolExecutor(concurrency, thread_name_prefix="xai-collections")
        with self._cancel_token.linked_to(leaving), pool:
            try:
                while True:
                    self._cancel_token.check()
                    while len(running) < concurrency and (flow := next(waiting, None)) is not None:
                        future = pool.submit(self._run, flow, leaving, clock)
                        running[future] = next(taken)
                        future.add_done_callback(ended.put)
                    if not running:
                        return
                    future = ended.get()
                    position, outcome = running.pop(future), _outcome(future)
                    yield position, outcome
            except BaseException as error:
                if not isinstance(error, Exception | GeneratorExit):
                    # Whoever ends the process or the task does not wait for what flows read.
                    self._cancel_token.cancel()
                raise
            finally:
                leaving.cancel()

    def close(self) -> None:
        while self._idle:
            self._idle.pop().close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    @contextmanager
    def _http(self) -> Iterator[HttpClient]:
        """Lend an httpx client that no other thread uses meanwhile.

        A shared pool that is full may close a connection another thread has just been given
        (https://github.com/encode/httpcore/issues/1110), which puts writes in doubt.
        """
        try:
            http = self._idle.pop()
        except IndexError:
            http = HttpClient(self.settings, self._transport)
        try:
            yield http
        finally:
            self._idle.append(http)

    def _run(self, flow: Flow[T], cancel_token: CancelToken, clock: Clock) -> T:
        def answer(request: Request[A]) -> A:
            cancel_token.check()
            tries = itertools.count()

            def exchange(request: Request[Any]) -> Response:
                return self._exchange(request, cancel_token.pause, is_retry=next(tries) > 0)

            return self._drive(retrying(request, self.settings.retries), exchange, cancel_token.pause, clock)

        return self._drive(flow, answer, cancel_token.pause, clock)

    def _exchange(self, request: Request[Any], pause: Callable[[float], None], *, is_retry: bool) -> Response:
        def send() -> Response:
            self._usage.sent(request.upload.size if request.upload else 0, is_retry=is_retry)
            with sending(self.settings, http, request) as built, closing(http.send(built, stream=True)) as response:
                answer = BoundedAnswer(self.settings, request, response)
                for piece in pieces_of(response):
                    if not answer.takes(piece):
                        break
                return answer.received()

        def hold(seconds: float) -> None:
            pause(seconds)
            self._usage.held(seconds)

        with self._http() as http:  # before its turn, because making one takes a while
            return self._throttle.exchange(request.endpoint.host, send, hold)

    def _drive(
        self,
        flow: Flow[T],
        deliver: Callable[[Request[Any]], Any],
        pause: Callable[[float], None],
        clock: Clock,
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
                        pause(with_jitter(step))
                        resume = functools.partial(flow.send, None)
                    case Now():
                        resume = functools.partial(flow.send, clock())
            except XAIError as error:
                resume = functools.partial(flow.throw, error)


class AsyncClient:
    """Run flows on the running event loop, for triggers. Bound to the loop it is first used on."""

    def __init__(self, settings: ClientSettings, *, transport: AsyncTransport | None = None) -> None:
        self.settings = settings
        self._transport = transport
        self._opened: AsyncHttpClient | None = None

    async def run(self, flow: Flow[T]) -> T:
        """Run a flow to its end and return its value."""
        return await self._run(flow, Clock())

    async def run_many(self, flows: Iterable[Flow[T]], *, concurrency: int) -> AsyncIterator[tuple[int, T | XAIError]]:
        """Run flows side by side, ``concurrency`` at a time, and yield ``(position, value or error)`` as each ends."""
        _check_concurrency(concurrency)
        clock = Clock()
        waiting = enumerate(flows)
        running: dict[asyncio.Task[T], int] = {}
        try:
            while True:
                while len(running) < concurrency and (item := next(waiting, None)) is not None:
                    running[asyncio.create_task(self._run(item[1], clock))] = item[0]
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
    def _http(self) -> AsyncHttpClient:
        if self._opened is None:
            self._opened = AsyncHttpClient(self.settings, self._transport)
        return self._opened

    async def _run(self, flow: Flow[T], clock: Clock) -> T:
        async def answer(request: Request[A]) -> A:
            return await self._drive(retrying(request, self.settings.retries), self._exchange, clock)

        return await self._drive(flow, answer, clock)

    async def _exchange(self, request: Request[Any]) -> Response:
        if self._opened is None and self._transport is None:
            await asyncio.to_thread(load_for_event_loop)
        http = self._http
        with sending(self.settings, http, request) as built:
            async with aclosing(await http.send(built, stream=True)) as response:
                answer = BoundedAnswer(self.settings, request, response)
                async for piece in async_pieces_of(response):
                    if not answer.takes(piece):
                        break
                return answer.received()

    async def _drive(self, flow: Flow[T], deliver: Callable[[Request[Any]], Awaitable[Any]], clock: Clock) -> T:
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
                        await asyncio.sleep(with_jitter(step))
                        resume = functools.partial(flow.send, None)
                    case Now():
                        resume = functools.partial(flow.send, clock())
            except XAIError as error:
                resume = functools.partial(flow.throw, error)


def _outcome(finished: Future[T] | asyncio.Task[T]) -> T | XAIError:
    """Return the value, or the error if it is one of ours; anything else is a bug and is raised."""
    error = finished.exception()
    if isinstance(error, XAIError):
        return error
    return finished.result()
