"""Airflow's REST API, as far as the system tests need it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, TypeVar

import httpx

from tests.system.processes import until

#: States of a run that do not change any more by themselves.
FINISHED = frozenset({"success", "failed"})

Json = dict[str, Any]
T = TypeVar("T")


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
        """One call; an error's text is part of the exception."""
        answer = self._http.request(method, f"/api/v2{path}", headers=self._headers, **arguments)
        if answer.is_error:
            raise AssertionError(f"{method} {path}: {answer.status_code} {answer.text[:2000]}")
        body: Json = answer.json() if answer.content else {}
        return body

    def get(self, path: str, **parameters: Any) -> Any:
        return self.ask("GET", path, params=parameters)

    def is_healthy(self) -> bool:
        """Tell whether the database and all components answer."""
        try:
            health = self._http.get("/api/v2/monitor/health").json()
        except (httpx.TransportError, ValueError):
            return False
        return all(part.get("status") == "healthy" for part in health.values())

    def dag(self, dag_id: str) -> Json:
        """A DAG, when it is parsed."""
        until(lambda: dag_id in [dag["dag_id"] for dag in self.get("/dags", limit=100)["dags"]], f"{dag_id} is parsed")
        details: Json = self.get(f"/dags/{dag_id}/details")
        return details

    def trigger(self, dag_id: str, conf: Mapping[str, Any]) -> Run:
        """Start a run. Of a DAG with a schedule it is the run that is due next, and no other follows."""
        due = self.dag(dag_id)["next_dagrun_logical_date"]
        run = self.ask("POST", f"/dags/{dag_id}/dagRuns", json={"logical_date": due, "conf": dict(conf)})
        self.ask("PATCH", f"/dags/{dag_id}", json={"is_paused": False})
        return Run(self, dag_id, run["dag_run_id"])

    def runs(self, dag_id: str, run_type: str) -> list[Run]:
        """All runs of a DAG that were started this way."""
        runs = self.get(f"/dags/{dag_id}/dagRuns")["dag_runs"]
        return [Run(self, dag_id, run["dag_run_id"]) for run in runs if run["run_type"] == run_type]


class Run:
    """A run of a DAG."""

    def __init__(self, api: AirflowApi, dag_id: str, run_id: str) -> None:
        self.api = api
        self.dag_id = dag_id
        self.run_id = run_id
        self._path = f"/dags/{dag_id}/dagRuns/{run_id}"

    def ends(self, state: str = "success") -> None:
        """Wait for the end, which must be of this kind."""
        ended = self.until(lambda: (found := self.api.get(self._path)["state"]) in FINISHED and found, "is over")
        assert ended == state, self.story()

    def until(self, look: Callable[[], T | None], what: str) -> T:
        """Wait for something true; say what went on if it does not come."""
        try:
            return until(look, f"{self.dag_id} {what}")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.story()}") from None

    def tasks(self, task_id: str | None = None) -> list[Json]:
        """All task instances, or those of one task."""
        found: list[Json] = self.api.get(f"{self._path}/taskInstances", limit=100)["task_instances"]
        return [task for task in found if task_id in (None, task["task_id"])]

    def task(self, task_id: str) -> Json:
        """A task instance that is not mapped."""
        (task,) = self.tasks(task_id)
        return task

    def reaches(self, state: str, task_id: str) -> None:
        """Wait until all instances of a task are in this state."""
        self.until(lambda: {task["state"] for task in self.tasks(task_id)} == {state}, f"{task_id} is {state}")

    def tries(self, task: Json) -> list[Json]:
        """All tries of a mapped task, the last included."""
        path = f"{self._path}/taskInstances/{task['task_id']}/{task['map_index']}/tries"
        found: list[Json] = self.api.get(path)["task_instances"]
        return found

    def mark(self, state: str, task_id: str) -> None:
        """As a user who marks a task."""
        self.api.ask("PATCH", f"{self._path}/taskInstances/{task_id}", json={"new_state": state})

    def clear(self, task_id: str) -> None:
        """As a user who wants a task to run again."""
        wanted = {"dag_run_id": self.run_id, "task_ids": [task_id], "only_failed": False, "dry_run": False}
        self.api.ask("POST", f"/dags/{self.dag_id}/clearTaskInstances", json=wanted)

    def result(self, task_id: str) -> Any:
        """The value that a task returned."""
        path = f"{self._path}/taskInstances/{task_id}/xcomEntries/return_value"
        return self.api.get(path, deserialize=False, stringify=False)["value"]

    def links(self, task_id: str) -> dict[str, str]:
        """The extra links of a task: name and address."""
        found: dict[str, str] = self.api.get(f"{self._path}/taskInstances/{task_id}/links")["extra_links"]
        return found

    def log(self, task: Json, attempt: int) -> str:
        """Return what a task said in one attempt."""
        path = f"{self._path}/taskInstances/{task['task_id']}/logs/{attempt}"
        content = self.api.get(path, map_index=task["map_index"], full_content=True)["content"]
        return "\n".join(map(_line, content))

    def story(self) -> str:
        """For the reader of a failed test: the tasks, and the ends of the logs that are not a success's."""
        lines = []
        for task in self.tasks():
            lines.append(f"{task['task_id']}[{task['map_index']}] try {task['try_number']}: {task['state']}")
            if task["try_number"] and task["state"] != "success":
                lines += [f"    {line}" for line in self.log(task, task["try_number"]).splitlines()[-30:]]
        return "\n".join(lines)


def _line(entry: Any) -> str:
    if not isinstance(entry, dict):
        return str(entry)
    errors = [f"{error['exc_type']}: {error['exc_value']}" for error in entry.get("error_detail") or ()]
    return " ".join([entry.get("level") or "", str(entry.get("event")), *errors]).strip()
