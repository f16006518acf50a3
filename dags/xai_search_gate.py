"""### Search gate: publish only what a search finds

A document that is processed is not found at once, and one that is found may not answer the question it was written for.
So between ingestion and publication stands a search that must find it: it is repeated for two minutes, then the run
fails and nothing is published.

The document comes from a function here, as a report out of a database would; with files, it is the same after
`XAIIngestDocumentsOperator`. Run again: the same text is not uploaded twice, another one is added as a new version.
"""

from __future__ import annotations

from typing import Any

import pendulum
from airflow.providers.common.compat.sdk import Param, dag, task

from airflow_provider_xai_collections.decorators.ingest import Content
from airflow_provider_xai_collections.operators.search import XAISearchDocumentsOperator


@dag(
    dag_id="xai_search_gate",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    default_args={"retries": 2, "retry_exponential_backoff": True},
    params={
        "collection_name": Param("front desk", type="string"),
        "opening_hours": Param("We are open from 9 to 17 on workdays.", type="string"),
        "question": Param("When are you open?", type="string"),
    },
    doc_md=__doc__,
)
def xai_search_gate() -> None:
    @task.xai_ingest(collection_name="{{ params.collection_name }}", multiple_outputs=True)
    def ingest(opening_hours: str) -> Content:
        return Content(name="opening-hours.md", data=f"# Opening hours\n\n{opening_hours}\n")

    ingested = ingest("{{ params.opening_hours }}")
    gate = XAISearchDocumentsOperator(
        task_id="is_found",
        query="{{ params.question }}",
        collection_ids=[ingested["collection_id"]],
        min_matches=1,
        expect_file_ids=ingested["file_ids"],
        timeout=120.0,
    )

    @task
    def publish(found: dict[str, Any]) -> None:
        print(f"Published: {found['matches'][0]['text']}")

    publish(gate.output)


xai_search_gate()
