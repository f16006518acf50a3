"""### Backfill days: each run syncs the folder of its day

For documents that arrive in a folder a day: `…/dt=2026-01-31/`. A run owns what its folder holds, and nothing else, so
runs of many days work side by side on one collection. A year at once, eight days at a time:

    airflow backfill create --dag-id xai_backfill_days --from-date 2026-01-01 --to-date 2026-12-31 --max-active-runs 8

(Airflow 2: `airflow dags backfill`.) Run it again with `--reprocess-behavior completed`: what did not change is neither
read nor sent, what did is replaced, what failed is uploaded again. A day without a folder fails: a source that does not
exist is an error.

Names are not unique at xAI. So that many runs do not make many collections, `max_active_tis_per_dag=1` lets one task at
a time create it, of all runs together; the others find it.
"""

from __future__ import annotations

from datetime import timedelta

import pendulum
from airflow.providers.common.compat.sdk import Param, dag
from airflow.timetables.interval import CronDataIntervalTimetable

from airflow_provider_xai_collections.operators.collections import XAICreateCollectionOperator
from airflow_provider_xai_collections.operators.sync import XAISyncCollectionOperator

# A run that somebody triggers on Airflow 3 has no dates but its own: it takes the last day that is over.
DAY = "{{ (dag_run.data_interval_start or dag_run.run_after - macros.timedelta(days=1)) | ds }}"


@dag(
    dag_id="xai_backfill_days",
    # A run begins when its day is over. "@daily" says so to Airflow 2; to Airflow 3, that the day begins.
    schedule=CronDataIntervalTimetable("@daily", timezone="UTC"),
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    max_active_runs=8,
    default_args={"retries": 3, "retry_delay": timedelta(minutes=1), "retry_exponential_backoff": True},
    params={
        "collection_name": Param("days", type="string"),
        "documents": Param("/opt/airflow/documents", type="string", description="Where the folders of the days are."),
    },
    doc_md=__doc__,
)
def xai_backfill_days() -> None:
    name = "{{ params.collection_name }}"
    collection = XAICreateCollectionOperator(
        task_id="create_collection", collection_name=name, max_active_tis_per_dag=1
    )
    XAISyncCollectionOperator(
        task_id="sync_day",
        source="{{ params.documents }}/dt=" + DAY,
        collection_id=collection.output,
        deferrable=True,
    )


xai_backfill_days()
