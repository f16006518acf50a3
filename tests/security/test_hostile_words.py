"""Words of others, met by real tasks: none is executed, breaks a line of the log, or lets an XCom grow."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowSensorTimeout, TaskDeferred

from airflow_provider_xai_collections.airflow_errors import XAIFailException
from airflow_provider_xai_collections.emulator import FaultRule
from airflow_provider_xai_collections.exceptions import XAIError
from airflow_provider_xai_collections.operators.collections import (
    XAICreateCollectionOperator,
    XAIDeleteCollectionOperator,
    XAIUpdateCollectionOperator,
)
from airflow_provider_xai_collections.operators.documents import (
    XAIAddDocumentsOperator,
    XAIReindexDocumentsOperator,
    XAIRemoveDocumentsOperator,
)
from airflow_provider_xai_collections.operators.ingest import XAIIngestDocumentsOperator
from airflow_provider_xai_collections.operators.search import XAISearchDocumentsOperator
from airflow_provider_xai_collections.operators.sync import XAISyncCollectionOperator
from airflow_provider_xai_collections.sensors.documents import XAIDocumentsProcessedSensor
from tests.conftest import API_KEY, MANAGEMENT_KEY, Logged, playing
from tests.operators.stage import Xai, deferring, finish, run
from tests.operators.syncs import sync, task
from tests.operators.workers import Cluster

from .hostile import FEW_WORDS, FORGED, KEY, MEGABYTE, WORDS, rewriting

#: What an XCom, and a trigger's row, may take.
ROOM = 16_000
#: One error as Airflow logs it, with its traceback's last line.
LINE = 6_000

each_word = pytest.mark.parametrize("said", FEW_WORDS.values(), ids=list(FEW_WORDS))

Task = Callable[[str, str], Any]

_HOME = tempfile.TemporaryDirectory(prefix="library-")
#: A folder with a document.
LIBRARY = Path(_HOME.name, "documents")
LIBRARY.mkdir()
(LIBRARY / "ahab.md").write_text("Ahab")


def on(kind: Callable[..., Any], *, named: bool = False, **arguments: Any) -> Task:
    """A task of this kind, on a collection; ``named``: and on a document in it."""

    def make(collection_id: str, file_id: str) -> Any:
        documents = {"file_ids": [file_id]} if named else {}
        return kind(task_id="t", collection_id=collection_id, **documents, **arguments)

    return make


_SYNC: dict[str, Any] = {"source": LIBRARY, "report": f"{_HOME.name}/report.jsonl", "overlap": 1}
#: One task of each kind, for a collection and a document in it.
TASKS: dict[str, Task] = {
    "create": lambda collection_id, file_id: XAICreateCollectionOperator(
        task_id="t", collection_name="new", collection_description="new"
    ),
    "update": on(XAIUpdateCollectionOperator, new_collection_name="renamed"),
    "add": on(XAIAddDocumentsOperator, named=True),
    "reindex": on(XAIReindexDocumentsOperator),
    "search": lambda collection_id, file_id: XAISearchDocumentsOperator(
        task_id="t", query="whale", collection_ids=[collection_id]
    ),
    "sensor": on(XAIDocumentsProcessedSensor, timeout=2),
    "remove": on(XAIRemoveDocumentsOperator, named=True),
    "delete": on(XAIDeleteCollectionOperator),
    "ingest": on(XAIIngestDocumentsOperator, paths=LIBRARY),
    "ingest in two calls": on(XAIIngestDocumentsOperator, paths=LIBRARY, upload_method="files"),
    "sync": on(XAISyncCollectionOperator, **_SYNC),
    "dry run": on(XAISyncCollectionOperator, dry_run=True, **_SYNC),
}
each_task = pytest.mark.parametrize("make", TASKS.values(), ids=list(TASKS))


def ended(make: Task, collection_id: str, file_id: str) -> Any:
    """Return what the task returned, or the words of its error, which must be one of ours."""
    try:
        return run(make(collection_id, file_id))
    except Exception as error:
        ours = isinstance(error, XAIError) or isinstance(error.__cause__, XAIError)
        if ours or isinstance(error, AirflowSensorTimeout):
            return {"error": str(error)}
        raise


def is_harmless(text: str, *, returned: Any = None) -> None:
    """Check a log, and what a task returned."""
    for line in text.splitlines():
        assert not line.lstrip().startswith(FORGED)
        assert len(line) < LINE
    assert not {"\x1b", "\x07", "\b", "\x7f", "\x9b", "\x9d", "\0", "\u202e"} & set(text)
    assert str(7 * 999983) not in text, "nobody renders a template"
    assert MANAGEMENT_KEY not in text
    assert API_KEY not in text
    assert KEY not in text
    assert len(json.dumps(returned)) < ROOM


def report_is_harmless(path: Path | str) -> None:
    """Check each line, in the form in which a reader has it."""
    lines = Path(path).read_text().splitlines()
    assert lines
    for line in lines:
        for text in json.loads(line).values():
            is_harmless(str(text))


@each_task
@each_word
def test_an_error_says_it_in_one_line(xai: Xai, logged: Logged, said: str, make: Task) -> None:
    collection_id = xai.collection()
    file_id = xai.document(collection_id)
    body = json.dumps({"error": said, "code": said}).encode()
    xai.emulator.set_faults(FaultRule(status=400, body=body, content_type="application/json"))
    returned = ended(make, collection_id, file_id)
    is_harmless(logged() + returned["error"], returned=returned)
    assert returned["error"].isprintable()


IDS = ("collection_id", "file_id", "id", "collection_ids")
NAMES = ("name", "filename", "collection_name", "collection_description", "fields", "error_message", "content_type")


@each_task
@each_word
@pytest.mark.parametrize("keys", [IDS, (*NAMES, "chunk_content", "chunk_id")], ids=["ids", "names and fields"])
@pytest.mark.parametrize("emulator_settings", [playing(indexing="reads:2")])
def test_what_others_name_does(xai: Xai, logged: Logged, keys: tuple[str, ...], said: str, make: Task) -> None:
    collection_id = xai.collection()
    file_id = xai.document(collection_id)
    rewriting(xai.emulator, said, keys)
    returned = ended(make, collection_id, file_id)
    is_harmless(logged(), returned=returned)
    if isinstance(returned, dict):
        for match in returned.get("matches", ()):
            del match["text"]  # which is what was asked for
        if returned.get("report"):
            report_is_harmless(returned["report"])
    is_harmless(json.dumps(returned, ensure_ascii=False))


@pytest.mark.parametrize("said", WORDS.values(), ids=list(WORDS))
def test_an_unknown_status_does(xai: Xai, logged: Logged, said: str) -> None:
    collection_id = xai.collection()
    file_id = xai.document(collection_id)
    rewriting(xai.emulator, said, ("status",))
    task = XAIAddDocumentsOperator(task_id="t", collection_id=collection_id, file_ids=[file_id], timeout=60)
    with pytest.raises(Exception, match="time ran out") as caught:
        run(task)
    text = logged()
    assert "status this provider does not know" in text
    is_harmless(text + str(caught.value))


@each_word
@pytest.mark.parametrize("emulator_settings", [playing(fail_names=("*",), indexing="reads:2")])
async def test_failed_documents_do_in_the_event_of_a_trigger_too(xai: Xai, logged: Logged, said: str) -> None:
    collection_id = xai.collection()
    documents = 60 if len(said) < MEGABYTE else 4
    file_ids = [xai.file(f"{n}.md") for n in range(documents)]
    rewriting(xai.emulator, said, ("name", "error_message", "fields"))
    arguments: dict[str, Any] = {"task_id": "t", "collection_id": collection_id, "file_ids": file_ids}
    task = XAIAddDocumentsOperator(**arguments, deferrable=True, max_failed=None)
    with deferring() as caught:
        run(task)
    assert len(json.dumps(caught[0].trigger.serialize()[1])) < ROOM
    returned = await finish(caught[0], task)
    assert returned["wait"]["failed"] == documents
    is_harmless(logged() + json.dumps(returned, ensure_ascii=False), returned=returned)


#: Those xAI takes, and those it does not.
TAKEN = ["{{ 7 * 999983 }}.md", "%s %(message)s.md", "$(id).md", "#?&.md", "%2e%2e.md", "-rf.md", "~.md"]
TAKEN += ["gnp.\u202ecod.md", f"{KEY}.md"]
REFUSED = ["\x1b[2J.md", f"a\n{FORGED}.md", "a\r.md", "a;b.md", "a\\b.md", 'a"b.md', "\u2028.md", "\x85.md", "a\x7f.md"]


def hostile_folder(folder: Path) -> Path:
    """One good document, and one of each name; and one that is no UTF-8."""
    folder.mkdir()
    (folder / "good.md").write_text("good")
    for name in (*TAKEN, *REFUSED):
        (folder / name).write_text(f"called {name!a}")
    Path(os.fsdecode(os.fsencode(folder) + b"/\xff\x1b.md")).write_text("bytes")
    return folder


@pytest.mark.parametrize("upload_method", ["files", "direct"])
def test_files_of_any_name_are_uploaded_or_named_in_the_report(
    xai: Xai, logged: Logged, tmp_path: Path, upload_method: str
) -> None:
    folder, report = hostile_folder(tmp_path / "library"), tmp_path / "report.jsonl"
    arguments: dict[str, Any] = {"upload_method": upload_method, "report": report}
    manifest = sync(folder, **arguments)
    report_is_harmless(report)
    names = xai.names(manifest["collection_id"])
    assert names == sorted(["good.md", *TAKEN])
    assert manifest["skipped"] == len(REFUSED) + 1
    again = sync(folder, **arguments)
    assert (again["added"], again["kept"]) == (0, len(names))
    for one in (manifest, again):
        is_harmless("", returned=one)
        is_harmless(json.dumps(one, ensure_ascii=False))
    is_harmless(logged())


@pytest.mark.parametrize("emulator_settings", [playing(fail_names=("%*", "$*", "xai-*")), playing(stuck=("*",))])
async def test_of_any_name_that_fails_or_takes_too_long_too(xai: Xai, logged: Logged, tmp_path: Path) -> None:
    folder, report = hostile_folder(tmp_path / "library"), tmp_path / "report.jsonl"
    for deferrable in (False, True):
        arguments: dict[str, Any] = {"source": folder, "collection_name": "whales", "report": report, "timeout": 60}
        with pytest.raises((XAIError, TaskDeferred)) as caught:
            run(task(**arguments, deferrable=deferrable))
        if isinstance(caught.value, TaskDeferred):
            with pytest.raises(XAIError) as resumed:
                await finish(caught.value, task(**arguments))
            is_harmless(str(resumed.value))
        else:
            is_harmless(str(caught.value))
        report_is_harmless(report)
    is_harmless(logged())


def test_a_group_shows_them_no_more_than_a_task(xai: Xai, cluster: Cluster, logged: Logged, tmp_path: Path) -> None:
    cluster.source = hostile_folder(tmp_path / "hostile")
    report = tmp_path / "report.jsonl"
    for shard in cluster.plan():
        is_harmless("", returned=cluster.apply(shard))
    returned = cluster.finish(report=report)
    assert sorted(xai.names(returned["collection_id"])) == sorted(["good.md", *TAKEN])
    report_is_harmless(report)
    is_harmless(logged() + json.dumps(returned, ensure_ascii=False), returned=returned)


@pytest.mark.parametrize("word", ["s", "🐋", '"', "\x1b", f"{KEY} "])
def test_a_scope_of_any_length_leaves_room_and_is_found_again(xai: Xai, logged: Logged, word: str) -> None:
    scope = (word * 10_000)[: 10_000 if word.isascii() else 4_000].strip()
    first, again = sync(LIBRARY, scope=scope), sync(LIBRARY, scope=scope)
    assert (first["added"], again["kept"]) == (1, 1)
    for returned in (first, again):
        is_harmless(json.dumps(returned, ensure_ascii=False), returned=returned)
    is_harmless(logged())
    with pytest.raises(XAIFailException, match=r"make no address .*; or an id, a filter or a scope is too long") as no:
        sync(LIBRARY, scope="🐋" * 10_000)
    assert len(str(no.value)) < LINE
