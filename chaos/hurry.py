"""The real hook, in a hurry: what would be an hour of pauses takes seconds."""

from __future__ import annotations

import functools
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, TypeVar

from airflow_provider_xai_collections.api.protocol import Flow, Now, Request, Response, Sleep
from airflow_provider_xai_collections.api.retries import RetryPolicy
from airflow_provider_xai_collections.client.clock import Clock
from airflow_provider_xai_collections.client.drivers import AsyncClient, Client
from airflow_provider_xai_collections.client.settings import ClientSettings
from airflow_provider_xai_collections.client.cancelling import CancelToken
from airflow_provider_xai_collections.client.throttling import Throttle
from airflow_provider_xai_collections.exceptions import XAIError
from airflow_provider_xai_collections.hooks.collections import XAICollectionsHook
from airflow_provider_xai_collections.hooks.connection import ConnectionSettings

T = TypeVar("T")

#: How many times faster time goes, usually.
SPEED = 1000.0
#: As stubborn as it takes to see what happens, and with short pauses, but for those that the service asks for.
BRIEF = RetryPolicy(
    attempts=3,
    first=0.002,
    longest=0.004,
    first_rate_limit=0.002,
    longest_rate_limit=0.004,
)


def hurried(flow: Flow[T], speed: float) -> Flow[T]:
    """The same flow, for which time goes faster: its pauses are short, and its clock agrees with them."""
    began = time.time()
    resume: Callable[[], Any] = functools.partial(next, flow)
    while True:
        try:
            step = resume()
        except StopIteration as end:
            value: T = end.value
            return value
        try:
            match step:
                case Sleep():
                    answer = yield Sleep(step.seconds / speed, step.jitter / speed)
                case Now():
                    now: float = yield step
                    answer = began + (now - began) * speed
                case _:
                    answer = yield step
        except XAIError as error:
            resume = functools.partial(flow.throw, error)
        else:
            resume = functools.partial(flow.send, answer)


@dataclass(frozen=True, slots=True)
class _BriefSettings(ClientSettings):
    """As given, but that a whole answer may take hardly longer than a silence."""

    @property
    def answer_timeout(self) -> float:
        return 1.2 * self.request_timeout


@dataclass(frozen=True, slots=True)
class Pause:
    """A pause that the client made between requests: what it would have taken, and did not.

    :param at: when it began, in seconds since the epoch.
    """

    at: float
    seconds: float


def leaping(flow: Flow[T], pauses: list[Pause]) -> Flow[T]:
    """The same flow, whose pauses are noted and short. Its clock does not know of that."""
    resume: Callable[[], Any] = functools.partial(next, flow)
    while True:
        try:
            step = resume()
        except StopIteration as end:
            value: T = end.value
            return value
        if isinstance(step, Sleep):
            pauses.append(Pause(time.time(), step.seconds))
            step = Sleep(step.seconds / SPEED, step.jitter / SPEED)
        try:
            answer = yield step
        except XAIError as error:
            resume = functools.partial(flow.throw, error)
        else:
            resume = functools.partial(flow.send, answer)


class _LeapingClient(Client):
    """Notes its pauses and makes them short: those of a retry, and those until its turn comes."""

    def __init__(self, settings: ClientSettings, pauses: list[Pause], stop: CancelToken) -> None:
        super().__init__(settings, stop=stop)
        self._pauses = pauses
        # Who has paused comes back at the time at which the pause would have ended.
        self._throttle = Throttle(settings.retries, lambda: time.monotonic() + sum(pause.seconds for pause in pauses))

    def _drive(
        self, flow: Flow[T], deliver: Callable[[Request[Any]], Any], pause: Callable[[float], None], clock: Clock
    ) -> T:
        return super()._drive(leaping(flow, self._pauses), deliver, pause, clock)

    def _exchange(self, request: Request[Any], pause: Callable[[float], None]) -> Response:
        def briefly(seconds: float) -> None:
            pause(seconds / SPEED)
            self._pauses.append(Pause(time.time(), seconds))

        return super()._exchange(request, briefly)


class _LeapingAsyncClient(AsyncClient):
    """The same on the event loop."""

    def __init__(self, settings: ClientSettings, pauses: list[Pause]) -> None:
        super().__init__(settings)
        self._pauses = pauses

    async def _drive(self, flow: Flow[T], deliver: Callable[[Request[Any]], Awaitable[Any]], clock: Clock) -> T:
        return await super()._drive(leaping(flow, self._pauses), deliver, clock)


class HurriedHook(XAICollectionsHook):
    """The hook with :data:`BRIEF` as its policy, whose flows are hurried.

    :param speed: how many times faster their time goes.
    :ivar pauses: between requests, so far.
    """

    def __init__(self, conn_id: str, *, speed: float = SPEED) -> None:
        super().__init__(conn_id)
        self._speed = speed
        self.pauses: list[Pause] = []

    @cached_property
    def client(self) -> Client:
        return _LeapingClient(self._connection.settings, self.pauses, self._stop)

    def _read(self, connection: Any, extra: Mapping[str, Any]) -> ConnectionSettings:
        read = super()._read(connection, extra)
        given = {each.name: getattr(read.settings, each.name) for each in fields(ClientSettings)}
        return replace(read, settings=_BriefSettings(**{**given, "retries": BRIEF}))

    def run(self, flow: Flow[T]) -> T:
        return super().run(hurried(flow, self._speed))

    async def arun(self, flow: Flow[T]) -> T:
        if self._async_client is None:
            self._async_client = _LeapingAsyncClient((await self.aread_connection()).settings, self.pauses)
        return await super().arun(hurried(flow, self._speed))
