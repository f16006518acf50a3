"""Scale of the chart of runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

from airflow_provider_xai_collections.plugin.views import Counts

#: Where the changes stand in the chart.
CHANGES_TOP, CHANGES_HEIGHT = 36, 208
_LEAST = 2.0
#: A bar is cut if it is so many times as high as nearly all others.
_OUTLIER, _NEARLY_ALL = 4, 0.9


@dataclass(frozen=True, slots=True)
class Scale:
    """The scale of the changes, the same above and below the axis; ``up`` and ``down`` is how far it goes."""

    up: int
    down: int
    step: int

    @classmethod
    def of(cls, counts: Sequence[Counts]) -> Scale:
        """Return the scale on which all of ``counts`` are drawn, but for outliers."""
        up = _limit([each.added + each.replaced for each in counts])
        down = _limit([each.removed for each in counts], up // 2)
        step = nice((up + down) / 4)
        return cls(max(step, ceil(up / step) * step), down, step)

    @property
    def unit(self) -> float:
        """The height of a change of one document."""
        return CHANGES_HEIGHT / (self.up + self.down)

    @property
    def axis(self) -> float:
        """The height of the zero."""
        return CHANGES_TOP + self.up * self.unit

    def y(self, value: int) -> float:
        """Return the height of a value; below the axis it is negative."""
        return round(self.axis - value * self.unit, 1)

    def height(self, value: int) -> float:
        """Return how high a bar is; each one is seen."""
        return max(_LEAST, value * self.unit)


def _limit(values: Sequence[int], least: int = 0) -> int:
    """Return the largest value that is no outlier; ``least`` is none."""
    present = sorted(filter(None, values))
    if not present:
        return 0
    nearly_all = present[floor(_NEARLY_ALL * (len(present) - 1))]
    return max(value for value in present if value <= max(_OUTLIER * nearly_all, least))


def nice(least: float) -> int:
    """Return the smallest of 1, 2, 5, 10, 20, 50 … that is at least ``least``."""
    power = 10 ** max(0, floor(log10(least))) if least > 0 else 1
    return next(int(factor * power) for factor in (1, 2, 5, 10) if factor * power >= least)
