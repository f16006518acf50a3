"""What trials keep is noticed, and what they say is not taken for it."""

from __future__ import annotations

from collections.abc import Iterator

from chaos.memory import BLOCK, weighed
from chaos.trials import Trial


def trials(count: int, kept: list[bytes], size: int) -> Iterator[Trial]:
    for number in range(count):
        kept.append(bytes(size))
        yield Trial("a", str(number), "done")


def test_a_block_of_trials_is_told_by_a_trial_of_its_own() -> None:
    kept: list[bytes] = []
    told = list(weighed(trials(2 * BLOCK, kept, 1_000)))
    assert [trial.what for trial in told[:-1]] == [str(number) for number in range(2 * BLOCK)]
    assert (told[-1].what, told[-1].ended, told[-1].wrong) == (f"trials {BLOCK + 1} to {2 * BLOCK}", "given back", ())


def test_memory_that_each_trial_keeps_is_noticed() -> None:
    kept: list[bytes] = []
    *_, memory = weighed(trials(2 * BLOCK, kept, 300_000))
    assert memory.ended == "kept"
    assert memory.wrong[0].endswith("bytes, and may keep 1,000,000")
