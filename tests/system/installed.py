"""Airflow from the wheel, with a database of its own and only what a test needs of its processes."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.system.emulators import RunningEmulator
from tests.system.processes import Process, answers_at, free_port, until
from tests.system.wheels import bare_environment

#: A Dag as :doc:`first steps </docs/first-steps>` shows it.
DAG = """
import pendulum
from airflow.sdk import AssetAlias, dag

from airflow_provider_xai_collections.operators.sync import XAISyncCollectionOperator


@dag(schedule=None, start_date=pendulum.datetime(2026, 1, 1, tz="UTC"), is_paused_upon_creation=False)
def handbook():
    XAISyncCollectionOperator(
        task_id="sync", source={source!r}, collection_name="handbook", outlets=[AssetAlias("handbook")]
    )


handbook()
"""


class Installed:
    """One installation.

    :param environment: a virtual environment with Airflow and the wheel.
    :param home: an empty folder, as the home of the user.
    """

    def __init__(self, environment: Path, home: Path) -> None:
        self.home = home
        self.source = home / "handbook"
        self.source.mkdir()
        (self.source / "contracts.md").write_text("# Contracts\n\nTwo managing directors sign contracts together.\n")
        (self.source / "holidays.md").write_text("# Holidays\n\nAsk two weeks ahead.\n")
        dags = home / "airflow" / "dags"
        dags.mkdir(parents=True)
        self._dags = dags
        self.variables = bare_environment(home, environment / "bin") | {
            "AIRFLOW_HOME": str(home / "airflow"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        }

    def connect(self, emulator: RunningEmulator) -> None:
        """Set the connection that is taken where none is named."""
        self.variables["AIRFLOW_CONN_XAI_COLLECTIONS_DEFAULT"] = emulator.connection

    def run(self, *command: str | Path, code: int = 0) -> str:
        """Run a program of the environment to its end, and return its stdout.

        :param code: the exit code that it must have.
        """
        done = self.try_run(*command)
        assert done.returncode == code, f"{command} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def try_run(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        """Run a program of the environment to its end, whatever it is."""
        return subprocess.run(
            list(map(str, command)), cwd=self.home, env=self.variables, capture_output=True, text=True, check=False
        )

    def run_dag(self) -> None:
        """Make a database, and run a Dag that syncs the folder, in one process."""
        (self._dags / "handbook.py").write_text(DAG.format(source=str(self.source)))
        self.run("airflow", "db", "migrate")
        self.run("airflow", "dags", "test", "handbook")

    def start_api_server(self) -> tuple[Process, str]:
        """Return the API server, once it answers, and its address."""
        port = str(free_port())
        url = f"http://127.0.0.1:{port}"
        process = Process(
            ["airflow", "api-server", "--host", "127.0.0.1", "--port", port, "--workers", "1"],
            log=self.home / "api-server.log",
            environment=self.variables | {"AIRFLOW__API__BASE_URL": url},
            cwd=self.home,
        )

        def answers() -> bool:
            process.check()
            return answers_at(f"{url}/api/v2/version")

        try:
            until(answers, "the API server answers")
        except BaseException:
            process.stop()
            raise
        return process, url
