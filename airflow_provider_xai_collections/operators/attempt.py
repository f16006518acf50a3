"""Attempts of tasks: while one goes on, its progress is in XCom, where a page or the REST API finds it.

XCom is there in all versions of Airflow, and a push is seen at once. (Airflow 3.3 has a store of task state as well,
but a page would have to look in two places, and a write there takes longer.)
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from airflow.providers.common.compat.sdk import AirflowSkipException, TaskDeferred

from airflow_provider_xai_collections.exceptions import XAIInterruptedError
from airflow_provider_xai_collections.manifests.progress import PROGRESS_KEY, Stage, TaskProgress
from airflow_provider_xai_collections.operators.metrics import emit

try:
    from airflow.sdk.exceptions import AirflowRescheduleException
except ImportError:  # Airflow before 3
    from airflow.exceptions import AirflowRescheduleException


class ProgressXCom:
    """Push how far a task is. A push that fails neither fails the task nor is tried again: work is more important."""

    def __init__(self, ti: Any, log: Any) -> None:
        self._ti = ti
        self._log = log
        self._works = True

    def __call__(self, progress: TaskProgress) -> None:
        if not self._works:
            return
        try:
            self._ti.xcom_push(key=PROGRESS_KEY, value=progress.dump())
        except Exception as error:
            self._works = False
            self._log.warning("XCom takes no progress of this task, which goes on without showing it: %s", error)


@contextmanager
def attempt(task: Any, context: Any) -> Iterator[None]:
    """Show the progress of the block, and at its end how it ended, and emit metrics. A task that is deferred goes on.

    :param task: has ``progress``, ``hook`` and ``log``.
    """
    progress, ti = task.progress, context["ti"]
    progress.listener = ProgressXCom(ti, task.log)
    if (began := getattr(ti, "start_date", None)) is not None:
        progress.began = began.timestamp()
    end = Stage.FAILED
    try:
        yield
        end = Stage.DONE
    except (TaskDeferred, AirflowRescheduleException):
        end = progress.stage
        raise
    except AirflowSkipException:
        end = Stage.DONE
        raise
    except XAIInterruptedError:
        progress.listener = None  # the task may have been cleared, and its next try tells already
        raise
    finally:
        progress.end(end)
        emit(task, is_over=end in (Stage.DONE, Stage.FAILED))
