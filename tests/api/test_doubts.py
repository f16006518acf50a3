"""Doubts about processed documents: by their content, their type, their chunks."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_xai_collections.api.chunking import ChunkConfiguration
from airflow_provider_xai_collections.api.documents import Document
from airflow_provider_xai_collections.api.doubts import doubts_about, may_be_raw_bytes, reason_of_failure
from airflow_provider_xai_collections.api.identity import CONTENT_HASH
from tests.support.driving import a_document

HASH, OTHER = "ab" * 32, "cd" * 32


def chunking(strategy: str, **sizes: int) -> ChunkConfiguration:
    return ChunkConfiguration.model_validate({f"{strategy}_configuration": sizes})


BYTES = chunking("bytes", max_chunk_size_bytes=4000, chunk_overlap_bytes=800)


def stored(name: str, content_type: str = "", **other: Any) -> Document:
    metadata = {"name": name, "content_type": content_type, **other.pop("file_metadata", {})}
    return a_document("f", file_metadata=metadata, **other)


def reasons(document: Document, known: ChunkConfiguration | None = BYTES) -> list[str]:
    return [doubt.reason for doubt in doubts_about(document, known)]


# Its content


@pytest.mark.parametrize(
    ("sent", "told", "altered"),
    [
        (HASH, HASH, False),
        (HASH, HASH.upper(), False),
        (HASH, OTHER, True),
        (HASH, "", False),  # the service tells none
        ("", OTHER, False),  # somebody else attached it
        (HASH, "d41d8cd98f00b204e9800998ecf8427e", False),  # a hash of another kind
    ],
)
def test_content_is_compared_with_the_services_own_hash_of_it(sent: str, told: str, altered: bool) -> None:
    document = stored("a.md", file_metadata={"hash": told}, fields={CONTENT_HASH: sent} if sent else {})
    doubts = doubts_about(document, None)
    assert [doubt.altered for doubt in doubts] == [True] * altered
    assert all(OTHER[:16] in doubt.reason and HASH[:16] in doubt.reason for doubt in doubts)


# Its type


@pytest.mark.parametrize(
    ("name", "content_type", "said"),
    [
        # Text is text under any of its types.
        ("a.md", "text/markdown", ""),
        ("a.md", "text/plain", ""),
        ("a.md", "text/plain; charset=utf-8", ""),
        ("a.csv", "text/plain", ""),
        ("README", "text/plain", ""),
        ("a.md", "", ""),
        ("b.pdf", "application/pdf", ""),
        ("notes.txt", "application/pdf", ""),  # sent under the type of its bytes
        ("letter.docx", "application/octet-stream", "it is application/vnd.openxmlformats-officedocument.wordproc"),
        ("a.md", "application/octet-stream", "it is text/markdown by its name"),
        ("README", "application/octet-stream", "its name does not say what it is"),
        ("b.pdf", "text/plain", "keeps it as text/plain, and it is application/pdf by its name"),
        ("letter.docx", "application/zip", "keeps it as application/zip"),
    ],
)
def test_a_type_under_which_no_text_is_extracted_is_doubtful(name: str, content_type: str, said: str) -> None:
    found = reasons(stored(name, content_type))
    assert len(found) == bool(said)
    assert said in "".join(found)


def test_content_and_type_may_both_be_doubtful() -> None:
    document = stored("b.pdf", "text/plain", file_metadata={"hash": OTHER}, fields={CONTENT_HASH: HASH}, chunk_count=1)
    assert [doubt.altered for doubt in doubts_about(document, BYTES)] == [True, False]


# Its chunks


BOOK = {"file_metadata": {"size_bytes": "320000"}, "chunk_count": 100}


def book(chunks: int, size: int = 320_000, name: str = "b.pdf") -> Document:
    return stored(name, file_metadata={"size_bytes": str(size)}, chunk_count=chunks)


@pytest.mark.parametrize(
    ("chunks", "known", "doubtful"),
    [
        (100, BYTES, True),  # 320,000 bytes, 3,200 more by each
        (95, BYTES, True),
        (72, BYTES, True),  # bytes that are no text shrink when they are decoded
        (113, BYTES, True),
        (65, BYTES, False),
        (120, BYTES, False),
        (32, BYTES, False),  # text
        (200, BYTES, False),  # more text than bytes: they were packed
        (100, chunking("chars", max_chunk_size_chars=4000, chunk_overlap_chars=800), True),
        (40, chunking("chars", max_chunk_size_chars=8000, chunk_overlap_chars=0), True),
        (320, chunking("tokens", max_chunk_size_tokens=600, chunk_overlap_tokens=100), True),
        (30, chunking("tokens", max_chunk_size_tokens=600, chunk_overlap_tokens=100), False),
        (100, chunking("table", max_chunk_size_tokens=1000), True),
        (100, chunking("ast", max_chunk_size_tokens=1000), False),  # deprecated: nothing is known of it
        (100, chunking("bytes"), False),
        (100, ChunkConfiguration(), False),
        (100, None, False),
    ],
)
def test_as_many_chunks_as_the_raw_bytes_make_are_no_text(
    chunks: int, known: ChunkConfiguration | None, doubtful: bool
) -> None:
    assert [reason for reason in reasons(book(chunks), known) if "raw bytes" in reason] == (
        [
            f"its {chunks} chunks are as many as its 320,000 raw bytes make: if no search finds its text, remove the "
            "document and upload it again, in one call"
        ]
        * doubtful
    )


@pytest.mark.parametrize(
    ("document", "doubtful"),
    [
        (book(100, name="b.PDF"), True),
        (book(100, name="b.docx"), False),
        (book(100, name="b.epub"), False),
        (book(100, name="b.md"), False),
        (book(100, name="README"), False),
        (stored("b", "application/pdf", **BOOK), True),
        (stored("b.txt", "application/pdf", **BOOK), True),  # a PDF under another name
        (book(4, size=12_800), False),  # small documents have few chunks, whatever is in them
        (stored("b.pdf"), False),
    ],
)
def test_only_large_pdfs_have_been_seen_to_end_as_raw_bytes(document: Document, doubtful: bool) -> None:
    assert bool(reasons(document)) is doubtful
    assert may_be_raw_bytes(document) is doubtful


# Failures


def test_a_failure_by_an_unknown_type_says_the_way_out() -> None:
    failed = stored("letter.docx", "application/octet-stream", error_message="File format not supported.")
    assert reason_of_failure(failed) == (
        "File format not supported. (kept as application/octet-stream, as in two calls: in one call, which "
        "upload_method='auto' makes where xAI takes it, the type is sent)"
    )


@pytest.mark.parametrize(
    ("name", "content_type"), [("a.md", "application/octet-stream"), ("x", "text/plain"), ("b.pdf", "")]
)
def test_another_failure_has_the_services_reason(name: str, content_type: str) -> None:
    assert reason_of_failure(stored(name, content_type, error_message="no text")) == "no text"
    assert reason_of_failure(stored(name, content_type)) == "the service gave no reason"
