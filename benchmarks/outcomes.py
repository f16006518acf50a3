"""Findings of a benchmark: figures to read, and counts that have to be right."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Figure:
    """Something measured.

    :param goal: what it should be, in words; empty if it is there to compare with.
    :param met: whether it is; ``None`` without a goal.
    """

    what: str
    value: str
    goal: str = ""
    met: bool | None = None


@dataclass(frozen=True, slots=True)
class Count:
    """Something counted, between what it has to be at least and at most."""

    what: str
    seen: int
    least: int
    most: int

    @property
    def is_right(self) -> bool:
        return self.least <= self.seen <= self.most

    @property
    def allowed(self) -> str:
        return str(self.most) if self.least == self.most else f"{self.least} to {self.most}"


@dataclass(frozen=True, slots=True)
class Grid:
    """The same measured many times over, to read side by side.

    :param header: over the columns; the first says what the rows and the values are.
    """

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass
class Outcome:
    """All that one benchmark found.

    :param title: what was done, with its size.
    """

    title: str
    grids: list[Grid] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    counts: list[Count] = field(default_factory=list)

    def figure(self, what: str, value: str) -> None:
        """Note a measurement to compare with."""
        self.figures.append(Figure(what, value))

    def grid(self, header: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
        """Note many measurements of one kind."""
        self.grids.append(Grid(tuple(header), tuple(map(tuple, rows))))

    def at_most(self, what: str, value: float, goal: float, unit: str = "") -> None:
        """Note a measurement that should be low."""
        self.figures.append(Figure(what, f"{value:.2f}{unit}", f"at most {goal:g}{unit}", value <= goal))

    def at_least(self, what: str, value: float, goal: float, unit: str = "") -> None:
        """Note a measurement that should be high."""
        self.figures.append(Figure(what, f"{value:.2f}{unit}", f"at least {goal:g}{unit}", value >= goal))

    def exactly(self, what: str, seen: int, wanted: int) -> None:
        """Note a count that has one right value."""
        self.counts.append(Count(what, seen, wanted, wanted))

    def between(self, what: str, seen: int, least: int, most: int) -> None:
        """Note a count that has several right values."""
        self.counts.append(Count(what, seen, least, most))

    @property
    def wrong(self) -> list[Count]:
        return [count for count in self.counts if not count.is_right]
