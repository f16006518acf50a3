"""### Mapped batches: many files, many tasks

For more files than one task should hold: a task lists them, and each batch is a mapped task with retries and a log of
its own, named after its files. Four at a time, so that xAI is not asked too much at once. Should there be more batches
than Airflow maps over, they get larger. The collection is created before them, and not by each, as a name at xAI is
not unique. Run again, or clear the batches that failed: nothing is uploaded twice.
"""

from __future__ import annotations

from typing import Any

import pendulum
from airflow.providers.common.compat.sdk import ObjectStoragePath, Param, dag, task

from airflow_provider_xai_collections.batches import batches
from airflow_provider_xai_collections.operators.collections import XAICreateCollectionOperator
from airflow_provider_xai_collections.operators.ingest import XAIIngestDocumentsOperator


@dag(
    dag_id="xai_mapped_batches",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    default_args={"retries": 2, "retry_exponential_backoff": True},
    params={
        "collection_name": Param("archive", type="string"),
        "documents": Param("/opt/airflow/documents", type="string", description="A folder; s3://… works as well."),
        "pattern": Param("*", type="string", description="Of the files in the folder, not of those below it."),
        "batch_size": Param(100, type="integer", minimum=1, description="Files that one task takes."),
    },
    doc_md=__doc__,
)
def xai_mapped_batches() -> None:
    collection = XAICreateCollectionOperator(
        task_id="create_collection", collection_name="{{ params.collection_name }}"
    )

    @task
    def list_batches(params: dict[str, Any]) -> list[list[str]]:
        found = ObjectStoragePath(params["documents"]).glob(params["pattern"])
        paths = [str(path) for path in found if path.is_file() and not path.name.startswith(".")]
        return batches(sorted(paths), size=params["batch_size"])

    XAIIngestDocumentsOperator.partial(
        task_id="ingest_batch",
        collection_id=collection.output,
        deferrable=True,
        max_active_tis_per_dagrun=4,
    ).expand(paths=list_batches())


xai_mapped_batches()
