"""The rate limiter against limits of several kinds, in simulated time. The requests are those of ``retrying``."""

from __future__ import annotations

import heapq
import random
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import count, cycle, pairwise
from math import floor
from typing import Any, TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_xai_collections.api.endpoints import GET_COLLECTION
from airflow_provider_xai_collections.api.protocol import Host, Now, Response, Sleep, Step
from airflow_provider_xai_collections.api.rate_limiter import RateLimiter, Ticket
from airflow_provider_xai_collections.api.retries import RetryPolicy, retrying, seconds_asked
from airflow_provider_xai_collections.exceptions import XAIError

GET = GET_COLLECTION.request(collection_id="c")
FINE = Response(200, {}, b'{"collection_id": "c", "collection_name": "docs"}')
POLICY = RetryPolicy()
HOSTS = (Host.API, Host.MANAGEMENT)

#: Requests a second that are allowed at a moment.
Limit: TypeAlias = Callable[[float], float]
#: Tells whether a request that arrives at a moment is taken.
Service: TypeAlias = Callable[[float], bool]


def twenty(now: float) -> float:
    return 20


class FixedWindow:
    """A limit for each second of the clock; the refused ones count as well, as in the emulator."""

    def __init__(self, limit: Limit, seconds: float = 1.0) -> None:
        self._limit, self._seconds, self._window, self._calls = limit, seconds, -1, 0

    def __call__(self, now: float) -> bool:
        window = floor(now / self._seconds)
        self._calls = self._calls + 1 if window == self._window else 1
        self._window = window
        return self._calls <= self._limit(now) * self._seconds


class SlidingWindow:
    """A limit for any second."""

    def __init__(self, limit: Limit) -> None:
        self._limit = limit
        self._taken: deque[float] = deque()

    def __call__(self, now: float) -> bool:
        while self._taken and self._taken[0] <= now - 1:
            self._taken.popleft()
        if len(self._taken) >= self._limit(now):
            return False
        self._taken.append(now)
        return True


class Bucket:
    """A bucket of tokens for one second, filled evenly."""

    def __init__(self, limit: Limit) -> None:
        self._limit, self._tokens, self._filled_at = limit, 0.0, 0.0

    def __call__(self, now: float) -> bool:
        limit = self._limit(now)
        self._tokens = min(limit, self._tokens + (now - self._filled_at) * limit)
        self._filled_at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


@dataclass
class Simulation:
    """Flows that send one request after the other, as fast as they may, to each service in turn.

    :param services: one for the first request, one for the second, and so on, over and over.
    """

    services: Sequence[Service]
    flows: int
    latency: float = 0.0
    #: What a refusal says.
    retry_after: str | None = "1"
    status: int = 429
    began: float = 1000.3

    done: list[float] = field(default_factory=list)
    starts: list[float] = field(default_factory=list)
    #: How often each request was refused, of those that were at all.
    refusals: list[int] = field(default_factory=list)
    lost: int = 0

    def __post_init__(self) -> None:
        self.limiter = RateLimiter(POLICY)
        self._die = random.Random(7)

    def run(self, seconds: float) -> Simulation:
        self._end = self.began + seconds
        order = count()
        agenda = [(self.began, next(order), self._flow()) for _ in range(self.flows)]
        while agenda:
            _, _, flow = heapq.heappop(agenda)
            if (moment := next(flow, None)) is not None:
                heapq.heappush(agenda, (moment, next(order), flow))
        return self

    def rate(self, since: float = 0.0, until: float | None = None) -> float:
        """Return how many requests were answered a second."""
        since, until = self.began + since, self._end if until is None else self.began + until
        return sum(since <= moment < until for moment in self.done) / (until - since)

    def _flow(self) -> Iterator[float]:
        """Send one request after the other; yield the moment at which to go on."""
        now = self.began
        for number in cycle(range(len(self.services))):
            if now >= self._end:
                return
            flow, refused = retrying(GET, POLICY), 0
            resume: Callable[[], Step] = partial(next, flow)
            try:
                while True:
                    answer: Any = None
                    match resume():
                        case Now():
                            answer = now
                        case Sleep(seconds, jitter):
                            now += seconds + self._die.uniform(0, jitter)
                            yield now
                        case _:
                            ticket = self.limiter.ask(HOSTS[number], now)
                            while seconds := self.limiter.wait(ticket, now):
                                now += seconds + self._die.uniform(0, 0.002)  # Threads wake up a little late.
                                yield now
                            self.starts.append(now)
                            now += self.latency / 2
                            yield now
                            taken = self.services[number](now)
                            now += self.latency / 2
                            yield now
                            answer = FINE if taken else self._refusal(ticket, now)
                            refused += not taken
                    resume = partial(flow.send, answer)
            except StopIteration:
                self.done.append(now)
            except XAIError:
                self.lost += 1
            self.refusals += [refused] if refused else []

    def _refusal(self, ticket: Ticket, now: float) -> Response:
        self.limiter.refused(ticket, now, seconds_asked(self.retry_after, now))
        return Response(self.status, {} if self.retry_after is None else {"retry-after": self.retry_after}, b"")


