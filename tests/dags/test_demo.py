"""scripts/demo.py: what it refuses, and how it ends when it is stopped. `make demo` runs the rest."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.dags.conftest import ROOT


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"DOCS": "/nowhere"}, "demo: DOCS=/nowhere is not a folder"),
        ({"LIVE": "1"}, "demo: LIVE=1 needs XAI_MANAGEMENT_API_KEY and XAI_API_KEY in the environment"),
        ({"LIVE": "1", "XAI_API_KEY": "xai-1"}, "demo: LIVE=1 needs XAI_MANAGEMENT_API_KEY in the environment"),
    ],
)
def test_what_is_missing_is_said_in_a_line(environment: dict[str, str], said: str, tmp_path: Path) -> None:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("XAI_", "AIRFLOW_"))}
    done = subprocess.run(
        [sys.executable, ROOT / "scripts/demo.py"],
        env={**clean, **environment},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr.strip()) == (1, "", said)


def test_stopped_in_the_middle_it_leaves_nothing_running_and_touched_no_other_airflow(tmp_path: Path) -> None:
    copy = tmp_path / "scripts" / "demo.py"
    copy.parent.mkdir()
    shutil.copy(ROOT / "scripts/demo.py", copy)
    elsewhere = tmp_path / "elsewhere.db"
    environment = {**os.environ, "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{elsewhere}"}
    demo = subprocess.Popen([sys.executable, str(copy)], env=environment, stdout=subprocess.PIPE, text=True)
    assert demo.stdout is not None
    with demo.stdout:
        assert "This is an emulator, not xAI." in demo.stdout.readline()
        assert "preparing a private Airflow" in demo.stdout.readline()
        while not (tmp_path / ".demo" / "airflow").exists():
            assert demo.poll() is None
            time.sleep(0.05)  # Airflow is on its way
        children = children_of(demo.pid)
        assert any("emulator" in command for command in children.values())
        demo.terminate()
        assert demo.wait(timeout=30) == 128 + signal.SIGTERM
    assert {pid: command for pid, command in children.items() if Path(f"/proc/{pid}").exists()} == {}
    assert not elsewhere.exists()
    assert not (tmp_path / ".demo" / "prepared").exists()


def children_of(pid: int) -> dict[int, str]:
    """Command lines of a process's children, by their pid."""
    pids = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return {child: Path(f"/proc/{child}/cmdline").read_text().replace("\0", " ") for child in pids}
