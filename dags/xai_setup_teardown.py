"""### Setup and teardown: a collection that lives as long as its run

For a trial: ingest these documents, ask a question, and leave nothing behind that is billed. Creating is a setup and
deleting its teardown, so the collection goes, with the files of its documents, whether the work in between succeeds or
fails; and clearing a task in between creates it again. The name holds the id of the run: runs at the same time do not
meet, and a retry finds its own.
"""

from __future__ import annotations

from typing import Any

import pendulum
from airflow.providers.common.compat.sdk import Param, dag, task

from airflow_provider_xai_collections.operators.collections import (
    XAICreateCollectionOperator,
    XAIDeleteCollectionOperator,
)
from airflow_provider_xai_collections.operators.ingest import XAIIngestDocumentsOperator
from airflow_provider_xai_collections.operators.search import XAISearchDocumentsOperator


@dag(
    dag_id="xai_setup_teardown",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    default_args={"retries": 2, "retry_exponential_backoff": True},
    params={
        "documents": Param("/opt/airflow/documents", type="string", description="A folder on the worker."),
        "question": Param("What happens when the API answers 503?", type="string"),
    },
    doc_md=__doc__,
)
def xai_setup_teardown() -> None:
    create = XAICreateCollectionOperator(task_id="create_collection", collection_name="trial of {{ run_id }}")
    ingest = XAIIngestDocumentsOperator(task_id="ingest", collection_id=create.output, paths="{{ params.documents }}")
    search = XAISearchDocumentsOperator(
        task_id="search", query="{{ params.question }}", collection_ids=[create.output], limit=3
    )

    @task
    def report(found: dict[str, Any]) -> None:
        for match in found["matches"]:
            print(f"\n[{match['score']:.2f}] {match['text']}")

    delete = XAIDeleteCollectionOperator(task_id="delete_collection", collection_id=create.output, delete_files=True)
    create.as_setup() >> ingest >> search >> report(search.output) >> delete.as_teardown(setups=create)


xai_setup_teardown()
