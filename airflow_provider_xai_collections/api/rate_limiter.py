"""When the next request may start, once the service has asked to slow down: for all who use one key together.

xAI publishes no limits, so the rate is learnt from refusals. To find out whether there is room above it costs a
refusal, and a refusal costs a pause: so the longer the pause, the rarer the attempt.
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

# Times below are in units. One unit is what the last refusal cost: from the start of the refused request until requests
# may start again; the part before its answer counts for one pause at most. The constants were tuned by simulating
# several kinds of limits, as the tests do.

#: Share of the rate the service is believed to allow, with which to go on.
_BACK = 0.95
#: Growth of a rate that is a guess, by the unit; it is held for so many units first.
_GROWTH = 1.1
_HELD = 2.5
#: Units after which a rate that is known is back where it was refused. It stays close to that for a while; if no
#: refusal comes even then, it is a guess again.
_RETURN = 25.0
_KNOWN = 2.0  # times the units after which it is back
#: A refusal that comes so many units after the opening, or later, is about a rate that we chose.
_LONG = 0.8
#: So many starts measure a rate.
_SAMPLE = 70
#: Share of the rate chosen that must have been used, for a refusal to say something about it.
_USED = 0.8
#: Without refusal for so many seconds, and units, all is forgotten.
_CALM = 600.0
_CALM_UNITS = 60.0
#: How many starts are remembered at most.
_REMEMBERED = 5000


@dataclass(eq=False, slots=True)
class Ticket:
    """A request's place in the line, and then its right to start.

    :param service: that it is for.
    :param asked: when it came.
    :param place: the lower, the earlier.
    :param start: from when on it was free to start; infinite while it waits.
    """

    service: Host
    asked: float
    place: int
    start: float = inf


class RateLimiter:
    """Hands out the starts of requests: to the services by turns, and for one service in the order of asking.

    Until a request is refused because it came too early, every request may start at once. A refusal closes the gate for
    all, for as long as the service asks; from then on starts are spaced, at a rate just below what was accepted, which
    grows while no refusal comes.

    Whether there is one limit for both services or one for each is unknown, and need not be known: by turns, both see
    the same number of requests at any time, so that half of the common rate is what each of them gets.

    All times are seconds on one clock that never goes back. The caller reads it, and lets one thread in at a time.

    :param policy: says how long to pause if the service does not, and how long at most if it does.
    """

    def __init__(self, policy: RetryPolicy) -> None:
        self._policy = policy
        self._line: list[Ticket] = []  # who waits
        self._latest = 0  # place of which a request was started
        self._opens = -inf  # when the gate opens, or has opened
        self._next = -inf  # nobody starts before
        self._starts: deque[float] = deque(maxlen=_REMEMBERED)  # since the gate has opened
        self._estimate: _Estimate | None = None
        self._in_a_row = 0

    def ask(self, service: Host, now: float) -> Ticket:
        """Join the line. Call :meth:`wait` until it is the request's ticket, or :meth:`leave`."""
        before = (ticket.place for ticket in self._line if ticket.service is service)
        ticket = Ticket(service, now, max(self._latest, *before, 0) + 1)
        insort(self._line, ticket, key=attrgetter("place"))
        return ticket

    def wait(self, ticket: Ticket, now: float) -> float:
        """Seconds after which to call again; none if the request starts now.

        It may be more than once: others come before it, or the gate closes.
        """
        start = max(self._next, self._line[0].asked)
        if (rate := self.rate(max(now, start))) is None:
            start = now
        elif (expected := self._expected(ticket, start, rate)) > now:
            return expected - now
        else:
            # If several callers are late, the first to wake takes the earliest start; no start is lost.
            self._next = start + 1 / rate
        self.leave(ticket)
        self._latest = max(self._latest, ticket.place)
        self._starts.append(start)
        ticket.start = start
        return 0.0

    def _expected(self, ticket: Ticket, start: float, rate: float) -> float:
        """When it is this one's ticket, if the first starts at ``start``: rather too early than too late.

        The rate grows meanwhile, and who wakes up late lets starts pass, to be made up for in one go.
        """
        ahead = self._line.index(ticket)
        return start + ahead / (self.rate(start + ahead / rate) or rate)

    def leave(self, ticket: Ticket) -> None:
        """Let the others pass, for good, unless it has started."""
        if ticket in self._line:
            self._line.remove(ticket)

    def rate(self, now: float) -> float | None:
        """Requests that may start a second; ``None`` means any number."""
        if self._estimate is None or now - self._opens > max(_CALM, _CALM_UNITS * self._estimate.unit):
            return None
        return self._estimate.rate(now - self._opens)

    def refused(self, ticket: Ticket, now: float, asked: float | None = None) -> None:
        """The service has refused a request because it came too early.

        :param ticket: the request's; it has started.
        :param asked: seconds that the service asks to wait, if it says so.
        """
        if ticket.start >= self._opens:
            self._estimate, pause = self._learn(ticket.start, now, asked)
            self._starts.clear()
        else:  # It was in flight when another one was refused: the estimate gets better, the rate no lower.
            pause = self._pause(asked)
            if self._estimate is not None and now < self._opens:
                self._estimate.refused += 1
        self._opens = self._next = max(self._opens, now + pause)

    def _pause(self, asked: float | None) -> float:
        if asked is not None:
            return min(asked, self._policy.longest_retry_after)
        doubled = math.pow(2, min(self._in_a_row, 60))  # bounded, or a float overflows
        return min(self._policy.first_rate_limit * doubled, self._policy.longest_rate_limit)

    def _learn(self, start: float, now: float, asked: float | None) -> tuple[_Estimate, float]:
        good_for, last = start - self._opens, self._estimate
        self._in_a_row = self._in_a_row + 1 if last is not None and good_for < last.unit / 2 else 0
        pause = self._pause(asked)
        unit = max(1.0, pause + min(now - start, pause))  # a slow refusal costs no more than what it asks for
        # A limit is for some span of time: that of the pause, if the service names one.
        span = max(1.0, self._policy.first_rate_limit if asked is None else pause)
        begun = [moment for moment in self._starts if moment <= now]
        latest = max(begun, default=start)
        before = self.rate(start)
        if before is None or good_for < _LONG * unit:
            recent = [moment for moment in begun if moment > start - 1.5 * span]
            # The service may take half a span to forget them; sometimes none, sometimes all of it.
            seconds = max(span, latest - min(recent, default=start) + span / 2)
            return _Estimate(unit, before, len(recent), seconds), pause
        back = max(span, min(5 * span, good_for, _SAMPLE / before))
        count = sum(1 for moment in begun if moment > start - back)
        return _Estimate(unit, before, count + 0.5, back + latest - start, returns=True), pause


