"""Documents come out as text: by the one call, by two where that does not work, and a doubt is never silent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from airflow_provider_xai_collections.api.content_types import SUPPORTED, content_type_of, unsupported
from airflow_provider_xai_collections.exceptions import XAIIndexingError
from airflow_provider_xai_collections.operators.documents import XAIAddDocumentsOperator, XAIRemoveDocumentsOperator
from airflow_provider_xai_collections.operators.ingest import XAIIngestDocumentsOperator
from airflow_provider_xai_collections.sensors.documents import XAIDocumentsProcessedSensor
from tests.conftest import Logged, playing
from tests.operators.stage import Xai, deferring, finish, run, write
from tests.operators.syncs import by_name, report_of, sync, task
from tests.operators.workers import Cluster
from tests.sample_documents import SAMPLES, pdf, png

#: A passage that only the document of this kind holds.
TEXTS = {ending: f"The {ending[1:]} tells of a white whale" for ending in SAMPLES if not unsupported(f"a{ending}")}
#: With as many chunks as its raw bytes make.
BOOK = pdf("Call me Ishmael", padding=40_000)
TWO_CALLS = "it went in two calls, POST /v1/files and attach"
CANNOT_TAKE_IT = [
    pytest.param(playing(direct_upload_answer="error"), 'header key "cf-ipcity"', id="cf-header"),
    pytest.param(playing(direct_upload_status=404), "a gateway in between may not know this call", id="404"),
    pytest.param(playing(direct_upload_status=405), "405", id="405"),
]


def ingest(paths: Path, **arguments: Any) -> Any:
    return run(XAIIngestDocumentsOperator(task_id="ingest", paths=paths, collection_name="whales", **arguments))


@pytest.fixture
def samples(tmp_path: Path) -> Path:
    return write(tmp_path / "samples", {f"a{ending}": SAMPLES[ending](text) for ending, text in TEXTS.items()})


@pytest.fixture
def books(tmp_path: Path) -> Path:
    return write(tmp_path / "books", {"moby.pdf": BOOK, "notes.md": "# Notes"})


BY = pytest.mark.parametrize("by", [ingest, sync])


@BY
def test_a_search_finds_the_text_of_each_kind(xai: Xai, samples: Path, by: Any) -> None:
    manifest = by(samples)
    assert TEXTS.keys() >= {".pdf", ".docx", ".xlsx", ".pptx", ".odt", ".epub", ".html", ".rtf", ".ipynb", ".eml"}
    for ending, text in TEXTS.items():
        passages = xai.hook.search_documents(query=text, collection_ids=[manifest["collection_id"]], limit=50)
        assert text in {passage.fields["title"]: passage.text for passage in passages}[f"a{ending}"]
    types = {each.name: each.file_metadata.content_type for each in xai.documents(manifest["collection_id"])}
    assert types == {name: content_type_of(name) for name in types}
    assert set(types.values()) <= SUPPORTED
    assert manifest["doubtful"] == 0
    assert xai.emulator.count("upload_file") == xai.emulator.count("add_document") == 0


@BY
def test_images_are_skipped_and_documents_that_are_nothing_by_their_bytes_too(
    xai: Xai, tmp_path: Path, by: Any
) -> None:
    source = write(tmp_path / "drop", {"a.png": png(), "blob": b"\x00\x01", "README": "text", "b.pdf": pdf("whales")})
    manifest = by(source)
    assert (manifest["added"], manifest["skipped"], manifest["errors"]) == (2, 2, 0)
    reasons = {problem["name"]: problem["reason"] for problem in manifest["problems"]}
    assert "image/png by its name (.png), which xAI does not list" in reasons["a.png"]
    assert "blob is not UTF-8 text, and its name does not say what it is" in reasons["blob"]
    types = {each.name: each.file_metadata.content_type for each in xai.documents(manifest["collection_id"])}
    assert types == {"README": "text/plain", "b.pdf": "application/pdf"}


# Where the one call does not work


@BY
@pytest.mark.parametrize(("emulator_settings", "why"), CANNOT_TAKE_IT)
def test_a_run_changes_once_to_the_two_calls_and_says_why(
    xai: Xai, tmp_path: Path, by: Any, why: str, logged: Logged
) -> None:
    many = write(tmp_path / "many", {"moby.pdf": BOOK, **{f"{number}.md": f"no {number}" for number in range(9)}})
    manifest = by(many, concurrency=2)
    assert manifest["added"] == 10
    # Each of the two that are on their way asks, and once more after a 404, which may be of a collection that is new.
    assert xai.emulator.count("upload_document") <= 2 * 2
    assert (xai.emulator.count("upload_file"), xai.emulator.count("add_document")) == (10, 10)
    assert len(xai.names(manifest["collection_id"])) == 10
    text = logged()
    assert text.count("Documents go in two calls from now on, POST /v1/files and attach, because ") == 1
    assert why in text
    assert f"moby.pdf: {TWO_CALLS}" in text
    assert f".md: {TWO_CALLS}" not in text


@pytest.mark.parametrize(("emulator_settings", "why"), CANNOT_TAKE_IT)
def test_a_way_that_is_forced_says_how_to_go_on_which_works(xai: Xai, books: Path, why: str) -> None:
    with pytest.raises(Exception, match="upload_method=") as raised:
        ingest(books, upload_method="direct")
    assert why in str(raised.value)
    assert ingest(books, upload_method="auto")["added"] == 2


def test_an_office_document_that_went_in_two_calls_failed_and_is_fixed_by_the_one(xai: Xai, tmp_path: Path) -> None:
    letters = write(tmp_path / "letters", {"letter.docx": SAMPLES[".docx"]("Dear Mr Melville")})
    for _ in range(2):
        with pytest.raises(XAIIndexingError, match=r"letter\.docx: File format not supported\. .*upload_method='auto'"):
            sync(letters, upload_method="files")
    assert xai.emulator.count("upload_file") == 1, "the same two calls would fail again"
    assert sync(letters)["fixed"] == 1


# Doubts


def test_chunks_of_raw_bytes_are_warned_of_and_counted_in_each_run(
    xai: Xai, books: Path, tmp_path: Path, logged: Logged
) -> None:
    report = tmp_path / "report.jsonl"
    manifest = sync(books, upload_method="files", report=report)
    assert (manifest["added"], manifest["doubtful"]) == (2, 1)
    doubts = by_name(report_of(report), "doubt")
    assert "raw bytes make: if no search finds its text" in doubts["moby.pdf"]
    assert doubts["notes.md"] == ""
    assert logged().count("moby.pdf: ") == 1
    for dry_run in (True, False):
        again = sync(books, upload_method="files", report=report, dry_run=dry_run)
        assert (again["kept"], again["doubtful"]) == (2, 1), "it is still there, and as doubtful"
        assert "raw bytes" in by_name(report_of(report), "doubt")["moby.pdf"]


def test_what_a_doubt_advises_makes_the_text_searchable(xai: Xai, books: Path) -> None:
    whales = sync(books, upload_method="files")["collection_id"]
    assert "Call me Ishmael" not in texts(xai, whales)
    (doubtful,) = (each.file_id for each in xai.documents(whales) if each.name == "moby.pdf")
    remove = XAIRemoveDocumentsOperator(task_id="remove", collection_id=whales, file_ids=[doubtful], delete_files=True)
    run(remove)
    assert (sync(books)["added"], sync(books)["doubtful"]) == (1, 0)
    assert "Call me Ishmael" in texts(xai, whales)


def texts(xai: Xai, whales: str) -> str:
    """Return all that a search for the first words of the book shows."""
    found = xai.hook.search_documents(query="Call me Ishmael", collection_ids=[whales], limit=50)
    return " ".join(match.text for match in found)


def test_of_very_many_doubtful_documents_the_log_names_some_and_says_how_many_more(
    xai: Xai, tmp_path: Path, logged: Logged
) -> None:
    many = write(tmp_path / "many", {f"{number:02}.md": f"no {number}" for number in range(53)})
    sync(many)
    alter(xai, *(path.name for path in many.iterdir()))
    assert sync(many)["doubtful"] == 53
    text = logged()
    assert text.count("other content than was sent: its own") == 50
    assert "3 more documents like that" in text


@pytest.mark.parametrize("deferrable", [False, True])
def test_files_that_others_uploaded_are_doubted_as_well(
    xai: Xai, books: Path, logged: Logged, deferrable: bool
) -> None:
    ids = [xai.hook.upload_file(path=books / name).id for name in ("moby.pdf", "notes.md")]
    whales = xai.collection()
    add = XAIAddDocumentsOperator(task_id="add", collection_id=whales, file_ids=ids, deferrable=deferrable)
    wait = run(add)["wait"]
    assert (wait["processed"], wait["doubtful"], [doubt["name"] for doubt in wait["doubts"]]) == (2, 1, ["moby.pdf"])
    said = f"moby.pdf ({ids[0]}): its "
    assert said in logged()
    result = xai.hook.wait_for_documents(collection_id=whales, file_ids=ids)
    assert [doubt.name for doubt in result.doubts] == ["moby.pdf"]
    assert said in logged()
    run(XAIDocumentsProcessedSensor(task_id="wait", collection_id=whales, file_ids=ids, poke_interval=0.01))
    assert said in logged()


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
    for by in (sync, ingest):
        manifest = by(folder, report=report, scope=folder.as_uri())
        assert (manifest["kept"], manifest["doubtful"]) == (3, 1)
        assert "other content than was sent: its own BLAKE3 hash is abababababababab…" in logged()
        assert "other content" in by_name(report_of(report), "doubt")["a.md"]
    xai.forget()
    manifest = sync(folder, verify_content=True)
    assert (manifest["fixed"], manifest["kept"], manifest["doubtful"]) == (1, 2, 0)
    assert xai.emulator.count("upload_document") == 1
    assert not any("content" in path for path in (request.path for request in xai.emulator.requests)), "no download"
    assert xai.names(whales) == ["a.md", "b.txt", "deep/c.md"]
    assert xai.unattached(whales) == []


def test_where_no_hash_agrees_they_may_be_of_another_kind_and_nothing_is_replaced(xai: Xai, folder: Path) -> None:
    sync(folder)
    alter(xai, "a.md", "b.txt", "deep/c.md")
    manifest = sync(folder, verify_content=True)
    assert (manifest["kept"], manifest["fixed"], manifest["doubtful"]) == (3, 0, 3)


# In one task or several


async def synced(way: str, source: Path, report: Path, **arguments: Any) -> Any:
    """Return the manifest of a sync that runs this way."""
    if way == "one task":
        return sync(source, report=report, **arguments)
    if way == "group":
        return Cluster(source, source.parent / "workspace", arguments).run(report=report)
    deferred: dict[str, Any] = {"source": source, "collection_name": "whales", "report": report, **arguments}
    with deferring() as caught:
        run(task(**deferred, deferrable=True))
    return await finish(caught[0], task(**deferred, deferrable=True))


WAYS = pytest.mark.parametrize("way", ["one task", "deferred", "group"])


@WAYS
@pytest.mark.parametrize("emulator_settings", [playing(indexing="reads:2")])
async def test_all_ways_count_the_same_doubts(xai: Xai, books: Path, tmp_path: Path, way: str) -> None:
    """One document is altered before, one is doubtful because of the way it goes."""
    write(books, {"moby.pdf": "not yet", "old.md": "old"})
    sync(books, upload_method="files")
    alter(xai, "old.md")
    write(books, {"moby.pdf": BOOK})
    report = tmp_path / "report.jsonl"
    manifest = await synced(way, books, report, upload_method="files")
    assert (manifest["replaced"], manifest["doubtful"]) == (1, 2)
    doubts = by_name(report_of(report), "doubt")
    assert "raw bytes" in doubts["moby.pdf"]
    assert "other content" in doubts["old.md"]


@WAYS
@pytest.mark.parametrize("emulator_settings", [playing(direct_upload_answer="error", indexing="reads:2")])
async def test_all_ways_say_of_each_document_that_it_went_in_two_calls(xai: Xai, tmp_path: Path, way: str) -> None:
    few = write(tmp_path / "few", {"small.pdf": pdf("Call me"), "moby.pdf": BOOK, "notes.md": "# Notes"})
    report = tmp_path / "report.jsonl"
    await synced(way, few, report)
    doubts = by_name(report_of(report), "doubt")
    assert TWO_CALLS in doubts["small.pdf"]
    assert TWO_CALLS in doubts["moby.pdf"]
    assert "raw bytes" in doubts["moby.pdf"]
    assert doubts["notes.md"] == ""


def test_a_document_that_is_altered_after_its_part_was_done_is_in_the_report_of_the_group(
    xai: Xai, books: Path, tmp_path: Path
) -> None:
    cluster, report = Cluster(books, tmp_path / "workspace"), tmp_path / "report.jsonl"
    for shard in cluster.plan():
        cluster.apply(shard)
    alter(xai, "notes.md")
    assert cluster.finish(report=report)["doubtful"] == 1
    assert "other content" in by_name(report_of(report), "doubt")["notes.md"]
