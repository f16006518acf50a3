"""### Upstream asset: documents are ready, so they are ingested

Two DAGs that know nothing of each other. The first stands for the one that makes your documents: it updates an asset,
and its event says in which folder they are. That triggers the second, which ingests them and tells whoever waits for
the collection through an alias, since a collection's asset carries an id that nobody knows before it is created.
`xai_evaluation_on_event` waits for that alias.

Several events may trigger one run; each folder is a mapped task, so the same file names in two of them do not clash.
Started by a user, the second takes the folder from its parameters. Run again: nothing is uploaded twice.
"""

from __future__ import annotations

from typing import Any

import pendulum
from airflow.providers.common.compat.sdk import Asset, AssetAlias, Param, dag, task

from airflow_provider_xai_collections.assets.events import triggering_events
from airflow_provider_xai_collections.operators.collections import XAICreateCollectionOperator
from airflow_provider_xai_collections.operators.ingest import XAIIngestDocumentsOperator

DOCUMENTS = Asset(uri="file:///opt/airflow/documents")
COLLECTION = AssetAlias("xai_upstream_collection")
START = pendulum.datetime(2026, 1, 1, tz="UTC")
FOLDER = Param("/opt/airflow/documents", type="string")


@dag(dag_id="xai_upstream_export", schedule=None, start_date=START, params={"documents": FOLDER}, doc_md=__doc__)
def xai_upstream_export() -> None:
    @task(outlets=[DOCUMENTS])
    def export(params: dict[str, Any], outlet_events: Any) -> None:
        outlet_events[DOCUMENTS].extra["folder"] = params["documents"]

    export()


@dag(
    dag_id="xai_upstream_asset",
    schedule=[DOCUMENTS],
    start_date=START,
    default_args={"retries": 2, "retry_exponential_backoff": True},
    params={"collection_name": Param("upstream", type="string"), "documents": FOLDER},
    doc_md=__doc__,
)
def xai_upstream_asset() -> None:
    @task
    def folders(params: dict[str, Any], **context: Any) -> list[str]:
        told = {event.extra.get("folder", params["documents"]) for event in triggering_events(context)}
        return sorted(told) or [params["documents"]]

    name = "{{ params.collection_name }}"
    collection = XAICreateCollectionOperator(task_id="create_collection", collection_name=name)
    XAIIngestDocumentsOperator.partial(
        task_id="ingest", collection_id=collection.output, outlets=[COLLECTION], deferrable=True
    ).expand(paths=folders())


xai_upstream_export()
xai_upstream_asset()
