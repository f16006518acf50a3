"""XAIIngestDocumentsOperator and bad input: a clear error, and nothing is lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_xai_collections.airflow_errors import XAIFailException
from airflow_provider_xai_collections.emulator import FaultRule, HttpReply, HttpRequest
from airflow_provider_xai_collections.exceptions import XAIError, XAISourceError
from airflow_provider_xai_collections.operators.ingest import XAIIngestDocumentsOperator
from tests.conftest import API_KEY, MANAGEMENT_KEY, Connect, Logged, RecordingEmulator
from tests.operators.stage import Xai, run, write


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
    ("documents", "said"),
    [
        ({"empty.md": ""}, r"1 of 2 files cannot be ingested: empty\.md is empty.*exclude="),
        ({"semi;colon.md": "x"}, r"1 of 2 files cannot be ingested: .*semi;colon\.md"),
        ({'quo"te.md': "x"}, r"1 of 2 files cannot be ingested: .*quo.*te\.md"),
        ({f"{'x/' * 130}long.md": "x"}, r"1 of 2 files cannot be ingested: .*255"),
    ],
)
def test_a_file_that_cannot_be_ingested_is_named_before_anything_is_sent(
    xai: Xai, tmp_path: Path, documents: dict[str, str], said: str
) -> None:
    with pytest.raises(XAIFailException, match=said):
        run(task(collection_id="collection_1", paths=write(tmp_path / "bad", {"good.md": "good", **documents})))
    assert xai.emulator.counts == {}


@pytest.mark.parametrize(
    ("megabytes", "method", "said"),
    [
        (51, "files", r"large\.md has 5\d\.\d MB, above the 50 MB.*upload_method='auto' takes up to 100 MB"),
        (101, "files", r"large\.md has 10\d\.\d MB, above the 50 MB that this call takes\. Nothing"),
        (101, "auto", r"large\.md has 10\d\.\d MB, above the 100 MB that this call takes\. Nothing"),
        (101, "direct", r"large\.md has 10\d\.\d MB, above the 100 MB that this call takes\. Nothing"),
    ],
)
def test_a_file_that_is_too_large_is_refused_with_the_way_out(
    xai: Xai, tmp_path: Path, megabytes: int, method: str, said: str
) -> None:
    with (tmp_path / "large.md").open("wb") as sparse:
        sparse.truncate(megabytes * 1024 * 1024)
    with pytest.raises(XAIFailException, match=said):
        run(task(collection_id="collection_1", paths=tmp_path, upload_method=method))
    assert xai.emulator.counts == {}


def test_a_file_that_is_not_there_or_leads_nowhere_is_named(xai: Xai, folder: Path) -> None:
    with pytest.raises(XAISourceError, match=r"nowhere does not exist\. Check the path on the machine"):
        run(task(collection_id="collection_1", paths=folder / "nowhere"))
    (folder / "broken.md").symlink_to(folder / "nowhere")
    with pytest.raises(XAISourceError, match=r"broken\.md cannot be read \(No such file"):
        run(task(collection_id="collection_1", paths=folder))
    assert xai.emulator.counts == {}


def test_a_folder_that_contains_itself_is_an_error_and_not_an_endless_walk(xai: Xai, folder: Path) -> None:
    (folder / "deep/loop").symlink_to(folder)
    with pytest.raises(XAIFailException, match=r"deep/loop is a link to a folder that contains it.*Remove the link"):
        run(task(collection_id="collection_1", paths=folder))


def test_links_that_lead_out_are_refused_by_name_unless_they_are_to_be_followed(
    xai: Xai, folder: Path, tmp_path: Path, logged: Logged
) -> None:
    whales = xai.collection()
    (folder / "notes.md").symlink_to(write(tmp_path / "secret", {"airflow.cfg": "password"}) / "airflow.cfg")
    (folder / "inside.md").symlink_to("a.md")
    with pytest.raises(
        XAIFailException, match=r"links lead out of the source: notes\.md \(to '.*/airflow\.cfg'\)\. Pass"
    ):
        run(task(collection_id=whales, paths=folder))
    assert xai.emulator.counts == {}
    run(task(collection_id=whales, paths=folder, exclude=["notes.md", "*.none"]))
    assert xai.names(whales) == ["a.md", "b.txt", "deep/c.md", "inside.md"]
    assert "exclude '*.none' matches nothing in" in logged()
    run(task(collection_id=whales, paths=[folder / "notes.md"]))
    assert "notes.md" in xai.names(whales)


@pytest.mark.parametrize("pattern", [["*.md", "*.none"], "*.{md,none}", "**/*.md", "['*.md']"])
def test_patterns_are_those_of_gitignore(xai: Xai, folder: Path, pattern: Any) -> None:
    whales = xai.collection()
    run(task(collection_id=whales, paths=folder, pattern=pattern))
    assert xai.names(whales) == ["a.md", "deep/c.md"]


def test_a_folder_without_a_document_is_an_error(xai: Xai, folder: Path) -> None:
    with pytest.raises(AirflowFailException, match=r"there is no document in .*library \(pattern '\*\.pdf'"):
        run(task(collection_id="collection_1", paths=folder, pattern="*.pdf"))


def test_two_files_of_one_name_are_refused_with_the_way_out(xai: Xai, folder: Path) -> None:
    write(folder, {"other/a.md": "another alpha"})
    with pytest.raises(AirflowFailException, match=r"would both be called 'a\.md'.*Pass the folder that holds both"):
        run(task(collection_id="collection_1", paths=[folder / "a.md", folder / "other/a.md"]))


def test_a_file_that_vanishes_while_the_task_runs_is_named_and_the_others_are_placed(
    xai: Xai, folder: Path, emulator: RecordingEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    whales, handle = xai.collection(), emulator.handle

    def and_meanwhile(request: HttpRequest) -> HttpReply:
        (folder / "a.md").unlink(missing_ok=True)
        return handle(request)

    monkeypatch.setattr(emulator, "handle", and_meanwhile)
    with pytest.raises(XAIError, match=r"1 of 3 documents failed: a\.md: .*cannot be read.*vanished since it was"):
        run(task(collection_id=whales, paths=folder))
    assert xai.names(whales) == ["b.txt", "deep/c.md"]


def test_an_unknown_collection_is_named(xai: Xai, folder: Path) -> None:
    with pytest.raises(XAIFailException, match=r"collection_42.*404"):
        run(task(collection_id="collection_42", paths=folder))
    assert xai.hook.list_files() == []


def test_a_required_field_that_is_not_given_is_named_before_anything_is_uploaded(xai: Xai, folder: Path) -> None:
    whales = xai.collection(field_definitions=[{"key": "author", "required": True}])
    with pytest.raises(XAIFailException, match=r"requires the field author of every document\. Pass it in fields="):
        run(task(collection_id=whales, paths=folder))
    assert xai.hook.list_files() == []


@pytest.mark.parametrize("upload_method", ["files", "direct"])
def test_a_unique_value_for_all_documents_leaves_one_and_no_file_behind(
    xai: Xai, folder: Path, upload_method: str
) -> None:
    whales = xai.collection(field_definitions=[{"key": "isbn", "unique": True}])
    with pytest.raises(XAIFailException, match=r"2 of 3 documents failed.*another document has this value of isbn"):
        run(task(collection_id=whales, paths=folder, fields={"isbn": "7"}, upload_method=upload_method))
    assert len(xai.documents(whales)) == 1
    assert xai.unattached(whales) == []


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"fields": {"year": 1851.0}}, r"fields\['year'\] is 1851.0; it must be text"),
        ({"fields": {"airflow_scope": "x"}}, "fields names airflow_scope, which this provider writes itself"),
        ({"upload_method": "mail"}, "upload_method is 'mail'; choose one of auto, direct, files"),
        ({"concurrency": 0}, "concurrency is 0; it must be a whole number of at least 1"),
        ({"timeout": -1}, "timeout is -1"),
        ({"poll_interval": 0}, "poll_interval is 0"),
        ({"stall_timeout": 0}, "stall_timeout is 0"),
        ({"on_failed": "shrug"}, "on_failed is 'shrug'"),
        ({"max_failed": True}, "max_failed is True"),
        ({"paths": []}, "there is no document in the empty list of paths"),
    ],
)
def test_a_mistake_in_an_argument_is_named(xai: Xai, folder: Path, wrong: dict[str, Any], said: str) -> None:
    whales = xai.collection()
    with pytest.raises(XAIFailException, match=said):
        run(task(**{"collection_id": whales, "paths": folder, **wrong}))
    assert xai.hook.list_files() == []


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