@dataclass(slots=True)
class _Estimate:
    """What a refusal has taught.

    :param unit: seconds that it has cost; at least one.
    :param before: the rate at which it came, if starts were spaced.
    :param count: requests that were started shortly before it.
    :param seconds: how long the service took to accept them, those it refused aside.
    :param returns: whether the rate goes back to ``before``; not if that was a guess.
    :param refused: how many of the requests were refused.
    """

    unit: float
    before: float | None
    count: float
    seconds: float
    returns: bool = False
    refused: int = 1

    def rate(self, elapsed: float) -> float:
        """Starts a second, so many seconds after the gate has opened."""
        units = elapsed / self.unit
        if not self._is_known:
            return _BACK * self._allowed * math.pow(_GROWTH, max(0.0, units - _HELD))
        known = min(units, _KNOWN * _RETURN)
        rate = self._allowed * (1 + (1 - _BACK) * (known / _RETURN - 1) ** 3)
        return rate * math.pow(_GROWTH, units - known)

    @property
    def _accepted(self) -> float:
        return (self.count - self.refused) / self.seconds

    @property
    def _allowed(self) -> float:
        """What the service is believed to allow. It never needs longer than a pause for one request."""
        most = inf if self.before is None else self.before
        accepted = self._accepted if self._accepted > 0 else (0.0 if self.before is None else self.before / 2)
        return max(1 / self.unit, min(accepted, most))

    @property
    def _is_known(self) -> bool:
        """As ``returns``; a rate that was not used has not been tried."""
        return self.returns and self.before is not None and self._accepted > _USED * self.before
