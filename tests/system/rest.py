"""Airflow's REST API, as far as the system tests need it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import httpx

from tests.system.processes import until

#: Calls that find SQLite locked, and so change nothing, before it counts as an error.
LOCKED_TRIES = 5
#: States of a run or a task that do not change any more by themselves.
FINISHED = frozenset({"success", "failed", "skipped", "upstream_failed", "removed"})

Json = dict[str, Any]


class AirflowApi:
    """The public API, as a user who may do everything.

    :param url: of the API server.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._http = httpx.Client(base_url=url, trust_env=False, timeout=120)

    @cached_property
    def _headers(self) -> dict[str, str]:
        token = self._http.get("/auth/token").raise_for_status().json()["access_token"]
        return {"authorization": f"Bearer {token}"}

    def ask(self, method: str, path: str, **arguments: Any) -> Json:
        """One call; an error's text is part of the exception. One that found SQLite locked is made again."""
        for _ in range(LOCKED_TRIES):
            answer = self._http.request(method, f"/api/v2{path}", headers=self._headers, **arguments)
            if not (answer.status_code == 500 and "Database error" in answer.text):
                break
        if answer.is_error:
            raise AssertionError(f"{method} {path}: {answer.status_code} {answer.text[:2000]}")
        body: Json = answer.json() if answer.content else {}
        return body

    def get(self, path: str, **parameters: Any) -> Json:
        return self.ask("GET", path, params=parameters)

    def is_healthy(self) -> bool:
        """Tell whether the database and all components answer."""
        try:
            health = self._http.get("/api/v2/monitor/health").json()
        except (httpx.TransportError, ValueError):
            return False
        return all(part.get("status") == "healthy" for part in health.values())

    # DAGs and runs

    def dag_ids(self) -> list[str]:
        return [dag["dag_id"] for dag in self.get("/dags", limit=100)["dags"]]

    def dag(self, dag_id: str) -> Json:
        return self.get(f"/dags/{dag_id}/details")

    def unpause(self, dag_id: str) -> None:
        self.ask("PATCH", f"/dags/{dag_id}", json={"is_paused": False})

    def trigger(self, dag_id: str, conf: Mapping[str, Any] | None = None) -> str:
        """Start a run, and return its id. Of a DAG with a schedule it is the run that is due next."""
        due = self.dag(dag_id)["next_dagrun_logical_date"]
        run = self.ask("POST", f"/dags/{dag_id}/dagRuns", json={"logical_date": due, "conf": dict(conf or {})})
        run_id: str = run["dag_run_id"]
        return run_id

    def runs(self, dag_id: str) -> list[Json]:
        """All runs of a DAG, oldest first."""
        found: list[Json] = self.get(f"/dags/{dag_id}/dagRuns", order_by="run_after")["dag_runs"]
        return found

    def finished(self, dag_id: str, run_id: str) -> Json:
        """The run, when it is over."""

        def look() -> Json | None:
            run = self.get(f"/dags/{dag_id}/dagRuns/{run_id}")
            return run if run["state"] in FINISHED else None

        try:
            return until(look, f"{dag_id} {run_id} is over")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.story(dag_id, run_id)}") from None

    def backfills(self, dag_id: str) -> list[Json]:
        """All backfills of a DAG."""
        found: list[Json] = self.get("/backfills", dag_id=dag_id)["backfills"]
        return found

    # Tasks

    def tasks(self, dag_id: str, run_id: str) -> list[Json]:
        """All task instances of a run."""
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances"
        found: list[Json] = self.get(path, limit=100)["task_instances"]
        return found

    def task(self, dag_id: str, run_id: str, task_id: str) -> Json:
        """A task instance that is not mapped."""
        return self.get(f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}")

    def tries(self, task: Json) -> list[Json]:
        """All tries of a mapped task, the last included."""
        path = f"/dags/{task['dag_id']}/dagRuns/{task['dag_run_id']}/taskInstances/{task['task_id']}"
        found: list[Json] = self.get(f"{path}/{task['map_index']}/tries")["task_instances"]
        return found

    def in_state(self, state: str, dag_id: str, run_id: str, task_id: str) -> Json:
        """A task instance, when it is in this state."""

        def look() -> Json | None:
            task = self.task(dag_id, run_id, task_id)
            return task if task["state"] == state else None

        try:
            return until(look, f"{dag_id}.{task_id} is {state}")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.story(dag_id, run_id)}") from None

    def set_state(self, state: str, dag_id: str, run_id: str, task_id: str) -> None:
        """As a user who marks a task."""
        self.ask("PATCH", f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}", json={"new_state": state})

    def clear(self, dag_id: str, run_id: str, task_id: str) -> None:
        """As a user who wants a task to run again."""
        wanted = {"dag_run_id": run_id, "task_ids": [task_id], "only_failed": False, "dry_run": False}
        self.ask("POST", f"/dags/{dag_id}/clearTaskInstances", json=wanted)

    def xcom(self, dag_id: str, run_id: str, task_id: str, key: str = "return_value") -> Any:
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/xcomEntries/{key}"
        return self.get(path, deserialize=False, stringify=False)["value"]

    def links(self, dag_id: str, run_id: str, task_id: str) -> dict[str, str]:
        """The extra links of a task: name and address."""
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/links"
        found: dict[str, str] = self.get(path)["extra_links"]
        return found

    def log(self, task: Json, attempt: int | None = None) -> str:
        """Return what a task said in one attempt, by default in its last."""
        attempt = attempt or task["try_number"]
        path = f"/dags/{task['dag_id']}/dagRuns/{task['dag_run_id']}/taskInstances/{task['task_id']}/logs/{attempt}"
        content = self.get(path, map_index=task["map_index"], full_content=True)["content"]
        return "\n".join(_line(entry) for entry in content)

    def story(self, dag_id: str, run_id: str) -> str:
        """For the reader of a failed test: the tasks of a run, and the ends of the logs that are not a success's."""
        lines = []
        for task in self.tasks(dag_id, run_id):
            lines.append(f"{task['task_id']}[{task['map_index']}] try {task['try_number']}: {task['state']}")
            if task["try_number"] and task["state"] != "success":
                lines += [f"    {line}" for line in self.log(task).splitlines()[-30:]]
        return "\n".join(lines)


def _line(entry: Any) -> str:
    if not isinstance(entry, dict):
        return str(entry)
    errors = [f"{error['exc_type']}: {error['exc_value']}" for error in entry.get("error_detail") or ()]
    return " ".join([entry.get("level") or "", str(entry.get("event")), *errors]).strip()
