"""Trials, and CHAOS.md: what was tried, how it ended, and how to try it again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum

from scripts.reference import table


class Size(Enum):
    """Amounts that are tried: in a minute with all the tests, in some minutes, or all there is."""

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

    def section(self) -> str:
        """Return the case as a part of the page: how many trials of each group ended how, and all that is wrong."""
        groups: dict[str, list[Trial]] = {}
        for trial in self.trials:
            groups.setdefault(trial.group, []).append(trial)
        rows = []
        for name, trials in groups.items():
            ends = Counter(trial.ended for trial in trials).most_common()
            wrong = sum(bool(trial.wrong) for trial in trials)
            shown = ", ".join(f"{ended}: {count:,}" for ended, count in ends)
            rows.append((name, f"{len(trials):,}", shown, f"**{wrong}**" if wrong else "0"))
        rows.append(("all", f"{len(self.trials):,}", "", str(len(self.wrong))))
        lines = ["", *(f"- {each}" for each in self.wrong)] if self.wrong else []
        page = table(("What", "Trials", "How they ended", "Wrong"), rows)
        return "\n".join([f"## {self.name}\n\n{self.about}\n\n{page}", *lines, ""])


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
