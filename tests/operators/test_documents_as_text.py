"""Documents come out as text: by the one call, by two where that does not work, and a doubt is never silent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from airflow_provider_xai_collections.airflow_errors import XAIFailException
from airflow_provider_xai_collections.api.content_types import SUPPORTED, content_type_of, unsupported
from airflow_provider_xai_collections.exceptions import XAIIndexingError
from airflow_provider_xai_collections.manifests.base import CAP
from airflow_provider_xai_collections.operators.documents import XAIAddDocumentsOperator, XAIRemoveDocumentsOperator
from airflow_provider_xai_collections.operators.ingest import XAIIngestDocumentsOperator
from airflow_provider_xai_collections.sensors.documents import XAIDocumentsProcessedSensor
from airflow_provider_xai_collections.waits import deferring as waiting
from tests.conftest import Logged, playing
from tests.operators.stage import Xai, deferring, finish, run, write
from tests.operators.syncs import by_name, report_of, sync, task
from tests.operators.workers import Cluster
from tests.sample_documents import SAMPLES, pdf, png

#: A passage that only the document of this kind holds.
TEXTS = {ending: f"The {ending[1:]} tells of a white whale" for ending in SAMPLES if not unsupported(f"a{ending}")}
#: With as many chunks as its raw bytes make.
BOOK = pdf("Call me Ishmael", padding=40_000)
CANNOT_TAKE_IT = [
    pytest.param(playing(direct_upload_answer="error"), 'header key "cf-ipcity"', id="cf-header"),
    pytest.param(playing(direct_upload_status=404), "a gateway in between may not know this call", id="404"),
    pytest.param(playing(direct_upload_status=405), "405", id="405"),
]


def ingest(xai: Xai, paths: Path, whales: str, **arguments: Any) -> Any:
    return run(XAIIngestDocumentsOperator(task_id="ingest", collection_id=whales, paths=paths, **arguments))


@pytest.fixture
def samples(tmp_path: Path) -> Path:
    return write(tmp_path / "samples", {f"a{ending}": SAMPLES[ending](text) for ending, text in TEXTS.items()})


@pytest.fixture
def books(tmp_path: Path) -> Path:
    return write(tmp_path / "books", {"moby.pdf": BOOK, "notes.md": "# Notes"})


@pytest.mark.parametrize("by", ["ingest", "sync"])
def test_a_search_finds_the_text_of_each_kind(xai: Xai, samples: Path, by: str, logged: Logged) -> None:
    whales = xai.collection()
    manifest = ingest(xai, samples, whales) if by == "ingest" else sync(samples, whales)
    assert TEXTS.keys() >= {".pdf", ".docx", ".xlsx", ".pptx", ".odt", ".epub", ".html", ".rtf", ".ipynb", ".eml"}
    for ending, text in TEXTS.items():
        passages = xai.hook.search_documents(query=text, collection_ids=[whales], limit=50)
        assert text in {passage.fields["title"]: passage.text for passage in passages}[f"a{ending}"]
    types = {each.name: each.file_metadata.content_type for each in xai.documents(whales)}
    assert types == {name: content_type_of(name) for name in types}
    assert set(types.values()) <= SUPPORTED
    counted = manifest["wait"] if by == "ingest" else manifest
    assert (counted["doubtful"], counted["altered"]) == (0, 0)
    assert xai.emulator.count("upload_file") == xai.emulator.count("add_document") == 0


def test_images_are_skipped_and_documents_that_are_nothing_by_their_bytes_too(xai: Xai, tmp_path: Path) -> None:
    source = write(tmp_path / "drop", {"a.png": png(), "blob": b"\x00\x01", "README": "text", "b.pdf": pdf("whales")})
    manifest = sync(source)
    assert (manifest["added"], manifest["skipped"], manifest["errors"]) == (2, 2, 0)
    reasons = {problem["name"]: problem["reason"] for problem in manifest["problems"]}
    assert "image/png by its name (.png), which xAI does not list" in reasons["a.png"]
    assert "blob is not UTF-8 text, and its name does not say what it is" in reasons["blob"]
    types = {each.name: each.file_metadata.content_type for each in xai.documents(manifest["collection_id"])}
    assert types == {"README": "text/plain", "b.pdf": "application/pdf"}


# Where the one call does not work


@pytest.mark.parametrize("by", ["ingest", "sync"])
@pytest.mark.parametrize(("emulator_settings", "why"), CANNOT_TAKE_IT)
def test_a_run_changes_once_to_the_two_calls_and_says_why(
    xai: Xai, tmp_path: Path, by: str, why: str, logged: Logged
) -> None:
    many = write(tmp_path / "many", {"moby.pdf": BOOK, **{f"{number}.md": f"no {number}" for number in range(9)}})
    whales = xai.collection()
    manifest = ingest(xai, many, whales, concurrency=2) if by == "ingest" else sync(many, whales, concurrency=2)
    assert manifest["added"] == 10
    # Each of the two that are on their way asks, and once more after a 404, which may be of a collection that is new.
    assert xai.emulator.count("upload_document") <= 2 * 2
    assert (xai.emulator.count("upload_file"), xai.emulator.count("add_document")) == (10, 10)
    assert len(xai.names(whales)) == 10
    text = logged()
    assert text.count("Documents go in two calls from now on, POST /v1/files and attach, because ") == 1
    assert why in text
    assert text.count("it went in two calls, POST /v1/files and attach, by which xAI has been seen") == 1
    assert "moby.pdf: it went in two calls" in text


@pytest.mark.parametrize(("emulator_settings", "why"), CANNOT_TAKE_IT)
def test_a_way_that_is_forced_says_how_to_go_on_which_works(xai: Xai, books: Path, why: str) -> None:
    whales = xai.collection()
    with pytest.raises(Exception, match="upload_method=") as raised:
        ingest(xai, books, whales, upload_method="direct")
    assert why in str(raised.value)
    assert ingest(xai, books, whales, upload_method="auto")["added"] == 2


# Doubts


def test_chunks_of_raw_bytes_are_warned_of_and_counted(xai: Xai, books: Path, tmp_path: Path, logged: Logged) -> None:
    whales, report = xai.collection(), tmp_path / "report.jsonl"
    manifest = sync(books, whales, upload_method="files", report=report)
    assert (manifest["added"], manifest["doubtful"], manifest["altered"]) == (2, 1, 0)
    doubts = by_name(report_of(report), "doubt")
    assert "raw bytes make: if no search finds its text" in doubts["moby.pdf"]
    assert doubts["notes.md"] == ""
    assert logged().count("moby.pdf: its ") == 1
    again = sync(books, whales, upload_method="files", report=report)
    assert (again["kept"], again["doubtful"]) == (2, 1), "it is still there, and as doubtful"
    assert "raw bytes" in by_name(report_of(report), "doubt")["moby.pdf"]


def test_the_next_step_that_a_doubt_names_brings_the_text_out(xai: Xai, books: Path) -> None:
    whales = sync(books, upload_method="files")["collection_id"]
    assert "Call me Ishmael" not in texts(xai, whales)
    (doubtful,) = (each.file_id for each in xai.documents(whales) if each.name == "moby.pdf")
    remove = XAIRemoveDocumentsOperator(task_id="remove", collection_id=whales, file_ids=[doubtful], delete_files=True)
    run(remove)
    assert (sync(books)["added"], sync(books)["doubtful"]) == (1, 0)
    assert "Call me Ishmael" in texts(xai, whales)


def texts(xai: Xai, whales: str) -> str:
    """All that a search for the first words of the book shows."""
    found = xai.hook.search_documents(query="Call me Ishmael", collection_ids=[whales], limit=50)
    return " ".join(match.text for match in found)


def test_each_doubtful_document_is_named_in_the_log(xai: Xai, tmp_path: Path, logged: Logged) -> None:
    many = write(tmp_path / "many", {f"a book with a name of its own {number}.pdf": BOOK for number in range(20)})
    wait = ingest(xai, many, xai.collection(), upload_method="files")["wait"]
    assert wait["doubtful"] == 20
    assert logged().count("raw bytes make: if no search finds its text") == 20


def test_an_ingestion_names_all_that_is_unfit_before_anything_is_sent(xai: Xai, tmp_path: Path) -> None:
    documents = {f"{number}.md": "text" for number in range(9)} | {"z.png": png(), "blob": b"\x00\x01"}
    with pytest.raises(XAIFailException, match=r"2 of 11 files cannot be ingested: .*blob.*z\.png.*Nothing was sent"):
        ingest(xai, write(tmp_path / "mixed", documents), xai.collection())
    assert xai.emulator.counts == {}


def test_an_ingestion_counts_doubts_in_its_wait(xai: Xai, books: Path, logged: Logged) -> None:
    wait = ingest(xai, books, xai.collection(), upload_method="files")["wait"]
    assert (wait["processed"], wait["doubtful"], [doubt["name"] for doubt in wait["doubts"]]) == (2, 1, ["moby.pdf"])
    assert "moby.pdf" in logged()


def attach_two(xai: Xai, folder: Path) -> tuple[str, list[str]]:
    """A PDF and a note that somebody else has uploaded."""
    ids = [xai.hook.upload_file(path=folder / name).id for name in ("moby.pdf", "notes.md")]
    return xai.collection(), ids


def test_files_that_others_uploaded_are_doubted_as_well(xai: Xai, books: Path, logged: Logged) -> None:
    whales, ids = attach_two(xai, books)
    wait = run(XAIAddDocumentsOperator(task_id="add", collection_id=whales, file_ids=ids))["wait"]
    assert (wait["processed"], wait["doubtful"]) == (2, 1)
    assert "raw bytes make" in logged()


def test_the_hook_and_a_sensor_warn_of_them(xai: Xai, books: Path, logged: Logged) -> None:
    whales, ids = attach_two(xai, books)
    for file_id in ids:
        xai.hook.add_document(collection_id=whales, file_id=file_id)
    result = xai.hook.wait_for_documents(collection_id=whales, file_ids=ids)
    assert [doubt.name for doubt in result.doubts] == ["moby.pdf"]
    assert f"moby.pdf ({ids[0]}): its " in logged()
    sensor = XAIDocumentsProcessedSensor(task_id="wait", collection_id=whales, file_ids=ids, poke_interval=0.01)
    run(sensor)
    assert "raw bytes make" in logged()


async def test_a_deferred_ingestion_counts_them_in_the_triggerer(xai: Xai, books: Path) -> None:
    whales = xai.collection()
    of_task: dict[str, Any] = {"task_id": "ingest", "collection_id": whales, "paths": books, "upload_method": "files"}
    with deferring() as deferred:
        run(XAIIngestDocumentsOperator(**of_task, deferrable=True))
    wait = (await finish(deferred[0], XAIIngestDocumentsOperator(**of_task)))["wait"]
    assert (wait["processed"], wait["doubtful"]) == (2, 1)


# Proof of content


def alter(xai: Xai, *names: str) -> None:
    """Have the service hold other content than was sent, as its own hash tells."""
    store = xai.emulator._store
    with store.transaction():
        for name in names:
            store._sql.execute("UPDATE files SET hash = ? WHERE filename = ?", ("ab" * 32, name))


def test_content_that_differs_is_warned_of_in_each_run_and_replaced_if_it_is_verified(
    xai: Xai, folder: Path, tmp_path: Path, logged: Logged
) -> None:
    report = tmp_path / "report.jsonl"
    whales = sync(folder)["collection_id"]
    alter(xai, "a.md")
    manifest = sync(folder, report=report)
    assert (manifest["kept"], manifest["altered"]) == (3, 1)
    assert "a.md: xAI has other content than was sent: its own BLAKE3 hash is abababababababab…" in logged()
    assert "other content" in by_name(report_of(report), "doubt")["a.md"]
    xai.forget()
    manifest = sync(folder, verify="content")
    assert (manifest["fixed"], manifest["kept"], manifest["altered"]) == (1, 2, 0)
    assert xai.emulator.count("upload_document") == 1
    assert not any("content" in path for path in (request.path for request in xai.emulator.requests)), "no download"
    assert xai.names(whales) == ["a.md", "b.txt", "deep/c.md"]
    assert xai.unattached(whales) == []


def test_where_no_hash_agrees_they_may_be_of_another_kind_and_nothing_is_replaced(xai: Xai, folder: Path) -> None:
    sync(folder)
    alter(xai, "a.md", "b.txt", "deep/c.md")
    manifest = sync(folder, verify="content")
    assert (manifest["kept"], manifest["fixed"], manifest["altered"]) == (3, 0, 3)


def test_an_ingestion_says_it_of_what_is_there_already(xai: Xai, folder: Path, logged: Logged) -> None:
    whales = xai.collection()
    ingest(xai, folder, whales)
    alter(xai, "b.txt")
    wait = ingest(xai, folder, whales)["wait"]
    assert (wait["altered"], wait["doubtful"]) == (1, 0)
    assert "b.txt" in logged()


@pytest.mark.parametrize("emulator_settings", [playing(indexing="reads:2")])
@pytest.mark.parametrize("way", ["one task", "deferred", "group"])
async def test_all_ways_of_syncing_count_the_same(xai: Xai, books: Path, tmp_path: Path, way: str) -> None:
    """One document is altered before, one is doubtful because of the way it goes."""
    write(books, {"moby.pdf": "not yet", "old.md": "old"})
    sync(books, upload_method="files")
    alter(xai, "old.md")
    write(books, {"moby.pdf": BOOK})
    arguments: dict[str, Any] = {"concurrency": 1, "upload_method": "files"}
    report = tmp_path / "report.jsonl"
    if way == "one task":
        manifest = sync(books, report=report, **arguments)
    elif way == "deferred":
        deferred: dict[str, Any] = {"source": books, "collection": "whales", "deferrable": True, "report": report}
        with deferring() as caught:
            run(task(**deferred, **arguments))
        manifest = await finish(caught[0], task(**deferred, **arguments))
    else:
        cluster = Cluster(books, tmp_path / "workspace", arguments)
        for shard in cluster.plan():
            cluster.apply(shard)
        manifest = cluster.finish(report=report)
    assert (manifest["replaced"], manifest["doubtful"], manifest["altered"]) == (1, 1, 1)
    doubts = by_name(report_of(report), "doubt")
    assert "raw bytes" in doubts["moby.pdf"]
    assert "other content" in doubts["old.md"]


def test_an_office_document_that_went_in_two_calls_failed_and_is_repaired_by_the_one(xai: Xai, tmp_path: Path) -> None:
    letters = write(tmp_path / "letters", {"letter.docx": SAMPLES[".docx"]("Dear Mr Melville")})
    with pytest.raises(XAIIndexingError, match=r"letter\.docx: File format not supported\. .*upload_method='auto'"):
        sync(letters, upload_method="files")
    assert sync(letters)["fixed"] == 1


def test_the_first_sync_of_a_collection_notices_chunks_of_raw_bytes(xai: Xai, books: Path) -> None:
    manifest = sync(books, "a fresh one", upload_method="files")
    assert (manifest["created"], manifest["doubtful"]) == (True, 1)


def test_a_dry_run_counts_doubts_and_its_report_names_them(xai: Xai, books: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.jsonl"
    sync(books, upload_method="files")
    alter(xai, "notes.md")
    manifest = sync(books, dry_run=True, report=report)
    assert (manifest["kept"], manifest["doubtful"], manifest["altered"]) == (2, 1, 1)
    doubts = by_name(report_of(report), "doubt")
    assert "raw bytes" in doubts["moby.pdf"]
    assert "other content" in doubts["notes.md"]


def test_a_wait_in_parts_counts_them_at_its_own_looks(xai: Xai, books: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Documents that are processed at the first look need no trigger, which would have asked for the chunking."""
    monkeypatch.setattr(waiting, "ROOM_FOR_WATCHED", 1)
    whales, ids = attach_two(xai, books)
    wait = run(XAIAddDocumentsOperator(task_id="add", collection_id=whales, file_ids=ids, deferrable=True))["wait"]
    assert (wait["processed"], wait["doubtful"], [doubt["name"] for doubt in wait["doubts"]]) == (2, 1, ["moby.pdf"])


