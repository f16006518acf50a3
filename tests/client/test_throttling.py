"""The rate limit of a client: which requests wait, for how long, and what ends the wait."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from dataclasses import dataclass, field

import pytest

from airflow_provider_xai_collections.api.endpoints import LIST_FILES
from airflow_provider_xai_collections.api.files import FilePage
from airflow_provider_xai_collections.api.protocol import Host, Response, call
from airflow_provider_xai_collections.api.retries import RetryPolicy
from airflow_provider_xai_collections.client.cancelling import CancelToken
from airflow_provider_xai_collections.client.drivers import Client
from airflow_provider_xai_collections.client.settings import ClientSettings
from airflow_provider_xai_collections.client.throttling import Throttle
from airflow_provider_xai_collections.emulator import FaultRule
from airflow_provider_xai_collections.exceptions import XAIError, XAIInterruptedError
from airflow_provider_xai_collections.hooks.collections import XAICollectionsHook
from tests.conftest import RecordingEmulator, playing

from .driving import CREATE, GET

FINE = Response(200, {}, b"{}")
OUT_OF_CREDITS = (
    b'{"code":8, "message":"Your team t has either used all available credits or reached its monthly spending limit.", '
    b'"details":[]}'
)


def refusal(status: int = 429, retry_after: str | None = "7") -> Response:
    return Response(status, {} if retry_after is None else {"retry-after": retry_after}, b"")


@dataclass
class Limited:
    """The throttle of a client, in simulated time."""

    now: float = 100.0
    pauses: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.throttle = Throttle(RetryPolicy(), lambda: self.now)

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds

    def pass_with(self, answer: Response) -> Response:
        return self.throttle.exchange(Host.API, lambda: answer, self.pause)


@pytest.mark.parametrize(
    ("answer", "pause"),
    [
        (FINE, []),
        (refusal(), [7.0]),
        (refusal(retry_after=None), [1.0]),
        (refusal(retry_after="100000"), [60.0]),
        (refusal(retry_after="Thu, 01 Jan 2026 12:00:00 GMT"), []),
        (refusal(503), [7.0]),
        (refusal(529), [7.0]),
        (refusal(503, retry_after=None), []),
        (refusal(500), []),
        (refusal(404), []),
        (Response(429, {"retry-after": "7"}, OUT_OF_CREDITS), []),
        (Response(429, {}, OUT_OF_CREDITS), []),
    ],
)
def test_an_answer_that_asks_to_slow_down_makes_the_next_request_wait(answer: Response, pause: list[float]) -> None:
    limited = Limited()
    assert limited.pass_with(answer) == answer
    assert limited.pass_with(FINE).held == sum(pause)
    assert limited.pauses == pause


def test_a_request_waits_longer_when_another_one_is_refused() -> None:
    limited = Limited()
    limited.pass_with(refusal())
    another = [refusal()]

    def pause(seconds: float) -> None:
        """Let another request be refused meanwhile."""
        limited.pause(seconds)
        if another:
            limited.pass_with(another.pop())

    assert limited.throttle.exchange(Host.API, lambda: FINE, pause).held == 7.0 + 7.0
    assert limited.pauses == [7.0, pytest.approx(7 / 0.95), 7.0]


def test_a_wait_that_is_cancelled_sends_nothing() -> None:
    limited, token, sent = Limited(), CancelToken(), []
    limited.pass_with(refusal())
    token.cancel()
    with pytest.raises(XAIInterruptedError):
        limited.throttle.exchange(Host.API, lambda: sent.append(1) or FINE, token.pause)  # type: ignore[func-returns-value]  # None
    assert sent == []
    limited.pass_with(FINE)
    assert limited.pauses == [7.0]  # a request that has left is in no other's way


def test_the_log_says_once_that_xai_asks_to_slow_down(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    limited = Limited()
    for _ in range(3):
        limited.pass_with(refusal())
        limited.pass_with(FINE)
    (record,) = caplog.records
    assert record.getMessage().startswith("xAI asks to slow down: requests start at about 0.")


# Through a client, on a socket


@pytest.fixture
def settings(connection: str) -> ClientSettings:
    """Settings for the emulator, on a socket."""
    return XAICollectionsHook(connection).client.settings


@pytest.mark.parametrize(
    "emulator_settings", [playing(rate_limit=40, retry_after_on_429=says) for says in (True, False)]
)
def test_many_flows_under_a_limit_are_all_served_and_seldom_refused(
    settings: ClientSettings, emulator: RecordingEmulator
) -> None:
    with Client(settings) as client:
        outcomes = dict(client.run_many((call(CREATE) for _ in range(160)), concurrency=32))
    assert [each for each in outcomes.values() if isinstance(each, XAIError)] == []
    answers = Counter(entry.status for entry in emulator.log)
    assert answers[200] == 160
    # All may meet the limit once, and a few again; without a common pause there are some 80 refusals.
    assert answers[429] <= 32 + 16


def test_a_refusal_with_one_key_does_not_hold_the_other_back(
    settings: ClientSettings, emulator: RecordingEmulator
) -> None:
    emulator.set_faults(FaultRule(endpoint="get_collection", status=429, retry_after="60"))
    token = CancelToken()
    with Client(settings, cancel_token=token) as client:
        refused = iter(client.run_many([call(GET), call(LIST_FILES.request())], concurrency=2))
        position, page = next(refused)
        assert (position, type(page)) == (1, FilePage)
        threading.Timer(0.1, token.cancel).start()
        with pytest.raises(XAIInterruptedError):
            list(refused)
