"""Memory that trials do not give back: counted to the byte, over blocks of them.

The memory of the process would not tell: what it asked for and may use again is its own. Counting takes time, so one
block is counted out of some.
"""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Generator, Iterable

from chaos.trials import Trial

#: Trials in a block, and the blocks of which one is counted: the second, as the first loads what the others keep.
BLOCK = 10
ONE_OF = 4
#: Bytes that a trial may leave: what it says, and what is loaded for the first trial of a kind and kept.
PER_TRIAL = 100_000


def weighed(trials: Iterable[Trial]) -> Generator[Trial, None, None]:
    """The trials, and after each block that was counted one more, which tells of its memory."""
    before = 0
    try:
        for number, trial in enumerate(trials):
            yield trial
            block, place = divmod(number + 1, BLOCK)
            if not place and block % ONE_OF == 1:
                tracemalloc.start()
                before = _kept()
            elif not place and tracemalloc.is_tracing():
                grown = _kept() - before
                tracemalloc.stop()
                yield _told(number + 1, grown)
    finally:
        tracemalloc.stop()


def _kept() -> int:
    gc.collect()
    kept, _ = tracemalloc.get_traced_memory()
    return kept


def _told(last: int, grown: int) -> Trial:
    most = BLOCK * PER_TRIAL
    wrong = [f"they keep {grown:,} bytes, and may keep {most:,}"] if grown > most else []
    return Trial(
        f"memory after {BLOCK} trials",
        f"trials {last - BLOCK + 1:,} to {last:,}",
        "kept" if wrong else "given back",
        tuple(wrong),
    )
