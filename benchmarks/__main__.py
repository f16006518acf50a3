"""``python -m benchmarks [--small] [NAME …]``: run the benchmarks; all of them in full size write RESULTS.md.

The exit status is 1 if a count is wrong.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import report
from benchmarks.cases.call_overhead import call_overhead
from benchmarks.cases.floors import floors
from benchmarks.cases.large_files import large_files
from benchmarks.cases.parse_cost import parse_cost
from benchmarks.cases.rate_limit import under_a_limit
from benchmarks.cases.server_start import server_start
from benchmarks.cases.small_documents import many_small_documents
from benchmarks.cases.unchanged import nothing_to_do
from benchmarks.cases.waits import many_waits
from benchmarks.outcomes import Outcome
from benchmarks.processes import ROOT, Workshop

RESULTS = ROOT / "benchmarks" / "RESULTS.md"


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A case, with the size that figures are quoted of, and the least one that counts the same."""

    run: Callable[..., Outcome]
    full: Mapping[str, Any]
    small: Mapping[str, Any]

    @property
    def name(self) -> str:
        return self.run.__name__


BENCHMARKS = (
    Benchmark(
        many_small_documents,
        full={"documents": 2000, "delay": 0.05, "concurrency": 32, "poll_interval": 15},
        small={"documents": 150, "delay": 0.01, "concurrency": 8, "poll_interval": 5},
    ),
    Benchmark(
        floors,
        full={"delays": (0.005, 0.05, 0.2), "concurrencies": (1, 8, 32, 64), "seconds": 1.6, "most": 512},
        small={"delays": (0.01,), "concurrencies": (1, 8), "seconds": 0.1, "most": 16},
    ),
    Benchmark(nothing_to_do, full={"sizes": (100, 1_000, 10_000, 100_000)}, small={"sizes": (100, 250)}),
    Benchmark(
        large_files,
        full={"documents": 200, "megabytes": 40, "concurrency": 8, "poll_interval": 15},
        small={"documents": 3, "megabytes": 2, "concurrency": 2, "poll_interval": 5},
    ),
    Benchmark(
        under_a_limit,
        full={"uploads": 800, "rate": 20, "concurrency": 16},
        small={"uploads": 40, "rate": 20, "concurrency": 8},
    ),
    Benchmark(
        many_waits,
        full={"sizes": (1_000, 5_000), "documents": 1, "poll_interval": 15},
        small={"sizes": (30,), "documents": 3, "poll_interval": 1},
    ),
    Benchmark(parse_cost, full={"rounds": 20, "peers": True}, small={"rounds": 1, "peers": False}),
    Benchmark(server_start, full={"rounds": 20}, small={"rounds": 1}),
    Benchmark(call_overhead, full={"rounds": 2_000}, small={"rounds": 20}),
)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"of {', '.join(each.name for each in BENCHMARKS)}; default: all")
    parser.add_argument("--small", action="store_true", help="in a size that takes seconds")
    options = parser.parse_args(arguments)
    chosen = [each for each in BENCHMARKS if not options.names or each.name in options.names]
    if not chosen or len(chosen) < len(set(options.names)):
        parser.error(f"unknown benchmark among {', '.join(options.names)}")
    outcomes = []
    for each in chosen:
        with tempfile.TemporaryDirectory(prefix="xai-benchmark-") as folder:
            outcomes.append(each.run(Workshop(Path(folder)), **(each.small if options.small else each.full)))
        print("\n".join(report.lines(outcomes[-1])), flush=True)
    if not options.names and not options.small:
        RESULTS.write_text(report.render(outcomes), encoding="utf-8")
        print(f"written: {RESULTS.relative_to(ROOT)}")
    return int(any(outcome.wrong for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main())
