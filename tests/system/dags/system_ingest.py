"""Ingestions and a sync that the system tests disturb; a run says what, where to, and by which connection."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pendulum
from airflow.providers.common.compat.sdk import DAG, AssetAlias, Param, task

from airflow_provider_xai_collections.operators.ingest import XAIIngestDocumentsOperator
from airflow_provider_xai_collections.operators.sync_group import xai_sync_group

INGESTION: dict[str, Any] = {
    "collection_id": "{{ params.collection_id }}",
    "conn_id": "{{ params.conn_id }}",
    "fields": {"season": "{{ params.season }}"},
    "poll_interval": 1,
    "upload_method": "files",  # more to die between than in one call
    "retry_delay": timedelta(seconds=1),
}
WAYS: dict[str, dict[str, Any]] = {
    "system_ingest": {"retries": 4, "outlets": [AssetAlias("system_collections")]},
    "system_ingest_deferred": {"deferrable": True},
    "system_ingest_timeout": {"deferrable": True, "timeout": 10},
}


def dag_of(dag_id: str) -> DAG:
    return DAG(
        dag_id=dag_id,
        schedule=None,
        start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
        params={
            "collection_id": Param("", type="string"),
            "conn_id": Param("xai_collections_default", type="string"),
            "documents": Param("", type="string"),
            "season": Param("autumn", type="string"),
            "workspace": Param("", type="string"),
        },
    )


for _dag_id, _way in WAYS.items():
    with dag_of(_dag_id):
        XAIIngestDocumentsOperator(task_id="ingest", paths="{{ params.documents }}", **INGESTION, **_way)

with dag_of("system_ingest_mapped"):

    @task
    def files(folder: str) -> list[str]:
        return sorted(map(str, Path(folder).iterdir()))

    XAIIngestDocumentsOperator.partial(task_id="ingest", deferrable=True, **INGESTION).expand(
        paths=files("{{ params.documents }}")
    )

with dag_of("system_wide"):
    xai_sync_group(
        "sync",
        source="{{ params.documents }}",
        collection_name="wide",
        upload_method="files",
        workspace="{{ params.workspace }}",
        report="{{ params.workspace }}/report.jsonl",
        shards=10,
        concurrency=2,
        poll_interval=1,
        prune=True,
        conn_id="xai_wide",
        executor="CeleryExecutor",
        retries=3,
        retry_delay=timedelta(seconds=1),
    )
