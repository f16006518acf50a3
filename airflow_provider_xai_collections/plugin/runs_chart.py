"""Geometry of the chart of runs: their changes above and below an axis, and the documents after each of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import ceil, floor

from airflow_provider_xai_collections.plugin.charts import Box
from airflow_provider_xai_collections.plugin.scale import CHANGES_HEIGHT, CHANGES_TOP, Scale, nice
from airflow_provider_xai_collections.plugin.views import Counts, Run
from airflow_provider_xai_collections.plugin.wording import amount, day, moment, number, utc

_WIDTH, _HEIGHT = 1160, 412
_LEFT, _RIGHT = 72, _WIDTH - 24
_GROWTH_TOP, _GROWTH_BOTTOM = 302, 374
#: A column is at most so wide: two runs do not make two walls.
_WIDEST = 64.0
_FILLED = 0.62
_FAILED_HEIGHT = 5.0
_CHARACTER = 7.5
#: What stands in the column of a run that has no bars.
_SIGNS = {"failed": "✕", "running": "…", "unknown": "?"}


@dataclass(frozen=True, slots=True)
class Label:
    """A text in the chart; ``kind`` is how it looks, ``anchor`` which of its points stands at ``x``."""

    text: str
    x: float
    y: float
    kind: str = ""
    anchor: str = "middle"


@dataclass(frozen=True, slots=True)
class Column:
    """A run in the chart.

    :param title: its numbers as a sentence.
    :param kind: ``changed``, ``nothing``, ``failed``, ``running``, or ``unknown`` if it did not say what it changed.
    :param band: all of its column.
    :param cut: path of the zigzag in a bar that is not drawn to its end.
    """

    title: str
    kind: str
    band: Box
    middle: float
    boxes: tuple[Box, ...] = ()
    cut: str = ""
    labels: tuple[Label, ...] = ()


@dataclass(frozen=True, slots=True)
class RunsChart:
    """All of the chart.

    :param axis: height of the zero of the changes.
    :param grid: heights of the lines, of both parts.
    :param labels: numbers of the lines, and days.
    :param growth: path of the line of documents; nothing if no run said how many there are.
    """

    summary: str
    axis: float
    grid: tuple[float, ...]
    labels: tuple[Label, ...]
    columns: tuple[Column, ...]
    growth: str
    width: int = _WIDTH
    height: int = _HEIGHT
    left: int = _LEFT
    right: int = _RIGHT
    bottom: int = _GROWTH_BOTTOM


def runs_chart(newest_first: Sequence[Run], now: datetime) -> RunsChart:
    """Return the chart of ``newest_first``, from the oldest at the left."""
    runs = tuple(reversed(newest_first))
    scale = Scale.of([run.counts for run in runs if run.counts is not None])
    step = min(_WIDEST, (_RIGHT - _LEFT) / max(1, len(runs)))
    columns = _without_overlaps(
        [_column(run, _LEFT + step * place, step, scale, now) for place, run in enumerate(runs)]
    )
    growth, growth_grid = _growth(runs, step)
    values = range(-(scale.down // scale.step) * scale.step, scale.up + 1, scale.step)
    lines = [Label(number(abs(value)), _LEFT - 8, scale.y(value) + 4, anchor="end") for value in values]
    return RunsChart(
        summary=_summary(runs, now),
        axis=round(scale.axis, 1),
        grid=tuple(scale.y(value) for value in values if value) + tuple(label.y - 4 for label in growth_grid),
        labels=(*lines, *growth_grid, *_days(runs, step, now)),
        columns=columns,
        growth=growth,
    )


def _column(run: Run, left: float, width: float, scale: Scale, now: datetime) -> Column:
    middle, kind = round(left + width / 2, 1), _kind(run)
    band = Box("void" if kind == "failed" else "band", round(left, 1), 12, round(width, 1), _GROWTH_BOTTOM - 12)
    title = f"{moment(run.started, now) if run.started else 'Start not known'}: {_said(run, kind)}"
    boxes: list[Box] = []
    labels: list[Label] = []
    cut, top = "", scale.axis - 6
    if run.counts is not None and not run.counts.is_nothing:
        bar_width = width * _FILLED
        boxes, top = _stack(run.counts, middle - bar_width / 2, bar_width, scale)
        if (total := run.counts.added + run.counts.replaced) > scale.up:
            cut = _zigzag(middle - bar_width / 2, CHANGES_TOP + 16, bar_width)
            labels.append(Label(number(total), middle, top - 4, "cap"))
        if run.counts.failed:
            labels.append(Label(number(run.counts.failed), middle, top - 4 - 14 * len(labels), "fail"))
        if run.counts.removed > scale.down:
            labels.append(Label(number(run.counts.removed), middle, CHANGES_TOP + CHANGES_HEIGHT + 14, "cap"))
    if sign := _SIGNS.get(kind):
        above = sum(label.y < scale.axis for label in labels)
        labels.append(Label(sign, middle, top - 4 - 14 * above, "fail" if kind == "failed" else ""))
    return Column(title, kind, band, middle, tuple(boxes), cut, tuple(labels))


def _kind(run: Run) -> str:
    if run.has_failed:
        return "failed"
    if run.is_running:
        return "running"
    if run.counts is None:
        return "unknown"
    return "nothing" if run.counts.is_nothing else "changed"


def _said(run: Run, kind: str) -> str:
    words = {"failed": "the run failed", "running": "still running", "unknown": "what it changed is not known"}
    parts = [words[kind]] if kind in words else []
    if (counts := run.counts) is not None:
        pairs = (
            ("added", counts.added),
            ("replaced", counts.replaced),
            ("removed", counts.removed),
            ("failed", counts.failed),
        )
        changes = ", ".join(f"{number(count)} {word}" for word, count in pairs)
        parts.append("nothing to do" if kind == "nothing" else changes)
    if run.documents is not None:
        parts.append(f"{amount(run.documents, 'document')} after it")
    return "; ".join(parts)


def _stack(counts: Counts, x: float, width: float, scale: Scale) -> tuple[list[Box], float]:
    """Return the parts of a bar, from the axis, and where it ends above."""
    boxes, top, x, width = [], scale.axis, round(x, 1), round(width, 1)
    total = counts.added + counts.replaced
    shrunk = min(1.0, scale.up / total) if total else 1.0
    for kind, count in (("added", counts.added), ("replaced", counts.replaced)):
        if count:
            height = scale.height(int(count * shrunk))
            boxes.append(Box(kind, x, round(top - height, 1), width, round(height, 1)))
            top -= height + 1
    if counts.failed:
        boxes.append(Box("failed", x, round(top - _FAILED_HEIGHT, 1), width, _FAILED_HEIGHT))
        top -= _FAILED_HEIGHT + 1
    if counts.removed:
        height = scale.height(min(counts.removed, scale.down))
        boxes.append(Box("removed", x, round(scale.axis + 1, 1), width, round(height, 1)))
    return boxes, round(top, 1)


def _zigzag(x: float, y: float, width: float) -> str:
    quarter = round(width / 4 + 1, 1)
    height = min(5.0, quarter)
    return f"M{x - 2:.1f} {y}" + "".join(f"l{quarter} {rise}" for rise in (-height, height) * 2)


def _without_overlaps(columns: Sequence[Column]) -> tuple[Column, ...]:
    """Leave out numbers that would run into the one before; each column's title has them still."""
    kept: list[Column] = []
    ends: dict[bool, float] = {}
    for column in columns:
        labels = []
        for label in column.labels:
            half = len(label.text) * _CHARACTER / 2
            is_sign = label.text in _SIGNS.values()
            if is_sign or label.x - half >= ends.get(label.kind == "cap", 0):
                labels.append(label)
                ends[label.kind == "cap"] = label.x + half
        kept.append(replace(column, labels=tuple(labels)))
    return tuple(kept)


