"""Wording of the pages: numbers, sizes, money, durations and times, as people read them."""

from __future__ import annotations

from datetime import UTC, datetime
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_xai_collections.plugin.views import Run

#: Between a number and its unit: they stay on one line.
GLUE = "\N{NO-BREAK SPACE}"
_SIZES = ("KiB", "MiB", "GiB", "TiB", "PiB")
#: A run is slow if it took so many times as long as the others, and longer than a minute.
_SLOW = 3


def number(value: int) -> str:
    """Return ``1234567`` as ``1,234,567``."""
    return f"{value:,}"


def amount(count: int, noun: str, plural: str = "") -> str:
    """Return a count with its noun, in its number: ``1 document``, ``1,200 documents``."""
    return f"{count:,} {noun if count == 1 else plural or f'{noun}s'}"


def signed(value: int) -> str:
    """Return a change with its sign: ``+310``, and zero without one."""
    return f"{value:+,}".replace("-", "\N{MINUS SIGN}") if value else "0"


def size(count: int) -> str:
    """Return a number of bytes in binary units: ``1.2 MiB``."""
    value, unit = float(count), "B"
    for larger in _SIZES:
        if round(value, 1) < 1024:
            break
        value, unit = value / 1024, larger
    return f"{value:,.0f}{GLUE}B" if unit == "B" else f"{value:,.1f}{GLUE}{unit}"


def money(dollars: float) -> str:
    """Return dollars, which are an estimate: ``about $37.24``."""
    if not dollars:
        return "$0"
    return f"about ${dollars:,.2f}" if dollars >= 0.01 else "under $0.01"


def duration(seconds: float) -> str:
    """Return ``252`` as ``4 min 12 s``."""
    if 0 < seconds < 10:
        return f"{seconds:.1f}{GLUE}s" if seconds >= 0.05 else f"under 0.1{GLUE}s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}{GLUE}s"
    if whole < 3600:
        return f"{whole // 60}{GLUE}min {whole % 60:02}{GLUE}s"
    return f"{whole // 3600:,}{GLUE}h {whole % 3600 // 60:02}{GLUE}min"


def roughly(seconds: float) -> str:
    """Return a duration in its largest unit alone: ``4 h``, ``2 days``."""
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole}{GLUE}s"
    if whole < 3600:
        return f"{whole // 60}{GLUE}min"
    if whole < 86400:
        return f"{whole // 3600}{GLUE}h"
    return amount(whole // 86400, "day").replace(" ", GLUE)


def ago(at: datetime, now: datetime) -> str:
    """Return how long ago something was, or how soon it will be: ``4 h ago``, ``in 20 min``."""
    seconds = (utc(now) - utc(at)).total_seconds()
    return f"{roughly(seconds)} ago" if seconds >= 0 else f"in {roughly(-seconds)}"


def utc(at: datetime) -> datetime:
    """Return a time in UTC; one without a zone is meant so."""
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def day(at: datetime, now: datetime) -> str:
    """Return the day of a time: ``26 Nov``, with the year if it is another."""
    at = utc(at)
    year = "" if at.year == utc(now).year else f" {at.year}"
    return f"{at.day}{GLUE}{at:%b}{year}"


def moment(at: datetime, now: datetime) -> str:
    """Return a time of a day in UTC: ``26 Nov 03:10``."""
    return f"{day(at, now)}{GLUE}{utc(at):%H:%M}"


def readable(text: str, limit: int = 4000) -> str:
    """Return running text without control characters, such as those that turn the direction of what follows."""
    clean = "".join(character if character.isprintable() or character == "\n" else " " for character in text[:limit])
    return clean if len(text) <= limit else f"{clean}…"


def machine_time(at: datetime) -> str:
    """Return a time for the attribute ``datetime``."""
    return f"{utc(at):%Y-%m-%dT%H:%M:%SZ}"


def usual(run: Run, runs: Sequence[Run]) -> str:
    """Return how long the others took, if ``run`` took far longer; else nothing."""
    others = [each.seconds for each in runs if each.seconds is not None and each is not run]
    if run.seconds is None or run.seconds <= 60 or len(others) < 3:
        return ""
    typical = median(others)
    return roughly(typical) if run.seconds > _SLOW * typical else ""
