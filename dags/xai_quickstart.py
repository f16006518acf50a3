"""### Quickstart: a folder of documents into a collection, then a question

Uploads what is new, waits until xAI has processed it, and asks. What xAI cannot take is skipped, and listed.
"""

from __future__ import annotations

from typing import Any

import pendulum
from airflow.providers.common.compat.sdk import AirflowFailException, Param, dag, task

from airflow_provider_xai_collections.hooks.collections import XAICollectionsHook
from airflow_provider_xai_collections.operators.collections import XAICreateCollectionOperator
from airflow_provider_xai_collections.operators.sync import XAISyncCollectionOperator
from airflow_provider_xai_collections.tables import passages


@dag(
    dag_id="xai_quickstart",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    params={
        "collection_name": Param("quickstart", type="string"),
        "documents": Param("/opt/airflow/documents", type="string", description="A folder on the worker."),
        "pattern": Param("*", type="string", description="Files to take."),
        "exclude": Param("", type=["null", "string"], description="Files to leave out."),
        "question": Param("What happens when the API answers 503?", type="string"),
    },
    doc_md=__doc__,
)
def xai_quickstart() -> None:
    small = {"markdown_chars_configuration": {"max_chunk_size_chars": 800, "chunk_overlap_chars": 100}}
    collection = XAICreateCollectionOperator(
        task_id="create_collection", collection_name="{{ params.collection_name }}", chunk_configuration=small
    )
    sync = XAISyncCollectionOperator(
        task_id="sync",
        source="{{ params.documents }}",
        collection_id=collection.output,
        pattern="{{ params.pattern }}",
        exclude="{{ params.exclude or [] }}",
        max_failed=None,  # they are listed, and the others can be searched
    )

    @task
    def ask(question: str, synced: dict[str, Any]) -> None:
        lost = sum(synced[count] for count in ("skipped", "failed", "errors", "untried", "in_progress"))
        problems = [f"{one['outcome']}: {one['name']}: {one['reason']}" for one in synced["problems"]]
        if lost == synced["documents"]:
            raise AirflowFailException("\n".join([f"nothing in {synced['sources'][0]} could be processed", *problems]))
        found = XAICollectionsHook().search_documents(query=question, collection_ids=[synced["collection_id"]], limit=3)
        counts = f"{synced['documents'] - lost} documents processed, {synced['kept']} of them there before; {lost} not"
        print(f"{question}\n\n{passages(found)}\n", counts, *problems, sep="\n")

    ask("{{ params.question }}", sync.output)


xai_quickstart()
