"""Arguments in a real Airflow: what mapped tasks return, and what native rendering makes of text."""

from __future__ import annotations

from pathlib import Path

from tests.dags.conftest import Only
from tests.operators.stage import Xai

HEAD = """
import pendulum
from airflow.providers.common.compat.sdk import dag, task
from airflow_provider_xai_collections.hooks.collections import XAICollectionsHook
from airflow_provider_xai_collections.operators.collections import XAIUpdateCollectionOperator
from airflow_provider_xai_collections.operators.documents import (
    XAIAddDocumentsOperator, XAIReindexDocumentsOperator, XAIRemoveDocumentsOperator
)
from airflow_provider_xai_collections.operators.ingest import XAIIngestDocumentsOperator
from airflow_provider_xai_collections.operators.search import XAISearchDocumentsOperator
from airflow_provider_xai_collections.operators.sync import XAISyncCollectionOperator
from airflow_provider_xai_collections.sensors.documents import XAIDocumentsProcessedSensor

START = pendulum.datetime(2026, 1, 1, tz="UTC")
PARAMS = {"collection_id": "", "documents": "", "version": "3.10", "year": "1851"}

@task
def each(value):
    return value
"""

MAPPED = """
@dag(schedule=None, start_date=START, params=PARAMS)
def lists():
    where = {"collection_id": "{{ params.collection_id }}"}
    paths = each.override(task_id="paths").expand(value=["{{ params.documents }}/a.md", "{{ params.documents }}/deep"])
    unwanted = each.override(task_id="patterns").expand(value=["*.txt", "*.tmp"])
    keys = each.override(task_id="keys").expand(value=["year"])
    definitions = each.override(task_id="definitions").expand(value=[{"key": "author"}])
    update = XAIUpdateCollectionOperator(task_id="update", add_fields=definitions, **where)
    ingest = XAIIngestDocumentsOperator(task_id="ingest", paths=paths, exclude=unwanted, **where)
    source = "{{ params.documents }}"
    sync = XAISyncCollectionOperator(task_id="sync", source=source, exclude=unwanted, scope="all", **where)

    @task
    def there(params):
        documents = XAICollectionsHook().list_documents(collection_id=params["collection_id"])
        return [document.file_id for document in documents]

    @task
    def ask(ids, collections):
        hook = XAICollectionsHook()
        assert len(hook.batch_get_documents(collection_id=collections[0], file_ids=ids)) == len(ids) > 0
        assert set(hook.wait_for_documents(collection_id=collections[0], file_ids=ids).processed) == set(ids)
        assert hook.search_documents(query="alpha", collection_ids=collections)

    all_ids = there()
    ids = each.override(task_id="ids").expand(value=all_ids)
    collections = each.override(task_id="collections").expand(value=[where["collection_id"]])
    query, text = "alpha gamma", "{{ ti.xcom_pull(task_ids='ids') | list }}"
    [update, ingest, sync] >> all_ids
    ids >> XAIAddDocumentsOperator(task_id="add_text", file_ids=text, **where) >> [
        XAIAddDocumentsOperator(task_id="add", file_ids=ids, **where),
        XAIReindexDocumentsOperator(task_id="reindex", file_ids=ids, **where),
        XAIDocumentsProcessedSensor(task_id="wait", file_ids=ids, **where),
        XAISearchDocumentsOperator(task_id="search", query=query, collection_ids=collections, expect_file_ids=ids),
        XAISearchDocumentsOperator(task_id="group", query=query, collection_ids=collections, group_by={"keys": keys}),
        ask(ids, collections),
    ] >> XAIRemoveDocumentsOperator(task_id="remove", file_ids=ids, **where)

lists()
"""

NATIVE = """
@dag(schedule=None, start_date=START, params=PARAMS, render_template_as_native_obj=True)
def quoted():
    XAIIngestDocumentsOperator(
        task_id="ingest", collection_id="{{ params.collection_id }}", paths="{{ params.documents }}",
        scope="'{{ params.version }}'", fields={"year": "{{ params.year }}", "author": "'3.10'"},
    )

@dag(schedule=None, start_date=START, params=PARAMS, render_template_as_native_obj=True)
def not_quoted():
    XAIIngestDocumentsOperator(
        task_id="ingest", collection_id="{{ params.collection_id }}", paths="{{ params.documents }}",
        scope="{{ params.version }}",
    )

quoted()
not_quoted()
"""


def test_what_mapped_tasks_return_is_a_list_everywhere(xai: Xai, folder: Path, only: Only) -> None:
    whales = xai.collection(field_definitions=[{"key": "year"}])
    own = only(HEAD + MAPPED)
    own.test("lists", {"collection_id": whales, "documents": str(folder)})
    assert xai.emulator.count("upload_document") == 2 + 2
    assert xai.emulator.count("reindex_document") == 4
    assert xai.names(whales) == []
    assert {definition.key for definition in xai.describe(whales).field_definitions} >= {"year", "author"}


def test_text_that_native_rendering_would_spell_otherwise_is_refused_unless_it_is_quoted(
    xai: Xai, folder: Path, only: Only
) -> None:
    whales = xai.collection()
    params = {"collection_id": whales, "documents": str(folder)}
    own = only(HEAD + NATIVE)
    said = own.test("not_quoted", params, fails=True)
    assert "scope is 3.1; it must be text, and not empty. With render_template_as_native_obj=True" in said
    assert xai.emulator.count("upload_document") == 0
    own.test("quoted", params)
    fields = [document.fields for document in xai.documents(whales)]
    assert {(own["airflow_scope"], own["year"], own["author"]) for own in fields} == {("3.10", "1851", "3.10")}
