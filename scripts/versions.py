"""Versions of Airflow, from our constraints and classifiers, and what Airflow itself brought when."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

from scripts.reference import table

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Release:
    """A line of Airflow.

    :param newest_python: 3.x, that it runs on.
    :param adds: what this provider does more from there on.
    """

    name: str
    newest_python: int
    adds: str

    @property
    def constraints(self) -> Path:
        return ROOT / "constraints" / f"airflow-{self.name}.txt"


RELEASES = (
    Release("2.11", 12, "everything but what is below"),
    Release("3.1", 13, "[pages](docs/pages.md) in Airflow's UI"),
    Release("3.2", 14, "`airflow xai-collections`; the connection form comes from the metadata; before, from the hook"),
    Release(
        "3.3",
        14,
        "tasks link to the page of their collection; `retry_policy`; a trigger says what goes on at xAI when a user "
        "ends the task",
    ),
)


def render() -> str:
    """The table, as Markdown."""
    return table(("Airflow", "Python", "Tested", "What it adds"), map(_row, RELEASES))


def _row(release: Release) -> tuple[str, ...]:
    pythons = [minor for minor in declared_pythons() if minor <= release.newest_python]
    tested = locked(release) if release.constraints.exists() else ""
    return f"from {release.name}", f"3.{min(pythons)} to 3.{max(pythons)}", tested, release.adds


def declared_pythons() -> list[int]:
    """The minor versions of Python 3 among the project's classifiers."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return [int(one) for one in re.findall(r"Python :: 3\.(\d+)", "\n".join(project["classifiers"]))]


def locked(release: Release) -> str:
    """The version of Airflow that the constraints of a release name."""
    (version,) = re.findall(r"^apache-airflow==(\S+)$", release.constraints.read_text(encoding="utf-8"), re.MULTILINE)
    return str(version)
