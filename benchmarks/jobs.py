"""``python -m benchmarks.jobs JOB OPTIONS RESULT``: what runs, and is measured, in a process of its own.

Each function is a job; its arguments come as JSON, and what it used is written to the file RESULT.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from benchmarks.usage import Used, measured


def sync(**arguments: Any) -> Used:
    """Run a sync. What a process loads once is loaded before, by a look at another source."""
    from airflow_provider_xai_collections.operators.sync import XAISyncCollectionOperator

    other = Path(__file__).parent / "cases"
    _running(XAISyncCollectionOperator(task_id="first", source=str(other), collection="none", dry_run=True))()
    return measured(_running(XAISyncCollectionOperator(task_id="sync", deferrable=False, **arguments)))


def ingest(**arguments: Any) -> Used:
    """Run an ingestion."""
    from airflow_provider_xai_collections.operators.ingestion import XAIIngestDocumentsOperator

    return measured(_running(XAIIngestDocumentsOperator(task_id="ingest", deferrable=False, **arguments)))


def _running(task: Any) -> Callable[[], Any]:
    return lambda: task.execute({"ti": SimpleNamespace(try_number=1)})


def bare(*, count: int, concurrency: int) -> Used:
    """Make the requests of so many new documents with httpx alone: the least that they can cost on this machine."""
    from benchmarks.bare import place_all

    connection = json.loads(os.environ["AIRFLOW_CONN_XAI_COLLECTIONS_DEFAULT"])
    return measured(lambda: place_all(connection, count, concurrency))


JOBS: Mapping[str, Callable[..., Used]] = {job.__name__: job for job in (sync, ingest, bare)}

if __name__ == "__main__":
    _, name, options, result = sys.argv
    Path(result).write_text(json.dumps(asdict(JOBS[name](**json.loads(options)))))
