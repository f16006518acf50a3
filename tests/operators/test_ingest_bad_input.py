"""XAIIngestDocumentsOperator and bad input: it is named, and one bad document does not stop the others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from airflow_provider_xai_collections.airflow_errors import XAIFailException
from airflow_provider_xai_collections.exceptions import XAISourceError
from airflow_provider_xai_collections.operators.ingest import XAIIngestDocumentsOperator
from tests.conftest import Logged, playing
from tests.operators.stage import Xai, run, write
from tests.operators.syncs import counts


def task(**arguments: Any) -> XAIIngestDocumentsOperator:
    return XAIIngestDocumentsOperator(**{"task_id": "ingest", **arguments})


@pytest.mark.parametrize("upload_method", ["files", "direct"])
@pytest.mark.parametrize("emulator_settings", [playing(max_file_bytes=100, max_document_bytes=100)])
def test_a_file_that_the_service_finds_too_large_fails_with_413(xai: Xai, tmp_path: Path, upload_method: str) -> None:
    whales, large = xai.collection(), write(tmp_path / "large", {"small.md": "x", "large.md": "x" * 101})
    with pytest.raises(XAIFailException, match=r"1 of 2 documents .*large\.md: upload_(file|document).*413"):
        run(task(collection_id=whales, paths=large, upload_method=upload_method))
    assert xai.names(whales) == ["small.md"]


def test_a_path_that_does_not_exist_is_named_before_anything_is_changed(xai: Xai, folder: Path) -> None:
    with pytest.raises(XAISourceError, match=r"nowhere does not exist\. Check the path on the machine"):
        run(task(collection_name="whales", paths=[folder, folder / "nowhere"]))
    assert xai.hook.list_collections() == []


def test_a_source_without_a_document_is_a_warning(xai: Xai, folder: Path, logged: Logged) -> None:
    manifest = run(task(collection_name="whales", paths=folder, pattern="*.pdf"))
    assert (counts(manifest), manifest["created"]) == ({}, True)
    said = logged()
    assert f"there is no document in {folder.as_uri()}" in said
    assert "pattern '*.pdf' matches nothing in" in said


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"fields": {"year": 1851.0}}, r"fields\['year'\] is 1851.0; it must be text"),
        ({"fields": {"airflow_scope": "x"}}, "fields names airflow_scope, which this provider writes itself"),
        ({"upload_method": "mail"}, "upload_method is 'mail'; choose one of auto, direct, files"),
        ({"concurrency": 0}, "concurrency is 0; it must be a whole number of at least 1"),
        ({"timeout": -1}, "timeout is -1"),
        ({"poll_interval": 0}, "poll_interval is 0"),
        ({"max_failed": True}, "max_failed is True"),
        ({"pattern": "!*.md"}, "lets nothing through"),
    ],
)
def test_a_mistake_in_an_argument_is_named(xai: Xai, folder: Path, wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(XAIFailException, match=said):
        run(task(**{"collection_name": "whales", "paths": folder, **wrong}))
    assert (xai.hook.list_files(), xai.hook.list_collections()) == ([], [])
