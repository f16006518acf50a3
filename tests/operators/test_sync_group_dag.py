"""xai_sync_group as a part of a DAG: its tasks, what each is given, and how Airflow keeps it."""

from __future__ import annotations

import json
from functools import partial
from importlib import import_module
from typing import Any

import pendulum
import pytest
from airflow.providers.common.compat.sdk import DAG

from airflow_provider_xai_collections.assets.collections import create_asset
from airflow_provider_xai_collections.operators.sync import XAISyncCollectionOperator
from airflow_provider_xai_collections.operators.sync_group import (
    XAIApplySyncOperator,
    XAIFinishSyncOperator,
    XAIPlanSyncOperator,
    xai_sync_group,
)
from tests.operators.stage import AIRFLOW_2

GIVEN: dict[str, Any] = {"source": "/documents", "collection": "whales", "workspace": "/workspace"}


def dag_of(**arguments: Any) -> Any:
    with DAG("library", schedule=None, start_date=pendulum.datetime(2026, 1, 1, tz="UTC")) as dag:
        xai_sync_group(**{**GIVEN, **arguments})
    return dag


def test_it_has_three_tasks_one_of_them_mapped() -> None:
    tasks = {task.task_id: task for task in dag_of().tasks}
    assert list(tasks) == ["sync.plan", "sync.apply", "sync.finish"]
    assert isinstance(tasks["sync.plan"], XAIPlanSyncOperator)
    assert tasks["sync.apply"].operator_class is XAIApplySyncOperator
    assert isinstance(tasks["sync.finish"], XAIFinishSyncOperator)
    assert tasks["sync.apply"].upstream_task_ids == {"sync.plan"}
    assert tasks["sync.finish"].upstream_task_ids == {"sync.plan", "sync.apply"}


def test_the_last_task_runs_when_there_was_nothing_to_apply_but_not_when_there_was_no_plan() -> None:
    (finish,) = [task for task in dag_of().tasks if task.task_id == "sync.finish"]
    assert finish.trigger_rule == "none_failed_min_one_success"


def test_two_groups_of_a_dag_have_names_of_their_own() -> None:
    with DAG("library", schedule=None, start_date=pendulum.datetime(2026, 1, 1, tz="UTC")) as dag:
        xai_sync_group("books", **GIVEN) >> xai_sync_group("letters", **GIVEN)
    assert dag.get_task("letters.plan").upstream_task_ids == {"books.finish"}


def test_each_task_is_given_what_it_needs() -> None:
    ours: Any = create_asset(collection_id="collection_1")
    dag = dag_of(
        shards=7,
        report="/reports/{{ ds }}.jsonl",
        outlets=[ours],
        max_active_tis_per_dagrun=3,
        prune=True,
        retries=5,
        team_id="team_7",
    )
    plan, apply, finish = (dag.get_task(f"sync.{name}") for name in ("plan", "apply", "finish"))
    assert (plan.shards, plan.workspace, finish.report) == (7, "/workspace", "/reports/{{ ds }}.jsonl")
    for task in (plan, finish):
        assert (task.source, task.collection, task.prune, task.retries, task.team_id) == (
            *("/documents", "whales", True, 5, "team_7"),
        )
    given = {name: apply.partial_kwargs[name] for name in ("source", "collection", "prune", "team_id")}
    assert given == {"source": "/documents", "collection": "whales", "prune": True, "team_id": "team_7"}
    assert (apply.retries, apply.max_active_tis_per_dagrun) == (5, 3)
    assert (plan.outlets, apply.outlets, finish.outlets) == ([], [], [ours])


def test_a_part_is_named_by_its_number() -> None:
    assert dag_of().get_task("sync.apply").map_index_template == "{{ task.part_name }}"
    assert XAIApplySyncOperator(task_id="apply", planned={}, shard=6, source="/", collection="c").part_name == "part 7"


@pytest.mark.parametrize("wrong", [{"deferrable": True}, {"dry_run": True}, {"prone": True}])
def test_what_no_task_of_it_takes_is_refused_when_the_dag_is_read(wrong: dict[str, Any]) -> None:
    with pytest.raises(Exception, match=next(iter(wrong))):
        dag_of(**wrong)


def serialized(dag: Any) -> str:
    """What Airflow keeps of a DAG; what differs from parse to parse it takes for a new version."""
    module = import_module("airflow.serialization.serialized_objects")
    kept = (module.SerializedDAG if AIRFLOW_2 else module.DagSerialization).to_dict(dag)
    return json.dumps(kept, sort_keys=True, default=str)


def a_function(source: Any) -> dict[str, str]:
    return {"name": source.name}


@pytest.mark.parametrize("kind", ["function", "lambda", "partial", "nested"])
def test_a_function_for_the_fields_makes_no_new_version_of_the_dag(kind: str) -> None:
    def parsed() -> Any:
        def nested(source: Any) -> dict[str, str]:
            return {"name": source.name}

        functions: dict[str, Any] = {
            "function": a_function,
            "lambda": lambda source: {"name": source.name},
            "partial": partial(nested),
            "nested": nested,
        }
        dag = dag_of(fields=functions[kind])
        XAISyncCollectionOperator(task_id="one", source="/", collection="whales", fields=functions[kind], dag=dag)
        return dag

    first, again = parsed(), parsed()  # both alive, or the second may get the first one's addresses
    assert serialized(first) == serialized(again)
    assert " at 0x" not in serialized(first)


@pytest.mark.parametrize("operator", [XAISyncCollectionOperator])
def test_a_function_is_no_template(operator: Any) -> None:
    """Airflow would call it, with a context, to render it."""
    task = operator(task_id="one", source="/{{ ds }}", collection="whales", fields=a_function)
    task.render_template_fields({"ds": "2026-01-01"})
    assert (task.source, task.make_fields) == ("/2026-01-01", a_function)
