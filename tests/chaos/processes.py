"""Processes of their own for syncs that may be killed, and the service that they talk to."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from airflow_provider_xai_collections.api.protocol import Host
from airflow_provider_xai_collections.emulator.control import PREFIX
from benchmarks.processes import ROOT
from tests.chaos.server import KEYS
from tests.chaos.watched import WatchedEmulator
from tests.chaos.worker import Told, Tried, Try
from tests.support.server import SharedEmulator, connection_document, shared_server


@dataclass(frozen=True, slots=True)
class Workers:
    """Runs jobs, one at a time, each in a fresh process that has everything loaded already.

    :param folder: for what they write; it is removed after them.
    :param connection: leads to the service.
    """

    folder: Path
    connection: str
    shared: SharedEmulator
    process: subprocess.Popen[str]

    @contextmanager
    def talking_to(self, service: WatchedEmulator) -> Iterator[None]:
        """Let the jobs talk to this service until the block ends, which closes it."""
        self.shared.playing = service
        try:
            yield
        finally:
            self.wait_for_requests()
            self.shared.playing = None
            service.close()

    def wait_for_requests(self) -> None:
        """Return when the requests are over that were on their way when their process died: each gets its turn."""
        for _ in range(2):
            asked = HTTPConnection(urlsplit(json.loads(self.connection)["host"]).netloc)
            asked.request("GET", f"{PREFIX}health")
            asked.getresponse().read()
            asked.close()

    def sync(
        self,
        name: str,
        *,
        tries: Sequence[int],
        started: Callable[[int], None] = lambda process_id: None,
        way: str = "in one task",
        collections: Sequence[str] = ("whales",),
        **options: Any,
    ) -> Tried | None:
        """Run :func:`tests.chaos.worker.run_job`; ``None`` if it was killed.

        :param name: of the folder for what it writes.
        :param started: gets the id of its process.
        :raises RuntimeError: it failed by itself, with the end of what it said.
        """
        folder = self.folder / name
        folder.mkdir(parents=True, exist_ok=True)
        result, log = folder / "result.json", folder / "log.txt"
        result.unlink(missing_ok=True)
        files = {"folder": str(folder), "result": str(result), "log": str(log), "connection": self.connection}
        job = {**files, "tries": tries, "way": way, "collections": collections, "prune": True, "max_prune": 0.5}
        if self.process.stdin is not None:
            self.process.stdin.write(json.dumps({**job, "timeout": 86_400.0, **options}) + "\n")
            self.process.stdin.flush()
        started(int(self.line()))
        if (status := int(self.line())) < 0:
            self.wait_for_requests()
            return None
        if status:
            raise RuntimeError(f"a sync came to no result:\n{log.read_text()[-3000:]}")
        found = json.loads(result.read_text())
        done = [Try(each["error"], [Told(**told) for told in each["told"]]) for each in found["tries"]]
        return Tried(done, found["left_open"], found["grown"])

    def line(self) -> str:
        """Return the next line that the worker says."""
        line = self.process.stdout.readline() if self.process.stdout else ""
        if not line:
            raise RuntimeError("the process that starts the others has ended")
        return line


@contextmanager
def workers() -> Iterator[Workers]:
    """Run a service and what starts jobs, until the block ends."""
    with tempfile.TemporaryDirectory(prefix="xai-chaos-") as folder, shared_server() as (shared, urls):
        connection = connection_document(urls, password=KEYS[Host.MANAGEMENT], api_key=KEYS[Host.API])
        with subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.worker"],
            cwd=ROOT,
            # What it cannot remove if it is killed is below the folder, too.
            env={**os.environ, "TMPDIR": folder, "PYTHONWARNINGS": "ignore"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # so that it and its children can be ended together
        ) as process:
            try:
                running = Workers(Path(folder), connection, shared, process)
                running.line()
                yield running
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
