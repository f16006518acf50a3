"""``@task.xai_ingest``: what a function returns is in the collection when the task ends."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pendulum
import pytest
from airflow.providers.common.compat.sdk import DAG, ObjectStoragePath
from airflow.providers.common.compat.sdk import task as airflow_task

from airflow_provider_xai_collections.airflow_errors import XAIFailException
from airflow_provider_xai_collections.decorators.ingest import Content, XAIIngestDecoratedOperator, xai_ingest_task
from airflow_provider_xai_collections.exceptions import XAIError, XAIIndexingError
from airflow_provider_xai_collections.operators.waiting import MAP_INDEX_TEMPLATE
from tests.conftest import playing
from tests.operators.stage import Xai, deferring, finish, run
from tests.sample_documents import pdf


def task(function: Callable[..., Any], *given: Any, **arguments: Any) -> XAIIngestDecoratedOperator:
    """The task that a decorated function becomes when it is called in a DAG."""
    with DAG("library", schedule=None, start_date=pendulum.datetime(2026, 1, 1, tz="UTC")) as dag:
        xai_ingest_task(**arguments)(function)(*given)
    (made,) = dag.tasks
    assert isinstance(made, XAIIngestDecoratedOperator)
    return made


def ingest(xai: Xai, returned: Any, **arguments: Any) -> tuple[str, Any]:
    """The collection after a function returned that, and the manifest."""
    whales = xai.collection()
    return whales, run(task(lambda: returned, task_id="ingest", collection_id=whales, **arguments))


REPORT = Content(name="report.md", data="# Whales\n\nCall me Ishmael.", fields={"kind": "report"})


def test_contents_become_documents_with_their_own_fields_and_a_stable_place(xai: Xai) -> None:
    raw = Content(name="a b.txt", data=b"raw", uri="https://example.org/raw", fields={"kind": "raw"})
    whales, manifest = ingest(xai, [REPORT, raw], fields={"kind": "any", "year": "1851"}, scope="books")
    assert (manifest["total"], manifest["added"], manifest["wait"]["processed"]) == (2, 2, 2)
    first, second = xai.documents(whales)
    assert (first.name, first.fields["kind"], first.fields["year"]) == ("a b.txt", "raw", "1851")
    assert first.fields["airflow_source_uri"] == "https://example.org/raw"
    assert (second.name, second.fields["kind"], second.fields["airflow_scope"]) == ("report.md", "report", "books")
    assert second.fields["airflow_source_uri"] == "airflow://library/ingest/report.md"
    assert second.fields["airflow_content_blake3"] == second.file_metadata.hash
    [match] = xai.hook.search_documents(query="Ishmael", collection_ids=[whales])
    assert match.file_id == second.file_id


def test_the_same_content_is_there_already_and_another_is_a_version(xai: Xai) -> None:
    whales = xai.collection()
    for data, counts in (("one", (1, 0, 0)), ("one", (0, 1, 0)), ("two", (1, 0, 1))):
        function = lambda data=data: Content(name="report.md", data=data)  # noqa: E731
        manifest = run(task(function, task_id="ingest", collection_id=whales))
        assert (manifest["added"], manifest["already_there"], manifest["older_versions"]) == counts


def test_paths_of_every_kind_are_found_as_the_operator_finds_them(xai: Xai, folder: Path) -> None:
    for returned, names in (
        (str(folder), ["a.md", "b.txt", "deep/c.md"]),
        (folder / "a.md", ["a.md"]),
        (f"{folder}/*.md", ["a.md"]),
        (ObjectStoragePath(f"file://{folder}/b.txt"), ["b.txt"]),
        ([folder / "a.md", str(folder / "b.txt")], ["a.md", "b.txt"]),
        ((folder / "a.md", REPORT), ["a.md", "report.md"]),
    ):
        whales, manifest = ingest(xai, returned)
        assert xai.names(whales) == names
        assert manifest["wait"]["processed"] == len(names)


def test_a_function_may_yield_and_gets_its_arguments_and_the_context(xai: Xai) -> None:
    def write(title: str, ti: Any = None, *, author: str) -> Iterator[Content]:
        yield Content(name=f"{title}.md", data=f"try {ti.try_number} of {author}")

    whales = xai.collection()
    with DAG("library", schedule=None, start_date=pendulum.datetime(2026, 1, 1, tz="UTC")) as dag:
        xai_ingest_task(collection_id=whales)(write)("moby", author="Melville")
    (made,) = dag.tasks
    assert isinstance(made, XAIIngestDecoratedOperator)
    run(made, try_number=3)
    assert xai.names(whales) == ["moby.md"]
    assert [match.chunk_content for match in xai.hook.search_documents(query="try", collection_ids=[whales])] == [
        "try 3 of Melville"
    ]


def test_direct_upload_takes_contents_as_well(xai: Xai) -> None:
    whales, _ = ingest(xai, REPORT, upload_method="direct")
    assert (xai.names(whales), xai.emulator.count("upload_file")) == (["report.md"], 0)


@pytest.mark.parametrize("emulator_settings", [playing(indexing="reads:2")])
async def test_deferred_the_function_is_called_once_and_its_bytes_are_nowhere(xai: Xai) -> None:
    calls: list[str] = []

    def function() -> Content:
        calls.append("once")
        return Content(name="secret.txt", data=b"a secret text")

    whales = xai.collection()
    with deferring() as deferred:
        run(task(function, task_id="ingest", collection_id=whales, deferrable=True))
    manifest = await finish(deferred[0], task(function, task_id="ingest", collection_id=whales))
    assert (calls, manifest["wait"]["processed"]) == (["once"], 1)
    assert "a secret text" not in f"{deferred[0].trigger.serialize()}{json.dumps(manifest)}"
    assert "a secret text" not in repr(function())


@pytest.mark.parametrize("emulator_settings", [playing(fail_names=("report*",))])
def test_a_document_that_fails_fails_the_task(xai: Xai) -> None:
    with pytest.raises(XAIIndexingError, match=r"1 of 1 documents .*report\.md"):
        ingest(xai, REPORT)


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        (None, r"returned NoneType\. It must be an ordinary function that returns paths, Content"),
        ({"report.md": "text"}, "returned dict"),
        (b"bytes", "returned bytes"),
        ([REPORT, 7], "returned a list with int"),
        ([], "returned no document. Raise AirflowSkipException"),
        (Content(name="a.md", data=""), "1 of 1 files cannot be ingested: a.md is empty.*Nothing was sent. Mend them"),
        (Content(name="a.md", data=7), "'a.md': a Content needs a name and its data as text or bytes"),  # type: ignore[arg-type]
        ([REPORT, Content(name="semi;colon.md", data="x")], "1 of 2 files cannot be ingested: .*semi;colon"),
        ([REPORT, Content(name="report.md", data="x", uri="x://y")], "would both be called 'report.md'.*Give each"),
        (
            [Content(name=name, data="x", uri="x://y") for name in ("a.md", "b.md")],
            "x://y and x://y would both be versions of 'x://y'",
        ),
        (Content(name="a.md", data="x", fields={"airflow_scope": "y"}), "fields names airflow_scope"),
        (Content(name="a.md", data="x", fields="year"), "a.md: fields must be strings by string"),  # type: ignore[arg-type]
        (Content(name="a.md", data="x", fields={"year": 1.0}), r"\['year'\] is 1\.0; it must be"),  # type: ignore[dict-item]
    ],
)
def test_what_cannot_be_ingested_is_refused_before_anything_is_sent(xai: Xai, returned: Any, said: str) -> None:
    with pytest.raises((XAIFailException, XAIError), match=said):
        ingest(xai, returned)
    assert xai.emulator.count("upload_file") == 0


@pytest.mark.filterwarnings("ignore:coroutine")
def test_an_asynchronous_function_is_refused(xai: Xai) -> None:
    async def function() -> Content:
        await asyncio.sleep(0)
        return REPORT

    made = task(function, task_id="ingest", collection_id=xai.collection())
    assert made.is_async is False, "or Airflow 3 would not call execute()"
    with pytest.raises(XAIFailException, match=r"returned coroutine\. It must be an ordinary function"):
        run(made)


def test_a_mapped_task_is_called_after_the_arguments_unless_it_has_a_template() -> None:
    made = task(lambda to: REPORT, "Ahab", task_id="ingest", collection_id="c")
    assert (made.batch_name, made.map_index_template) == ("Ahab", MAP_INDEX_TEMPLATE)
    named = task(lambda: REPORT, task_id="ingest", collection_id="c", map_index_template="mine")
    assert named.map_index_template == "mine"


def test_airflow_offers_it_below_task(xai: Xai) -> None:
    whales = xai.collection()
    with DAG("library", schedule=None, start_date=pendulum.datetime(2026, 1, 1, tz="UTC")) as dag:

        @airflow_task.xai_ingest(collection_id=whales, scope="books")
        def report() -> Content:
            return REPORT

        report()
    (made,) = dag.tasks
    assert isinstance(made, XAIIngestDecoratedOperator)
    assert made.task_id == "report"
    run(made)
    assert xai.names(whales) == ["report.md"]


def test_what_is_templated_and_what_source_the_ui_shows() -> None:
    def report() -> Content:
        return REPORT

    made = task(report, collection_id="{{ ds }}")
    assert {"collection_id", "fields", "scope", "team_id", "conn_id", "op_args", "op_kwargs"} == set(
        made.template_fields
    )
    assert made.template_fields_renderers.keys() == {"fields", "op_args", "op_kwargs"}
    assert made.python_callable is report


def test_the_example_of_the_readme_is_one(xai: Xai) -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    (source,) = (block for block in re.findall(r"```py\n(.*?)```", readme, re.DOTALL) if "@task.xai_ingest" in block)
    if importlib.util.find_spec("airflow.sdk") is None:
        source = source.replace("from airflow.sdk", "from airflow.decorators")
    names: dict[str, Any] = {}
    whales = xai.collection()
    exec(source.replace("collection_…", whales), names)
    with DAG("library", schedule=None, start_date=pendulum.datetime(2026, 1, 1, tz="UTC")) as dag:
        names["report"]("2026-01-01")
    run(dag.tasks[0])  # type: ignore[arg-type]
    assert xai.names(whales) == ["2026-01-01.md"]


def test_the_type_of_content_follows_from_its_name_and_its_first_bytes(xai: Xai) -> None:
    book = Content(name="moby", data=pdf("Call me Ishmael"))
    whales, _ = ingest(xai, [book, Content(name="notes.yaml", data="a: 1"), Content(name="README", data="text")])
    types = {each.name: each.file_metadata.content_type for each in xai.documents(whales)}
    assert types == {"moby": "application/pdf", "notes.yaml": "text/yaml", "README": "text/plain"}
    assert xai.hook.search_documents(query="Ishmael", collection_ids=[whales])[0].text == "Call me Ishmael"
