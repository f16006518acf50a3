"""A whole Airflow on loopback: its components as processes, a database, a broker, and emulators beside them."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.system.emulators import RunningEmulator
from tests.system.processes import Process, answers_at, free_port, tail, until
from tests.system.rest import AirflowApi, Run
from tests.system.servers import PostgreSQL, Redis

ROOT = Path(__file__).resolve().parents[2]
#: What a run leaves for people to look at: screenshots, and the logs of a run that failed.
ARTEFACTS = ROOT / ".system"
RECIPES = ROOT / "dags"
TEXTS = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")
OWN_DAGS = Path(__file__).parent / "dags"
#: Celery's workers, as machines of these names. Each runs two tasks at once.
WORKERS = ("east", "west")

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
    "xai_wide": ("--indexing", "seconds:3"),
    "xai_pages": (),
}
#: Seconds without a sign of life after which a task, or a triggerer, counts as dead. Airflow takes minutes; less than
#: this, and a busy machine looks like a dead one.
SILENCE = 15


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
        #: Folders of the stories' own, for their documents.
        self.sources = home / "sources"
        self.sources.mkdir()
        self._begun: dict[str, Run] = {}
        self._beginning = threading.Lock()
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
        self.database = PostgreSQL(self.home)
        self._at_end.callback(self.database.stop)
        self.emulators: dict[str, RunningEmulator] = {}
        theirs = self.home / "emulators"  # apart from what Airflow writes: the keys are in their logs
        theirs.mkdir()
        for name, switches in EMULATORS.items():
            self.emulators[name] = emulator = RunningEmulator(name, theirs, clean, *switches)
            self._at_end.callback(emulator.stop)
        self._broker = Redis(self.home, clean)
        self._at_end.callback(self._broker.process.stop)
        port = free_port()
        self.api = AirflowApi(f"http://127.0.0.1:{port}")
        connections = {f"AIRFLOW_CONN_{name.upper()}": each.connection for name, each in self.emulators.items()}
        self._environment = clean | connections | self._configuration(port)
        self.airflow("db", "migrate")
        self.components = {
            "api-server": self._component("api-server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"),
            "scheduler": self._component("scheduler", "--skip-serve-logs"),
            "dag-processor": self._component("dag-processor"),
            "triggerer": self._component("triggerer", "--skip-serve-logs"),
            **{name: self._worker(name) for name in WORKERS},
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
                # What names none runs with the first.
                "executor": "LocalExecutor,CeleryExecutor",
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
                "task_instance_heartbeat_timeout": SILENCE,
                "task_instance_heartbeat_timeout_detection_interval": 2,
                # What a worker had received but not begun when it died has to be sent again: Airflow waits for ten
                # minutes. On a busy machine a task has to wait as well, and its token is valid for no longer than this.
                "task_queued_timeout": 120,
                "task_queued_timeout_check_interval": 5,
                "num_stuck_in_queued_retries": 10,
                "enable_health_check": False,
            },
            "workers": {"min_heartbeat_interval": 2},
            "triggerer": {"job_heartbeat_sec": 2, "triggerer_health_check_threshold": SILENCE},
            "dag_processor": {
                "dag_bundle_config_list": json.dumps(bundles),
                "min_file_process_interval": 3600,  # the files do not change, and the cores are few
                "parsing_processes": 2,
            },
            "usage_data_collection": {"enabled": False},
            "celery": {
                "broker_url": self._broker.url,
                "result_backend": f"db+{self.database.url}",
                "worker_concurrency": 2,
                "sync_parallelism": 1,
            },
        }
        settings = {
            f"AIRFLOW__{section.upper()}__{option.upper()}": str(value)
            for section, options in sections.items()
            for option, value in options.items()
        }
        return {**settings, "AIRFLOW_HOME": str(self.home / "airflow"), "PYTHONWARNINGS": "ignore"}

    def airflow(self, *arguments: str) -> None:
        """Run a command to its end, as a user does in a shell; what it says is kept in ``<first argument>.log``."""
        log = self.home / f"{arguments[0]}.log"
        with log.open("ab") as file:
            command = [sys.executable, "-m", "airflow", *arguments]
            done = subprocess.run(command, env=self._environment, stdout=file, stderr=file, check=False)
        if done.returncode:
            raise AssertionError(f"airflow {' '.join(arguments)}: {tail(log)}")

    def _component(self, *command: str, log: str = "", **environment: str) -> Process:
        return Process(
            [sys.executable, "-m", "airflow", *command],
            log=self.home / f"{log or command[0]}.log",
            environment=self._environment | environment,
            cwd=self.home,
        )

    def _worker(self, name: str) -> Process:
        """One of Celery's, which takes itself for a machine of its own."""
        return self._component(
            *("celery", "worker", "--celery-hostname", f"celery@{name}", "--skip-serve-logs", "--without-gossip"),
            log=name,
            AIRFLOW__CORE__HOSTNAME_CALLABLE="tests.system.machine.name",
            PYTHONPATH=str(ROOT),
            SYSTEM_TESTS_MACHINE=name,
        )

    def second_api_server(self, path: str, *, workers: int, **environment: str) -> str:
        """Start one on the same database, which ends with the rest, and return its address once it answers.

        :param path: of its base URL.
        :param environment: in which it differs from the first.
        """
        port = str(free_port())
        url = f"http://127.0.0.1:{port}{path}"
        server = self._component(
            *("api-server", "--host", "127.0.0.1", "--port", port, "--workers", str(workers)),
            log="second-api-server",
            AIRFLOW__API__BASE_URL=url,
            **environment,
        )
        self._at_end.callback(server.stop)

        def answers() -> bool:
            server.check()
            return answers_at(f"{url}/api/v2/version")

        until(answers, "the second API server answers")
        return url

    def _is_ready(self) -> bool:
        for component in (self._broker.process, *self.components.values()):
            component.check()
        return self.api.is_healthy()

    def _stop_components(self) -> None:
        # All at once: each takes its time. The scheduler would wait for its tasks; nobody is interested any more.
        for component in self.components.values():
            component.ask_to_stop()
        deadline = time.monotonic() + 5.0
        for component in self.components.values():
            component.see_it_end(seconds=max(0.0, deadline - time.monotonic()))

    def begin_once(self, dag_id: str, conf: Mapping[str, Any]) -> Run:
        """Start a run of a DAG that several stories need, unless one of them has."""
        with self._beginning:
            if dag_id not in self._begun:
                self._begun[dag_id] = self.api.trigger(dag_id, conf)
            return self._begun[dag_id]

    def ingest(self, dag_id: str, conn_id: str, documents: Path | None = None, **conf: str) -> tuple[Run, str]:
        """Start one of :mod:`tests.system.dags.system_ingest` into a new collection; return the run and where to."""
        emulator = self.emulators.get(conn_id, self.emulators["xai_collections_default"])
        collection_id = emulator.create_collection(dag_id)
        conf |= {"conn_id": conn_id, "collection_id": collection_id, "documents": str(documents or self.documents)}
        return self.api.trigger(dag_id, conf), collection_id

    def files_of_airflow(self) -> list[Path]:
        """Every file that Airflow has written: logs of components and tasks, and its home."""
        others = [self.home / name for name in ("documents", "emulators", "postgresql", "sources")]
        return [path for path in self.home.rglob("*") if path.is_file() and not any(map(path.is_relative_to, others))]

    def stop(self) -> None:
        """End everything, newest first; done twice, the second time does nothing."""
        self._at_end.close()
