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

import httpx

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


def answers_at(url: str) -> bool:
    """Tell whether a server answers there, and well."""
    try:
        return httpx.get(url, trust_env=False).is_success
    except httpx.TransportError:
        return False


class Process:
    """A process in a session of its own, which may outlive the process itself, with its output in a file.

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

    def check(self) -> None:
        """Nobody shall wait for a process that is gone."""
        if self._process.poll() is not None:
            raise AssertionError(f"{self.log.stem} ended with {self._process.returncode}:\n{tail(self.log)}")

    def kill(self) -> None:
        """As a power cut: the process and all that it started."""
        kill_session(self._process.pid)
        self._process.wait()

    def ask_to_stop(self) -> None:
        if self._process.poll() is None:
            self._process.send_signal(self._stop_signal)

    def stop(self) -> None:
        """Ask it to end, wait a little, and leave nothing of its session."""
        self.ask_to_stop()
        self.see_it_end()

    def see_it_end(self, *, seconds: float = 5.0) -> None:
        """Wait a little for what was asked to stop, and leave nothing of its session."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)
        self.kill()


def kill_session(leader: int) -> None:
    """Kill a process and all that it started: Airflow puts every task into a group of its own."""
    while members := [pid for pid in all_pids() if session_of(pid) == leader]:
        for pid in members:
            with suppress(ProcessLookupError):  # it may have ended by itself
                os.kill(pid, signal.SIGKILL)


def all_pids() -> list[int]:
    return [int(path.name) for path in Path("/proc").glob("[0-9]*")]


def session_of(pid: int) -> int | None:
    """The session that a process belongs to, or ``None`` if it has ended."""
    try:
        state, _, _, session, *_ = _stat(pid)
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if state == "Z" else int(session)


def parent_of(pid: int) -> int:
    """The process that started this one."""
    return int(_stat(pid)[1])


def is_alive(pid: int) -> bool:
    return session_of(pid) is not None


def _stat(pid: int) -> list[str]:
    """State, parent, group, session, and more: proc(5)."""
    # Before them is a name in brackets, which may hold anything.
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def tail(log: Path, *, lines: int = 40) -> str:
    """The end of a log."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:]) if log.exists() else "(no log)"
