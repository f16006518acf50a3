"""``python -m benchmarks.jobs JOB OPTIONS RESULT``: what runs, and is measured, in a process of its own.

Each function is a job; its arguments come as JSON, and what it used is written to the file RESULT.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from types import SimpleNamespace
from typing import Any

import airflow_provider_xai_collections as provider
from benchmarks.usage import Used, in_turns, measured


def sync(**arguments: Any) -> Used:
    """Run a sync. What a process loads once is loaded before, and by a dry run on another source."""
    from airflow_provider_xai_collections.operators.sync import XAISyncCollectionOperator

    _load_all()
    other = Path(__file__).parent / "cases"
    _running(XAISyncCollectionOperator(task_id="first", source=str(other), collection_name="none", dry_run=True))()
    return measured(_running(XAISyncCollectionOperator(task_id="sync", deferrable=False, **arguments)))


def _load_all() -> None:
    """Import what operators leave for later."""
    for module in walk_packages(provider.__path__, f"{provider.__name__}."):
        if not module.name.startswith((f"{provider.__name__}.emulator", f"{provider.__name__}.lineage")):
            import_module(module.name)


def ingest(**arguments: Any) -> Used:
    """Run an ingestion into a new collection, which has got one document before: that loads what is loaded once."""
    from airflow_provider_xai_collections.operators.ingest import XAIIngestDocumentsOperator

    def ingesting(**others: Any) -> Callable[[], Any]:
        settings = {**arguments, "deferrable": False, **others}
        return _running(XAIIngestDocumentsOperator(task_id="ingest", **settings))

    ingesting(paths=__file__)()
    return measured(ingesting())


def _running(task: Any) -> Callable[[], Any]:
    return lambda: task.execute({"ti": SimpleNamespace(try_number=1)})


def bare(*, count: int, concurrency: int, in_two_calls: bool = False) -> Used:
    """Make the requests of so many new documents with httpx alone: the least that they can cost on this machine."""
    from benchmarks.bare import placing

    connection = json.loads(os.environ["AIRFLOW_CONN_XAI_COLLECTIONS_DEFAULT"])
    return measured(placing(connection, count, concurrency, in_two_calls=in_two_calls))


def calls(*, rounds: int) -> Used:
    """Get a collection by the hook and with httpx alone, in turns. The value: seconds of each call, by the way."""
    from airflow_provider_xai_collections.hooks.collections import XAICollectionsHook
    from benchmarks.bare import getting

    connection = json.loads(os.environ["AIRFLOW_CONN_XAI_COLLECTIONS_DEFAULT"])
    with XAICollectionsHook() as hook:
        collection_id = hook.create_collection(collection_name="called").collection_id
        ways = {
            "hook": lambda: hook.get_collection(collection_id=collection_id),
            "bare": getting(connection, collection_id),
        }

        return measured(lambda: in_turns(ways, rounds))


def wait(*, triggers: int, documents: int, poll_interval: float) -> Used:
    """Wait in so many triggers for as many documents each. The value: what they fired, and the lag of the loop."""
    from benchmarks.triggerer import wait_for_all

    return measured(lambda: wait_for_all(triggers, documents, poll_interval))


def series(*, of: str, runs: Sequence[Mapping[str, Any]]) -> Used:
    """Do a job several times, in one process: to start each takes longer than what they do."""
    return measured(lambda: [asdict(JOBS[of](**run)) for run in runs])


JOBS: Mapping[str, Callable[..., Used]] = {job.__name__: job for job in (sync, ingest, bare, calls, wait, series)}

if __name__ == "__main__":
    _, name, options, result = sys.argv
    Path(result).write_text(json.dumps(asdict(JOBS[name](**json.loads(options)))))
