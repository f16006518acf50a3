"""Processes of their own for what may be killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from benchmarks.processes import ROOT, environment
from chaos.clock import FastClock
from chaos.jobs import Tried, Try


class Workers:
    """Starts jobs, one at a time, each in a fresh process that has everything loaded already."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._line()

    def sync(self, folder: Path, *, started: Callable[[int], None] | None = None, **options: Any) -> Tried | None:
        """Run :func:`chaos.jobs.sync`; ``None`` if it was killed.

        :param folder: for what it writes.
        :param started: is told the id of its process.
        :raises RuntimeError: it failed by itself, with the end of what it said.
        """
        folder.mkdir(parents=True, exist_ok=True)
        result, log = folder / "result.json", folder / "log.txt"
        result.unlink(missing_ok=True)
        job = {"folder": str(folder), "result": str(result), "log": str(log), **options}
        if self._process.stdin is not None:
            self._process.stdin.write(json.dumps(job) + "\n")
            self._process.stdin.flush()
        process_id = int(self._line())
        if started is not None:
            started(process_id)
        if (status := int(self._line())) < 0:
            return None
        if status:
            raise RuntimeError(f"a sync came to no result:\n{log.read_text()[-3000:]}")
        found = json.loads(result.read_text())
        return Tried([Try(**each) for each in found["tries"]], found["left_open"], found["grown"])

    def _line(self) -> str:
        line = self._process.stdout.readline() if self._process.stdout else ""
        if not line:
            raise RuntimeError("the process that starts the others has ended")
        return line


@contextmanager
def workers(clock: FastClock, home: Path) -> Iterator[Workers]:
    """What starts jobs, until the block ends.

    :param clock: of the jobs.
    :param home: for Airflow.
    """
    figures = (str(clock.speed), str(clock.origin), str(clock.epoch))
    command = [sys.executable, "-m", "chaos.worker", *figures]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment(home),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # so that it and its children can be ended together
    ) as process:
        try:
            yield Workers(process)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
