"""The emulator's command as a process, and what it says when it is ready."""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

VARIABLE = "AIRFLOW_CONN_XAI_COLLECTIONS_DEFAULT"
COMMAND = [sys.executable, "-m", "airflow_provider_xai_collections.emulator"]


@dataclass(frozen=True)
class Announced:
    """The lines of the command when it was ready.

    :param lines: all of it.
    """

    lines: list[str]

    def words_of(self, beginning: str) -> list[str]:
        """The words that a shell makes of the one line with this beginning."""
        (line,) = (line for line in self.lines if line.startswith(beginning))
        return shlex.split(line)

    @property
    def connection(self) -> Any:
        """The connection that the line for the environment holds."""
        _, assignment = self.words_of(f"export {VARIABLE}")
        return json.loads(assignment.removeprefix(f"{VARIABLE}="))


@contextmanager
def started(*arguments: str, stop: signal.Signals = signal.SIGTERM) -> Iterator[Announced]:
    """The command as a process, until the block ends; checks how it ends."""
    with subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        lines = []
        try:
            for line in process.stdout or ():
                lines.append(line.rstrip("\n"))
                if "--help" in line:
                    break
            yield Announced(lines)
        finally:
            process.send_signal(stop)
            output, errors = process.communicate(timeout=10)
        assert (process.returncode, output, errors) == (0, "", "")
