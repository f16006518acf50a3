"""XAISyncCollectionOperator and arguments, functions, names and sources that are not what they should be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import pytest

from airflow_provider_xai_collections.airflow_errors import XAIFailException
from airflow_provider_xai_collections.api.identity import SourceDocument
from airflow_provider_xai_collections.exceptions import XAIError, XAISourceError
from tests.conftest import Connect, playing
from tests.object_storage import FakeS3, attached
from tests.operators.stage import Xai, write
from tests.operators.syncs import LIBRARY, by_name, contents, counts, only_id, report_of, sync, writes


@pytest.fixture
def linked(folder: Path, tmp_path: Path) -> Path:
    """The folder, with a link in it that leads out, and a link to it from elsewhere."""
    for name in ("elsewhere", "reports"):
        (tmp_path / name).mkdir()
    (tmp_path / "elsewhere/link").symlink_to(folder)
    (folder / "out").symlink_to(tmp_path / "reports")
    return folder


@pytest.mark.parametrize(
    ("report", "arguments", "refused"),
    [
        ("deep/report.jsonl", {}, True),
        ("deep/report.jsonl", {"source": "../elsewhere/link"}, True),
        ("../library/report.jsonl", {}, True),
        ("../elsewhere/link/report.jsonl", {}, True),
        ("../elsewhere/link/../library/report.jsonl", {}, True),
        ("out/report.jsonl", {"follow_links": True}, True),
        ("out/report.jsonl", {}, False),
        (".reports/report.jsonl", {}, False),
        ("deep/report.jsonl", {"exclude": ["*.jsonl"]}, False),
        ("deep/report.jsonl", {"pattern": "*.md"}, False),
    ],
)
def test_a_report_inside_the_source_would_be_a_document_of_the_next_run(
    xai: Xai, linked: Path, report: str, arguments: dict[str, Any], refused: bool
) -> None:
    given = {**arguments, "source": linked / arguments.get("source", ""), "report": linked / report}
    if refused:
        with pytest.raises(XAIFailException, match="inside the source: the next run would take it for a document"):
            sync(**given)
        assert xai.emulator.counts == {}
    else:
        assert sync(**given)["added"] >= 2


# Collections, functions and fields


def raising(source: SourceDocument) -> dict[str, str]:
    if source.name == "b.txt":
        raise KeyError("author")
    return {"year": "1851"}


@pytest.mark.parametrize("again", [False, True])
def test_a_function_that_raises_for_one_document_does_not_stop_the_others(xai: Xai, folder: Path, again: bool) -> None:
    if again:
        sync(folder)
    said = r"1 of 3 documents not .*: b\.txt: fields\(…\) raised KeyError for b\.txt: 'author'\. Fix the function"
    with pytest.raises(XAIFailException, match=said):
        sync(folder, fields=raising, update_fields=again)
    found = {document.name: document.fields.get("year") for document in xai.documents(only_id(xai))}
    assert found == {"a.md": "1851", "deep/c.md": "1851", **({"b.txt": None} if again else {})}
    assert xai.unattached(only_id(xai)) == []


@pytest.mark.parametrize(
    ("made", "said", "is_final"),
    [
        (None, r"fields\(…\) returned NoneType for a\.md; it must return strings by string", True),
        ({"year": 1851.0}, r"fields\(…\) of a\.md\['year'\] is 1851\.0; it must be text", True),
        ({"airflow_scope": "mine"}, "fields names airflow_scope, which this provider writes itself", True),
        ({"year": "\udcff"}, "fields must be text, and these have bytes that are none: 'year'", True),
        (ConnectionError("no"), r"raised ConnectionError for a\.md: .* If that does not pass, fix the", False),
        (json.JSONDecodeError("no", "<html>", 0), r"raised JSONDecodeError for a\.md: .* If that does not pass", False),
    ],
)
@pytest.mark.parametrize("update_fields", [False, True])
def test_a_function_with_a_mistake_is_final_and_one_that_meets_a_fault_may_work_in_a_retry(
    xai: Xai, folder: Path, made: Any, said: str, is_final: bool, update_fields: bool
) -> None:
    def make(source: SourceDocument) -> dict[str, str]:
        if isinstance(made, Exception):
            raise made
        return cast("dict[str, str]", made)

    with pytest.raises((XAIError, XAIFailException), match=rf"3 of 3 documents not .*{said}") as raised:
        sync(folder, fields=make, update_fields=update_fields)
    assert isinstance(raised.value, XAIFailException) == is_final
    assert xai.hook.list_files() == []


def test_a_required_field_that_is_not_given_is_named_before_anything_is_uploaded(xai: Xai, folder: Path) -> None:
    whales = xai.collection(field_definitions=[{"key": "author", "required": True}])
    with pytest.raises(XAIFailException, match=r"requires the field author of every document\. Pass it in fields="):
        sync(folder, whales)
    assert xai.hook.list_files() == []


def test_every_character_that_is_not_forbidden(xai: Xai, tmp_path: Path) -> None:
    """Among them are all that mean something to URLs, globs, templates and headers."""
    marks = ("%41", "#?&=+", "[b]*", "{{ ds }}", "<b>'`$|~^!@(),:", "鯨 🐋", "\u00a0\u200b")
    names = [f"a {mark} z.md" for mark in marks]
    source = write(tmp_path / "library", {name: name for name in names})
    whales = sync(source)["collection_id"]
    assert contents(xai, whales) == {name: name for name in names}
    assert counts(sync(source)) == {"documents": len(names), "kept": len(names)}


@pytest.mark.parametrize("prune", [False, True])
def test_a_source_that_does_not_exist(xai: Xai, folder: Path, prune: bool) -> None:
    sync(folder)
    xai.forget()
    with pytest.raises(
        XAISourceError, match=r"nowhere does not exist\. Check the path on the machine that this runs on"
    ):
        sync(folder / "nowhere", prune=prune)
    with attached(FakeS3()) as fs:
        fs.put("bucket/library/a.md", b"alpha")
        for source in ("s3://nobody/library", "s3://bucket/nowhere"):
            with pytest.raises(XAISourceError, match="does not exist"):
                sync(source, prune=prune)
    assert writes(xai) == {}


def test_unreadable_files_are_reported_and_the_others_go_on(xai: Xai, folder: Path, tmp_path: Path) -> None:
    whales, report = sync(folder)["collection_id"], tmp_path / "report.jsonl"
    (folder / "b.txt").unlink()
    (folder / "b.txt").symlink_to(folder / "nowhere")
    (folder / "loop.md").symlink_to(folder / "loop.md")
    write(folder, {"d.md": "delta"})
    said = r"2 of 5 documents not as the source has them: .*b\.txt: .*cannot be read.*loop\.md: .*cannot be read"
    with pytest.raises(XAIError, match=said) as raised:
        sync(folder, report=report, prune=True, max_prune=None)
    assert not isinstance(raised.value, XAIFailException), "a retry may find it again"
    assert contents(xai, whales) == {**LIBRARY, "d.md": "delta"}, "a document that cannot be read is not missing"
    outcomes = by_name(report_of(report), "action", "outcome")
    assert (outcomes["b.txt"], outcomes["loop.md"]) == (("unreadable", "error"), ("add", "error"))
    assert sync(folder, max_failed=None)["errors"] == 2


@pytest.mark.parametrize(
    "emulator_settings",
    [pytest.param(playing(max_files=4, full_status=status), id=str(status)) for status in (400, 403, 429)],
)
@pytest.mark.parametrize("upload_method", ["files", "direct"])
def test_a_full_team_is_said_whatever_it_answers(
    xai: Xai, connect: Connect, tmp_path: Path, upload_method: str
) -> None:
    connect(retry_attempts=2)
    many = write(tmp_path / "many", {f"{number:03}.md": f"no {number}" for number in range(60)})
    whales = xai.collection()
    with pytest.raises((XAIError, XAIFailException), match="the team has 4 files, and no room for another"):
        sync(many, whales, upload_method=upload_method, max_failed=None)
    assert len(xai.names(whales)) == 4
    assert xai.unattached(whales) == []
