"""### Evaluation on a collection's event: does it still answer?

Runs whenever an ingestion says through the alias that it has changed a collection (see `xai_upstream_asset`), and asks
that collection questions of which the right document is known. The run fails if too few of them are answered by it, so
that a bad change is noticed before users do; but only after retries, because a new document is not found at once.

Started by a user, it evaluates the collection of the name among the parameters, and is skipped if there is none. It
changes nothing, so it can be run at any time; each question is a search, and billed.
"""

from __future__ import annotations

from typing import Any

import pendulum
from airflow.providers.common.compat.sdk import AirflowException, AssetAlias, Param, dag, task

from airflow_provider_xai_collections.assets.events import triggering_collections
from airflow_provider_xai_collections.hooks.collections import XAICollectionsHook

QUESTIONS = [{"question": "What happens when the API answers 503?", "document": "README.md"}]


@dag(
    dag_id="xai_evaluation_on_event",
    schedule=[AssetAlias("xai_upstream_collection")],
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    default_args={"retries": 2, "retry_exponential_backoff": True},
    params={
        "collection_name": Param("upstream", type="string", description="For runs that no event has triggered."),
        "questions": Param(QUESTIONS, type="array", minItems=1),
        "at_least": Param(0.0, type="number", description="The share to be answered; 0 only reports."),
    },
    doc_md=__doc__,
)
def xai_evaluation_on_event() -> None:
    @task
    def collections(params: dict[str, Any], **context: Any) -> list[str]:
        named = XAICollectionsHook().find_collections(collection_name=params["collection_name"])
        return triggering_collections(context) or [found.collection_id for found in named]

    @task(map_index_template="{{ task.op_kwargs.collection_id }}")
    def evaluate(collection_id: str, params: dict[str, Any]) -> float:
        hook, answered = XAICollectionsHook(), 0
        for asked in params["questions"]:
            matches = hook.search_documents(query=asked["question"], collection_ids=[collection_id], limit=3)
            found = any(asked["document"] in match.fields.get("airflow_source_uri", "") for match in matches)
            print(f"{'answered' if found else 'MISSED':8}  {asked['question']}")
            answered += found
        share = answered / len(params["questions"])
        if share < params["at_least"]:
            raise AirflowException(f"{collection_id} answers {share:.0%}, and {params['at_least']:.0%} are wanted")
        return share

    evaluate.expand(collection_id=collections())


xai_evaluation_on_event()
