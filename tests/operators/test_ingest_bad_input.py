"""XAIIngestDocumentsOperator and bad input: it is named, and one bad document does not stop the others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from airflow_provider_xai_collections.airflow_errors import XAIFailException
from airflow_provider_xai_collections.api.files import MEGABYTE
from airflow_provider_xai_collections.emulator import FaultRule, HttpReply, HttpRequest
from airflow_provider_xai_collections.exceptions import XAIError, XAISourceError
from airflow_provider_xai_collections.operators.ingest import XAIIngestDocumentsOperator
from tests.conftest import API_KEY, MANAGEMENT_KEY, Connect, Logged, RecordingEmulator, playing
from tests.operators.stage import Xai, run, write
from tests.operators.syncs import counts

BOTH = pytest.mark.parametrize("upload_method", ["files", "direct"])


def task(**arguments: Any) -> XAIIngestDocumentsOperator:
    return XAIIngestDocumentsOperator(**{"task_id": "ingest", **arguments})


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"password": None}, "needs the management key; fill in the password"),
        ({"api_key": None, "upload_method": "files"}, 'needs the API key; fill in the extra "api_key"'),
        ({"password": "xai-token-wrong"}, "get_collection.*401.*management key"),
        ({"api_key": "xai-wrong", "upload_method": "files"}, "upload_file.*401.*API key"),
        ({"password": API_KEY, "api_key": MANAGEMENT_KEY}, "get_collection.*401"),
        ({"host": "http://xai.example"}, "only sent over https, or over http to 127.0.0.1"),
    ],
)
def test_what_is_wrong_with_the_connection_is_said_without_a_key(
    xai: Xai, folder: Path, connect: Connect, wrong: dict[str, Any], said: str
) -> None:
    whales, method = xai.collection(), wrong.pop("upload_method", "auto")
    connect(**wrong)
    with pytest.raises(XAIFailException, match=said) as raised:
        run(task(collection_id=whales, paths=folder, upload_method=method))
    assert not {MANAGEMENT_KEY, API_KEY, "xai-token-wrong", "xai-wrong"} & set(str(raised.value).split())
    assert xai.documents(whales) == []


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("empty.md", "", "it is empty"),
        ("semi;colon.md", "x", "semi;colon"),
        ('quo"te.md', "x", "quo"),
        (f"{'x/' * 130}long.md", "x", "up to 255"),
        ("photo.png", "x", "which xAI does not list as supported"),
        ("photo", b"\0\1", "is not UTF-8 text, and its name does not say what it is"),
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


@pytest.mark.parametrize(
    ("megabytes", "method", "why"),
    [
        (51, "files", "above the 50 MB that this call takes; upload_method='auto' takes up to 100 MB"),
        (101, "files", "above the 50 MB that this call takes"),
        (101, "auto", "above the 100 MB that this call takes"),
    ],
)
def test_a_file_that_is_too_large_is_skipped_with_the_way_out(
    xai: Xai, tmp_path: Path, megabytes: int, method: str, why: str
) -> None:
    with (tmp_path / "large.md").open("wb") as sparse:
        sparse.truncate(megabytes * MEGABYTE)
    manifest = run(task(collection_id=xai.collection(), paths=tmp_path, upload_method=method))
    assert (counts(manifest), manifest["problems"][0]["reason"]) == (
        {"documents": 1, "skipped": 1},
        f"it has {megabytes}.0 MB, {why}",
    )


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


def test_a_folder_that_contains_itself_is_an_error_and_not_an_endless_walk(xai: Xai, folder: Path) -> None:
    (folder / "deep/loop").symlink_to(folder)
    with pytest.raises(XAIFailException, match=r"deep/loop is a link to a folder that contains it.*Remove the link"):
        run(task(collection_name="whales", paths=folder))


def test_a_source_without_a_document_is_a_warning(xai: Xai, folder: Path, logged: Logged) -> None:
    manifest = run(task(collection_name="whales", paths=folder, pattern="*.pdf"))
    assert (counts(manifest), manifest["created"]) == ({}, True)
    said = logged()
    assert f"there is no document in {folder.as_uri()}" in said
    assert "pattern '*.pdf' matches nothing in" in said


def test_two_files_of_one_name_are_refused_with_the_way_out(xai: Xai, folder: Path) -> None:
    write(folder, {"other/a.md": "another alpha"})
    with pytest.raises(XAIFailException, match=r"would both be called 'a\.md'.*Pass the folder that holds both"):
        run(task(collection_name="whales", paths=[folder / "a.md", folder / "other/a.md"]))
    twice = run(task(collection_name="whales", paths=[folder / "a.md", folder / "a.md", f"{folder}/*.md"]))
    assert twice["documents"] == 1, "one file that is named in several ways is one document"


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


@BOTH
def test_a_unique_value_for_all_documents_leaves_one_and_no_file_behind(
    xai: Xai, folder: Path, upload_method: str
) -> None:
    whales = xai.collection(field_definitions=[{"key": "isbn", "unique": True}])
    with pytest.raises(XAIFailException, match=r"2 of 3 documents .*another document has this value of isbn"):
        run(task(collection_id=whales, paths=folder, fields={"isbn": "7"}, upload_method=upload_method))
    assert len(xai.documents(whales)) == 1
    assert xai.unattached(whales) == []


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


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"<html>Welcome to the hotel's network</html>", r"text/html.*look for a proxy"),
        (b'{"collection_id": "collect', r"the answer is not a Collection"),
        (b'{"collection": {}}', r"the answer is not a Collection: .*collection_id"),
        (b"", r"the answer is not a Collection.*0 bytes"),
    ],
)
def test_an_answer_that_is_not_xais_is_described(xai: Xai, folder: Path, body: bytes, said: str) -> None:
    whales = xai.collection()
    xai.emulator.set_faults(FaultRule(endpoint="get_collection", body=body))
    with pytest.raises(XAIError, match=said):
        run(task(collection_id=whales, paths=folder))
