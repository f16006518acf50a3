"""Time, CPU and memory that this process uses."""

from __future__ import annotations

import gc
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")
#: Makes the peak of the resident memory start from what is resident now; see proc(5).
_RESET_PEAK = "5"
MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class Used:
    """Costs of some work.

    :param seconds: on the clock.
    :param cpu: seconds of CPU, of all threads.
    :param memory: bytes by which the process grew at its peak.
    :param value: what the work returned.
    """

    seconds: float
    cpu: float
    memory: int
    value: Any

    @property
    def megabytes(self) -> float:
        return self.memory / MEGABYTE


def measured(work: Callable[[], Any]) -> Used:
    """Do some work and measure it. What the process used before does not count."""
    gc.collect()
    _CLEAR.write_text(_RESET_PEAK)
    before = _kilobytes("VmRSS")
    began, cpu = time.perf_counter(), time.process_time()
    value = work()
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    return Used(seconds, cpu, (_kilobytes("VmHWM") - before) * 1024, value)


def in_turns(ways: Mapping[str, Callable[[], Any]], rounds: int) -> dict[str, list[float]]:
    """Seconds that each way takes each time. They take turns, so that other work on the machine meets all of them."""
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            began = time.perf_counter()
            way()
            taken[name].append(time.perf_counter() - began)
    return taken


def _kilobytes(name: str) -> int:
    found = re.search(rf"^{name}:\s*(\d+) kB$", _STATUS.read_text(), re.MULTILINE)
    if found is None:
        raise RuntimeError(f"{_STATUS} does not say {name}; the benchmarks need Linux")
    return int(found[1])
