"""Imports of a DAG file: parsing it loads no module that only a running task needs."""

from __future__ import annotations

import json
import subprocess
import sys

PACKAGE = "airflow_provider_xai_collections"
MODULES = ("collections", "documents", "files", "ingest", "search", "sync", "sync_group")
#: What does the work of a task; each imports many others.
LEFT = (
    "client",
    "hooks.collections",
    "manifests",
    "sources.reading",
    "sync.engine",
    "triggers.documents",
    "waits.deferral",
)


def imported_by(*modules: str) -> set[str]:
    """Modules of ours that a fresh process has after importing these."""
    program = f"import json, sys, {', '.join(modules)}; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = json.loads(done.stdout.splitlines()[-1])
    return {name.removeprefix(f"{PACKAGE}.") for name in loaded if name.startswith(f"{PACKAGE}.")}


def test_operators_and_sensors_import_what_does_their_work_when_they_run() -> None:
    modules = [
        *(f"{PACKAGE}.operators.{name}" for name in MODULES),
        f"{PACKAGE}.sensors.documents",
        f"{PACKAGE}.decorators.ingest",
    ]
    found = imported_by(*modules)
    assert {f"operators.{name}" for name in MODULES} <= found
    assert found & set(LEFT) == set()
