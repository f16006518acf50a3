"""Processes of their own: a job whose memory and CPU are nobody else's, and the service that it talks to."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.usage import Used

ROOT = Path(__file__).resolve().parent.parent


def environment(home: Path) -> dict[str, str]:
    """Return the environment of a process that uses Airflow for itself.

    :param home: of that Airflow; it is made.
    """
    return {
        # Settings of another Airflow are none of its business.
        **{name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")},
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "PYTHONWARNINGS": "ignore",
    }


@dataclass(frozen=True, slots=True)
class Workshop:
    """A place where the benchmarks work.

    :param folder: theirs, for what they write; it is nobody's after them.
    """

    folder: Path

    def run(self, job: str, connection: str, **options: Any) -> Used:
        """Run a function of :mod:`benchmarks.jobs` in a fresh process.

        :param connection: to the service, as Airflow reads it from the environment.
        :raises RuntimeError: it failed, with the end of what it said.
        """
        result, log = self.folder / f"{job}.json", self.folder / f"{job}.log"
        result.unlink(missing_ok=True)
        command = [sys.executable, "-m", "benchmarks.jobs", job, json.dumps(options), str(result)]
        with log.open("w") as out:
            given = {**environment(self.folder / "airflow"), "AIRFLOW_CONN_XAI_COLLECTIONS_DEFAULT": connection}
            ended = subprocess.run(command, cwd=ROOT, env=given, stdout=out, stderr=out, check=False)
        if ended.returncode:
            raise RuntimeError(f"the job {job} failed:\n{log.read_text()[-3000:]}")
        return Used(**json.loads(result.read_text()))


class Service:
    """A running :mod:`benchmarks.service`.

    :ivar connection: that leads there.
    """

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.connection = self._line()

    def observed(self) -> dict[str, Any]:
        """Return what it saw since it was asked the last time; see :meth:`benchmarks.service.Observed.observations`."""
        if self._process.stdin is not None:
            self._process.stdin.write("\n")
            self._process.stdin.flush()
        found: dict[str, Any] = json.loads(self._line())
        return found

    def _line(self) -> str:
        line = self._process.stdout.readline() if self._process.stdout else ""
        if not line:
            raise RuntimeError("the service of the benchmark has ended")
        return line.strip()


@contextmanager
def service(
    *, delay: float = 0.0, database: Path | None = None, settings: Mapping[str, Any] | None = None
) -> Iterator[Service]:
    """The emulator in a process of its own, until the block ends.

    :param delay: seconds from each request to its answer.
    :param database: what it holds; in memory, and nothing at first, if not given.
    :param settings: switches of the emulator.
    """
    options = {"delay": delay, "database": str(database or ":memory:"), "settings": settings or {}}
    command = [sys.executable, "-m", "benchmarks.service", json.dumps(options)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Service(process)
        finally:
            if process.stdin is not None:
                process.stdin.close()
            process.wait()
