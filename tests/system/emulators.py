"""Emulators in processes of their own, one for each way that xAI may behave."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from tests.system.processes import Process, free_port, until

#: Keys that a search through everything Airflow wrote cannot miss.
MANAGEMENT_KEY = "xai-token-management-5f1b7c9d2e3a4468"
API_KEY = "xai-7d3e9a1c5b2f4806-files-and-search"
#: Entries of a list that come at once.
PAGE = 100


class RunningEmulator:
    """One emulator with its connection.

    :param name: of the connection that leads there.
    :param switches: further arguments of the emulator's command line.
    """

    def __init__(self, name: str, home: Path, environment: Mapping[str, str], *switches: str) -> None:
        self.conn_id = name
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._command: list[str | Path] = [
            *(sys.executable, "-m", "airflow_provider_xai_collections.emulator", "--port", str(port)),
            *("--management-key", MANAGEMENT_KEY, "--api-key", API_KEY, "--db", home / f"{name}.sqlite"),
        ]
        self._process = Process([*self._command, *switches], log=home / f"{name}.log", environment=environment)
        self._http = httpx.Client(base_url=self.url, trust_env=False, timeout=30)
        self._wait()

    @property
    def connection(self) -> str:
        """As Airflow reads it from the environment."""
        keys = {"password": MANAGEMENT_KEY, "extra": {"api_key": API_KEY, "api_host": self.url}}
        return json.dumps({"conn_type": "xai_collections", "host": self.url, **keys})

    def restart(self, *switches: str) -> None:
        """Come back with the same documents, at the same address, and with other manners."""
        self.stop()
        self._process.command = [*self._command, *switches]
        self._process.start()
        self._wait()

    def stop(self) -> None:
        self._process.stop()

    def break_down(self, *faults: Mapping[str, Any]) -> None:
        """Set faults; see :class:`~airflow_provider_xai_collections.emulator.faults.FaultRule`."""
        self._http.post("/_emulator/faults", json=list(faults)).raise_for_status()

    def requests(self) -> list[dict[str, Any]]:
        """Return what it was asked since it started, oldest first."""
        entries: list[dict[str, Any]] = self._http.get("/_emulator/requests").raise_for_status().json()["requests"]
        return entries

    def asked(self) -> Counter[str]:
        """Return how often each endpoint was called since it started."""
        return Counter(self._http.get("/_emulator/counts").raise_for_status().json())

    def wait_for(self, **counts: int) -> None:
        """Until each of these endpoints has been called so often."""
        until(lambda: self.asked() >= Counter(counts), f"{self.conn_id} is asked {counts}")

    def create_collection(self, name: str) -> str:
        answer = self._ask("POST", "/v1/collections", MANAGEMENT_KEY, json={"collection_name": name})
        collection_id: str = answer["collection_id"]
        return collection_id

    def upload(self, name: str, text: str) -> str:
        """A file that is in no collection yet."""
        sent = {"files": {"file": (name, text.encode())}, "data": {"purpose": "assistants"}}
        file_id: str = self._ask("POST", "/v1/files", API_KEY, **sent)["id"]
        return file_id

    def attach(self, collection_id: str, file_id: str) -> None:
        self._ask("POST", f"/v1/collections/{collection_id}/documents/{file_id}", MANAGEMENT_KEY, json={})

    def collections(self) -> list[dict[str, Any]]:
        return self._list("/v1/collections", MANAGEMENT_KEY, "collections")

    def documents(self, collection_id: str) -> list[dict[str, Any]]:
        return self._list(f"/v1/collections/{collection_id}/documents", MANAGEMENT_KEY, "documents")

    def files(self) -> list[dict[str, Any]]:
        """All files, whether in a collection or not."""
        return self._list("/v1/files", API_KEY, "data")

    def _ask(self, method: str, path: str, key: str, **arguments: Any) -> Any:
        headers = {"authorization": f"Bearer {key}"}
        return self._http.request(method, path, headers=headers, **arguments).raise_for_status().json()

    def _list(self, path: str, key: str, name: str) -> list[dict[str, Any]]:
        """All pages of a list."""
        found: list[dict[str, Any]] = []
        parameters: dict[str, Any] = {"limit": PAGE}
        while True:
            answer = self._ask("GET", path, key, params=parameters)
            found += (page := answer.get(name, []))
            if len(page) < PAGE:
                return found
            parameters["pagination_token"] = answer["pagination_token"]

    def _wait(self) -> None:
        until(self._answers, f"the emulator {self.conn_id} answers")

    def _answers(self) -> bool:
        self._process.check()
        try:
            return self._http.get("/_emulator/health").is_success
        except httpx.TransportError:
            return False
