"""Trials, and CHAOS.md: what was tried, how it ended, and how to try it again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum

from scripts.reference import table


class Size(Enum):
    """How much is tried: in a minute with all the tests, in some minutes, or all there is."""

    SMALL = "small"
    MEDIUM = "medium"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class Trial:
    """One thing that was tried.

    :param group: the row of the table that it belongs to: trials of one group differ in what the table need not tell.
    :param what: what was tried, so exactly that it can be repeated with the seed.
    :param ended: how, in few words: ``done``, ``done by the retry``, ``XAIServerError``.
    :param wrong: what is not as it should be at the end; empty if all is well.
    """

    group: str
    what: str
    ended: str
    wrong: tuple[str, ...] = field(default=())


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
    def wrong(self) -> list[str]:
        """The trials with a wrong end, each in a line."""
        return [f"{each.group}: {each.what}: {'; '.join(each.wrong)}" for each in self.trials if each.wrong]

    @property
    def groups(self) -> Iterator[tuple[str, int, str, int]]:
        """Name of each group, how many trials it has, how they ended, how many are wrong."""
        found: dict[str, list[Trial]] = {}
        for trial in self.trials:
            found.setdefault(trial.group, []).append(trial)
        for name, trials in found.items():
            ends = Counter(trial.ended for trial in trials).most_common()
            shown = ", ".join(f"{ended}: {count:,}" for ended, count in ends)
            yield name, len(trials), shown, sum(bool(trial.wrong) for trial in trials)

    def lines(self) -> list[str]:
        """The case for a terminal."""
        groups = [f"  {name}: {count}: {ends}" for name, count, ends, _ in self.groups]
        right = len(self.trials) - len(self.wrong)
        return [
            self.name,
            *groups,
            f"  {right} of {len(self.trials)} as they should be",
            *map("  WRONG: {}".format, self.wrong),
        ]

    def section(self) -> str:
        """The case for the page."""
        rows = [
            (name, f"{count:,}", ends, f"**{wrong}**" if wrong else "0") for name, count, ends, wrong in self.groups
        ]
        rows.append(("all", f"{len(self.trials):,}", "", str(len(self.wrong))))
        shown = table(("What", "Trials", "How they ended", "Wrong"), rows)
        wrong = ["", *(f"- {each}" for each in self.wrong)] if self.wrong else []
        return "\n".join([f"## {self.name}\n\n{self.about}\n\n{shown}", *wrong, ""])


_BEGINNING = """# Fault injection

Written by `make chaos`. The service is this package's emulator, on sockets of the same machine; what runs against it
are the real client, operators and syncs. After each trial the service's own records are compared with what should be
there. One that is wrong fails the command.

The seed is {seed}. `python -m tests.chaos --seed {seed} NAME` tries all of a case again, in the same order: which calls
fail, and how, follows from the seed and from what each call is about, not from the order in which calls arrive that run
side by side.
"""


def render(cases: Iterable[Case], seed: int) -> str:
    """Return the whole page."""
    return "\n".join([_BEGINNING.format(seed=seed), *(case.section() for case in cases)])
