"""What runs in a process that may be killed: a sync, tried again as Airflow would."""

from __future__ import annotations

import gc
import inspect
import logging
import os
import random
import sys
import time
import traceback
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from chaos.footprint import memory, open_files, threads


@dataclass(frozen=True, slots=True)
class Try:
    """One run of the task.

    :param error: what it ended with; empty after success.
    :param is_final: Airflow would not try again.
    :param manifest: what it did, as far as it came.
    :param report: where it says so for each document.
    """

    error: str
    is_final: bool
    manifest: dict[str, Any]
    report: str


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of the task.

    :param tries: its runs, in order.
    :param left_open: files, sockets and threads that were not there before, or that nobody closed.
    :param grown: bytes of memory that are in use and were not before.
    """

    tries: list[Try] = field(default_factory=list)
    left_open: list[str] = field(default_factory=list)
    grown: int = 0


def sync(
    *, connection: str, folder: str, began: float, seed: int, tries: Sequence[int], retry_delay: float, **arguments: Any
) -> Tried:
    """Run a sync until it succeeds.

    :param connection: as Airflow reads it from the environment.
    :param folder: for the reports.
    :param began: when the run began that these are tries of, in seconds since the epoch.
    :param seed: of the die for pauses.
    :param tries: numbers of the tries there are.
    :param retry_delay: seconds between them.
    """
    os.environ["AIRFLOW_CONN_XAI_COLLECTIONS_DEFAULT"] = connection
    logging.basicConfig(level=logging.INFO, stream=sys.stdout, force=True)
    random.seed(seed)
    gc.collect()
    files, running_before, memory_before = open_files(), threads(), memory()
    done: list[Try] = []
    forgotten = _unclosed()
    for number in tries:
        if done:
            time.sleep(retry_delay)
        report = f"{folder}/report-{number}.jsonl"
        done.append(_try(number, began, report=report, **arguments))
        if not done[-1].error or done[-1].is_final:
            break
    # Before the garbage collector is called, which would close what was forgotten.
    opened = [str(path.readlink()) for path in sorted(open_files() - files)]
    running = [thread.name for thread in threads() - running_before]
    gc.collect()
    return Tried(done, [*opened, *running, *forgotten], memory() - memory_before)


def _unclosed() -> list[str]:
    """What Python had to close for us from now on: nobody else had done it when the last reference was gone."""
    found: list[str] = []
    warnings.simplefilter("always", ResourceWarning)
    warnings.showwarning = lambda message, *_, **__: found.append(str(message))
    return found


def _try(number: int, began: float, **arguments: Any) -> Try:
    from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException

    from airflow_provider_xai_collections.exceptions import XAIError
    from airflow_provider_xai_collections.operators.sync import XAISyncCollectionOperator

    task = XAISyncCollectionOperator(task_id="sync", deferrable=False, **arguments)
    context = {
        "ti": SimpleNamespace(try_number=number),
        "dag_run": SimpleNamespace(start_date=datetime.fromtimestamp(began, UTC)),
    }
    error, is_final = "", False
    try:
        inspect.unwrap(type(task).execute)(task, context)
    except (XAIError, AirflowException) as caught:
        traceback.print_exc()  # as Airflow's log shows it
        error, is_final = f"{type(caught).__name__}: {caught}", isinstance(caught, AirflowFailException)
    except Exception as caught:
        traceback.print_exc()
        error, is_final = f"unforeseen {type(caught).__name__}: {caught}", True
    return Try(error, is_final, task.so_far.dump() if task.so_far else {}, arguments["report"])
