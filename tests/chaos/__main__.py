"""``python -m tests.chaos [--size SIZE] [--seed N] [NAME …]``: try the cases; all of them in full write CHAOS.md.

The exit status is 1 if anything is wrong.
"""

from __future__ import annotations

import argparse
import inspect
import signal
import sys
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from importlib import import_module
from typing import TypeAlias

from benchmarks.processes import ROOT
from tests.chaos.report import Case, Size, Trial, render

RESULTS = ROOT / "benchmarks" / "CHAOS.md"
#: The module of each case, which has a function of the case's name.
CASES: Mapping[str, str] = {
    "endpoint_faults": "endpoint_faults",
    "odd_answers": "odd_answers",
    "share_of_failing_requests": "failing_share",
    "kill_9_at_every_request": "kills",
}

TryCase: TypeAlias = Callable[[Size, int], Generator[Trial, None, None]]


def case_of(name: str) -> TryCase:
    """Return the function that tries a case. It is imported late: Airflow has to find its home before."""
    import_module("tests.conftest")  # an Airflow that is nobody's
    found: TryCase = getattr(import_module(f"tests.chaos.{CASES[name]}"), name)
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(CASES)}; default: all")
    parser.add_argument("--size", type=Size, default=Size.FULL, help="small (seconds), medium (minutes) or full")
    parser.add_argument("--seed", type=int, default=1, help="of all that is random")
    options = parser.parse_args(arguments)
    if unknown := set(options.names) - set(CASES):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; known are {', '.join(CASES)}")
    tried = [_try(name, options.size, options.seed) for name in CASES if not options.names or name in options.names]
    if not options.names and options.size is Size.FULL:
        RESULTS.write_text(render(tried, options.seed), encoding="utf-8")
        print(f"written: {RESULTS.relative_to(ROOT)}")
    return int(any(case.wrong for case in tried))


def _try(name: str, size: Size, seed: int) -> Case:
    began = time.monotonic()
    case, trials = case_of(name), []
    with closing(case(size, seed)) as tries:  # what ends the command early finds it in the middle, with all it opened
        for trial in tries:
            trials.append(trial)
            if trial.wrong:  # at once, as there may be very many to come
                print(f"WRONG: {trial}", flush=True)
    tried = Case(name, inspect.getdoc(case) or "", trials)
    print(tried.section(), f"In {time.monotonic() - began:.0f} s.", sep="\n", flush=True)
    return tried


def _end(number: int, frame: object) -> None:
    """End as Ctrl-C does: processes and folders of ours are ended and removed on the way out."""
    signal.signal(number, signal.SIG_IGN)  # once is enough, and twice would interrupt that
    sys.exit(128 + number)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _end)
    sys.exit(main())
