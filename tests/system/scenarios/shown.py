"""A task whose every trace in Airflow is looked at."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tests.system.emulators import API_KEY, MANAGEMENT_KEY
from tests.system.scenario import scenario
from tests.system.stack import Stack

#: A connection that somebody has stored, instead of the ones in the environment.
STORED = "xai_stored"


@dataclass(frozen=True)
class Shown:
    """Answers of the API about a run of one task."""

    collection_id: str
    run: dict[str, Any]
    task: dict[str, Any]
    links: dict[str, str]
    events: list[dict[str, Any]]
    result: dict[str, Any]
    story: str


@scenario
def shown(stack: Stack) -> Shown:
    """An ingestion by a connection out of Airflow's database."""
    emulator, dag_id = stack.emulators["xai_collections_default"], "system_ingest"
    connection = {
        "connection_id": STORED,
        "conn_type": "xai_collections",
        "host": emulator.url,
        "password": MANAGEMENT_KEY,
        "extra": json.dumps({"api_key": API_KEY, "api_host": emulator.url}),
    }
    stack.api.ask("POST", "/connections", json=connection)
    collection_id = emulator.create_collection("shown")
    conf = {"conn_id": STORED, "collection_id": collection_id, "documents": str(stack.documents), "season": "winter"}
    run_id = stack.begin(dag_id, conf)
    run = stack.api.finished(dag_id, run_id)
    story = stack.api.story(dag_id, run_id)
    assert run["state"] == "success", story
    return Shown(
        collection_id=collection_id,
        run=run,
        task=stack.api.task(dag_id, run_id, "ingest"),
        links=stack.api.links(dag_id, run_id, "ingest"),
        events=stack.api.get("/assets/events", source_dag_id=dag_id, source_run_id=run_id)["asset_events"],
        result=stack.api.xcom(dag_id, run_id, "ingest"),
        story=story,
    )
