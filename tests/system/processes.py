"""Processes that a test starts, kills and is sure to leave none of."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

#: Seconds between two looks of a wait.
LOOK = 0.2
#: Seconds until whatever is waited for must have come: everything happens at once, on few cores.
PATIENCE = 400.0


def until(look: Callable[[], T | None], what: str) -> T:
    """Look again and again until there is something true, and return it.

    :raises AssertionError: saying what did not come in time.
    """
    deadline = time.monotonic() + PATIENCE
    while True:
        if found := look():
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {PATIENCE:.0f} seconds: {what}; last seen: {found!r}")
        time.sleep(LOOK)


def free_port() -> int:
    """A loopback port that nobody has."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


class Process:
    """A process in a group of its own, which may outlive the process itself, with its output in a file.

    :param stop_signal: what asks it to end.
    :param popen: further arguments of ``Popen``.
    """

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        log: Path,
        environment: Mapping[str, str],
        stop_signal: signal.Signals = signal.SIGTERM,
        **popen: Any,
    ) -> None:
        self.command = command
        self.log = log
        self._environment = environment
        self._stop_signal = stop_signal
        self._popen = popen
        self.start()

    def start(self) -> None:
        """Start it, for the first time or again; its log goes on where it was."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command, env=self._environment, stdout=log, stderr=log, start_new_session=True, **self._popen
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def check(self) -> None:
        """Nobody shall wait for a process that is gone."""
        if not self.is_running:
            raise AssertionError(f"{self.log.stem} ended with {self._process.returncode}:\n{tail(self.log)}")

    def kill(self) -> None:
        """As a power cut: the process and all that it started."""
        kill_group(self._process.pid)
        self._process.wait()

    def ask_to_stop(self) -> None:
        if self.is_running:
            self._process.send_signal(self._stop_signal)

    def stop(self) -> None:
        """Ask it to end, wait a little, and leave nothing of its group."""
        self.ask_to_stop()
        self.see_it_end()

    def see_it_end(self, *, seconds: float = 5.0) -> None:
        """Wait a little for what was asked to stop, and leave nothing of its group."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)
        self.kill()


def kill_group(pid: int) -> None:
    with suppress(ProcessLookupError):  # all of it may have ended by itself
        os.killpg(pid, signal.SIGKILL)


def parent_of(pid: int) -> int:
    """The process that started this one."""
    # The second field is a name in brackets, which may hold anything.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[1])


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def tail(log: Path, *, lines: int = 40) -> str:
    """The end of a log."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:]) if log.exists() else "(no log)"
