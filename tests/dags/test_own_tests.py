"""The test of a DAG that the documentation shows, run as a user would: by pytest, in a process of its own."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

from tests.dags.conftest import ROOT, Airflow
from tests.test_docs import PAGES, blocks


def test_a_users_test_of_a_dag_passes(airflow: Airflow, tmp_path: Path) -> None:
    (dag,) = (code for code in blocks(PAGES["docs/quickstart.md"], "python") if "def handbook" in code)
    write(tmp_path / "dags" / "handbook.py", dag)
    for code in blocks(PAGES["docs/emulator.md"], "python"):
        write(tmp_path / code.splitlines()[0].removeprefix("# "), code)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "tests", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        env={
            **os.environ,
            "AIRFLOW_HOME": str(airflow.home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(tmp_path / "dags"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "PYTHONPATH": str(ROOT),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout


def write(path: Path, code: str) -> None:
    """Write code for this Airflow: comments in the documentation say what older ones need."""
    if importlib.util.find_spec("airflow.sdk") is None:
        code = code.replace("from airflow.sdk import", "from airflow.decorators import")
    if importlib.util.find_spec("airflow.dag_processing.dagbag") is None:
        code = code.replace("from airflow.dag_processing.dagbag import", "from airflow.models import")
    path.parent.mkdir(exist_ok=True)
    path.write_text(code, encoding="utf-8")
