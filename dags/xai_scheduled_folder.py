"""### Scheduled folder ingestion: every day, what is new in a folder

For a folder that other people fill. Each run lists the whole folder and uploads what the collection does not hold yet,
so a run that was missed or cleared needs no catching up, and two runs never work at once.

Made for nobody watching: the task gives its worker slot back while xAI is processing, tries again later and later, and
tolerates 5 % of documents that fail. Those are named in the log, and the next run uploads them again, unless xAI said
that it will never index them. A file that xAI takes from nobody, such as an empty one, is skipped and named. Run again:
nothing is uploaded twice.
"""

from __future__ import annotations

from datetime import timedelta

import pendulum
from airflow.providers.common.compat.sdk import Param, dag

from airflow_provider_xai_collections.operators.ingest import XAIIngestDocumentsOperator


@dag(
    dag_id="xai_scheduled_folder",
    schedule="@daily",
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    max_active_runs=1,
    default_args={
        "retries": 3,
        "retry_delay": timedelta(minutes=5),
        "retry_exponential_backoff": True,
        "max_retry_delay": timedelta(hours=1),
    },
    params={
        "collection_name": Param("handbook", type="string"),
        "documents": Param("/opt/airflow/documents", type="string", description="A folder; s3://… works as well."),
        "pattern": Param("*", type="string"),
    },
    doc_md=__doc__,
)
def xai_scheduled_folder() -> None:
    XAIIngestDocumentsOperator(
        task_id="ingest_what_is_new",
        collection_name="{{ params.collection_name }}",  # created if there is none
        paths="{{ params.documents }}",
        pattern="{{ params.pattern }}",
        max_failed=0.05,
        timeout=timedelta(hours=6),
        deferrable=True,
    )


xai_scheduled_folder()
