"""### Quickstart: a folder of documents into a collection, then a question

Creates the collection unless it is there, uploads and attaches what is not in it yet, waits until xAI has processed
all of it, and asks. Run it again: nothing is uploaded twice.
"""

from __future__ import annotations

from typing import Any

import pendulum
from airflow.providers.common.compat.sdk import Param, dag, task

from airflow_provider_xai_collections.hooks.collections import XAICollectionsHook
from airflow_provider_xai_collections.operators.collections import XAICreateCollectionOperator
from airflow_provider_xai_collections.operators.ingestion import XAIIngestDocumentsOperator
from airflow_provider_xai_collections.tables import document_table


@dag(
    dag_id="xai_quickstart",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    params={
        "collection_name": Param("quickstart", type="string"),
        "documents": Param("/opt/airflow/documents", type="string", description="A folder on the worker."),
        "pattern": Param("*", type="string"),
        "question": Param("What happens when the API answers 503?", type="string"),
    },
    doc_md=__doc__,
)
def xai_quickstart() -> None:
    collection = XAICreateCollectionOperator(
        task_id="create_collection",
        collection_name="{{ params.collection_name }}",
        chunk_configuration={"markdown_chars_configuration": {"max_chunk_size_chars": 800, "chunk_overlap_chars": 100}},
    )
    ingest = XAIIngestDocumentsOperator(
        task_id="ingest",
        collection_id=collection.output,
        paths="{{ params.documents }}",
        pattern="{{ params.pattern }}",
    )

    @task
    def ask(question: str, ingested: dict[str, Any]) -> None:
        hook, collection_id = XAICollectionsHook(), ingested["collection_id"]
        print(document_table(hook.iter_documents(collection_id=collection_id)))
        print(f"\n{ingested['added']} added, {ingested['already_there']} there already")
        print(f"\n{question}")
        matches = hook.search_documents(query=question, collection_ids=[collection_id], limit=3)
        for match in matches:
            print(f"\n[{match.score:.2f}] {match.fields.get('airflow_source_uri')}\n{match.text}")
        if not matches:
            print("No passage found. It may take some seconds until new documents are found: run again.")

    ask("{{ params.question }}", ingest.output)


xai_quickstart()
