"""A collection by its id or its name: exactly one of them, the same for every task that works on one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowException

from airflow_provider_xai_collections.airflow_errors import XAIFailException
from airflow_provider_xai_collections.decorators.ingest import Content, XAIIngestDecoratedOperator
from airflow_provider_xai_collections.operators.collections import (
    XAIDeleteCollectionOperator,
    XAIUpdateCollectionOperator,
)
from airflow_provider_xai_collections.operators.documents import (
    XAIAddDocumentsOperator,
    XAIReindexDocumentsOperator,
    XAIRemoveDocumentsOperator,
)
from airflow_provider_xai_collections.operators.ingest import XAIIngestDocumentsOperator
from airflow_provider_xai_collections.operators.sync import XAISyncCollectionOperator
from airflow_provider_xai_collections.operators.sync_group import (
    XAIApplySyncOperator,
    XAIFinishSyncOperator,
    XAIPlanSyncOperator,
)
from airflow_provider_xai_collections.sensors.documents import XAIDocumentsProcessedSensor
from scripts.provided import arguments, classes
from tests.conftest import Connect
from tests.operators.stage import Xai, run

#: Each needs so much more to run. A function is given the folder of documents.
KINDS: dict[type[Any], Mapping[str, Any]] = {
    XAIUpdateCollectionOperator: {"collection_description": "new"},
    XAIDeleteCollectionOperator: {"if_missing": "fail"},
    XAIAddDocumentsOperator: {"file_ids": ["file_1"]},
    XAIRemoveDocumentsOperator: {"filter": 'name:"a"'},
    XAIReindexDocumentsOperator: {"which": "all"},
    XAIIngestDocumentsOperator: {"paths": lambda folder: folder},
    XAIIngestDecoratedOperator: {"python_callable": lambda folder: write},
    XAISyncCollectionOperator: {"source": lambda folder: folder},
    XAIPlanSyncOperator: {"source": lambda folder: folder, "workspace": lambda folder: folder.parent / "workspace"},
    XAIDocumentsProcessedSensor: {"poke_interval": 0.01, "timeout": 60},
}
#: They go on with the collection of a plan.
OF_A_PLAN: dict[type[Any], Mapping[str, Any]] = {
    XAIApplySyncOperator: {"source": lambda folder: folder, "planned": {}, "shard": 0},
    XAIFinishSyncOperator: {"source": lambda folder: folder, "planned": {}},
}
#: They create a collection that a name does not find.
CREATING = (XAIIngestDocumentsOperator, XAIIngestDecoratedOperator, XAISyncCollectionOperator, XAIPlanSyncOperator)
each = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)


def write() -> Content:
    return Content("a.md", "alpha")


def task(kind: type[Any], folder: Path, **arguments: Any) -> Any:
    needed = {**KINDS, **OF_A_PLAN}[kind]
    made = {name: value(folder) if callable(value) else value for name, value in needed.items()}
    return kind(task_id="task", **made, **arguments)


def test_these_are_all() -> None:
    found = {
        kind
        for what in ("operators", "sensors", "task-decorators")
        for kind in classes(what)
        if {"collection_id", "collection_name"} <= {parameter.name for _, parameter in arguments(kind)}
    }
    assert found == {*KINDS, *OF_A_PLAN}


@pytest.mark.parametrize("kind", [*KINDS, *OF_A_PLAN], ids=lambda kind: kind.__name__)
@pytest.mark.parametrize(
    ("named", "said"),
    [
        ({}, "pass collection_id or collection_name: exactly one of them"),
        ({"collection_id": "collection_1", "collection_name": "whales"}, "pass collection_id or collection_name"),
        ({"collection_id": ""}, "collection_id is ''; it must be text, and not empty"),
        ({"collection_name": ""}, "collection_name is ''; it must be text, and not empty"),
        ({"collection_name": "None"}, "A template has made this text of something that is None"),
    ],
)
def test_exactly_one_says_which_collection(
    xai: Xai, folder: Path, kind: type[Any], named: dict[str, Any], said: str
) -> None:
    with pytest.raises(XAIFailException, match=said):
        run(task(kind, folder, **named))
    assert xai.emulator.counts == {}


@each
def test_a_name_that_nobody_in_the_team_has_says_what_to_do(
    xai: Xai, folder: Path, connect: Connect, kind: type[Any]
) -> None:
    for name in ("Whales", "whales and dolphins"):
        xai.collection(name)
    connect(team_id="team_7")
    more = {"create_collection": False} if kind in CREATING else {}
    with pytest.raises(XAIFailException, match=r"no collection is called 'whales'\. .*XAICreateCollectionOperator"):
        run(task(kind, folder, collection_name="whales", **more))
    assert xai.emulator.counts.keys() == {"list_collections"}
    assert {query["team_id"] for query in xai.queries("list_collections")} == {"team_7"}


@each
def test_a_name_that_several_have_is_refused_with_their_ids(xai: Xai, folder: Path, kind: type[Any]) -> None:
    ids = [xai.collection("whales"), xai.collection("whales")]
    with pytest.raises(XAIFailException, match=r"2 collections are called 'whales'.*Pass the collection_id") as raised:
        run(task(kind, folder, collection_name="whales"))
    assert all(collection_id in str(raised.value) for collection_id in ids)
    assert xai.emulator.counts.keys() == {"list_collections"}


@each
def test_an_id_that_nobody_has_is_named(xai: Xai, folder: Path, kind: type[Any]) -> None:
    with pytest.raises(AirflowException, match=r"collection_42.*404"):
        run(task(kind, folder, collection_id="collection_42"))
    assert xai.hook.list_collections() == []


def test_a_collection_that_is_to_be_gone_and_has_no_name_is_gone(xai: Xai) -> None:
    manifest = run(XAIDeleteCollectionOperator(task_id="delete", collection_name="whales"))
    assert (manifest["collection_id"], manifest["collection_deleted"]) == ("", False)
