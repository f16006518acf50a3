"""The recipes in dags/: short, documented, importable, and made of nothing but the provider's public rooms."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

try:
    from airflow.dag_processing.dagbag import DagBag
except ImportError:  # Airflow before 3.2
    from airflow.models import DagBag

PACKAGE = "airflow_provider_xai_collections"
ROOMS = ("operators", "sensors", "hooks", "assets", "tables", "decorators", "batches", "retry_policies")
FILES = sorted((Path(__file__).resolve().parents[2] / "dags").glob("*.py"))
every_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


def load(path: Path) -> Any:
    bag = DagBag(dag_folder=path.parent, collect_dags=False)
    bag.process_file(str(path))
    assert bag.import_errors == {}
    return bag


def imported(path: Path) -> Iterator[str]:
    """The full names of all modules that a file imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "a DAG file has no package"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_there_are_recipes() -> None:
    assert FILES


@every_file
def test_it_loads_and_each_dag_says_what_it_is_for(path: Path) -> None:
    dags = load(path).dags
    assert dags
    for dag in dags.values():
        assert dag.doc_md
        assert dag.doc_md.strip() == (ast.get_docstring(ast.parse(path.read_text())) or "").strip()


@every_file
def test_it_is_at_most_sixty_lines(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 60


@every_file
def test_it_uses_the_rooms_that_are_for_users(path: Path) -> None:
    ours = [name for name in imported(path) if name.startswith(PACKAGE)]
    assert ours
    assert [name for name in ours if name.split(".")[1] not in ROOMS] == []
