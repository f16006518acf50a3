"""CHAOS.md: what was tried, how it ended, and how to try it again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from chaos.trials import Trial
from scripts.reference import table

_BEGINNING = """# Faults, on purpose

Written by `make chaos`. The service is this package's emulator, on sockets of the same machine; what runs against it
are the real client, operators and syncs. After each trial the service's own records are compared with what should be
there. One that is wrong fails the command.

The seed is {seed}. `python -m chaos --seed {seed} NAME` tries all of a case again, in the same order: which calls fail,
and how, follows from the seed and from what each call is about, not from the order in which calls arrive that run side
by side. What does not repeat is how often a wait looks at documents in progress.
"""


@dataclass(frozen=True, slots=True)
class Case:
    """A case that has been tried.

    :param name: its name on the command line.
    :param about: what it does, in a sentence.
    """

    name: str
    about: str
    trials: Sequence[Trial]

    @property
    def wrong(self) -> list[Trial]:
        return [trial for trial in self.trials if trial.wrong]


def render(cases: Iterable[Case], seed: int) -> str:
    """The whole page."""
    return "\n".join([_BEGINNING.format(seed=seed), *map(_section, cases)])


def _section(case: Case) -> str:
    rows = [
        (group, f"{len(trials):,}", _ends(trials), f"**{count}**" if (count := _count_wrong(trials)) else "0")
        for group, trials in _groups(case.trials)
    ]
    rows.append(("all", f"{len(case.trials):,}", "", str(len(case.wrong))))
    shown = table(("What", "Trials", "How they ended", "Wrong"), rows)
    wrong = [f"- {trial.group}: {trial.what}: {'; '.join(trial.wrong)}" for trial in case.wrong]
    return "\n".join([f"## {case.name}\n\n{case.about}\n\n{shown}", *([""] if wrong else []), *wrong, ""])


def lines(case: Case) -> list[str]:
    """The same for a terminal."""
    wrong = [f"  WRONG: {trial.group}: {trial.what}: {'; '.join(trial.wrong)}" for trial in case.wrong]
    groups = [f"  {group}: {len(trials)}: {_ends(trials)}" for group, trials in _groups(case.trials)]
    return [case.name, *groups, f"  {len(case.trials) - len(wrong)} of {len(case.trials)} as they should be", *wrong]


def _groups(trials: Iterable[Trial]) -> Iterator[tuple[str, list[Trial]]]:
    """The trials of each group, the groups in the order of their first."""
    found: dict[str, list[Trial]] = {}
    for trial in trials:
        found.setdefault(trial.group, []).append(trial)
    return iter(found.items())


def _ends(trials: Iterable[Trial]) -> str:
    counts = Counter(trial.ended for trial in trials)
    return ", ".join(f"{ended}: {count:,}" for ended, count in counts.most_common())


def _count_wrong(trials: Iterable[Trial]) -> int:
    return sum(bool(trial.wrong) for trial in trials)
