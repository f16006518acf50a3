"""Write what is generated of README.md and docs/: `make tables`. A test runs it with --check."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from airflow_provider_xai_collections.api.endpoints import ENDPOINTS
from airflow_provider_xai_collections.api.protocol import Endpoint, Host
from airflow_provider_xai_collections.emulator import FaultRule, Settings
from airflow_provider_xai_collections.emulator.usage import described
from scripts import reference, versions
from scripts.reference import table
from scripts.versions import ROOT
from tests.contract.checked import CHECKED
from tests.contract.recorded import statuses

REFERENCE = ROOT / "docs" / "reference.md"
#: Titles of recipes begin with what their ``doc_md`` does.
_TITLE = re.compile(r"^###\s*(?P<title>.+)$", re.MULTILINE)


def calls() -> str:
    """Return a row for every endpoint of the contract table."""
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


def recipes() -> str:
    """Return a row for every recipe: its file, and the title of its documentation."""
    return table(("Recipe", "Shows"), (_recipe(path) for path in sorted((ROOT / "dags").glob("*.py"))))


def _recipe(path: Path) -> tuple[str, str]:
    doc = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    (title,) = _TITLE.findall(doc)
    return f"[`{path.stem}`](../dags/{path.name})", title


def switches() -> str:
    """Return a row for every switch of the emulator."""
    return table(("Switch", "Values", "Default", "Meaning"), _described(Settings, with_default=True))


def fault_keys() -> str:
    """Return a row for every key of a fault rule."""
    return table(("Key", "Values", "Meaning"), _described(FaultRule, with_default=False))


def _described(kind: type[Any], *, with_default: bool) -> Iterator[tuple[str, ...]]:
    for each in described(kind):
        values = " ".join(f"`{value}`" for value in each.values)
        default = [f"`{each.default}`"] if with_default else []
        yield (f"`{each.name}`", values, *default, each.meaning.replace("*", r"\*"))


#: The tables of a page, by the name between their markers.
TABLES: Mapping[str, Mapping[str, Callable[[], str]]] = {
    "README.md": {"versions": versions.render},
    "docs/api-coverage.md": {"endpoints": calls},
    "docs/emulator.md": {"faults": fault_keys, "switches": switches},
    "docs/recipes.md": {"recipes": recipes},
}


def with_tables(text: str, tables: Mapping[str, Callable[[], str]]) -> str:
    """Return the text of a page with its tables made again.

    :raises SystemExit: a marker is missing.
    """
    for name, render in tables.items():
        begin, end = f"<!-- {name}: begin (make tables) -->", f"<!-- {name}: end -->"
        before, found, rest = text.partition(begin)
        _, also_found, after = rest.partition(end)
        if not (found and also_found):
            raise SystemExit(f"there is no place for the table {name!r}: {begin} … {end}")
        text = f"{before}{begin}\n\n{render()}\n\n{end}{after}"
    return text


def wanted() -> dict[Path, str]:
    """Return the pages as they should be."""
    pages = {ROOT / name: tables for name, tables in TABLES.items()}
    texts = {path: with_tables(path.read_text(encoding="utf-8"), tables) for path, tables in pages.items()}
    return {**texts, REFERENCE: reference.render()}


def main() -> int:
    """Write the pages; with ``--check``, only say whether they are as they should be."""
    outdated = [
        path for path, text in wanted().items() if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    if "--check" in sys.argv:
        print(*(f"{path.relative_to(ROOT)} is outdated: run `make tables`" for path in outdated), sep="\n")
        return int(bool(outdated))
    for path in outdated:
        path.write_text(wanted()[path], encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
