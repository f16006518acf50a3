"""### Attach files that exist: from xAI's *Files* into a collection

For files that another program has uploaded, or that are in one collection and shall be in a second one: nothing is
uploaded here. It takes all files whose name matches, and is skipped if there are none.

Attaching and waiting are two tasks: the operator does not wait, a deferrable sensor does. That is worth it if something
else can go on meanwhile, or if one sensor waits for the work of several tasks; otherwise leave the wait to the
operator. Run again: a file that is attached already is left alone.
"""

from __future__ import annotations

from fnmatch import fnmatchcase

import pendulum
from airflow.providers.common.compat.sdk import AirflowSkipException, Param, dag, task

from airflow_provider_xai_collections.hooks.collections import XAICollectionsHook
from airflow_provider_xai_collections.operators.collections import XAICreateCollectionOperator
from airflow_provider_xai_collections.operators.documents import XAIAddDocumentsOperator
from airflow_provider_xai_collections.sensors.documents import XAIDocumentsProcessedSensor


@dag(
    dag_id="xai_attach_files",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    default_args={"retries": 2, "retry_exponential_backoff": True},
    params={
        "collection_name": Param("minutes", type="string"),
        "filenames": Param("minutes-*", type="string", description="A pattern of names, as xAI stores them."),
    },
    doc_md=__doc__,
)
def xai_attach_files() -> None:
    name = "{{ params.collection_name }}"
    collection = XAICreateCollectionOperator(task_id="create_collection", collection_name=name)

    @task
    def find_files(pattern: str) -> list[str]:
        found = [file.id for file in XAICollectionsHook().list_files() if fnmatchcase(file.filename, pattern)]
        if not found:
            raise AirflowSkipException(f"xAI holds no file called {pattern}")
        return found

    file_ids = find_files("{{ params.filenames }}")
    attach = XAIAddDocumentsOperator(
        task_id="attach", collection_id=collection.output, file_ids=file_ids, wait_for_completion=False
    )
    processed = XAIDocumentsProcessedSensor(
        task_id="processed", collection_id=collection.output, file_ids=file_ids, timeout=6 * 3600, deferrable=True
    )
    attach >> processed


xai_attach_files()
