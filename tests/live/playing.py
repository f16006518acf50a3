"""A run: every scenario, every open point, and what they came to."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from .masking import Mask
from .meter import BudgetSpentError, Meter, metered
from .open_points import POINTS, OpenPoint
from .place import Live, at
from .scenarios import SCENARIOS
from .tidying import tidy


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the report.

    :param wrong: what failed; empty if nothing.
    """

    what: str
    seen: str
    wrong: str = ""

    def __str__(self) -> str:
        """Return it as it is told while the run goes on."""
        return f"{self.what} {self.wrong or self.seen}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of a run.

    :param deleted: how many collections and files of the run were deleted.
    :param left: what could not be deleted, or not be searched, and why.
    """

    name: str
    scenarios: tuple[Line, ...]
    points: tuple[Line, ...]
    deleted: int
    left: tuple[str, ...]
    meter: Meter

    @property
    def wrong(self) -> list[str]:
        """Everything that a maintainer has to check."""
        failed = [f"{line.what}: {line.wrong}" for line in (*self.scenarios, *self.points) if line.wrong]
        return [*failed, *(f"left behind: {one}" for one in self.left)]


def play(
    connection: str,
    folder: Path,
    meter: Meter,
    *,
    scenarios: Iterable[Callable[[Live], None]] = SCENARIOS,
    points: Iterable[OpenPoint] = POINTS,
    tell: Callable[[str], None] = print,
    poll_interval: float,
    patience: float,
) -> Outcome:
    """Play everything on the service behind ``connection``; delete what it made, whatever happens."""
    lines: dict[str, list[Line]] = {"scenarios": [], "points": []}

    def keep(what: str, line: Line) -> None:
        lines[what].append(line)
        tell(str(line))

    with metered(meter), at(connection, meter, folder, poll_interval, patience) as live:
        try:
            for scenario in scenarios:
                what = " ".join((scenario.__doc__ or scenario.__name__).split())
                keep("scenarios", _line(what, partial(_passed, scenario, live), meter.mask))
            for point in points:
                keep("points", _line(point.question, partial(point.answer, live), meter.mask))
        finally:
            tidied = tidy(live.hook, meter, live.name)
            left = tuple(map(meter.mask, tidied.left))
            for one in left:
                tell(f"left behind: {one}")
    return Outcome(live.name, tuple(lines["scenarios"]), tuple(lines["points"]), tidied.deleted, left, meter)


def _passed(scenario: Callable[[Live], None], live: Live) -> str:
    scenario(live)
    return "passed"


def _line(what: str, do: Callable[[], str], mask: Mask) -> Line:
    """Try one thing, and return its row, whoever made the mistake.

    A spent budget ends the run's requests, not its report.
    """
    try:
        return Line(what, mask(do()))
    except BudgetSpentError as error:
        return Line(what, "not tried", f"the budget is spent: {error}")
    except Exception as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{Path(frame.filename).name}:{frame.lineno}"
        return Line(what, "failed", mask.quoted(f"{type(error).__name__}: {error} ({place})"))
