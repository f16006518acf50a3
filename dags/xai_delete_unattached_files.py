"""### Files that no collection holds

Storage is billed for every file, whether or not a collection holds it. Uploads that were cut off, and documents that
were removed without their files, leave some. Once a month this lists all files, all collections and all their
documents, and says which files are in none: a dry run, until you trigger it with `delete` switched on.

It deletes nothing unless it has seen everything, and no file younger than a week. Both keys of the connection must see
the whole team. Run again: there is nothing left to delete.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pendulum
from airflow.providers.common.compat.sdk import Param, dag, task

from airflow_provider_xai_collections.operators.files import XAIDeleteUnattachedFilesOperator


@dag(
    dag_id="xai_delete_unattached_files",
    schedule="@monthly",
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 2, "retry_exponential_backoff": True},
    params={"pattern": Param("*", type="string"), "delete": Param(False, type="boolean")},
    doc_md=__doc__,
)
def xai_delete_unattached_files() -> None:
    files = {"pattern": "{{ params.pattern }}", "older_than": timedelta(days=7)}
    find = XAIDeleteUnattachedFilesOperator(task_id="find", **files)

    @task.short_circuit
    def is_wanted(params: dict[str, Any]) -> bool:
        return bool(params["delete"])

    delete = XAIDeleteUnattachedFilesOperator(task_id="delete", dry_run=False, **files)
    find >> is_wanted() >> delete


xai_delete_unattached_files()
