"""### Sync a folder: every hour, the collection equals the folder

A new document is added. A changed one is replaced: its old version goes once the new one can be found, so that it
stays searchable. What is missing from the folder is removed, unless that is more than a quarter of what came from it:
then somebody has probably unmounted a disk, and the run fails and says so.

Nothing is kept between runs but what xAI holds. So a run that was missed, cleared or killed needs no catching up, and
one with nothing to do only lists both sides. The task's result counts what it did; with `report`, it also writes a line
for each document. Try it with `dry_run=True` first.
"""

from __future__ import annotations

from datetime import timedelta

import pendulum
from airflow.providers.common.compat.sdk import Param, dag

from airflow_provider_xai_collections.operators.sync import XAISyncCollectionOperator


@dag(
    dag_id="xai_sync_folder",
    schedule="@hourly",
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 3, "retry_delay": timedelta(minutes=1), "retry_exponential_backoff": True},
    params={
        "collection_name": Param("knowledge", type="string"),
        "documents": Param("/opt/airflow/documents", type="string", description="A folder; s3://… works as well."),
    },
    doc_md=__doc__,
)
def xai_sync_folder() -> None:
    XAISyncCollectionOperator(
        task_id="sync",
        source="{{ params.documents }}",
        collection_name="{{ params.collection_name }}",
        prune=True,
        max_prune=0.25,
        deferrable=True,
    )


xai_sync_folder()
