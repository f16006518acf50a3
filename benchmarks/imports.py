"""Costs of imports, measured in a process of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.processes import ROOT, Workshop, environment

#: Where other providers are installed, beside Airflow and ourselves: what they need is not what our tests need.
_WITH_PEERS = ROOT / ".venv-peers" / "bin" / "python"


def costs_of(
    workshop: Workshop,
    before: Sequence[str],
    subjects: Mapping[str, Sequence[str]],
    rounds: int,
    *,
    peers: bool = False,
) -> dict[str, list[dict[str, Any]]]:
    """Return what importing the modules of each subject costs, round for round.

    :param before: what is loaded before, as of :func:`benchmarks.importing.main`.
    :param peers: in the environment that has other providers.
    :raises RuntimeError: something cannot be imported.
    """
    python, settings = sys.executable, environment(workshop.folder / "airflow")
    if peers:
        if not _WITH_PEERS.exists():
            raise RuntimeError("the other providers are not installed: `make bench` does that")
        python = str(_WITH_PEERS)
        # Airflow finds modules compiled, whether or not this shell lets Python keep them so.
        settings |= {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(workshop.folder / "compiled")}
    command = [
        python,
        "-m",
        "benchmarks.importing",
        json.dumps({"before": before, "subjects": subjects, "rounds": rounds}),
    ]
    ended = subprocess.run(command, cwd=ROOT, env=settings, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise RuntimeError(f"importing failed:\n{ended.stderr[-3000:]}")
    found: dict[str, list[dict[str, Any]]] = json.loads(ended.stdout.splitlines()[-1])
    return found
