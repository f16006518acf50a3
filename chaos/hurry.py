"""The real hook, in a hurry: what would be an hour of pauses takes seconds."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any, TypeVar

from airflow_provider_xai_collections.api.protocol import Flow, Now, Sleep
from airflow_provider_xai_collections.api.retries import RetryPolicy
from airflow_provider_xai_collections.client.stopping import Stop
from airflow_provider_xai_collections.exceptions import XAIError
from airflow_provider_xai_collections.hooks.collections import XAICollectionsHook
from airflow_provider_xai_collections.hooks.connection import ConnectionSettings

T = TypeVar("T")

#: How many times faster time goes, usually.
SPEED = 1000.0
#: As stubborn as it takes to see what happens, and without the pauses.
BRIEF = RetryPolicy(
    attempts=3,
    first=0.002,
    longest=0.004,
    first_rate_limit=0.002,
    longest_rate_limit=0.004,
    longest_retry_after=0.01,
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


class _Brief(Stop):
    """Makes pauses short: those between requests, after the service has asked to slow down, are no part of a flow."""

    def pause(self, seconds: float) -> None:
        super().pause(seconds / SPEED)


class HurriedHook(XAICollectionsHook):
    """The hook with :data:`BRIEF` as its policy, whose flows are hurried.

    :param speed: how many times faster their time goes.
    """

    def __init__(self, conn_id: str, *, speed: float = SPEED) -> None:
        super().__init__(conn_id)
        self._speed = speed

    @cached_property
    def _stop(self) -> Stop:
        return _Brief()

    def _read(self, connection: Any, extra: Mapping[str, Any]) -> ConnectionSettings:
        read = super()._read(connection, extra)
        return replace(read, settings=replace(read.settings, retries=BRIEF))

    def run(self, flow: Flow[T]) -> T:
        return super().run(hurried(flow, self._speed))

    async def arun(self, flow: Flow[T]) -> T:
        return await super().arun(hurried(flow, self._speed))
