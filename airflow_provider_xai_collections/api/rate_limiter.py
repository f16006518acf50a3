"""A rate limiter for requests: it says when the next one may start, for all threads that use one key together.

xAI publishes no limits, so the limiter estimates the rate that the service allows, from refusals, much as the
congestion control of TCP estimates the bandwidth of a path from lost packets:

1. Until a request is refused, there is no limit.
2. A refusal stops all requests for as long as the service asks (``Retry-After``), or for a pause that doubles with each
   refusal in a row. The allowed rate is estimated: the requests that were accepted shortly before, divided by the time
   in which they were started.
3. After the pause, requests go on at 95 % of the estimate, evenly spaced.
4. If the refusal came at a rate that this limiter had chosen and used, the limit is known to be about there. The rate
   then follows the cubic function of CUBIC (RFC 9438, section 4.2): it returns to the estimate, stays close to it for
   long, and only then leaves it behind, faster and faster. CUBIC continues at 70 % and takes a time that depends on the
   window; here the share is 95 % and the time a multiple of what a refusal costs.
5. Otherwise the estimate is a guess, too low perhaps by far. The rate is held for a moment and then grows
   geometrically, as it also does where the cubic function ends.
6. After a long time without a refusal there is no limit again.

To find out whether the service allows more costs a refusal, and a refusal costs a pause. So all times of growth are
multiples of that cost: the longer the pause, the rarer the attempt.
"""

from __future__ import annotations

import math
from bisect import insort
from collections import deque
from dataclasses import dataclass
from math import inf
from operator import attrgetter

from airflow_provider_xai_collections.api.protocol import Host
from airflow_provider_xai_collections.api.retries import RetryPolicy

# Times below are in units, unless they say seconds. One unit is the cost of the last refusal: from the start of the
# refused request until requests may start again; the part before its answer counts for one pause at most. The values
# were tuned by simulating several kinds of limits, as the tests do.

#: Share of the estimated rate at which requests go on after a refusal: beta in RFC 9438.
_BACKOFF = 0.95
#: Growth by the unit of a rate that is a guess, after it was held for so many units.
_GROWTH = 1.1
_HOLD = 2.5
#: Units until a known rate is back at the estimate: K in RFC 9438.
_RECOVERY = 25.0
#: Units after which a known rate has left the cubic function, and grows as a guess does.
_CUBIC_END = 2 * _RECOVERY
#: A refusal of what was started within so many units after the pause may still be due to what was started before it; a
#: later one is due to the rate that was chosen.
_SETTLING = 0.8
#: Starts that suffice to measure a rate.
_SAMPLE_SIZE = 70
#: Share of the chosen rate that must have been used, or a refusal tells nothing about it.
_USED_SHARE = 0.8
#: Seconds without a refusal after which there is no limit again, and units: both must have passed.
_FORGET_SECONDS = 600.0
_FORGET_UNITS = 60.0
#: Starts that are remembered at most.
_MAX_STARTS = 5000


@dataclass(eq=False, slots=True)
class Ticket:
    """A request's position in the queue, and then its right to start.

    :param service: that it is for.
    :param asked: when it came.
    :param position: the lower, the earlier.
    :param start: from when on it was free to start; infinite while it waits.
    """

    service: Host
    asked: float
    position: int
    start: float = inf


