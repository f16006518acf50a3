"""### Reindex after a change of chunking

A collection's new chunking is for new documents: those that are there keep their chunks until they are reindexed, which
takes its time and is billed. So a dry run finds out whether the chunking differs at all, and if not, the rest is
skipped.

Comparing comes before changing for a reason: a task that changes and dies before it can say so would find nothing to
change when it is tried again, and nothing would be reindexed. For the same reason, clear a reindexing that failed
instead of starting a new run. Run again: skipped, until the parameters say something new.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pendulum
from airflow.providers.common.compat.sdk import Param, dag, task

from airflow_provider_xai_collections.operators.collections import XAIUpdateCollectionOperator
from airflow_provider_xai_collections.operators.documents import XAIReindexDocumentsOperator

CHUNKS = {"chars_configuration": {"max_chunk_size_chars": 1000, "chunk_overlap_chars": 100}}


@dag(
    dag_id="xai_reindex_after_chunking",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    max_active_runs=1,
    render_template_as_native_obj=True,  # so that a parameter which is an object stays one
    default_args={"retries": 2, "retry_exponential_backoff": True},
    params={"collection_name": Param("library", type="string"), "chunks": Param(CHUNKS, type="object")},
    doc_md=__doc__,
)
def xai_reindex_after_chunking() -> None:
    library = {"collection_name": "{{ params.collection_name }}"}
    wanted: dict[str, Any] = {**library, "chunk_configuration": "{{ params.chunks }}"}

    @task.short_circuit
    def chunking_differs(changes: dict[str, Any]) -> bool:
        return "chunk_configuration" in changes["settings"]

    compare = XAIUpdateCollectionOperator(task_id="compare", dry_run=True, **wanted)
    change = XAIUpdateCollectionOperator(task_id="change_chunking", **wanted)
    reindex = XAIReindexDocumentsOperator(
        task_id="reindex", which="all", timeout=timedelta(hours=6), deferrable=True, **library
    )
    chunking_differs(compare.output) >> change >> reindex


xai_reindex_after_chunking()
