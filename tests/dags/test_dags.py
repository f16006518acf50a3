"""The recipes in dags/: short, documented, importable, and made of nothing but the provider's public rooms."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from tests.operators.stage import AIRFLOW_2

try:
    from airflow.dag_processing.dagbag import DagBag
except ImportError:  # Airflow before 3.2
    from airflow.models import DagBag

PACKAGE = "airflow_provider_xai_collections"
ROOMS = ("operators", "sensors", "hooks", "assets", "tables", "decorators", "batches", "retry_policies")
ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / "dags").glob("*.py"))
every_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


@cache
def database() -> None:
    """Airflow 2 looks aliases up in its database as soon as it loads a DAG that waits for one."""
    if AIRFLOW_2:
        import_module("airflow.utils.db").upgradedb()


def load(path: Path) -> Any:
    database()
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


def test_every_dag_is_run_by_these_tests() -> None:
    """Whatever ``airflow.test("…")`` names in a test here is run for real."""
    run = set()
    for path in Path(__file__).parent.glob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Call(
                    func=ast.Attribute(value=ast.Name("airflow"), attr="test"), args=[ast.Constant(dag_id), _]
                ):
                    run.add(dag_id)
    assert run == {dag_id for path in FILES for dag_id in load(path).dags}


@every_file
def test_what_it_needs_is_optional_to_say(path: Path) -> None:
    """Every parameter has a default that is valid, or a schedule and an asset could not start it."""
    for dag in load(path).dags.values():
        dag.params.validate()
        assert all(param.has_value for param in map(dag.params.get_param, dag.params))


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
