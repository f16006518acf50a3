"""### Sync wide: a large corpus, over all the workers there are

For what one worker would take hours to upload. One task lists both sides and cuts the work into parts, which lie in
`workspace`; mapped tasks upload the parts, each wherever the executor finds room; the last one removes what is
missing from the source, and writes a report with a line for each document.

Every worker must reach `workspace`: a bucket, or a shared folder. At most `max_active_tis_per_dagrun` times
`concurrency` documents are worked on at once; xAI's limits are per team. A worker that dies costs one retry of its
parts: they list what is there already, and go on. Run again with nothing to do, it maps over nothing.
"""

from __future__ import annotations

from datetime import timedelta

import pendulum
from airflow.providers.common.compat.sdk import Param, dag

from airflow_provider_xai_collections.operators.sync_group import xai_sync_group

WORK = "{{ params.workspace }}/{{ dag.dag_id }}"


@dag(
    dag_id="xai_sync_wide",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    max_active_runs=1,
    default_args={"retries": 3, "retry_delay": timedelta(minutes=1), "retry_exponential_backoff": True},
    params={
        "collection_name": Param("corpus", type="string"),
        "documents": Param("/opt/airflow/documents", type="string", description="A folder; s3://… works as well."),
        "workspace": Param("/opt/airflow/workspace", type="string", description="For plan and report; s3://… as well."),
    },
    doc_md=__doc__,
)
def xai_sync_wide() -> None:
    xai_sync_group(
        "sync",
        source="{{ params.documents }}",
        collection_name="{{ params.collection_name }}",
        workspace=WORK,
        report=f"{WORK}/report.jsonl",
        shards=64,
        concurrency=4,
        max_active_tis_per_dagrun=16,
        prune=True,
    )


xai_sync_wide()
