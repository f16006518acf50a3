"""Faults on order: which calls go wrong, and how."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterable
from dataclasses import asdict, replace
from fnmatch import fnmatchcase
from functools import cache
from typing import Annotated

from pydantic import ConfigDict, Field, NonNegativeFloat, PositiveInt, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from airflow_provider_xai_collections.api.protocol import Host
from airflow_provider_xai_collections.api.wire import explain
from airflow_provider_xai_collections.emulator.messages import Cut, HttpReply
from airflow_provider_xai_collections.emulator.refusals import ErrorShape, error_reply
from airflow_provider_xai_collections.emulator.routes import PLAYED

ENDPOINT_NAMES = frozenset(endpoint.name for endpoint in PLAYED)


@dataclass(
    frozen=True,
    slots=True,
    kw_only=True,
    config=ConfigDict(extra="forbid", use_attribute_docstrings=True),
)
class FaultRule:
    """One kind of fault: which calls go wrong, counted from 1 since the rule was set, and how.

    The work is not done when ``status``, ``body`` or ``cut="before"`` replaces the answer, unless ``after`` says that
    it was done first; it is done under ``cut="after"`` and ``cut="partial"``. The text below each key is what
    ``--help`` says of it.
    """

    endpoint: str | None = None
    """Endpoint whose calls go wrong; all, if left out."""
    path: str | None = None
    """Pattern of the paths that count: "*/documents/*"."""
    nth: tuple[PositiveInt, ...] | None = None
    """Numbers of the calls that go wrong, of those that endpoint and path pick: [1, 3] is the first and the third."""
    every: PositiveInt | None = None
    """Distance between calls that go wrong, of those that endpoint and path pick: 10 is every tenth."""
    probability: Annotated[float, Field(ge=0, le=1)] | None = None
    """Share of calls that go wrong, at random, of those that endpoint, path, nth and every pick: 0.1."""
    times: PositiveInt | None = None
    """Most calls that go wrong by this rule."""
    status: Annotated[int, Field(ge=200, le=599)] | None = None
    """Status of an error that takes the place of the answer."""
    retry_after: str | None = None
    """Retry-After header of the answer that status or body makes: "2"."""
    body: bytes | None = None
    """Body of the answer, instead of the emulator's own words; its status is 200, unless status is set."""
    content_type: str = "text/html"
    """Content type of what body holds."""
    delay: NonNegativeFloat = 0.0
    """Seconds from the request until the answer."""
    cut: Cut | None = None
    """Break the connection before the work, after it (the answer is lost) or in the middle of the answer."""
    after: bool = False
    """Do the work all the same, although status or body replaces its answer."""

    def __post_init__(self) -> None:
        if self.endpoint is not None and self.endpoint not in ENDPOINT_NAMES:
            raise ValueError(f"no endpoint is called {self.endpoint!r}; known are {', '.join(sorted(ENDPOINT_NAMES))}")
        if self.status is None and self.body is None and self.cut is None and not self.delay:
            raise ValueError("a fault needs a status, a body, a delay or a cut, or nothing would go wrong")

    def __str__(self) -> str:
        """Its settings in words, for the log."""
        return _in_words(self)

    def answer(self, shape: ErrorShape, host: Host) -> HttpReply | None:
        """Return the answer that replaces the real one, if there is one."""
        if self.body is not None:
            reply = HttpReply(self.status or 200, {"content-type": self.content_type}, self.body)
        elif self.status is not None:
            reply = error_reply(self.status, f"status {self.status} on order of a fault rule", shape, host)
        else:
            return None
        if self.retry_after is None:
            return reply
        return replace(reply, headers={**reply.headers, "retry-after": self.retry_after})

    def play(self, work: Callable[[], HttpReply], shape: ErrorShape, host: Host = Host.MANAGEMENT) -> HttpReply:
        """Answer a call that this rule picked; ``work`` does what was asked."""
        answer = self.answer(shape, host)
        done = self.after or self.cut in ("after", "partial") or (answer is None and self.cut is None)
        real = work() if done else HttpReply(0)
        return replace(answer or real, delay=self.delay, cut=self.cut)


@cache
def _in_words(rule: FaultRule) -> str:
    """Return the settings of a rule; cached, for each request that it spoils."""
    settings = {name: value for name, value in asdict(rule).items() if name not in ("body", "content_type")}
    return ", ".join(f"{name}={value}" for name, value in settings.items() if value)


_RULES = TypeAdapter(tuple[FaultRule, ...])


def parse_faults(text: str | bytes) -> tuple[FaultRule, ...]:
    """Read a JSON list of rules.

    :raises ValueError: naming the rule (from 0) and the key that is wrong.
    """
    try:
        return _RULES.validate_json(text)
    except ValidationError as error:
        raise ValueError(explain(error)) from None


class Faults:
    """The rules in force. The first that fires has the call; all that match count it."""

    def __init__(self, rules: Iterable[FaultRule] = (), *, seed: int = 0) -> None:
        self._lock = threading.Lock()
        self._seed = seed
        self.replace(rules)

    def replace(self, rules: Iterable[FaultRule]) -> None:
        """Forget the old rules and their counts."""
        with self._lock:
            self._random = random.Random(self._seed)  # noqa: S311 - a die for tests, not a secret
            self._counted = [_CountedRule(rule) for rule in rules]

    def pick(self, endpoint: str, path: str) -> FaultRule | None:
        """Return the rule that this call falls under, if any."""
        with self._lock:
            fired = [one for one in self._counted if one.counts(endpoint, path) and one.fires(self._random)]
            if not fired:
                return None
            fired[0].played += 1
            return fired[0].rule


class _CountedRule:
    """A rule with the number of calls that it matched, and of those it spoilt."""

    def __init__(self, rule: FaultRule) -> None:
        self.rule = rule
        self.seen = 0
        self.played = 0

    def counts(self, endpoint: str, path: str) -> bool:
        matches = self.rule.endpoint in (None, endpoint) and fnmatchcase(path, self.rule.path or "*")
        self.seen += matches
        return matches

    def fires(self, die: random.Random) -> bool:
        rule = self.rule
        if rule.times is not None and self.played >= rule.times:
            return False
        if rule.nth is not None and self.seen not in rule.nth:
            return False
        if rule.every is not None and self.seen % rule.every:
            return False
        return rule.probability is None or die.random() < rule.probability