def _growth(runs: Sequence[Run], step: float) -> tuple[str, tuple[Label, ...]]:
    """Return the line of documents, with gaps where nothing is known, and the numbers of its grid."""
    known = [run.documents for run in runs if run.documents is not None]
    if not known:
        return "", ()
    low, high = min(known), max(known)
    grid = nice(max(high - low, high * 0.02, 3) / 3)
    bottom = floor(low / grid) * grid
    top = max(ceil(high / grid) * grid, bottom + grid)

    def y(value: int) -> float:
        return round(_GROWTH_BOTTOM - (value - bottom) / (top - bottom) * (_GROWTH_BOTTOM - _GROWTH_TOP), 1)

    path, before = "", None
    for place, run in enumerate(runs):
        if run.documents is not None:
            left, right = round(_LEFT + step * place, 1), round(_LEFT + step * (place + 1), 1)
            path += f"{f'M{left} ' if before is None else 'V'}{y(run.documents)}H{right}"
        before = run.documents
    labels = (Label(number(value), _LEFT - 8, y(value) + 4, anchor="end") for value in range(bottom, top + 1, grid))
    return path, tuple(labels)


def _days(runs: Sequence[Run], step: float, now: datetime) -> Iterator[Label]:
    """Yield the days below the axis, the newest first; with times where a day has several runs, and there are few."""
    started = [utc(run.started) for run in runs if run.started]
    has_several = len({at.date() for at in started}) < len(started)
    has_times = has_several and max(started) - min(started) < timedelta(days=3)
    apart = ceil((130 if has_times else 64) / step)
    for place in range(len(runs) - 1, -1, -apart):
        if at := runs[place].started:
            text = moment(at, now) if has_times else day(at, now)
            middle, half = round(_LEFT + step * (place + 0.5), 1), len(text) * _CHARACTER / 2
            x, anchor = (_WIDTH, "end") if middle + half > _WIDTH else (middle, "middle")
            yield Label(text, x, _GROWTH_BOTTOM + 22, anchor=anchor)


def _summary(runs: Sequence[Run], now: datetime) -> str:
    """Describe the chart to those who do not see it."""
    started = [run.started for run in runs if run.started]
    span = f" from {day(started[0], now)} to {day(started[-1], now)}" if started else ""
    counts = [run.counts for run in runs if run.counts is not None]
    sums = ", ".join(
        f"{number(sum(getattr(each, word) for each in counts))} {word}"
        for word in ("added", "replaced", "removed", "failed")
    )
    failed = sum(run.has_failed for run in runs)
    unknown = sum(run.counts is None and not run.has_failed for run in runs)
    known = [run.documents for run in runs if run.documents is not None]
    sentences = [
        f"{amount(len(runs), 'run')}{span}: {sums}.",
        f"{amount(failed, 'run')} failed." if failed else "No run failed.",
        f"Of {amount(unknown, 'run')} it is not known what changed." if unknown else "",
        f"Documents: first {number(known[0])}, last {number(known[-1])}."
        if known
        else "The number of documents is not known.",
        "The table below has every number.",
    ]
    return " ".join(filter(None, sentences))
