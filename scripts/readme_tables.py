"""Writes the generated tables of README.md, and REFERENCE.md: `make tables`. A test runs it with --check."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from airflow_provider_xai_collections.api.endpoints import ENDPOINTS, Endpoint
from airflow_provider_xai_collections.api.protocol import Host
from airflow_provider_xai_collections.decorators.ingest import xai_ingest_task
from airflow_provider_xai_collections.hooks.collections import XAICollectionsHook
from scripts import reference, versions
from scripts.docstrings import first_sentence
from scripts.provided import PACKAGE, classes
from scripts.reference import table
from scripts.versions import ROOT
from tests.contract.checked import CHECKED
from tests.contract.recorded import statuses

README, REFERENCE = ROOT / "README.md", ROOT / "REFERENCE.md"


def calls() -> str:
    """Every endpoint of the contract table."""
    head = ("Call", "Hook method", "Key", "A repeat is harmless", "Source", "Recorded", "Checked against")
    return table(head, map(_call, ENDPOINTS))


def _call(endpoint: Endpoint[Any]) -> tuple[str, ...]:
    return (
        f"`{endpoint.method} {endpoint.path}`",
        f"`{endpoint.name}`",
        "management" if endpoint.host is Host.MANAGEMENT else "API",
        "yes" if endpoint.idempotent else "no",
        endpoint.source,
        statuses(endpoint),
        str(CHECKED[endpoint.name]),
    )


def overview() -> str:
    """Every class that users meet, with what it does."""
    return table(("Class", "Does"), ((f"`{_path(thing)}`", first_sentence(thing)) for thing in _offered()))


def _offered() -> Iterator[Any]:
    for room in ("operators", "sensors", "triggers"):
        yield from classes(room)
    yield from (xai_ingest_task, XAICollectionsHook)


def _path(thing: Any) -> str:
    return f"{thing.__module__.removeprefix(f'{PACKAGE}.')}.{thing.__name__}"


TABLES = {"classes": overview, "versions": versions.render, "endpoints": calls}


def readme(text: str) -> str:
    """The text of README.md with its tables made anew."""
    for name, render in TABLES.items():
        begin, end = f"<!-- {name}: begin (make tables) -->", f"<!-- {name}: end -->"
        before, _, rest = text.partition(begin)
        _, _, after = rest.partition(end)
        text = f"{before}{begin}\n{render()}\n{end}{after}"
    return text


def main() -> int:
    now = {path: path.read_text(encoding="utf-8") if path.exists() else "" for path in (README, REFERENCE)}
    wanted = {README: readme(now[README]), REFERENCE: reference.render()}
    if "--check" in sys.argv:
        return int(wanted != now)
    for path, text in wanted.items():
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
