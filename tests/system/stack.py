"""A whole Airflow on loopback: four components as processes, a database, and emulators beside them."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
import threading
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.system.database import Database, start_database
from tests.system.emulators import RunningEmulator
from tests.system.processes import Process, free_port, tail, until
from tests.system.rest import AirflowApi

ROOT = Path(__file__).resolve().parents[2]
RECIPES = ROOT / "dags"
TEXTS = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")
OWN_DAGS = Path(__file__).parent / "dags"

#: Seconds that indexing takes. A busy scheduler of Airflow 3.3 fails a task whose wait is over before it has noticed
#: that the task is deferred: https://github.com/apache/airflow/issues/72716.
LONG_ENOUGH = 15
#: No document is ever processed.
STUCK = ("--set", 'stuck=["*"]')
#: What each emulator is there for, by the connection that leads to it, and how it behaves.
EMULATORS = {
    "xai_collections_default": ("--indexing", f"seconds:{LONG_ENOUGH}"),
    "xai_forty": STUCK,
    "xai_timeout": STUCK,
    "xai_marked": STUCK,
    "xai_upload": (),
    "xai_orphan": (),
    "xai_attach": (),
    "xai_wait": STUCK,
}
#: Seconds without a sign of life after which a task, or a triggerer, counts as dead. Airflow takes minutes; less than
#: this, and a busy machine looks like a dead one.
TASK_SILENCE = 15
TRIGGERER_SILENCE = 15


class Stack:
    """Everything, running from the constructor to :meth:`stop`.

    :param home: an empty folder that every user may enter.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        #: Real texts, for every ingestion.
        self.documents = home / "documents"
        self.documents.mkdir()
        for text in TEXTS:
            shutil.copy(ROOT / text, self.documents)
        self._at_end = ExitStack()
        #: Held by whoever needs the triggerer to be up, or kills it.
        self.triggerer_is_mine = threading.Lock()
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def _start(self) -> None:
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "PYTEST"))}
        clean["PYTHONUNBUFFERED"] = "1"
        self.database: Database = start_database(self.home)
        self._at_end.callback(self.database.stop)
        self.emulators: dict[str, RunningEmulator] = {}
        theirs = self.home / "emulators"  # apart from what Airflow writes: the keys are in their logs
        theirs.mkdir()
        for name, switches in EMULATORS.items():
            self.emulators[name] = emulator = RunningEmulator(name, theirs, clean, *switches)
            self._at_end.callback(emulator.stop)
        port = free_port()
        self.api = AirflowApi(f"http://127.0.0.1:{port}")
        connections = {f"AIRFLOW_CONN_{name.upper()}": each.connection for name, each in self.emulators.items()}
        self._environment = clean | connections | self._configuration(port)
        self._migrate()
        self._components = {
            name: self._component(name, *arguments)
            for name, arguments in {
                "api-server": ("--host", "127.0.0.1", "--port", str(port), "--workers", "1"),
                "scheduler": ("--skip-serve-logs",),
                "dag-processor": (),
                "triggerer": ("--skip-serve-logs",),
            }.items()
        }
        self._at_end.callback(self._stop_components)
        until(self._is_ready, "Airflow is healthy")

    def _configuration(self, port: int) -> dict[str, str]:
        bundles = [
            {
                "name": name,
                "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle",
                "kwargs": {"path": str(folder), "refresh_interval": 3600},
            }
            for name, folder in {"recipes": RECIPES, "system": OWN_DAGS}.items()
        ]
        sections: dict[str, dict[str, object]] = {
            "core": {
                "executor": "LocalExecutor",
                "parallelism": 4,
                "load_examples": False,
                "dags_are_paused_at_creation": True,
                "max_active_tasks_per_dag": 64,
                "execution_api_server_url": f"http://127.0.0.1:{port}/execution/",
                "simple_auth_manager_all_admins": True,
                "test_connection": "Enabled",
                "fernet_key": urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            },
            "database": {"sql_alchemy_conn": self.database.url, "load_default_connections": False},
            "api": {"base_url": f"http://127.0.0.1:{port}", "secret_key": secrets.token_hex(16)},
            "api_auth": {"jwt_secret": secrets.token_hex(32)},
            "logging": {"base_log_folder": self.home / "logs"},
            "scheduler": {
                "scheduler_heartbeat_sec": 2,
                "scheduler_idle_sleep_time": 0.3,
                "task_instance_heartbeat_timeout": TASK_SILENCE,
                "task_instance_heartbeat_timeout_detection_interval": 2,
                "enable_health_check": False,
            },
            "workers": {"min_heartbeat_interval": 2},
            "triggerer": {"job_heartbeat_sec": 2, "triggerer_health_check_threshold": TRIGGERER_SILENCE},
            "dag_processor": {
                "dag_bundle_config_list": json.dumps(bundles),
                "min_file_process_interval": 3600,  # the files do not change, and the cores are few
                "parsing_processes": 2,
            },
            "usage_data_collection": {"enabled": False},
        }
        settings = {
            f"AIRFLOW__{section.upper()}__{option.upper()}": str(value)
            for section, options in sections.items()
            for option, value in options.items()
        }
        return {**settings, "AIRFLOW_HOME": str(self.home / "airflow"), "PYTHONWARNINGS": "ignore"}

    def _migrate(self) -> None:
        log = self.home / "migrate.log"
        with log.open("wb") as file:
            command = [sys.executable, "-m", "airflow", "db", "migrate"]
            done = subprocess.run(command, env=self._environment, stdout=file, stderr=file, check=False)
        if done.returncode:
            raise AssertionError(f"airflow db migrate: {tail(log)}")

    def _component(self, name: str, *arguments: str) -> Process:
        command = [sys.executable, "-m", "airflow", name, *arguments]
        return Process(command, log=self.home / f"{name}.log", environment=self._environment, cwd=self.home)

    def _is_ready(self) -> bool:
        for component in self._components.values():
            component.check()
        return self.api.is_healthy()

    def _stop_components(self) -> None:
        # All at once: each takes its time. The scheduler would wait for its tasks; nobody is interested any more.
        for component in self._components.values():
            component.ask_to_stop()
        for component in self._components.values():
            component.see_it_end()

    def begin(self, dag_id: str, conf: Mapping[str, Any] | None = None) -> str:
        """Start a run of a DAG, and return its id. A DAG with a schedule runs for its next date, and for no other."""
        until(lambda: dag_id in self.api.dag_ids(), f"the DAG {dag_id} is parsed")
        run_id = self.api.trigger(dag_id, conf)
        self.api.unpause(dag_id)
        return run_id

    def component(self, name: str) -> Process:
        """``api-server``, ``scheduler``, ``dag-processor`` or ``triggerer``."""
        return self._components[name]

    def files_of_airflow(self) -> list[Path]:
        """Every file that Airflow has written: logs of components and tasks, and its home."""
        others = [self.home / name for name in ("documents", "emulators", "forty", "postgresql")]
        return [path for path in self.home.rglob("*") if path.is_file() and not any(map(path.is_relative_to, others))]

    def stop(self) -> None:
        """End everything, newest first; done twice, the second time does nothing."""
        self._at_end.close()
