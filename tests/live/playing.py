"""A run: every scenario, every open point, and the report of what they came to, as Markdown to be pasted."""

from __future__ import annotations

import secrets
import time
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from airflow_provider_xai_collections import __version__
from airflow_provider_xai_collections.hooks.collections import XAICollectionsHook
from airflow_provider_xai_collections.text import printable

from .meter import BudgetSpentError, Meter, metered
from .open_points import POINTS
from .place import PREFIX, Live
from .scenarios import SCENARIOS
from .tidying import tidy

#: Longer ago than any run has begun, whatever the clocks say.
LONG_AGO = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the report."""

    what: str
    seen: str
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of a run.

    :param deleted: how many collections and files of the run were deleted.
    :param left: what could not be deleted, or not be searched, and why.
    """

    name: str
    scenarios: list[Line]
    points: list[Line]
    deleted: int
    left: list[str]
    meter: Meter

    @property
    def wrong(self) -> list[str]:
        """Everything that a maintainer has to check."""
        failed = [f"{line.what}: {line.seen}" for line in (*self.scenarios, *self.points) if line.failed]
        return [*failed, *(f"left behind: {one}" for one in self.left)]

    def report(self, where: str) -> str:
        """Return the report.

        :param where: the hosts.
        """
        left = "SOME ARE LEFT, see the end" if self.left else "none is left"
        sections = [
            f"# What {where} answered",
            f"airflow-provider-xai-collections {__version__}, {datetime.now(UTC):%Y-%m-%d}, run `{self.name}`: "
            f"{self.meter}; {self.deleted} collections and files made and deleted, {left}.",
            "Texts of the service are quoted as they came, cut, without keys. Read them before you paste them.",
            "## Open points",
            _table("Question", "Seen", self.points),
            "## Scenarios",
            _table("Scenario", "Ended", self.scenarios),
        ]
        if self.left:
            sections += ["## Left behind", *(f"- {_cell(one)}" for one in self.left)]
        return "\n".join(f"{section}\n" for section in sections)


def _table(what: str, seen: str, lines: Iterable[Line]) -> str:
    rows = [(what, seen), ("---", "---"), *((line.what, line.seen) for line in lines)]
    return "\n".join(f"| {_cell(left)} | {_cell(right)} |" for left, right in rows)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def play(
    connection: str,
    folder: Path,
    meter: Meter,
    *,
    poll_interval: float,
    patience: float = 600.0,
    scenarios: Iterable[Callable[[Live], None]] = SCENARIOS,
    points: Mapping[str, Callable[[Live], str]] = POINTS,
) -> Outcome:
    """Play everything on the service behind ``connection``; delete what it made, whatever happens."""
    name = f"{PREFIX}{time.strftime('%Y%m%d%H%M%S', time.gmtime())}-{secrets.token_hex(3)}"
    ended: list[Line] = []
    answered: list[Line] = []
    with metered(meter), XAICollectionsHook(connection) as hook:
        live = Live(hook, meter, folder, name, poll_interval, patience)
        try:
            for scenario in scenarios:
                ended.append(_tried(" ".join((scenario.__doc__ or "").split()), partial(scenario, live)))
            for question, answer in points.items():
                answered.append(_tried(question, partial(answer, live)))
        finally:
            deleted, left = tidy(hook, meter, name, datetime.now(UTC) - LONG_AGO)
            for one in left:
                print(f"left behind: {one}")
    return Outcome(name, ended, answered, deleted, left, meter)


def clear(connection: str, meter: Meter) -> tuple[int, list[str]]:
    """Delete all collections and files of any run, told by their names; return what ``tidy`` does."""
    with metered(meter), XAICollectionsHook(connection) as hook:
        return tidy(hook, meter, PREFIX)


def _tried(what: str, do: Callable[[], str | None]) -> Line:
    """Try one thing, tell of it, and return its row. A spent budget ends the run's requests, not its report."""
    try:
        line = Line(what, do() or "passed")
    except BudgetSpentError as error:
        line = Line(what, f"**not tried**: the budget is spent: {error}", failed=True)
    except Exception as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        said = printable(f"{type(error).__name__}: {error}")
        line = Line(what, f"**failed**: {said} ({Path(frame.filename).name}:{frame.lineno})", failed=True)
    print(line.what, line.seen)
    return line
