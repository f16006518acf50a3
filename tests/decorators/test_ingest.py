"""``@task.xai_ingest``: documents that a function returns are in the collection when the task ends."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pendulum
import pytest
from airflow.providers.common.compat.sdk import DAG, ObjectStoragePath, TaskDeferred
from airflow.providers.common.compat.sdk import task as airflow_task

from airflow_provider_xai_collections.airflow_errors import XAIFailException
from airflow_provider_xai_collections.decorators.ingest import (
    KEY,
    Content,
    XAIIngestDecoratedOperator,
    xai_ingest_task,
)
from airflow_provider_xai_collections.exceptions import XAIIndexingError
from airflow_provider_xai_collections.manifests.progress import PROGRESS_KEY
from airflow_provider_xai_collections.operators.mapped import MAP_INDEX_TEMPLATE
from airflow_provider_xai_collections.waits.deferral import ROOM_FOR_WATCHED
from tests.conftest import playing
from tests.object_storage import FakeS3, attached
from tests.operators.stage import Xai, deferring, finish, run, to_the_end, write
from tests.operators.syncs import by_name, counts, only_id, report_of
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
    assert counts(manifest) == {"documents": 2, "added": 2}
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
    for data, expected in (("one", (1, 0, 0)), ("one", (0, 1, 0)), ("two", (1, 0, 1))):
        function = lambda data=data: Content(name="report.md", data=data)  # noqa: E731
        manifest = run(task(function, task_id="ingest", collection_id=whales))
        assert (manifest["added"], manifest["kept"], manifest["older_versions"]) == expected


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
        assert counts(manifest) == {"documents": len(names), "added": len(names)}


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


def test_pattern_and_exclude_choose_among_the_files_of_folders(xai: Xai, folder: Path) -> None:
    whales, _ = ingest(xai, [folder, REPORT], pattern=["*.md", "*.txt"], exclude="deep")
    assert xai.names(whales) == ["a.md", "b.txt", "report.md"]


def test_direct_upload_takes_contents_as_well(xai: Xai) -> None:
    whales, _ = ingest(xai, REPORT, upload_method="direct")
    assert (xai.names(whales), xai.emulator.count("upload_file")) == (["report.md"], 0)


# In the triggerer.


@pytest.mark.parametrize("emulator_settings", [playing(indexing="reads:4", fail_names=("bad*",))])
async def test_deferred_the_function_is_called_once_and_its_documents_are_remembered(
    xai: Xai, folder: Path, tmp_path: Path
) -> None:
    calls: list[str] = []

    def function() -> list[Any]:
        calls.append("once")
        write(folder, {"a.md": "alpha"})
        return [Content("secret.txt", b"a secret text"), Content("bad.md", "bad"), Content("empty.md", ""), folder]

    whales, report = xai.collection(), tmp_path / "report.jsonl"
    made = task(function, task_id="task", collection_id=whales, deferrable=True, max_failed=1, report=report)
    deferrals: list[TaskDeferred] = []
    xcoms: dict[str, str] = {}
    manifest = await to_the_end(made, deferrals, xcoms=xcoms)
    assert calls == ["once"]
    assert counts(manifest) == {"documents": 6, "added": 5, "failed": 1, "skipped": 1}
    assert by_name(report_of(report), "outcome") == {
        "secret.txt": "processed",
        "bad.md": "failed",
        "empty.md": "skipped",
        **dict.fromkeys(("a.md", "b.txt", "deep/c.md"), "processed"),
    }
    assert xcoms.keys() == {KEY, PROGRESS_KEY}
    assert "a secret text" not in f"{[each.trigger.serialize() for each in deferrals]}{xcoms}{json.dumps(manifest)}"
    assert "a secret text" not in repr(function())


@pytest.mark.parametrize("emulator_settings", [playing(indexing="reads:2")])
async def test_deferred_files_are_gone_when_it_goes_on_and_nobody_misses_them(xai: Xai, folder: Path) -> None:
    whales = xai.collection()
    made = task(lambda: folder, task_id="task", collection_id=whales, deferrable=True)
    fresh = task(lambda: folder, task_id="task", collection_id=whales, deferrable=True)
    xcoms: dict[str, str] = {}
    with deferring() as deferred:
        run(made, xcoms=xcoms)
    shutil.rmtree(folder)
    assert counts(await finish(deferred[0], fresh, xcoms=xcoms)) == {"documents": 3, "added": 3}


@pytest.mark.parametrize("emulator_settings", [playing(indexing="reads:2", fail_names=("b*",))])
async def test_deferred_files_of_which_a_listing_tells_nothing_are_remembered_by_their_content(xai: Xai) -> None:
    class Taciturn(FakeS3):
        def told_of(self, info: dict[str, Any]) -> dict[str, Any]:
            return info

    whales = xai.collection()
    with attached(Taciturn(), "store") as fs:
        for name in ("a.md", "b.md"):
            fs.put(f"bucket/docs/{name}", name.encode())
        made = task(
            lambda: "s3://store@bucket/docs", task_id="task", collection_id=whales, deferrable=True, max_failed=1
        )
        manifest = await to_the_end(made, [])
    assert counts(manifest) == {"documents": 2, "added": 2, "failed": 1}


@pytest.mark.parametrize("emulator_settings", [playing(indexing="reads:4")])
async def test_deferred_again_for_many_documents_it_still_remembers_them(xai: Xai) -> None:
    many = [Content(f"{number:03}.md", f"no {number}") for number in range(ROOM_FOR_WATCHED // 46 + 20)]
    calls: list[str] = []

    def function() -> list[Content]:
        calls.append("once")
        return many

    whales, xcoms = xai.collection(), dict[str, str]()
    arguments: dict[str, Any] = {"task_id": "task", "collection_id": whales, "deferrable": True}
    with deferring() as deferred:
        run(task(function, **arguments), xcoms=xcoms)
    with deferring() as again:
        await finish(deferred[0], task(function, **arguments), xcoms=xcoms)
    manifest = await finish(again[0], task(function, **arguments), xcoms=xcoms)
    assert (calls, counts(manifest)) == (["once"], {"documents": len(many), "added": len(many)})


# Documents that fail, or are none.


@pytest.mark.parametrize("emulator_settings", [playing(fail_names=("report*",))])
def test_a_document_that_fails_fails_the_task(xai: Xai) -> None:
    with pytest.raises(XAIIndexingError, match=r"1 of 1 document.*report\.md"):
        ingest(xai, REPORT)


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (Content(name="empty.md", data=""), "it is empty"),
        (Content(name="semi;colon.md", data="x"), "semi;colon"),
        (Content(name="photo.png", data=b"x"), "which xAI does not list as supported"),
    ],
)
def test_a_document_that_xai_would_not_take_is_skipped(xai: Xai, bad: Content, why: str) -> None:
    _, manifest = ingest(xai, [REPORT, bad])
    assert counts(manifest) == {"documents": 2, "added": 1, "skipped": 1}
    assert why in manifest["problems"][0]["reason"]


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        (None, r"returned NoneType\. It must be an ordinary function that returns paths, Content"),
        ({"report.md": "text"}, "returned dict"),
        (b"bytes", "returned bytes"),
        ([REPORT, 7], "returned a list with int"),
        ([], "returned no document. Raise AirflowSkipException"),
        ([REPORT, Content(name="report.md", data="x", uri="x://y")], "would both be called 'report.md'.*Give each"),
        ([Content(name=name, data="x", uri="x://y") for name in ("a.md", "b.md")], "two contents have the same URI"),
        (Content(name="a.md", data="x", fields={"airflow_scope": "y"}), "fields names airflow_scope"),
        (Content(name="a.md", data="x", fields={"year": 1.0}), r"\['year'\] is 1\.0; it must be"),  # type: ignore[dict-item]
        (Content(name="a.md", data=7), "a Content needs a name and its data as text or bytes"),  # type: ignore[arg-type]
        (Content(name="a.md", data="x", fields="year"), "fields must be strings by string"),  # type: ignore[arg-type]
    ],
)
def test_a_mistake_of_the_function_fails_the_task(xai: Xai, returned: Any, said: str) -> None:
    with pytest.raises(XAIFailException, match=said):
        ingest(xai, returned)
    assert xai.hook.list_files() == []


def test_a_report_among_the_files_that_it_returns_is_refused(xai: Xai, folder: Path) -> None:
    with pytest.raises(XAIFailException, match=r"report is .*inside the source.*exclude"):
        ingest(xai, folder, report=folder / "report.txt")


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


def test_its_templates_and_the_source_that_the_ui_shows() -> None:
    def report() -> Content:
        return REPORT

    made = task(report, collection_id="{{ ds }}")
    assert {"collection_id", "collection_name", "pattern", "fields", "op_args"} < set(made.template_fields)
    assert made.template_fields_renderers.keys() == {"fields", "op_args", "op_kwargs"}
    assert made.python_callable is report


def test_the_example_of_the_guide_works(xai: Xai) -> None:
    guide = (Path(__file__).parents[2] / "docs/ingest.md").read_text(encoding="utf-8")
    (source,) = (each for each in re.findall(r"```python\n(.*?)```", guide, re.DOTALL) if "@task.xai_ingest" in each)
    if importlib.util.find_spec("airflow.sdk") is None:
        source = source.replace("from airflow.sdk", "from airflow.decorators")
    with DAG("library", schedule=None, start_date=pendulum.datetime(2026, 1, 1, tz="UTC")) as dag:
        exec(source, {})
    made: Any = dag.tasks[0]
    made.op_args = ["2026-01-01"]
    run(made)
    assert xai.names(only_id(xai)) == ["2026-01-01.md"]


def test_the_type_of_content_follows_from_its_name_and_its_first_bytes(xai: Xai) -> None:
    book = Content(name="moby", data=pdf("Call me Ishmael"))
    whales, _ = ingest(xai, [book, Content(name="notes.yaml", data="a: 1"), Content(name="README", data="text")])
    types = {each.name: each.file_metadata.content_type for each in xai.documents(whales)}
    assert types == {"moby": "application/pdf", "notes.yaml": "text/yaml", "README": "text/plain"}
    assert xai.hook.search_documents(query="Ishmael", collection_ids=[whales])[0].text == "Call me Ishmael"