@pytest.mark.parametrize("emulator_settings", [playing(direct_upload_answer="error", indexing="reads:2")])
@pytest.mark.parametrize("way", ["one task", "deferred", "group"])
async def test_a_report_says_of_each_document_that_it_went_in_two_calls(xai: Xai, tmp_path: Path, way: str) -> None:
    few = write(tmp_path / "few", {"small.pdf": pdf("Call me"), "moby.pdf": BOOK, "notes.md": "# Notes"})
    report = tmp_path / "report.jsonl"
    if way == "one task":
        sync(few, report=report)
    elif way == "deferred":
        deferred: dict[str, Any] = {"source": few, "collection": "whales", "deferrable": True, "report": report}
        with deferring() as caught:
            run(task(**deferred))
        await finish(caught[0], task(**deferred))
    else:
        Cluster(few, tmp_path / "workspace").run(report=report)
    doubts = by_name(report_of(report), "doubt")
    assert "it went in two calls, POST /v1/files and attach" in doubts["small.pdf"]
    assert "it went in two calls, POST /v1/files and attach" in doubts["moby.pdf"]
    assert "raw bytes" in doubts["moby.pdf"]
    assert doubts["notes.md"] == ""


def test_each_part_of_a_group_counts_its_doubts(xai: Xai, books: Path, tmp_path: Path) -> None:
    cluster = Cluster(books, tmp_path / "workspace", {"upload_method": "files"})
    parts = [cluster.apply(shard) for shard in cluster.plan()]
    assert sum(part["doubtful"] for part in parts) == 1
    again = [cluster.apply(shard, try_number=2) for shard in range(len(parts))]
    assert sum(part["doubtful"] for part in again) == 1


def test_what_is_altered_after_a_part_was_done_is_in_the_report_of_the_group(
    xai: Xai, books: Path, tmp_path: Path
) -> None:
    cluster, report = Cluster(books, tmp_path / "workspace"), tmp_path / "report.jsonl"
    for shard in cluster.plan():
        cluster.apply(shard)
    alter(xai, "notes.md")
    assert cluster.finish(report=report)["altered"] == 1
    assert "other content" in by_name(report_of(report), "doubt")["notes.md"]


def test_of_very_many_doubts_the_log_names_some_and_says_that_there_are_more(
    xai: Xai, tmp_path: Path, logged: Logged
) -> None:
    many = write(tmp_path / "many", {f"{number:02}.md": f"no {number}" for number in range(CAP + 3)})
    sync(many)
    alter(xai, *(path.name for path in many.iterdir()))
    assert sync(many)["altered"] == CAP + 3
    text = logged()
    assert text.count("xAI has other content than was sent") == CAP
    assert text.count("There are more documents like that") == 1
