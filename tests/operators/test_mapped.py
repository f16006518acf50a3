"""Mapped tasks name themselves after their documents, and never against the author's will."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import BaseOperator, ObjectStoragePath

from airflow_provider_xai_collections.operators.documents import XAIAddDocumentsOperator
from airflow_provider_xai_collections.operators.ingest import XAIIngestDocumentsOperator
from airflow_provider_xai_collections.operators.mapped import MAP_INDEX_TEMPLATE
from airflow_provider_xai_collections.tables import BATCH_NAME
from tests.lazy import Lazily, lazily

__all__ = ["lazily"]

BOTH = pytest.mark.parametrize("kind", [XAIAddDocumentsOperator, XAIIngestDocumentsOperator])


@BOTH
def test_a_mapped_task_has_a_template_unless_it_is_given_one(kind: Any) -> None:
    ours = kind.partial(task_id="task", collection_id="c")
    assert ours.expand(**{kind.names_itself_after: [["a"]]}).map_index_template == MAP_INDEX_TEMPLATE
    for theirs in ({"map_index_template": "mine"}, {"default_args": {"map_index_template": "mine"}}):
        mapped = kind.partial(task_id="task", collection_id="c", **theirs)
        assert mapped.expand(**{kind.names_itself_after: [["a"]]}).map_index_template == "mine"


@pytest.mark.parametrize(
    ("documents", "name"),
    [
        (["s3://bucket/folder/a.md"], "a.md"),
        ("/folder/a.md", "a.md"),
        (Path("/folder/a.md"), "a.md"),
        (ObjectStoragePath("file:///folder/a.md"), "a.md"),
        (["/folder/a.md", Path("/folder/b.md"), "z.md"], "a.md … z.md (3)"),
        (("/", "b"), "/ … b (2)"),
        ([], ""),
        ({"/folder/b.md", "/folder/a.md"}, "a.md … b.md (2)"),
        ("['/folder/a.md', '/folder/b.md']", "a.md … b.md (2)"),
        (["x" * 300], "x" * (BATCH_NAME - 1) + "…"),
    ],
)
def test_a_batch_is_named_by_its_first_and_last_document(documents: Any, name: str) -> None:
    task = XAIIngestDocumentsOperator(task_id="task", collection_id="c", paths=documents)
    assert task.batch_name == name


def test_what_mapped_tasks_returned_names_a_batch_by_its_ends(lazily: Lazily) -> None:
    task = XAIIngestDocumentsOperator(task_id="task", collection_id="c", paths=lazily(["/a.md", "/b.md", "/c.md"]))
    assert task.batch_name == "a.md … c.md (3)"


def test_file_ids_are_names_as_well() -> None:
    task: BaseOperator = XAIAddDocumentsOperator(task_id="task", collection_id="c", file_ids=["file_1", "file_2"])
    assert getattr(task, "batch_name") == "file_1 … file_2 (2)"  # noqa: B009
