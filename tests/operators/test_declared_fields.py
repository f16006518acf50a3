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
from tests.conftest import playing
from tests.operators.stage import Xai, run
from tests.operators.syncs import sync, writes
from tests.operators.workers import Cluster

PEOPLE = {"department": "people"}


def ingesting(whales: str, folder: Path, **arguments: Any) -> XAIIngestDocumentsOperator:
    return XAIIngestDocumentsOperator(task_id="ingest", collection_id=whales, paths=folder, **arguments)


def user_fields(xai: Xai, whales: str) -> dict[str, tuple[bool, bool]]:
    """Return the fields of the collection that are not ours, each with whether it is required and unique."""
    defined = xai.describe(whales).field_definitions
    return {each.key: (each.required, each.unique) for each in defined if each.key not in MANAGED_KEYS}


def departments(xai: Xai, whales: str) -> list[str | None]:
    return [document.fields.get("department") for document in xai.documents(whales)]


@pytest.mark.parametrize("by", ["ingest", "sync", "sync by function", "add", "decorator"])
def test_all_that_attaches_declares_what_it_is_about_to_use_and_says_so_once(
    xai: Xai, folder: Path, by: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.INFO)
    whales = xai.collection()
    match by:
        case "ingest":
            run(ingesting(whales, folder, fields=PEOPLE))
        case "sync":
            sync(folder, whales, fields=PEOPLE)
        case "sync by function":
            sync(folder, whales, fields=lambda document: PEOPLE)
        case "add":
            ids = [xai.file(name) for name in ("a.md", "b.md", "c.md")]
            run(XAIAddDocumentsOperator(task_id="add", collection_id=whales, file_ids=ids, fields=PEOPLE))
        case _:
            with DAG("library", schedule=None, start_date=pendulum.datetime(2026, 1, 1, tz="UTC")) as dag:
                xai_ingest_task(collection_id=whales)(three)()
            run(dag.tasks[0])  # type: ignore[arg-type]
    assert user_fields(xai, whales) == {"department": (False, False)}
    assert departments(xai, whales) == ["people"] * 3
    said = "department, which its documents are about to have"
    # Airflow 2 hands a line to logging and may print it as well.
    assert max(caplog.text.count(said), "".join(capfd.readouterr()).count(said)) == 1


def three() -> list[Content]:
    return [Content(name=name, data=name, fields=PEOPLE) for name in ("a.md", "b.md", "c.md")]


def test_fields_of_single_files_are_declared_as_well(xai: Xai) -> None:
    whales, file_id = xai.collection(), xai.file()
    own = {file_id: {"author": "Melville"}}
    run(XAIAddDocumentsOperator(task_id="add", collection_id=whales, file_ids=[file_id], document_fields=own))
    assert user_fields(xai, whales) == {"author": (False, False)}


@pytest.mark.parametrize("by", ["ingest", "sync", "sync by function", "add", "group"])
def test_what_may_not_be_declared_is_refused_by_name_before_anything_is_sent(
    xai: Xai, folder: Path, tmp_path: Path, by: str
) -> None:
    whales, file_id = xai.collection(), xai.file()
    ours = [{"key": key, "unique": key == "airflow_version_key"} for key in sorted(MANAGED_KEYS)]
    if by == "sync by function":  # what it makes is known only then
        updates = [{"field_definition": each, "operation": "FIELD_DEFINITION_ADD"} for each in ours]
        xai.hook.update_collection(collection_id=whales, field_definition_updates=updates)
    xai.forget()
    wishes: dict[str, Any] = {"fields": PEOPLE, "declare_fields": False}
    attempts: dict[str, Any] = {
        "ingest": lambda: run(ingesting(whales, folder, **wishes)),
        "sync": lambda: sync(folder, whales, **wishes),
        "sync by function": lambda: sync(folder, whales, **{**wishes, "fields": lambda each: PEOPLE}),
        "add": lambda: run(XAIAddDocumentsOperator(task_id="add", collection_id=whales, file_ids=[file_id], **wishes)),
        "group": lambda: Cluster(folder, tmp_path / "workspace", wishes).plan(),
    }
    with pytest.raises(XAIFailException, match=r"does not define the field.*department.*XAIUpdateCollection"):
        attempts[by]()
    assert writes(xai) == {}


def test_the_way_that_the_refusal_names_works(xai: Xai, folder: Path) -> None:
    whales = xai.collection()
    refused = ingesting(whales, folder, fields=PEOPLE, declare_fields=False)
    with pytest.raises(XAIFailException) as raised:
        run(refused)
    (named,) = re.findall(r"XAIUpdateCollectionOperator\(add_fields=(\[.*\])\)", str(raised.value))
    run(XAIUpdateCollectionOperator(task_id="update", collection_id=whales, add_fields=ast.literal_eval(named)))
    assert run(refused)["added"] == 3


@pytest.mark.parametrize("emulator_settings", [playing(undeclared_fields=answer) for answer in ("drop", "keep")])
@pytest.mark.parametrize("upload_method", ["auto", "files"])
def test_a_service_that_drops_or_keeps_what_is_not_declared_gets_no_chance_to(
    xai: Xai, folder: Path, upload_method: str
) -> None:
    whales = xai.collection()
    sync(folder, whales, fields=PEOPLE, upload_method=upload_method)
    assert departments(xai, whales) == ["people"] * 3
    assert sync(folder, whales, fields=PEOPLE, upload_method=upload_method)["kept"] == 3


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
