"""XAIIngestDocumentsOperator and bad input: it is named, and one bad document does not stop the others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from airflow_provider_xai_collections.airflow_errors import XAIFailException
from airflow_provider_xai_collections.emulator import HttpReply, HttpRequest
from airflow_provider_xai_collections.exceptions import XAISourceError
from airflow_provider_xai_collections.operators.ingest import XAIIngestDocumentsOperator
from tests.conftest import Logged, RecordingEmulator, playing
from tests.operators.stage import Xai, run, write
from tests.operators.syncs import counts

BOTH = pytest.mark.parametrize("upload_method", ["files", "direct"])


def task(**arguments: Any) -> XAIIngestDocumentsOperator:
    return XAIIngestDocumentsOperator(**{"task_id": "ingest", **arguments})


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("empty.md", "", "it is empty"),
        ("semi;colon.md", "x", "semi;colon"),
        ("photo.png", "x", "which xAI does not list as supported"),
    ],
)
def test_a_file_that_xai_would_not_take_is_skipped_with_its_reason(
    xai: Xai, tmp_path: Path, name: str, content: str | bytes, why: str, logged: Logged
) -> None:
    whales = xai.collection()
    manifest = run(task(collection_id=whales, paths=write(tmp_path / "bad", {"good.md": "good", name: content})))
    assert counts(manifest) == {"documents": 2, "added": 1, "skipped": 1}
    (problem,) = manifest["problems"]
    assert (problem["outcome"], why in problem["reason"]) == ("skipped", True)
    assert why in logged()
    assert xai.names(whales) == ["good.md"]


@BOTH
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


def test_a_file_that_cannot_be_read_is_named_and_the_others_are_ingested(
    xai: Xai, folder: Path, emulator: RecordingEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    whales, handle = xai.collection(), emulator.handle
    (folder / "broken.md").symlink_to(folder / "nowhere")

    def and_meanwhile(request: HttpRequest) -> HttpReply:
        if request.method == "PUT":
            (folder / "a.md").unlink(missing_ok=True)
        return handle(request)

    monkeypatch.setattr(emulator, "handle", and_meanwhile)
    with pytest.raises(XAISourceError, match=r"2 of 4 documents .*cannot be read \(No such file") as raised:
        run(task(collection_id=whales, paths=folder))
    assert all(f"{name} cannot be read" in str(raised.value) for name in ("a.md", "broken.md"))
    assert xai.names(whales) == ["b.txt", "deep/c.md"]


def test_a_function_for_the_fields_that_fails_for_one_document_does_not_stop_the_others(xai: Xai, folder: Path) -> None:
    def fields(document: Any) -> dict[str, str]:
        return {"stem": {"a.md": "a", "b.txt": "b"}[document.name]}

    whales = xai.collection()
    with pytest.raises(XAIFailException, match=r"deep/c\.md: .*raised KeyError .*Fix the function"):
        run(task(collection_id=whales, paths=folder, fields=fields))
    assert xai.names(whales) == ["a.md", "b.txt"]


def test_a_required_field_that_is_not_given_is_named_before_anything_is_uploaded(xai: Xai, folder: Path) -> None:
    whales = xai.collection(field_definitions=[{"key": "author", "required": True}])
    with pytest.raises(XAIFailException, match=r"requires the field author of every document\. Pass it in fields="):
        run(task(collection_id=whales, paths=folder))
    assert xai.hook.list_files() == []


def test_a_report_inside_the_source_is_refused(xai: Xai, folder: Path) -> None:
    with pytest.raises(XAIFailException, match=r"report is .*inside the source.*exclude="):
        run(task(collection_name="whales", paths=folder, report=folder / "report.txt"))


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
