"""When the next request may start, once the service has asked to slow down: for all who use one key together.

xAI publishes no limits, so the rate is learnt from refusals. To find out whether there is room above it costs a
refusal, and a refusal costs a pause: so the longer the pause, the rarer the attempt.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from math import inf

from airflow_provider_xai_collections.api.retries import RetryPolicy

# Time is counted in units: what the last refusal has cost, from the start of the refused request (a pause before it was
# heard of, at most) to the opening of the gate. The figures below were found by playing limits of several kinds, as the
# tests do.

#: Share of the rate the service is believed to allow, with which to go on.
_BACK = 0.95
#: Growth of a rate that is a guess, by the unit; it is held for so many units first.
_GROWTH = 1.1
_HELD = 2.5
#: Units after which a rate that is known is back where it was refused: if it came from growing, and if it had been good
#: for long. It stays close to that for a while; if no refusal comes even then, it is a guess again.
_RETURN_AFTER_GROWTH = 10.0
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


@dataclass(frozen=True, slots=True)
class Turn:
    """The right to start a request.

    :param start: when, on the clock of :meth:`Pace.reserve`.
    :param edition: of the plan that it is part of.
    """

    start: float
    edition: int


class Pace:
    """Hands out the starts of requests, in the order in which they are asked for.

    Until the service refuses a request because it came too early, every request may start at once. A refusal closes
    the gate for all, for as long as the service asks; from then on starts are spaced, at a rate just below what was
    accepted, which grows while no refusal comes.

    All times are seconds on one clock that never goes back. The caller reads it, and lets one thread in at a time.

    :param policy: says how long to pause if the service does not, and how long at most if it does.
    """

    def __init__(self, policy: RetryPolicy) -> None:
        self._policy = policy
        self._edition = 0
        self._opens = -inf  # when the gate opens, or has opened
        self._next = -inf  # nobody starts before
        self._starts: deque[float] = deque(maxlen=_REMEMBERED)  # since the gate has opened
        self._lesson: _Lesson | None = None
        self._in_a_row = 0

    def reserve(self, now: float) -> Turn:
        """The next start. Whoever has waited for it asks :meth:`stands` before he makes use of it."""
        start = max(now, self._next)
        if (rate := self.rate(start)) is not None:
            self._next = start + 1 / rate
        self._starts.append(start)
        return Turn(start, self._edition)

    def stands(self, turn: Turn) -> bool:
        """Whether the turn is as good as when it was reserved. Otherwise another one has to be reserved."""
        return turn.edition == self._edition

    def rate(self, now: float) -> float | None:
        """Starts a second; ``None`` means as many as like."""
        if self._lesson is None or now - self._opens > max(_CALM, _CALM_UNITS * self._lesson.unit):
            return None
        return self._lesson.rate(now - self._opens)

    def refused(self, turn: Turn, now: float, asked: float | None = None) -> None:
        """The service has refused a request because it came too early.

        :param turn: the request's.
        :param asked: seconds that the service asks to wait, if it says so.
        """
        if turn.start >= self._opens:
            self._lesson, pause = self._learn(turn.start, now, asked)
            self._starts.clear()
        else:  # It was on its way when another one was refused: the same news again, which makes it more exact.
            pause = self._pause(asked)
            if self._lesson is not None and now < self._opens:
                self._lesson.refused += 1
        self._opens = self._next = max(self._opens, now + pause)
        self._edition += 1

    def _pause(self, asked: float | None) -> float:
        if asked is not None:
            return min(asked, self._policy.longest_retry_after)
        doubled = math.pow(2, min(self._in_a_row, 60))  # bounded, or a float overflows
        return min(self._policy.first_rate_limit * doubled, self._policy.longest_rate_limit)

    def _learn(self, start: float, now: float, asked: float | None) -> tuple[_Lesson, float]:
        good_for, last = start - self._opens, self._lesson
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
            return _Lesson(unit, before, len(recent), seconds), pause
        back = max(span, min(5 * span, good_for, _SAMPLE / before))
        count = sum(1 for moment in begun if moment > start - back)
        returns = _RETURN if last is not None and last.was_steady(good_for) else _RETURN_AFTER_GROWTH
        return _Lesson(unit, before, count + 0.5, back + latest - start, returns), pause


@dataclass(slots=True)
class _Lesson:
    """What a refusal has taught.

    :param unit: seconds that it has cost; at least one.
    :param before: the rate at which it came, if starts were spaced.
    :param count: requests that were started shortly before it.
    :param seconds: how long the service took to accept them, those it refused aside.
    :param returns: units after which the rate is ``before`` again; ``None`` if that rate was a guess.
    :param refused: how many of the requests were refused.
    """

    unit: float
    before: float | None
    count: float
    seconds: float
    returns: float | None = None
    refused: int = 1

    def rate(self, elapsed: float) -> float:
        """Starts a second, so many seconds after the gate has opened."""
        units = elapsed / self.unit
        returns = self._returns
        if returns is None:
            return _BACK * self._allowed * math.pow(_GROWTH, max(0.0, units - _HELD))
        known = min(units, _KNOWN * returns)
        rate = self._allowed * (1 + (1 - _BACK) * (known / returns - 1) ** 3)
        return rate * math.pow(_GROWTH, units - known)

    def was_steady(self, elapsed: float) -> bool:
        """Whether the rate was close to ``before`` for all these seconds."""
        return self._returns is not None and elapsed <= _KNOWN * self._returns * self.unit

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
    def _returns(self) -> float | None:
        """As ``returns``; a rate that was not used has not been tried."""
        return None if self.before is None or self._accepted <= _USED * self.before else self.returns
