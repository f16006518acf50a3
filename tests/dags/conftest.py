"""A real Airflow of these tests' own, in processes of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.operators.stage import folder, xai

__all__ = ["folder", "xai"]

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Airflow:
    """``airflow`` commands with a private home and the dags of this repository."""

    home: Path
    dags: Path = ROOT / "dags"

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {
            **os.environ,
            "AIRFLOW_HOME": str(self.home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(self.dags),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "PYTHONPATH": str(ROOT),
        }
        command = [sys.executable, "-m", "airflow", *arguments]
        return subprocess.run(
            command,
            env=environment,
            cwd=self.home,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    def test(self, dag_id: str, params: Mapping[str, Any]) -> subprocess.CompletedProcess[str]:
        """Run a DAG as ``airflow dags test`` does: every task for real, one after the other."""
        return self.run("dags", "test", dag_id, "--conf", json.dumps(params))


@pytest.fixture(scope="session")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Airflow:
    """Migrated once; each run of a DAG in it is one of its own."""
    airflow = Airflow(tmp_path_factory.mktemp("airflow"))
    migrated = airflow.run("db", "migrate")
    assert migrated.returncode == 0, migrated.stdout
    return airflow