def start(limiter: RateLimiter, now: float) -> Ticket:
    """Return the ticket of a request that starts at once."""
    ticket = limiter.ask(Host.API, now)
    assert limiter.wait(ticket, now) == 0.0
    return ticket


def limited(pause: float = 1.0) -> RateLimiter:
    """Return a limiter whose only request was refused at once."""
    limiter = RateLimiter(POLICY)
    limiter.refused(start(limiter, 0.0), 0.0, pause)
    return limiter


def paused(limiter: RateLimiter, now: float) -> float:
    """Return the seconds for which no request starts."""
    ticket = limiter.ask(Host.API, now)
    seconds = limiter.wait(ticket, now)
    limiter.leave(ticket)
    return seconds


# The limit is used, and few requests are refused


ANY_KIND = pytest.mark.parametrize("kind", [FixedWindow, SlidingWindow, Bucket])
NAMED_OR_NOT = pytest.mark.parametrize("retry_after", ["1", None])


@ANY_KIND
@NAMED_OR_NOT
@pytest.mark.parametrize(
    ("services", "limits", "flows", "latency"),
    [
        *((1, 1, *load) for load in [(1, 0.0), (2, 0.05), (64, 0.05), (64, 0.5)]),
        *((2, limits, *load) for limits in (1, 2) for load in [(2, 0.01), (16, 0.01), (16, 0.05), (64, 0.05)]),
    ],
)
def test_nine_tenths_of_the_limits_are_used_and_few_requests_are_refused(
    kind: Callable[[Limit], Service], retry_after: str | None, services: int, limits: int, flows: int, latency: float
) -> None:
    for began in (1000.0, 1000.7):
        counters = [kind(twenty) for _ in range(limits)]
        both = [counters[0], counters[-1]]
        simulation = Simulation(both[:services], flows, latency, retry_after, began=began).run(seconds=100)
        assert simulation.rate() >= 0.9 * 20 * limits
        assert simulation.lost == 0
        assert max(simulation.refusals) <= 2
        # All flows meet the limit at first; later the few that are in flight when going faster is tried, once a minute.
        assert len(simulation.refusals) < flows + 20


@ANY_KIND
@NAMED_OR_NOT
@pytest.mark.parametrize(("flows", "latency"), [(8, 0.05), (64, 0.5)])
def test_a_limit_that_changes_is_found_again(
    kind: Callable[[Limit], Service], retry_after: str | None, flows: int, latency: float
) -> None:
    def limit(now: float) -> float:
        return 20 if now < 1060 else 5 if now < 1200 else 50

    simulation = Simulation([kind(limit)], flows, latency, retry_after, began=1000.5).run(seconds=400)
    assert simulation.rate(20, 60) >= 0.9 * 20
    assert simulation.rate(80, 200) >= 0.8 * 5
    assert simulation.rate(300, 400) >= 0.9 * 50
    assert simulation.lost == 0
    assert max(simulation.refusals) <= 3


def test_a_limit_by_the_minute_is_used_without_trying_to_go_faster_all_the_time() -> None:
    simulation = Simulation([FixedWindow(lambda _: 2, seconds=60)], 16, 0.05, "30").run(seconds=3600)
    assert simulation.rate(600) >= 0.85 * 2
    assert simulation.lost == 0
    assert max(simulation.refusals) <= 3
    assert len(simulation.refusals) < 16 + 30  # of 7,200 requests


def test_requests_that_are_much_slower_than_others_do_not_hide_the_rate() -> None:
    """Refusals come back at once, answers seconds later."""
    limiter = RateLimiter(POLICY)
    tickets = [start(limiter, 0.0) for _ in range(64)]
    for ticket in tickets[20:]:
        limiter.refused(ticket, 0.05, 1.0)
    assert limiter.rate(1.05) == pytest.approx(0.95 * 20)


# Before there is a refusal, and long after


@given(st.lists(st.floats(0, 1e9), min_size=1, max_size=50).map(sorted))
def test_without_refusal_every_request_starts_at_once(moments: list[float]) -> None:
    limiter = RateLimiter(POLICY)
    assert [start(limiter, now).start for now in moments] == moments
    assert limiter.rate(moments[-1]) is None


@pytest.mark.parametrize(("pause", "remembered", "forgotten"), [(1.0, 600.0, 602.0), (60.0, 3600.0, 3700.0)])
def test_after_a_long_time_without_refusal_there_is_no_limit_again(
    pause: float, remembered: float, forgotten: float
) -> None:
    limiter = limited(pause)
    assert limiter.rate(remembered) is not None
    assert limiter.rate(forgotten) is None
    assert [start(limiter, forgotten).start for _ in range(3)] == [forgotten] * 3


def test_what_was_long_ago_does_not_count_as_a_measure() -> None:
    limiter = RateLimiter(POLICY)
    start(limiter, 0.0)
    burst = [start(limiter, 3600.0 + n / 400) for n in range(21)]
    limiter.refused(burst[-1], 3600.05, 1.0)
    assert limiter.rate(3601.05) == pytest.approx(0.95 * 20)


