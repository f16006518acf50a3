"""Syncs of a few collections, whose runs the pages in Airflow's UI show; a run says from which folder."""

from __future__ import annotations

import pendulum
from airflow.providers.common.compat.sdk import DAG, AssetAlias, Param

from airflow_provider_xai_collections.operators.sync import XAISyncCollectionOperator

for _name in ("handbook", "contracts"):
    with DAG(
        dag_id=f"sync_{_name}",
        schedule=None,
        start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
        params={"documents": Param("", type="string")},
    ):
        XAISyncCollectionOperator(
            task_id="sync",
            source="{{ params.documents }}",
            collection_name=_name,
            conn_id="xai_pages",
            outlets=[AssetAlias(f"documents of {_name}")],
            max_failed=1.0,
            overlap=1,
            poll_interval=1,
        )
