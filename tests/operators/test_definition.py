"""Expectations of Airflow that every operator and sensor meets, before it runs any."""

from __future__ import annotations

import copy
import inspect
import pickle
import socket
from importlib import import_module
from pathlib import Path
from typing import Any

import pendulum
import pytest
from airflow.providers.common.compat.sdk import DAG, BaseOperator

from airflow_provider_xai_collections.operators.collections import (
    XAICreateCollectionOperator,
    XAIDeleteCollectionOperator,
    XAIUpdateCollectionOperator,
)
from airflow_provider_xai_collections.operators.documents import (
    XAIAddDocumentsOperator,
    XAIReindexDocumentsOperator,
    XAIRemoveDocumentsOperator,
)
from airflow_provider_xai_collections.operators.files import XAIDeleteUnattachedFilesOperator
from airflow_provider_xai_collections.operators.ingest import XAIIngestDocumentsOperator
from airflow_provider_xai_collections.operators.search import XAISearchDocumentsOperator
from airflow_provider_xai_collections.operators.sync import XAISyncCollectionOperator
from airflow_provider_xai_collections.operators.sync_group import (
    XAIApplySyncOperator,
    XAIFinishSyncOperator,
    XAIPlanSyncOperator,
)
from airflow_provider_xai_collections.sensors.documents import XAIDocumentsProcessedSensor
from scripts.provided import classes

#: Airflow's serialization of a DAG, under the name that this release has for it.
_SERIALIZATION = import_module("airflow.serialization.serialized_objects")
SERIALIZED_DAG = getattr(_SERIALIZATION, "DagSerialization", None) or _SERIALIZATION.SerializedDAG
#: Arguments as a DAG author would write them; few are valid before they are rendered.
TASKS: dict[type[Any], dict[str, Any]] = {
    XAICreateCollectionOperator: {"collection_name": "{{ ds }}", "field_definitions": "{{ params.fields }}"},
    XAIUpdateCollectionOperator: {"collection_id": "{{ ds }}", "delete_fields": "{{ params.keys }}"},
    XAIDeleteCollectionOperator: {"collection_id": "{{ ds }}", "if_missing": "shrug"},
    XAIAddDocumentsOperator: {"collection_id": "{{ ds }}", "file_ids": "{{ params.ids }}", "fields": "{{ params.f }}"},
    XAIRemoveDocumentsOperator: {"collection_id": "{{ ds }}", "file_ids": "{{ params.ids }}", "filter": ""},
    XAIReindexDocumentsOperator: {"collection_id": "{{ ds }}", "file_ids": "{{ params.ids }}", "which": "{{ ds }}"},
    XAIDeleteUnattachedFilesOperator: {"pattern": "{{ ds }}", "report": "{{ ds }}", "older_than": -1},
    XAISearchDocumentsOperator: {"query": "", "collection_ids": "{{ params.ids }}", "expect_file_ids": "{{ ds }}"},
    XAIIngestDocumentsOperator: {"collection_id": "{{ ds }}", "paths": "{{ params.paths }}", "exclude": "{{ ds }}"},
    XAISyncCollectionOperator: {"source": "{{ ds }}", "collection_name": "", "report": "{{ ds }}"},
    XAIPlanSyncOperator: {"source": "", "collection_name": "{{ ds }}", "workspace": "{{ ds }}", "exclude": "{{ p }}"},
    XAIApplySyncOperator: {"source": "{{ ds }}", "collection_id": "", "planned": "{{ p }}", "shard": "{{ ds }}"},
    XAIFinishSyncOperator: {"source": "{{ ds }}", "collection_id": "", "planned": "{{ p }}", "report": "{{ ds }}"},
    XAIDocumentsProcessedSensor: {"collection_id": "{{ ds }}", "file_ids": "{{ params.ids }}"},
}
tasks = pytest.mark.parametrize("kind", TASKS, ids=lambda kind: kind.__name__)


def make(kind: type[Any]) -> BaseOperator:
    task: BaseOperator = kind(task_id="task", **TASKS[kind])
    return task


def test_these_are_all() -> None:
    assert {*TASKS} == {kind for what in ("operators", "sensors") for kind in classes(what)}


@tasks
def test_template_fields_are_arguments_and_attributes_that_hold_what_was_given(kind: type[Any]) -> None:
    arguments = {
        name for one in kind.__mro__ if one.__module__.startswith("airflow_provider_xai") for name in parameters(one)
    }
    given = dict.fromkeys(kind.template_fields, object())
    task = kind(task_id="task", **given)
    assert set(kind.template_fields) <= arguments
    assert {name: getattr(task, name) for name in kind.template_fields} == given


def parameters(kind: type[Any]) -> list[str]:
    signature = inspect.signature(inspect.unwrap(kind.__init__))
    return [name for name, one in signature.parameters.items() if one.kind is inspect.Parameter.KEYWORD_ONLY]


@tasks
def test_grid_and_graph_show_a_short_name_of_its_own(kind: type[Any]) -> None:
    with DAG("names", schedule=None, start_date=pendulum.datetime(2026, 1, 1, tz="UTC")) as dag:
        make(kind)
    restored = SERIALIZED_DAG.from_dict(SERIALIZED_DAG.to_dict(dag))
    name = restored.get_task("task").operator_name
    assert name.startswith("xAI ")
    assert len(name) <= 30
    assert name not in {other.custom_operator_name for other in TASKS if other is not kind}


@tasks
def test_renderers_are_for_template_fields(kind: type[Any]) -> None:
    assert kind.template_fields_renderers.keys() <= set(kind.template_fields)


@tasks
def test_every_argument_is_documented(kind: type[Any]) -> None:
    ours = [one for one in kind.__mro__ if one.__module__.startswith("airflow_provider_xai")]
    said = "".join(inspect.getdoc(one) or "" for one in ours)
    assert [name for one in ours for name in parameters(one) if f":param {name}:" not in said] == []


@tasks
def test_making_one_opens_nothing_and_asks_for_no_connection(kind: type[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: Any) -> None:
        raise AssertionError("I/O while a DAG is parsed")

    for name in ("open", "stat", "exists", "is_dir"):
        monkeypatch.setattr(Path, name, refuse)
    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr("airflow.providers.common.compat.sdk.BaseHook.get_connection", refuse)
    make(kind)


@tasks
def test_it_survives_copying_and_pickling(kind: type[Any]) -> None:
    task = make(kind)
    for twin in (copy.deepcopy(task), pickle.loads(pickle.dumps(task))):
        assert {name: getattr(twin, name) for name in TASKS[kind]} == TASKS[kind]
