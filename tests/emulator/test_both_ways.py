"""The two ways of uploading a document, as they were seen: which of them makes text of it."""

from __future__ import annotations

import pytest

from airflow_provider_xai_collections.api import endpoints
from airflow_provider_xai_collections.api.content_types import DOCX, EPUB, PDF, PPTX, UNTYPED, XLSX
from airflow_provider_xai_collections.api.documents import Document
from airflow_provider_xai_collections.api.search import SearchMatch
from airflow_provider_xai_collections.emulator import Emulator, Settings
from airflow_provider_xai_collections.emulator.content_types import HTML
from tests.sample_documents import SAMPLES, pdf, png, zipped
from tests.support.caller import Caller, upload

NOT_SUPPORTED = "File format not supported. The file does not contain readable text."
TEXT = "The pitch of the hull is a secret & stays one"
CONTENT_TYPES = {
    ".pdf": PDF,
    ".docx": DOCX,
    ".xlsx": XLSX,
    ".pptx": PPTX,
    ".odt": "application/vnd.oasis.opendocument.text",
    ".ods": "application/vnd.oasis.opendocument.spreadsheet",
    ".odp": "application/vnd.oasis.opendocument.presentation",
    ".epub": EPUB,
    ".html": HTML,
    ".rtf": "text/rtf",
    ".ipynb": "application/vnd.jupyter",
    ".eml": "text/plain",
}
#: Those that are not text to begin with.
BINARY = sorted(CONTENT_TYPES.keys() - {".html", ".rtf", ".ipynb", ".eml"})
CONTAINERS = sorted({*BINARY} - {".pdf"})
every_kind = pytest.mark.parametrize("ending", SAMPLES)


def by_one_call(
    caller: Caller, collection_id: str, name: str, content: bytes, content_type: str | None = None
) -> Document:
    params = {"collection_id": collection_id, "name": name, "content_type": content_type}
    answer = caller.call(endpoints.UPLOAD_DOCUMENT, **params, upload=upload(name, content))
    assert answer.file_metadata is not None
    return caller.document(collection_id, answer.file_metadata.file_id)


def by_two_calls(caller: Caller, collection_id: str, name: str, content: bytes) -> Document:
    file_id = caller.file(name, content)
    caller.attach(collection_id, file_id)
    return caller.document(collection_id, file_id)


def search(caller: Caller, query: str, collection_id: str) -> tuple[SearchMatch, ...]:
    source = {"collection_ids": [collection_id]}
    return caller.call(endpoints.SEARCH_DOCUMENTS, query=query, source=source).matches


def outcome(document: Document) -> tuple[str, str, str | None]:
    status = str(document.status).removeprefix("DOCUMENT_STATUS_")
    return status, document.file_metadata.content_type, document.error_message or None


def test_every_kind_of_sample_is_tried() -> None:
    assert CONTENT_TYPES.keys() == SAMPLES.keys()


@every_kind
def test_by_the_one_call_every_kind_becomes_text(caller: Caller, ending: str) -> None:
    collection_id = caller.collection()
    document = by_one_call(caller, collection_id, f"a{ending}", SAMPLES[ending](TEXT), CONTENT_TYPES[ending])
    assert outcome(document) == ("PROCESSED", CONTENT_TYPES[ending], None)
    (match,) = search(caller, "hull secret", collection_id)
    assert TEXT in match.chunk_content
    assert not {"<", ">", "{", "}", "\\"} & set(match.chunk_content) or ending == ".eml"
    assert match.page_number == (1 if ending == ".pdf" else None)


def test_by_two_calls_a_pdf_is_chunked_as_bytes(caller: Caller) -> None:
    chunking = {"bytes_configuration": {"max_chunk_size_bytes": 1000, "chunk_overlap_bytes": 200}}
    collection_id = caller.collection(chunk_configuration=chunking)
    content = pdf(TEXT, padding=40_000)
    document = by_two_calls(caller, collection_id, "a.pdf", content)
    assert outcome(document) == ("PROCESSED", PDF, None)
    assert document.chunk_count == pytest.approx(len(content) / 800, abs=2)
    assert search(caller, "hull", collection_id) == ()
    (found, *_) = search(caller, "endobj", collection_id)
    assert "endstream" in found.chunk_content
    assert found.page_number is None
    assert by_one_call(caller, collection_id, "b.pdf", content, PDF).chunk_count == 1


@pytest.mark.parametrize("ending", CONTAINERS)
def test_by_two_calls_office_files_fail(caller: Caller, ending: str) -> None:
    collection_id = caller.collection()
    document = by_two_calls(caller, collection_id, f"a{ending}", SAMPLES[ending](TEXT))
    assert outcome(document) == ("FAILED", UNTYPED, NOT_SUPPORTED)
    assert search(caller, "hull", collection_id) == ()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.zip", zipped({"a.txt": TEXT})),
        ("a.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + TEXT.encode()),
        ("a.png", png()),
        ("a.txt", b"\xff" + TEXT.encode()),
    ],
)
def test_by_two_calls_other_binary_files_fail_alike(caller: Caller, name: str, content: bytes) -> None:
    document = by_two_calls(caller, caller.collection(), name, content)
    assert outcome(document) == ("FAILED", UNTYPED, NOT_SUPPORTED)


