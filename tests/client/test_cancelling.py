"""Cancellation: it ends every pause, whoever asks for it and whenever."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from itertools import pairwise
from types import FrameType
from typing import Any, TypeAlias

import httpx
import pytest

from airflow_provider_xai_collections.api.collections import Collection
from airflow_provider_xai_collections.api.protocol import Flow, Sleep, call
from airflow_provider_xai_collections.client import cancelling
from airflow_provider_xai_collections.client.cancelling import CancelToken
from airflow_provider_xai_collections.client.drivers import Client
from airflow_provider_xai_collections.exceptions import XAIInterruptedError

from .driving import GET, settings_for

#: Have a signal handler do something a moment from now, in the main thread.
OnSignal: TypeAlias = Callable[[Callable[[], object]], None]
pytestmark = pytest.mark.usefixtures("no_long_pause")


@pytest.fixture
def on_signal() -> Iterator[OnSignal]:
    before = signal.getsignal(signal.SIGALRM)

    def on_signal(act: Callable[[], object]) -> None:
        signal.signal(signal.SIGALRM, lambda *_: act())
        signal.setitimer(signal.ITIMER_REAL, 0.05)

    yield on_signal
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def test_a_pause_that_is_not_cancelled_takes_its_time() -> None:
    start = time.monotonic()
    CancelToken().pause(0.02)
    assert time.monotonic() - start >= 0.02


@pytest.mark.parametrize("seconds", [1e-9, 7e-7, 1e-5])
def test_a_pause_that_is_over_before_it_begins_to_wait_ends(seconds: float) -> None:
    """It happens on a busy machine. Python's queues then wait for ever."""

    def pause_often() -> None:
        for _ in range(2_000):
            CancelToken().pause(seconds)

    many = threading.Thread(target=pause_often, daemon=True)
    many.start()
    many.join(5)
    assert not many.is_alive()


class Handler:
    """Interrupts code of ``cancelling.py`` between two of its steps, as a signal handler does, once.

    :param at: the number of the step.
    """

    def __init__(self, at: int, act: Callable[[], object]) -> None:
        self.times: list[float] = []
        self._at = at
        self._act = act

    def trace(self, frame: FrameType, event: str, argument: object) -> Any:
        if frame.f_code.co_filename != cancelling.__file__:
            return None
        frame.f_trace_opcodes = True
        if event == "opcode":
            self.times.append(time.monotonic())
            if len(self.times) == self._at:
                sys.settrace(None)
                self._act()
        return self.trace

    def run(self, work: Callable[[], object]) -> None:
        before = sys.gettrace()
        sys.settrace(self.trace)
        try:
            work()
        finally:
            sys.settrace(before)


def steps_of(work: Callable[[], object]) -> list[float]:
    """Return the time of each of its steps."""
    watching = Handler(0, lambda: None)
    watching.run(work)
    assert len(watching.times) > 10
    return watching.times


def test_a_handler_cancels_a_pause_before_whichever_step_it_comes() -> None:
    times = steps_of(partial(CancelToken().pause, 0.1))
    gaps = [later - earlier for earlier, later in pairwise(times)]
    for step in range(1, gaps.index(max(gaps)) + 2):
        token = CancelToken()
        with pytest.raises(XAIInterruptedError):
            Handler(step, token.cancel).run(partial(token.pause, 9.0))


def test_a_handler_may_cancel_while_the_token_is_being_cancelled() -> None:
    def paused() -> tuple[CancelToken, threading.Thread]:
        token, begun = CancelToken(), threading.Event()

        def pause() -> None:
            begun.set()
            with suppress(XAIInterruptedError):
                token.pause(9.0)

        thread = threading.Thread(target=pause)
        thread.start()
        begun.wait()
        return token, thread

    token, thread = paused()
    steps = len(steps_of(token.cancel))
    thread.join()
    for step in range(1, steps + 1):
        token, thread = paused()
        Handler(step, token.cancel).run(token.cancel)
        thread.join()


def test_a_token_that_is_cancelled_ends_a_pause_of_nothing() -> None:
    token = CancelToken()
    token.pause(0)
    token.check()
    token.cancel()
    with pytest.raises(XAIInterruptedError, match="interrupted, because the work it was part of has ended"):
        token.pause(0)
    with pytest.raises(XAIInterruptedError):
        token.check()


def test_a_linked_token_is_cancelled_too_inside_the_context_and_not_after_it() -> None:
    token, inside, before = CancelToken(), CancelToken(), CancelToken()
    with token.linked_to(before):
        pass
    with token.linked_to(inside):
        assert not inside.is_cancelled
        token.cancel()
        assert inside.is_cancelled
    assert not before.is_cancelled
    with token.linked_to(late := CancelToken()):
        assert late.is_cancelled


def asleep() -> Flow[Collection]:
    yield Sleep(30.0)
    return (yield from call(GET))


@pytest.fixture
def token() -> CancelToken:
    return CancelToken()


@pytest.fixture
def client(token: CancelToken) -> Iterator[Client]:
    """A client that may send nothing."""

    def answer(request: httpx.Request) -> httpx.Response:
        raise AssertionError(f"{request} was sent")

    settings = settings_for("https://management.example")
    with Client(settings, transport=httpx.MockTransport(answer), cancel_token=token) as client:
        yield client


def test_a_client_that_is_cancelled_ends_its_flow_and_runs_no_other(
    client: Client, token: CancelToken, on_signal: OnSignal
) -> None:
    on_signal(token.cancel)
    with pytest.raises(XAIInterruptedError):
        client.run(asleep())
    with pytest.raises(XAIInterruptedError):
        client.run(call(GET))


@pytest.mark.parametrize("concurrency", [1, 3])
def test_a_client_that_is_cancelled_ends_many_flows_and_takes_no_more(
    client: Client, token: CancelToken, on_signal: OnSignal, concurrency: int
) -> None:
    taken = []

    def many() -> Iterator[Flow[Collection]]:
        for number in range(1, 101):
            taken.append(number)
            if number == concurrency:
                on_signal(token.cancel)
            yield asleep()

    with pytest.raises(XAIInterruptedError):
        list(client.run_many(many(), concurrency=concurrency))
    assert len(taken) == concurrency


def test_a_token_is_cancelled_before_any_pause_is_woken() -> None:
    """A thread that is woken, and pauses again at once, must not sleep."""
    token = CancelToken()
    heard: list[bool] = []

    class Listener(CancelToken):
        def cancel(self) -> None:
            heard.append(token.is_cancelled)

    with token.linked_to(Listener()):
        token.cancel()
    assert heard == [True]
