"""A sync that is spread over the workers of a CeleryExecutor."""

from __future__ import annotations

from datetime import timedelta

import pendulum
from airflow.providers.common.compat.sdk import DAG, Param

from airflow_provider_xai_collections.operators.sync_group import xai_sync_group

with DAG(
    dag_id="system_wide",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    default_args={
        "executor": "CeleryExecutor",
        "conn_id": "xai_wide",
        "retries": 3,
        "retry_delay": timedelta(seconds=1),
    },
    params={"documents": Param("", type="string"), "workspace": Param("", type="string")},
):
    xai_sync_group(
        "sync",
        source="{{ params.documents }}",
        collection_name="wide",
        upload_method="files",  # more to die between than in one call
        workspace="{{ params.workspace }}",
        report="{{ params.workspace }}/report.jsonl",
        shards=10,
        concurrency=2,
        poll_interval=1,
        prune=True,
    )