# The pause, and the queue


def test_a_refusal_stops_all_requests_and_then_starts_are_spaced() -> None:
    limiter = RateLimiter(POLICY)
    first = [start(limiter, 10.0) for _ in range(11)]
    limiter.refused(first[-1], 10.2, 7.0)
    waits = [limiter.wait(limiter.ask(Host.API, 11.0), 11.0) for _ in range(5)]
    assert waits[0] == pytest.approx(6.2)
    gaps = [after - before for before, after in pairwise(waits)]
    assert gaps == pytest.approx([7 / (0.95 * 10)] * 4)


def test_services_take_turns_however_many_requests_wait_for_one_of_them() -> None:
    limiter = limited()
    uploads = [limiter.ask(Host.API, 0.1) for _ in range(4)]
    before = limiter.wait(uploads[1], 0.1)
    attaches = [limiter.ask(Host.MANAGEMENT, 0.2) for _ in range(2)]
    order = [uploads[0], attaches[0], uploads[1], attaches[1], uploads[2], uploads[3]]
    assert sorted(uploads + attaches, key=lambda ticket: limiter.wait(ticket, 0.2)) == order
    assert limiter.wait(uploads[1], 0.1) > before


def test_a_request_that_leaves_the_queue_lets_the_others_pass() -> None:
    limiter = limited()
    first, second = (limiter.ask(Host.API, 0.5) for _ in range(2))
    assert limiter.wait(second, 0.5) > 0.5
    limiter.leave(first)
    assert limiter.wait(second, 0.5) == 0.5


def test_neither_earlier_starts_nor_requests_that_left_count_as_turns() -> None:
    limiter = RateLimiter(POLICY)
    for _ in range(5):
        start(limiter, 0.0)
    limiter.refused(start(limiter, 0.0), 0.0, 1.0)
    for ticket in [limiter.ask(Host.API, 0.1) for _ in range(5)]:
        limiter.leave(ticket)
        limiter.leave(ticket)  # a second time changes nothing
    uploads = [limiter.ask(Host.API, 0.2) for _ in range(2)]
    attaches = [limiter.ask(Host.MANAGEMENT, 0.2) for _ in range(2)]
    order = [uploads[0], attaches[0], uploads[1], attaches[1]]
    assert sorted(uploads + attaches, key=lambda ticket: limiter.wait(ticket, 0.2)) == order


def test_a_caller_that_wakes_up_late_costs_no_start() -> None:
    limiter = RateLimiter(POLICY)
    tickets = [start(limiter, 0.0) for _ in range(21)]
    limiter.refused(tickets[-1], 0.0, 1.0)
    first, second, third = (limiter.ask(Host.API, 0.5) for _ in range(3))
    gap = 1 / (0.95 * 20)
    assert limiter.wait(second, 1.01 + gap) == 0.0  # and the first has not woken up yet
    assert limiter.wait(first, 1.01 + gap) == 0.0
    assert limiter.wait(third, 1.0 + gap) == pytest.approx(gap)


def test_a_refusal_of_a_request_in_flight_makes_the_pause_longer_and_the_rate_no_lower() -> None:
    limiter = RateLimiter(POLICY)
    tickets = [start(limiter, 0.0) for _ in range(22)]
    limiter.refused(tickets[0], 0.1, 1.0)
    limiter.refused(tickets[1], 0.6, 1.0)
    assert paused(limiter, 0.7) == pytest.approx(0.9)
    rate = limiter.rate(1.6)
    limiter.refused(tickets[2], 5.0, 1.0)  # an upload of long ago, when the pause is over
    assert paused(limiter, 5.0) == pytest.approx(1.0)
    assert limiter.rate(6.0) == rate


def test_a_pause_is_as_long_as_the_policy_allows() -> None:
    limiter = RateLimiter(RetryPolicy(longest_retry_after=3.0))
    limiter.refused(start(limiter, 0.0), 0.0, 1000.0)
    assert paused(limiter, 0.0) == 3.0


def test_a_pause_that_the_service_does_not_name_doubles_while_refusals_follow_each_other() -> None:
    limiter, now, pauses = RateLimiter(POLICY), 0.0, []
    ticket = start(limiter, now)
    for _ in range(7):
        limiter.refused(ticket, now)
        pauses.append(paused(limiter, now))
        now += pauses[-1]
        ticket = start(limiter, now)
    assert pauses == [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]
    now += 100.0
    limiter.refused(start(limiter, now), now)
    assert paused(limiter, now) == 1.0


def test_a_service_that_takes_nothing_is_asked_once_a_pause() -> None:
    simulation = Simulation([lambda now: now >= 1030.0], 64, 0.05, "1", status=503).run(seconds=60)
    assert simulation.lost == 0
    assert sum(simulation.began + 1 < start < 1030.0 for start in simulation.starts) <= 30
    assert simulation.rate(45, 60) > 5
