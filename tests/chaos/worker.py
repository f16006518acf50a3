"""``python -m tests.chaos.worker``: a process that has everything loaded and runs syncs in its children.

For each line of JSON that comes in, a child runs :func:`run_job` with it; the answers are the child's id and, when it
is over, its exit status, each on a line. It ends with its input.
"""

from __future__ import annotations

import asyncio
import copy
import gc
import json
import logging
import os
import random
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from threading import enumerate as threads
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException, TaskDeferred

from airflow_provider_xai_collections.client.exchange import trusted_certificates
from airflow_provider_xai_collections.exceptions import XAIError
from airflow_provider_xai_collections.hooks.lineage import record_output
from airflow_provider_xai_collections.operators.sync import XAISyncCollectionOperator
from tests.chaos.leaks import memory, open_files
from tests.operators.stage import finish, run
from tests.operators.workers import Cluster
from tests.support.clock import FlyingTime
from tests.support.server import CONN_ID

#: Threads that Airflow starts to look up a connection for an event loop, and keeps.
_AIRFLOWS = ("ThreadPoolExecutor", "asyncio")


@dataclass(frozen=True, slots=True)
class Told:
    """The words of one sync of one try: its manifest, as far as it came, and where its report is."""

    manifest: dict[str, Any]
    report: str


@dataclass(frozen=True, slots=True)
class Try:
    """One run of the tasks, which ended with ``error``; empty after success."""

    error: str
    told: list[Told]


@dataclass(frozen=True, slots=True)
class Tried:
    """All runs of the tasks.

    :param left_open: files, sockets and threads that were not there before, or that nobody closed.
    :param grown: bytes of memory that are in use and were not before.
    """

    tries: list[Try] = field(default_factory=list)
    left_open: list[str] = field(default_factory=list)
    grown: int = 0


def run_job(
    *, connection: str, folder: str, seed: int, tries: Sequence[int], way: str, collections: Sequence[str], **given: Any
) -> Tried:
    """Run a sync into each of the collections, one after the other; all again, as Airflow would, until they succeed.

    :param connection: as Airflow reads it from the environment.
    :param folder: for the reports.
    :param seed: of the die for pauses.
    :param tries: numbers of the tries there are.
    :param way: one of :data:`WAYS`.
    :param given: arguments of the syncs.
    """
    os.environ[f"AIRFLOW_CONN_{CONN_ID.upper()}"] = connection
    logging.basicConfig(level=logging.INFO, stream=sys.stdout, force=True)
    random.seed(seed)
    memory_before, files, running = memory(), open_files(), set(threads())
    forgotten = _unclosed()
    done: list[Try] = []
    began = datetime.now(UTC)
    for number in tries:
        if done:
            time.sleep(60)
        told: list[Told] = []
        error, is_final = "", False
        try:
            for name in collections:
                report = f"{folder}/report-{number}-{name}.jsonl"
                arguments = {**given, "collection_name": name, "scope": name, "report": report}
                WAYS[way](told, arguments, {"try_number": number, "began": began})
        except (XAIError, AirflowException) as caught:
            traceback.print_exc()  # as Airflow's log shows it
            error, is_final = f"{type(caught).__name__}: {caught}", isinstance(caught, AirflowFailException)
        done.append(Try(error, told))
        if not error or is_final:
            break
    # Before the garbage collector is called, which would close what was forgotten.
    opened = [str(path.readlink()) for path in sorted(open_files() - files) if path.is_symlink()]
    left = [each.name for each in threads() if each not in running and not each.name.startswith(_AIRFLOWS)]
    return Tried(done, [*opened, *left, *forgotten], memory() - memory_before)


def _one_task(told: list[Told], arguments: dict[str, Any], context: dict[str, Any], *, deferrable: bool) -> None:
    """Run it through all its waits in the triggerer; after each, another object goes on."""
    task: Any = XAISyncCollectionOperator(task_id="sync", deferrable=deferrable, **arguments)
    fresh, deferred = copy.deepcopy(task), None
    try:
        while True:
            try:
                if deferred is None:
                    run(task, **context)
                else:
                    task = copy.deepcopy(fresh)
                    asyncio.run(finish(deferred, task, **context))
                return
            except TaskDeferred as caught:
                deferred = caught
    finally:
        told.append(Told(task.manifest.dump() if task.manifest else {}, task.report))


def _group(told: list[Told], arguments: dict[str, Any], context: dict[str, Any]) -> None:
    """Run the tasks of a group, as if they were one."""
    report, source = arguments.pop("report"), arguments.pop("source")
    manifest = Cluster(source, f"{report}.workspace", arguments).run(report=report)
    told.append(Told(manifest, report))


WAYS: dict[str, Callable[[list[Told], dict[str, Any], dict[str, Any]], None]] = {
    "in one task": partial(_one_task, deferrable=False),
    "deferred": partial(_one_task, deferrable=True),
    "group": _group,
}


def _unclosed() -> list[str]:
    """List, from now on, what Python had to close for us: nobody else had done it when the last reference was gone."""
    found: list[str] = []
    warnings.simplefilter("always", ResourceWarning)
    warnings.showwarning = lambda message, *_, **__: found.append(str(message))
    return found


def main() -> None:
    FlyingTime().install(pytest.MonkeyPatch().setattr)
    trusted_certificates()
    record_output(None, "collection_1")  # for the first asset Airflow loads what all providers say of assets
    gc.collect()
    print("ready", flush=True)
    for line in sys.stdin:
        if not (child := os.fork()):
            _become(json.loads(line))
        print(child, flush=True)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _become(job: dict[str, Any]) -> None:
    """Run the job and end. All that is said goes into its log; nothing may return to the parent's code."""
    status = 1
    try:
        log = os.open(job.pop("log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(log, sys.stdout.fileno())
        os.dup2(log, sys.stderr.fileno())
        os.close(log)
        result = Path(job.pop("result"))
        result.write_text(json.dumps(asdict(run_job(**job))))
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(status)


if __name__ == "__main__":
    main()
