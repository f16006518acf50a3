"""``render_template_as_native_obj=True``: Airflow makes numbers of text, and operators make text of them again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pendulum
import pytest
from airflow.providers.common.compat.sdk import DAG, BaseOperator

from airflow_provider_xai_collections.airflow_errors import XAIFailException
from airflow_provider_xai_collections.operators.documents import XAIAddDocumentsOperator
from airflow_provider_xai_collections.operators.ingest import XAIIngestDocumentsOperator
from airflow_provider_xai_collections.operators.mapped import MAP_INDEX_TEMPLATE
from tests.operators.scenes import Scene, Theatre, theatre
from tests.operators.stage import Xai, run, write
from tests.operators.syncs import sync
from tests.operators.test_every_argument import ARGUMENTS, BASE, case_of, named

__all__ = ["theatre"]

TEMPLATE = "{{ params.value }}"
#: Arguments that are no text which may look like a number, or nobody writes.
NO_TEXT = (
    *("which", "index_configuration", "chunk_configuration", "retrieval_mode"),
    *("planned", "shard", "op_args", "op_kwargs"),
)
TEXTS = [
    (kind, name) for kind, name in ARGUMENTS if name in getattr(kind, "template_fields", ()) and name not in NO_TEXT
]
#: Such an argument when the template in it, or in one of its parts, has been rendered.
SHAPES: dict[str, Any] = {
    "fields": lambda scene, text: {"year": text},
    "document_fields": lambda scene, text: {scene.loose[0]: {"year": text}},
    "file_ids": lambda scene, text: [text],
    "collection_ids": lambda scene, text: [text],
    "expect_file_ids": lambda scene, text: [text],
    "exclude": lambda scene, text: [text],
    "delete_fields": lambda scene, text: [text],
    "add_fields": lambda scene, text: [{"key": text, "description": text}],
    "field_definitions": lambda scene, text: [{"key": text, "description": text}],
    "group_by": lambda scene, text: {"keys": [text]},
    "paths": lambda scene, text: [scene.folder / "good.md", text],
}


def natively(value: Any, template: str = TEMPLATE) -> Any:
    """The value that Airflow renders, natively, of a template that names this one."""
    start = pendulum.datetime(2026, 1, 1, tz="UTC")
    with DAG("native", schedule=None, start_date=start, render_template_as_native_obj=True):
        task = BaseOperator(task_id="task")
    return task.render_template(template, {"params": {"value": value}})


@named(TEXTS)
def test_a_whole_number_is_the_text_it_was(
    theatre: Theatre, kind: Any, name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)  # where a path that is but a number leads
    write(tmp_path / "17", {"good.md": "a good whale"})
    case = case_of(kind, name)
    assert case is not None

    def played(text: Any) -> Any:
        def value(scene: Scene) -> Any:
            return SHAPES.get(name, lambda scene, text: text)(scene, text)

        return theatre.play(kind, {**BASE[kind], **case.given, name: value}, case)

    assert played(natively("17")) == played("17")


@pytest.mark.parametrize("value", ["3.10", "1851.0", "True", "1e3"])
def test_other_text_that_looks_like_python_says_what_happened_and_the_way_out_works(
    xai: Xai, folder: Path, value: str
) -> None:
    whales = xai.collection()
    said = (
        r"scope is .*; it must be text.*render_template_as_native_obj=True.*Put quotes into the template, \"'{{ … }}'\""
    )
    with pytest.raises(XAIFailException, match=said):
        sync(folder, whales, scope=natively(value))
    assert xai.emulator.counts == {}
    assert sync(folder, whales, scope=natively(value, "'{{ params.value }}'"))["scope"] == value
    assert sync(folder, whales, scope=natively(None, f"'{value}'"))["scope"] == value


@pytest.mark.parametrize("value", [None, ""])
@pytest.mark.parametrize("render", [natively, lambda value: str(value)], ids=["natively", "as text"])
def test_a_template_that_names_nothing_says_so_and_the_way_out_works(
    xai: Xai, folder: Path, value: Any, render: Any
) -> None:
    whales = xai.collection()
    with pytest.raises(XAIFailException, match=r"it must be text.* is (None|empty)\. Give.*\{\{ … or 'default' \}\}"):
        run(XAIIngestDocumentsOperator(task_id="t", collection_id=whales, paths=folder, scope=render(value)))
    assert xai.emulator.counts == {}
    scope = natively(value, "{{ params.value or 'default' }}")
    assert run(XAIIngestDocumentsOperator(task_id="t", collection_id=whales, paths=folder, scope=scope))["added"] == 3


def test_no_report_is_written_to_a_file_called_none(
    xai: Xai, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(XAIFailException, match="report is 'None'"):
        sync(folder, report="None")
    assert not (tmp_path / "None").exists()


def test_a_team_that_is_left_empty_is_that_of_the_connection(xai: Xai, folder: Path, connect: Any) -> None:
    whales = xai.collection()
    connect(team_id="team_7")
    run(XAIAddDocumentsOperator(task_id="t", collection_id=whales, file_ids=[xai.file()], team_id=""))
    assert {query.get("team_id") for query in xai.queries("batch_get_documents")} == {"team_7"}
    with pytest.raises(XAIFailException, match="team_id is 'None'"):
        run(XAIAddDocumentsOperator(task_id="t", collection_id=whales, file_ids=["file_1"], team_id="None"))


@pytest.mark.parametrize(("path", "name"), [("/days/2024", "2024 (1)"), ("/days/None", "None (1)"), ("/a.md", "a.md")])
def test_the_name_of_a_mapped_task_stays_text(path: str, name: str) -> None:
    """Airflow 3 takes its length, after the work is done."""
    start = pendulum.datetime(2026, 1, 1, tz="UTC")
    with DAG("native", schedule=None, start_date=start, render_template_as_native_obj=True) as dag:
        task = XAIIngestDocumentsOperator(task_id="task", collection_id="c", paths=[path])
    template = dag.get_template_env().from_string(MAP_INDEX_TEMPLATE)
    assert template.render({"task": task, "ti": type("Mapped", (), {"map_index": 0})}) == name
