"""What parsing a DAG file imports, and what it leaves for later."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from airflow_provider_xai_collections.later import later

PACKAGE = "airflow_provider_xai_collections"
MODULES = ("collections", "documents", "ingestion", "search", "sync", "sync_group")
#: What does the work of a task; each imports many others.
LEFT = (
    "client",
    "hooks.collections",
    "manifests",
    "sources.reading",
    "triggers.documents",
    "waits.deferring",
)


def imported_by(*modules: str) -> set[str]:
    """Modules of ours that a fresh process has after importing these."""
    program = f"import json, sys, {', '.join(modules)}; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = json.loads(done.stdout.splitlines()[-1])
    return {name.removeprefix(f"{PACKAGE}.") for name in loaded if name.startswith(f"{PACKAGE}.")}


def test_operators_and_sensors_leave_what_does_their_work_for_later() -> None:
    modules = [
        *(f"{PACKAGE}.operators.{name}" for name in MODULES),
        f"{PACKAGE}.sensors.documents",
        f"{PACKAGE}.decorators.ingest",
    ]
    found = imported_by(*modules)
    assert {f"operators.{name}" for name in MODULES} <= found
    assert found & set(LEFT) == set()


def test_what_is_left_is_there_when_it_is_needed() -> None:
    tables = later("tables")
    from airflow_provider_xai_collections.tables import batch_name

    assert tables.batch_name is batch_name


def test_what_a_module_does_not_have_is_an_error_as_ever() -> None:
    with pytest.raises(AttributeError, match="no attribute 'feasts'"):
        _ = later("tables").feasts