class RateLimiter:
    """Lets requests start: of the services by turns, and of one service in the order of asking.

    Whether there is one limit for both services or one for each is unknown, and need not be known: by turns, both get
    the same number of requests at any time, each half of the common rate.

    All times are seconds on one clock that never goes back. The caller reads it, and lets one thread in at a time.

    :param policy: says how long to pause if the service does not, and how long at most if it does.
    """

    def __init__(self, policy: RetryPolicy) -> None:
        self._policy = policy
        self._queue: list[Ticket] = []  # those that wait
        self._latest = 0  # position of which a request was started
        self._pause_ends = -inf  # of the last refusal; it may be over
        self._next_start = -inf  # no request starts before
        self._starts: deque[float] = deque(maxlen=_MAX_STARTS)  # since the last refusal
        self._estimate: _Estimate | None = None
        self._refusals_in_a_row = 0

    def ask(self, service: Host, now: float) -> Ticket:
        """Join the queue. Call :meth:`wait` until the request may start, or :meth:`leave`."""
        before = (ticket.position for ticket in self._queue if ticket.service is service)
        ticket = Ticket(service, now, max(self._latest, *before, 0) + 1)
        insort(self._queue, ticket, key=attrgetter("position"))
        return ticket

    def wait(self, ticket: Ticket, now: float) -> float:
        """Return the seconds after which to call again; none if the request starts now.

        It may be more than once: others come before it, or another request is refused.
        """
        start = max(self._next_start, self._queue[0].asked)
        if (rate := self.rate(max(now, start))) is None:
            start = now
        elif (expected := self._expected(ticket, start, rate)) > now:
            return expected - now
        else:
            # If several callers are late, the first to wake takes the earliest start; no start is lost.
            self._next_start = start + 1 / rate
        self.leave(ticket)
        self._latest = max(self._latest, ticket.position)
        self._starts.append(start)
        ticket.start = start
        return 0.0

    def _expected(self, ticket: Ticket, start: float, rate: float) -> float:
        """Return when this request may start, if the first one starts at ``start``: rather too early than too late.

        The rate grows meanwhile, and a caller that wakes up late lets starts pass, to be made up for in one go.
        """
        ahead = self._queue.index(ticket)
        return start + ahead / (self.rate(start + ahead / rate) or rate)

    def leave(self, ticket: Ticket) -> None:
        """Leave the queue, unless the request has started."""
        if ticket in self._queue:
            self._queue.remove(ticket)

    def rate(self, now: float) -> float | None:
        """Return how many requests may start a second; ``None`` means any number."""
        since = self._pause_ends
        if self._estimate is None or now - since > max(_FORGET_SECONDS, _FORGET_UNITS * self._estimate.unit):
            return None
        return self._estimate.rate(now - since)

    def refused(self, ticket: Ticket, now: float, retry_after: float | None = None) -> None:
        """Take in that the service has refused a request because it came too early.

        :param ticket: the request's; it has started.
        :param retry_after: seconds that the service asks to wait, if it says so.
        """
        if ticket.start >= self._pause_ends:
            self._estimate, pause = self._estimated(ticket.start, now, retry_after)
            self._starts.clear()
        else:  # It was in flight when another one was refused: the estimate gets better, the rate no lower.
            pause = self._pause(retry_after)
            if self._estimate is not None and now < self._pause_ends:
                self._estimate.refused += 1
        self._pause_ends = self._next_start = max(self._pause_ends, now + pause)

    def _pause(self, retry_after: float | None) -> float:
        if retry_after is not None:
            return min(retry_after, self._policy.longest_retry_after)
        doubled = math.pow(2, min(self._refusals_in_a_row, 60))  # bounded, or a float overflows
        return min(self._policy.first_rate_limit * doubled, self._policy.longest_rate_limit)

    def _estimated(self, start: float, now: float, retry_after: float | None) -> tuple[_Estimate, float]:
        """Return the estimate after a refusal of the request that was started then, and the pause."""
        since_pause, previous = start - self._pause_ends, self._estimate
        is_early = previous is not None and since_pause < previous.unit / 2
        self._refusals_in_a_row = self._refusals_in_a_row + 1 if is_early else 0
        pause = self._pause(retry_after)
        unit = max(1.0, pause + min(now - start, pause))  # a slow refusal costs no more than what it asks for
        # A limit is for some window of time: that of the pause, if the service names one.
        window = max(1.0, self._policy.first_rate_limit if retry_after is None else pause)
        starts = [moment for moment in self._starts if moment <= now]
        latest = max(starts, default=start)
        rate = self.rate(start)
        if rate is None or since_pause < _SETTLING * unit:
            recent = [moment for moment in starts if moment > start - 1.5 * window]
            # The service may take half a window to forget them; sometimes none, sometimes all of it.
            seconds = max(window, latest - min(recent, default=start) + window / 2)
            return _Estimate(unit, rate, len(recent), seconds), pause
        sampled = max(window, min(5 * window, since_pause, _SAMPLE_SIZE / rate))
        count = sum(1 for moment in starts if moment > start - sampled)
        return _Estimate(unit, rate, count + 0.5, sampled + latest - start, was_chosen=True), pause


@dataclass(slots=True)
class _Estimate:
    """The allowed rate, as a refusal shows it, and the rate at which requests go on.

    :param unit: seconds that the refusal has cost; at least one.
    :param refused_rate: the rate at which it came, if starts were spaced.
    :param count: requests that were started shortly before it.
    :param seconds: how long the service took to accept them, those it refused aside.
    :param was_chosen: the refusal is due to ``refused_rate``, not to what was started before there was any.
    :param refused: how many of the requests were refused.
    """

    unit: float
    refused_rate: float | None
    count: float
    seconds: float
    was_chosen: bool = False
    refused: int = 1

    def rate(self, elapsed: float) -> float:
        """Return the starts a second, so many seconds after the pause."""
        units = elapsed / self.unit
        if not self._is_known:
            return _BACKOFF * self._allowed * math.pow(_GROWTH, max(0.0, units - _HOLD))
        cubic_units = min(units, _CUBIC_END)
        cubic = self._allowed * (1 + (1 - _BACKOFF) * (cubic_units / _RECOVERY - 1) ** 3)
        return cubic * math.pow(_GROWTH, units - cubic_units)

    @property
    def _accepted(self) -> float:
        return (self.count - self.refused) / self.seconds

    @property
    def _allowed(self) -> float:
        """The rate that the service is believed to allow. It never needs longer than a pause for one request."""
        most = inf if self.refused_rate is None else self.refused_rate
        lowest = 0.0 if self.refused_rate is None else self.refused_rate / 2
        accepted = self._accepted if self._accepted > 0 else lowest
        return max(1 / self.unit, min(accepted, most))

    @property
    def _is_known(self) -> bool:
        """Tell a limit that was met from a guess; a rate that was not used was not tried."""
        return self.was_chosen and self.refused_rate is not None and self._accepted > _USED_SHARE * self.refused_rate
