"""A command that is cancelled while trials run leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.processes import ROOT

#: Seconds in which a process starts or ends, on a machine that is busy.
_PATIENCE = 120.0


def _wait_until(happened: Callable[[], bool]) -> None:
    give_up = time.monotonic() + _PATIENCE
    while not happened():
        assert time.monotonic() < give_up
        time.sleep(0.05)


def _processes(folder: Path) -> list[int]:
    """Return those that keep temporary files in this folder, or below it."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            told = (process / "environ").read_bytes().split(b"\0")
        except OSError:  # another user's, or over
            continue
        if any(variable.startswith(f"TMPDIR={folder}".encode()) for variable in told):
            found.append(int(process.name))
    return found


def test_sigterm_leaves_neither_process_nor_folder(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.chaos", "--size", "small", "kill_9_at_every_request"]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL) as process:
        try:
            # A sync runs: this process, the one that starts syncs, and the sync.
            _wait_until(lambda: len(_processes(tmp_path)) >= 3)
            assert list(tmp_path.iterdir())
            process.send_signal(signal.SIGTERM)
            assert process.wait(_PATIENCE) == 128 + signal.SIGTERM
            assert list(tmp_path.iterdir()) == []
            _wait_until(lambda: not _processes(tmp_path))
        finally:
            for left in _processes(tmp_path):
                os.kill(left, signal.SIGKILL)