@pytest.mark.parametrize("ending", [".txt", ".md", ".csv", ".html", ".rtf", ".ipynb", ".eml"])
def test_text_is_text_by_both_ways(caller: Caller, ending: str) -> None:
    content = SAMPLES.get(ending, str.encode)(TEXT)
    for add in (by_one_call, by_two_calls):
        collection_id = caller.collection()
        document = add(caller, collection_id, f"a{ending}", content)
        assert outcome(document)[0] == "PROCESSED"
        assert [TEXT in match.chunk_content for match in search(caller, "hull", collection_id)] == [True]


@pytest.mark.parametrize("ending", BINARY)
def test_the_one_call_without_a_content_type_is_like_the_two(caller: Caller, ending: str) -> None:
    collection_id, content = caller.collection(), SAMPLES[ending](TEXT)
    one = by_one_call(caller, collection_id, f"a{ending}", content)
    two = by_two_calls(caller, collection_id, f"a{ending}", content)
    assert (outcome(one), one.chunk_count) == (outcome(two), two.chunk_count)
    assert search(caller, "hull", collection_id) == ()


@pytest.mark.parametrize("ending", BINARY)
def test_a_service_that_extracts_by_both_ways(ending: str) -> None:
    caller = Caller(Emulator(Settings(files_text="extract")))
    collection_id = caller.collection()
    document = by_two_calls(caller, collection_id, f"a{ending}", SAMPLES[ending](TEXT))
    assert outcome(document) == ("PROCESSED", CONTENT_TYPES[ending], None)
    assert [TEXT in match.chunk_content for match in search(caller, "hull", collection_id)] == [True]


@pytest.mark.parametrize("ending", BINARY)
def test_a_file_keeps_its_type_and_its_way_in_further_collections(caller: Caller, ending: str) -> None:
    content, elsewhere = SAMPLES[ending](TEXT), caller.collection()
    typed = by_one_call(caller, caller.collection(), f"a{ending}", content, CONTENT_TYPES[ending])
    sniffed = by_two_calls(caller, caller.collection(), f"b{ending}", content)
    for first in (typed, sniffed):
        caller.attach(elsewhere, first.file_id)
        again = caller.document(elsewhere, first.file_id)
        assert (outcome(again), again.chunk_count) == (outcome(first), first.chunk_count)
    assert [match.file_id for match in search(caller, "hull", elsewhere)] == [typed.file_id]


def test_a_reindex_takes_the_same_way(caller: Caller) -> None:
    collection_id, content = caller.collection(), pdf(TEXT, padding=40_000)
    for document in (
        by_one_call(caller, collection_id, "a.pdf", content, PDF),
        by_two_calls(caller, collection_id, "b.pdf", content),
    ):
        caller.call(endpoints.REINDEX_DOCUMENT, collection_id=collection_id, file_id=document.file_id)
        assert caller.document(collection_id, document.file_id).chunk_count == document.chunk_count


@pytest.mark.parametrize("content_type", [DOCX, "image/png", UNTYPED, "text/plain"])
def test_by_the_one_call_the_content_type_decides_whatever_the_bytes_are(caller: Caller, content_type: str) -> None:
    document = by_one_call(caller, caller.collection(), "a.pdf", pdf(TEXT), content_type)
    status, kept, message = outcome(document)
    assert (status, kept) == ("FAILED", content_type)
    assert message == NOT_SUPPORTED or (content_type == DOCX and message)


def test_a_scanned_pdf_comes_out_nearly_empty(caller: Caller) -> None:
    document = by_one_call(caller, caller.collection(), "a.pdf", pdf("", pages=3, padding=40_000), PDF)
    assert outcome(document)[0] == "PROCESSED"
    assert document.chunk_count in (0, 1)


def test_chunks_reach_over_pages_and_name_the_first(caller: Caller) -> None:
    chunking = {"chars_configuration": {"max_chunk_size_chars": 60, "chunk_overlap_chars": 0}}
    collection_id = caller.collection(chunk_configuration=chunking)
    lines = ["a ship on the sea", "a harbour with gulls", "an island of goats", "whales " * 8]
    document = by_one_call(caller, collection_id, "a.pdf", pdf("\n".join(lines), pages=4), PDF)
    assert document.chunk_count == 2
    assert [search(caller, word, collection_id)[0].page_number for word in ("ship", "gulls", "whales")] == [1, 1, 3]
