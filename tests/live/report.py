"""The report of a run, as Markdown to be pasted."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from airflow_provider_xai_collections import __version__

from .playing import Line, Outcome


def written(path: Path, outcome: Outcome, *, where: str, when: str) -> str:
    """Write the report, without the keys, and return it."""
    text = outcome.meter.mask(report(outcome, where=where, when=when))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return text


def report(outcome: Outcome, *, where: str, when: str) -> str:
    """Return the report.

    :param where: the hosts.
    :param when: the day.
    """
    meter, budget = outcome.meter, outcome.meter.budget
    spent = (
        f"{meter.requests} requests (of {budget.requests}, and {budget.tidying} to tidy up), {meter.searches} searches "
        f"(of {budget.searches}), {meter.sent:,} bytes sent (of {budget.sent:,})"
    )
    left = "SOME ARE LEFT, see the end" if outcome.left else "none is left"
    tidied = f"{outcome.deleted} collections and files made and deleted, {left}"
    sections = [
        f"# What {where} answered",
        f"airflow-provider-xai-collections {__version__}, {when}, run `{outcome.name}`: {spent}; {tidied}.",
        "Texts of the service are quoted as they came, cut, without keys. Read them before you paste them.",
        "## Open points",
        _table("Question", "Seen", outcome.points),
        "## Scenarios",
        _table("Scenario", "Ended", outcome.scenarios),
    ]
    if outcome.left:
        sections += ["## Left behind", *(f"- {_cell(one)}" for one in outcome.left)]
    return "\n".join(f"{section}\n" for section in sections)


def _table(what: str, seen: str, lines: Iterable[Line]) -> str:
    rows = [(line.what, f"**{line.seen}**: {line.wrong}" if line.wrong else line.seen) for line in lines]
    return "\n".join(f"| {_cell(left)} | {_cell(right)} |" for left, right in [(what, seen), ("---", "---"), *rows])


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
