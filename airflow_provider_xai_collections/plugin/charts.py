"""Geometry of the small charts: the bar of states, and the line of growth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from airflow_provider_xai_collections.plugin.views import States

#: Each state is at least so wide that it is seen: 14 of 100,000.
_LEAST = 4.0
_BAR_WIDTH, _GAP = 120.0, 1.0
#: Top and height by state: thin, thicker, tallest, so that colour is not needed to tell them apart.
_BAR_SHAPES = {"ok": (3.0, 4.0), "run": (1.5, 7.0), "failed": (0.0, 10.0)}
_LINE_LEFT, _LINE_WIDTH, _LINE_TOP, _LINE_HEIGHT = 2.0, 66.0, 3.0, 14.0


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle of a chart; ``kind`` is how it looks."""

    kind: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a chart, and its last point."""

    path: str
    x: float
    y: float


def bar(states: States) -> tuple[Box, ...]:
    """Return the bar of states: processed, in progress, failed, from the left; nothing if there are no documents."""
    numbers = {"ok": states.processed, "run": states.in_progress, "failed": states.failed}
    present = {kind: count for kind, count in numbers.items() if count > 0}
    if not present:
        return ()
    room = _BAR_WIDTH - _GAP * (len(present) - 1)
    widths = {kind: max(_LEAST, room * count / sum(present.values())) for kind, count in present.items()}
    largest = max(widths, key=widths.__getitem__)
    widths[largest] -= sum(widths.values()) - room
    boxes, x = [], 0.0
    for kind, width in widths.items():
        boxes.append(Box(kind, round(x, 1), _BAR_SHAPES[kind][0], round(width, 1), _BAR_SHAPES[kind][1]))
        x += width + _GAP
    return tuple(boxes)


def sparkline(values: Sequence[int]) -> Line | None:
    """Return a line of steps through ``values``; ``None`` for fewer than two.

    A change of a few per cent stays small.
    """
    if len(values) < 2:
        return None
    low, high = min(values), max(values)
    spread = max(high - low, high * 0.04, 1)
    bottom = (low + high - spread) / 2
    points = [
        (
            round(_LINE_LEFT + _LINE_WIDTH * place / (len(values) - 1), 1),
            round(_LINE_TOP + _LINE_HEIGHT * (1 - (value - bottom) / spread), 1),
        )
        for place, value in enumerate(values)
    ]
    (x, y), *others = points
    return Line(f"M{x} {y}" + "".join(f"H{x}V{y}" for x, y in others), *points[-1])
