"""The README: a short first page that tells the truth."""

from __future__ import annotations

import re
from pathlib import Path

from airflow_provider_xai_collections import __version__
from airflow_provider_xai_collections.api.endpoints import ENDPOINTS
from airflow_provider_xai_collections.api.retries import RetryPolicy
from airflow_provider_xai_collections.hooks.collections import XAICollectionsHook
from airflow_provider_xai_collections.operators.sync import XAISyncCollectionOperator
from scripts.provided import classes
from scripts.reference import INNER
from tests.test_docs import blocks, loaded

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def test_it_is_a_first_page() -> None:
    assert len(README.splitlines()) <= 200


def test_a_complete_dag_with_a_sync_comes_first() -> None:
    (source,) = blocks(README, "python")
    assert len(README.partition(source)[0].splitlines()) + len(source.splitlines()) <= 40
    (task,) = loaded(source)
    assert isinstance(task, XAISyncCollectionOperator)


def test_beside_what_it_is_it_says_that_nobody_has_run_it_on_the_live_service() -> None:
    assert "Nobody has run it against xAI's live service yet" in README.partition("```")[0]


def test_every_operator_the_sensor_and_the_decorator_are_in_the_table_of_choices() -> None:
    choices = README.partition("## Which operator do I want?")[2].partition("\n## ")[0]
    kinds = [kind.__name__ for kind in (*classes("operators"), *classes("sensors"))]
    assert [name for name in kinds if f"`{name}`" not in choices and name not in INNER] == []
    assert "`@task.xai_ingest`" in choices
    assert "`xai_sync_group`" in choices


def test_five_guarantees() -> None:
    guarantees = README.partition("## Guarantees")[2].partition("\n## ")[0]
    assert re.findall(r"^(\d)\. ", guarantees, re.MULTILINE) == list("12345")


def test_its_figures_are_those_of_the_code() -> None:
    one_line = " ".join(README.split())
    assert f"a call is tried {RetryPolicy().attempts} times" in one_line
    assert sum(endpoint.path.startswith("/v1/collections") for endpoint in ENDPOINTS if endpoint.source == "doc") == 11
    assert "all eleven" in one_line


def test_every_call_is_a_method_of_the_hook() -> None:
    assert [endpoint.name for endpoint in ENDPOINTS if not hasattr(XAICollectionsHook, endpoint.name)] == []


def test_every_variable_of_the_demo_is_explained() -> None:
    script = (ROOT / "scripts" / "demo.py").read_text(encoding="utf-8")
    names = set(re.findall(r'environ(?:ment)?\.get\("(\w+)"', script))
    assert {"DOCS", "QUESTION", "PATTERN", "EXCLUDE", "LIVE"} <= names
    assert [name for name in names if not re.search(rf"\b{name}=", README)] == []


def test_every_page_of_the_documentation_is_linked() -> None:
    assert [path.name for path in (ROOT / "docs").glob("*.md") if f"(docs/{path.name})" not in README] == []


def test_contributing_maps_every_package_and_no_other() -> None:
    package = ROOT / "airflow_provider_xai_collections"
    packages = {path.name for path in package.iterdir() if (path / "__init__.py").exists()}
    modules = {path.stem for path in package.glob("*.py")} - {"__init__"}
    table = CONTRIBUTING.partition("## Where things are")[2].partition("\n## ")[0]
    assert [name for name in sorted(packages) if f"`{name}/`" not in table] == []
    assert [name for name in sorted(modules) if f"`{name}`" not in table] == []
    ours = {"dags", "docs", "scripts", "tests", "benchmarks"}
    assert set(re.findall(r"`(\w+)/`", table)) - packages <= ours


def test_the_changelog_knows_this_version() -> None:
    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
