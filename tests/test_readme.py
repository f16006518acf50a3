"""The README tells the truth: its tables are the code's, its DAG parses, its names exist."""

from __future__ import annotations

import importlib.util
import re
import shlex
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pendulum
import pytest
from airflow.providers.common.compat.sdk import DAG

from airflow_provider_xai_collections import __version__
from airflow_provider_xai_collections.api.endpoints import ENDPOINTS
from airflow_provider_xai_collections.api.retries import RetryPolicy
from airflow_provider_xai_collections.emulator import Emulator, HttpRequest
from airflow_provider_xai_collections.emulator.__main__ import main
from airflow_provider_xai_collections.hooks.collections import XAICollectionsHook
from airflow_provider_xai_collections.hooks.connection import EXTRAS
from airflow_provider_xai_collections.operators.sync import XAISyncCollectionOperator

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_what_is_generated_of_it_and_the_reference_is_current() -> None:
    check = [sys.executable, "-m", "scripts.readme_tables", "--check"]
    assert subprocess.run(check, cwd=ROOT, check=False).returncode == 0, "run `make tables`"


def test_every_call_is_a_method_of_the_hook() -> None:
    assert [endpoint.name for endpoint in ENDPOINTS if not hasattr(XAICollectionsHook, endpoint.name)] == []


def test_the_dag_of_the_readme_is_one() -> None:
    (source,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    if importlib.util.find_spec("airflow.sdk") is None:
        source = source.replace("from airflow.sdk import dag", "from airflow.decorators import dag")
    names: dict[str, Any] = {}
    exec(source.replace("\nhandbook()", "\nmade = handbook()"), names)
    (task,) = names["made"].tasks
    assert isinstance(task, XAISyncCollectionOperator)
    before = README.partition("```python\n")[0]
    assert len((before + source).splitlines()) <= 30, "it comes first"


def test_the_syncs_of_the_readme_are_tasks() -> None:
    sources = [block for block in re.findall(r"```py\n(.*?)```", README, re.DOTALL) if "sync" in block]
    with DAG("syncs", schedule=None, start_date=pendulum.datetime(2026, 1, 1, tz="UTC")) as dag:
        for source in sources:
            exec(source, {})
    assert sorted(dag.task_ids) == ["sync", "sync_corpus.apply", "sync_corpus.finish", "sync_corpus.plan"]
    # A run that a user or an asset has triggered has no date, and so none of the names that come of one.
    task: Any = dag.get_task("sync")
    task.render_template_fields({"run_id": "manual__7", "dag": dag, "task": task, "params": {}})
    assert task.report == "s3://my_aws_conn@company/reports/manual__7.jsonl"


@pytest.mark.parametrize("name", re.findall(r"^\| `(\w+\.\w+\.XAI\w+)` \|", README, re.MULTILINE))
def test_every_class_it_names_exists(name: str) -> None:
    module, _, attribute = name.rpartition(".")
    assert hasattr(importlib.import_module(f"airflow_provider_xai_collections.{module}"), attribute)


def test_it_names_every_extra_of_the_connection() -> None:
    assert set(re.findall(r"extra `(\w+)`", README)) == set(EXTRAS)


def test_its_figures_are_those_of_the_code() -> None:
    policy = RetryPolicy()
    assert f"tried {policy.attempts} times within {policy.budget / 60:.0f} minutes" in README


def test_the_emulator_understands_the_faults_and_switches_it_shows() -> None:
    emulator = Emulator()
    commands = [shlex.split(line) for line in re.findall(r"^\$ (curl .*)$", README, re.MULTILINE)]
    assert len(commands) == 5
    for curl, url, *data in commands:
        assert (curl, data[:1]) in [("curl", ["-d"]), ("curl", [])]
        method, body = ("POST", data[1].encode()) if data else ("GET", b"")
        answer = emulator.handle(HttpRequest(method, None, url.removeprefix("http://127.0.0.1:8321"), body=body))
        assert answer.status == 200, answer.body
    for command in re.findall(r"`(--(?:set|indexing) [^`]+)`", README):
        stop = threading.Event()
        stop.set()
        assert main(shlex.split(command), stop) == 0


def test_every_variable_of_the_demo_is_in_the_readme() -> None:
    script = (ROOT / "scripts" / "demo.py").read_text(encoding="utf-8")
    names = set(re.findall(r'environ(?:ment)?\.get\("(\w+)"', script))
    assert {"DOCS", "QUESTION", "PATTERN", "EXCLUDE", "LIVE"} <= names
    assert [name for name in names if not re.search(rf"\b{name}=", README)] == []


@pytest.mark.parametrize("text", [README, (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")])
def test_every_make_target_it_shows_exists(text: str) -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"`make ([a-z0-9-]+)", text)) <= targets


def test_contributing_names_every_room() -> None:
    contributing = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    package = ROOT / "airflow_provider_xai_collections"
    rooms = {path.stem for path in package.glob("*.py")} | {path.stem for path in (package / "api").glob("*.py")}
    rooms |= {path.name for path in package.iterdir() if path.is_dir()}
    named = set(re.findall(r"[a-z_]+", contributing))
    assert rooms - named - {"__init__", "__pycache__"} == set()


def test_the_changelog_knows_this_version() -> None:
    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
