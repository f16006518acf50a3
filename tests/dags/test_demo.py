"""scripts/demo.py, as far as it goes without starting anything: `make demo` runs the rest."""

from __future__ import annotations

import os
import subprocess
import sys
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
