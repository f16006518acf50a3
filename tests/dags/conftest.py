"""A real Airflow of these tests' own, in processes of its own."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from threading import Timer
from typing import Any, TypeAlias

import pytest

from tests.dags.warm import END, UNDATED
from tests.operators.stage import AIRFLOW_2, folder, xai

__all__ = ["folder", "xai"]

ROOT = Path(__file__).resolve().parents[2]
#: Seconds after which a run hangs for certain: `airflow dags test` waits for the time of a retry.
PATIENCE = 600


@dataclass(frozen=True)
class Airflow:
    """``airflow`` commands with a private home and the dags of this repository."""

    home: Path
    dags: Path = ROOT / "dags"
    _warm: list[subprocess.Popen[str]] = field(default_factory=list)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A command in a process of its own."""
        command = [sys.executable, "-m", "airflow", *arguments]
        return subprocess.run(
            command,
            env=self._environment,
            cwd=self.home,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    def test(
        self,
        dag_id: str,
        params: Mapping[str, Any],
        *,
        date: str | None = None,
        undated: bool = False,
        fails: bool | None = False,
    ) -> str:
        """Run a DAG as ``airflow dags test`` does: every task for real, one after the other. Return all that was said.

        All runs of this home and these dags are in one process, which is started by the first.

        :param date: the run's logical date, by default now.
        :param undated: the run has none, as one that a user or an asset has triggered; from Airflow 3 on.
        :param fails: the run has to fail, and otherwise to succeed; ``None``: it may do either.
        """
        conf = json.dumps(params)
        dated = ["dags", "test", dag_id, *([date] if date else []), "--conf", conf]
        arguments = [UNDATED, dag_id, conf] if undated else dated
        connections = {name: value for name, value in os.environ.items() if name.startswith("AIRFLOW_CONN_")}
        if not self._warm:
            self._warm.append(self._start())
        process = self._warm[0]
        assert process.stdin is not None
        assert process.stdout is not None
        killer = Timer(PATIENCE, process.kill)
        killer.start()
        said: list[str] = []
        try:
            process.stdin.write(json.dumps({"arguments": arguments, "environment": connections}) + "\n")
            process.stdin.flush()
            for line in process.stdout:
                if line.startswith(END):
                    failed = int(line.removeprefix(END)) != 0
                    assert fails in (None, failed), "".join(said)
                    return "".join(said)
                said.append(line)
        finally:
            killer.cancel()
        self.stop()
        raise AssertionError(f"{' '.join(arguments)} did not end:\n{''.join(said)[-10_000:]}")

    def ask(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Look into Airflow's database."""
        with closing(sqlite3.connect(self.home / "airflow.db")) as database:
            return database.execute(sql, values).fetchall()

    def stop(self) -> None:
        """End the process of the runs, if there is one."""
        while self._warm:
            process = self._warm.pop()
            process.kill()
            process.communicate()

    def _start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "tests.dags.warm"],
            env=self._environment,
            cwd=self.home,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    @property
    def _environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "AIRFLOW_HOME": str(self.home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(self.dags),
            "AIRFLOW__CORE__DEFAULT_TASK_RETRY_DELAY": "1",
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "PYTHONPATH": str(ROOT),
        }


@pytest.fixture(scope="session")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Airflow]:
    """Migrated once; each run of a DAG in it is one of its own."""
    yield from migrated(tmp_path_factory.mktemp("airflow"))


#: An Airflow whose DAGs are those of a text.
Only: TypeAlias = Callable[[str], Airflow]


@pytest.fixture
def only(airflow: Airflow, tmp_path: Path) -> Iterator[Only]:
    """The same Airflow with the DAGs of a text alone."""
    own = Airflow(airflow.home, tmp_path / "dags")
    own.dags.mkdir()

    def only(source: str) -> Airflow:
        (own.dags / "own.py").write_text(source)
        return own

    yield only
    own.stop()


def migrated(home: Path) -> Iterator[Airflow]:
    """An Airflow that has a database, until the test or whatever has asked for it is over."""
    airflow = Airflow(home)
    # Airflow 2 drops events of assets unless the DAGs have been written down; Airflow 3 does that as it runs them.
    for command in (("db", "migrate"), ("dags", "reserialize")) if AIRFLOW_2 else (("db", "migrate"),):
        prepared = airflow.run(*command)
        assert prepared.returncode == 0, prepared.stdout
    yield airflow
    airflow.stop()
