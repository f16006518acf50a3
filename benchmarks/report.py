"""RESULTS.md: what was found, and on what machine."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

from benchmarks.outcomes import Outcome
from scripts.reference import table

_BEGINNING = """# Results

Written by `make bench`. The service is this package's emulator, in a process of its own on the same machine; what runs
against it are real operators, each in a fresh process. Compare ratios, not seconds. A goal that is not met fails
nothing, as machines are busy at times; a count that is wrong fails the command.
"""
_MET: Mapping[bool | None, str] = {True: "met", False: "**not met**", None: ""}


def render(outcomes: Iterable[Outcome]) -> str:
    """The whole page."""
    return "\n".join([_BEGINNING, f"{_machine()}\n", *map(_section, outcomes)])


def _section(outcome: Outcome) -> str:
    figures = [(each.what, each.value, each.goal, _MET[each.met]) for each in outcome.figures]
    counts = [
        (each.what, f"{each.seen:,}", each.allowed, "right" if each.is_right else "**wrong**")
        for each in outcome.counts
    ]
    tables = [
        *(table(grid.header, grid.rows) for grid in outcome.grids),
        table(("Measured", "Value", "Goal", ""), figures),
        table(("Counted", "Seen", "Allowed", ""), counts),
    ]
    return "\n\n".join([f"## {outcome.title}", *tables]) + "\n"


def lines(outcome: Outcome) -> Sequence[str]:
    """The same for a terminal."""
    grids = [f"  {' | '.join(row)}" for grid in outcome.grids for row in (grid.header, *grid.rows)]
    figures = [f"  {each.what}: {each.value}{f' ({each.goal})' if each.goal else ''}" for each in outcome.figures]
    wrong = [f"  WRONG: {each.what}: {each.seen}, allowed {each.allowed}" for each in outcome.wrong]
    return [
        outcome.title,
        *grids,
        *figures,
        f"  {len(outcome.counts) - len(wrong)} of {len(outcome.counts)} counts right",
        *wrong,
    ]


def _machine() -> str:
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    return (
        f"{os.cpu_count()} cores ({_processor()}), {memory:.0f} GiB, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}, Airflow {version('apache-airflow')}, httpx {version('httpx')}, "
        f"pydantic {version('pydantic')}. Load of the machine before: {_load:.1f}."
    )


def _processor() -> str:
    found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found[1].strip() if found else "unknown"


#: Of other work; ours has not begun when this module is imported.
_load = os.getloadavg()[0]
