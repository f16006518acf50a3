"""Fields are declared before they are used, by everything that attaches: the service refuses others."""

from __future__ import annotations

import ast
import logging
import re
from pathlib import Path
from typing import Any

import pendulum
import pytest
from airflow.providers.common.compat.sdk import DAG

from airflow_provider_xai_collections.airflow_errors import XAIFailException
from airflow_provider_xai_collections.api.identity import MANAGED_KEYS
from airflow_provider_xai_collections.decorators.ingest import Content, xai_ingest_task
from airflow_provider_xai_collections.operators.collections import XAIUpdateCollectionOperator
from airflow_provider_xai_collections.operators.documents import XAIAddDocumentsOperator
from airflow_provider_xai_collections.operators.ingest import XAIIngestDocumentsOperator
from tests.operators.stage import Xai, run
from tests.operators.syncs import sync, writes
from tests.operators.workers import Cluster

PEOPLE = {"department": "people"}


def three() -> list[Content]:
    return [Content(name=name, data=name, fields=PEOPLE) for name in ("a.md", "b.md", "c.md")]


def attach(by: str, xai: Xai, whales: str, folder: Path, **wishes: Any) -> Any:
    """Attach three documents of the department of people."""
    match by:
        case "ingest":
            ingest: dict[str, Any] = {"collection_id": whales, "paths": folder, "fields": PEOPLE}
            return run(XAIIngestDocumentsOperator(task_id="ingest", **ingest, **wishes))
        case "sync":
            return sync(folder, whales, fields=PEOPLE, **wishes)
        case "sync by function":
            return sync(folder, whales, fields=lambda document: PEOPLE, **wishes)
        case "group":
            return Cluster(folder, folder.parent / "workspace", {"fields": PEOPLE, **wishes}).run()
        case "add":
            add: dict[str, Any] = {"collection_id": whales, "file_ids": xai.files(3), "fields": PEOPLE}
            return run(XAIAddDocumentsOperator(task_id="add", **add, **wishes))
        case _:
            with DAG("library", schedule=None, start_date=pendulum.datetime(2026, 1, 1, tz="UTC")) as dag:
                xai_ingest_task(collection_id=whales, **wishes)(three)()
            return run(dag.tasks[0])  # type: ignore[arg-type]


def user_fields(xai: Xai, whales: str) -> dict[str, tuple[bool, bool]]:
    """Return the fields of the collection that are not ours, each with whether it is required and unique."""
    defined = xai.describe(whales).field_definitions
    return {each.key: (each.required, each.unique) for each in defined if each.key not in MANAGED_KEYS}


@pytest.mark.parametrize("by", ["ingest", "sync", "sync by function", "group", "add", "decorator"])
def test_all_that_attaches_declares_what_it_is_about_to_use_and_says_so_once(
    xai: Xai, folder: Path, by: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.INFO)
    whales = xai.collection()
    attach(by, xai, whales, folder)
    assert user_fields(xai, whales) == {"department": (False, False)}
    assert [document.fields.get("department") for document in xai.documents(whales)] == ["people"] * 3
    said = "department, which its documents are about to have"
    # Airflow 2 hands a line to logging and may print it as well.
    assert max(caplog.text.count(said), "".join(capfd.readouterr()).count(said)) == 1


def test_fields_of_single_files_are_declared_as_well(xai: Xai) -> None:
    whales, file_id = xai.collection(), xai.file()
    own = {file_id: {"author": "Melville"}}
    run(XAIAddDocumentsOperator(task_id="add", collection_id=whales, file_ids=[file_id], document_fields=own))
    assert user_fields(xai, whales) == {"author": (False, False)}


@pytest.mark.parametrize("by", ["ingest", "sync", "sync by function", "group", "add"])
def test_what_may_not_be_declared_is_refused_by_name_before_anything_is_sent(xai: Xai, folder: Path, by: str) -> None:
    whales = xai.collection()
    if by == "sync by function":  # what it makes is known only then
        ours = [{"key": key, "unique": key == "airflow_version_key"} for key in sorted(MANAGED_KEYS)]
        updates = [{"field_definition": each, "operation": "FIELD_DEFINITION_ADD"} for each in ours]
        xai.hook.update_collection(collection_id=whales, field_definition_updates=updates)
        xai.forget()
    with pytest.raises(XAIFailException, match=r"does not define the field.*department.*XAIUpdateCollection"):
        attach(by, xai, whales, folder, declare_fields=False)
    assert writes(xai) == {}


def test_the_way_that_the_refusal_names_works(xai: Xai, folder: Path) -> None:
    whales = xai.collection()
    with pytest.raises(XAIFailException) as raised:
        attach("ingest", xai, whales, folder, declare_fields=False)
    (named,) = re.findall(r"XAIUpdateCollectionOperator\(add_fields=(\[.*\])\)", str(raised.value))
    run(XAIUpdateCollectionOperator(task_id="update", collection_id=whales, add_fields=ast.literal_eval(named)))
    assert attach("ingest", xai, whales, folder, declare_fields=False)["added"] == 3


def test_a_collection_is_created_with_the_fields_and_not_at_all_if_they_may_not_be_declared(
    xai: Xai, folder: Path
) -> None:
    with pytest.raises(XAIFailException, match=r"whales does not exist, and would not define department.*field_def"):
        sync(folder, fields=PEOPLE, declare_fields=False)
    assert xai.hook.list_collections() == []
    xai.forget()
    sync(folder, fields=PEOPLE)
    assert "update_collection" not in xai.emulator.counts


def test_a_sync_with_nothing_to_upload_declares_nothing(xai: Xai, folder: Path) -> None:
    whales = sync(folder)["collection_id"]
    assert sync(folder, fields=PEOPLE)["other_fields"] == 3
    assert user_fields(xai, whales) == {}
