"""Content types, sniffed from bytes and names."""

from __future__ import annotations

from io import BytesIO
from zipfile import ZipFile

import pytest

from airflow_provider_xai_collections.api.content_types import DOCX, EPUB, PDF, PPTX, UNTYPED, XLSX, ZIP
from airflow_provider_xai_collections.emulator.content_types import sniff
from tests.sample_documents import docx, epub, odp, ods, odt, pdf, png, pptx, xlsx, zipped

OPEN_DOCUMENT = "application/vnd.oasis.opendocument."


def with_a_wrong_mimetype() -> bytes:
    """An archive whose member ``mimetype`` does not fit its checksum."""
    content = zipped({"mimetype": EPUB})
    with ZipFile(BytesIO(content)) as archive:
        assert archive.read("mimetype").decode() == EPUB
    return content.replace(EPUB.encode(), b"X" * len(EPUB), 1)


@pytest.mark.parametrize(
    ("content", "name", "expected"),
    [
        (b"text", "a.txt", "text/plain"),
        (b"text", "a", "text/plain"),
        (b"# text", "a.md", "text/markdown"),
        (b"{}", "a.json", "application/json"),
        (b"a,b", "a.csv", "text/csv"),
        (b"text", "a.png", "text/plain"),
        (b"text", "a.docx", "text/plain"),
        (b"<!DOCTYPE html><p>", "a.txt", "text/html"),
        (b"\xef\xbb\xbf <html>", "a.txt", "text/html"),
        (pdf("x"), "a.txt", PDF),
        (docx("x"), "a.txt", DOCX),
        (pptx("x"), "a", PPTX),
        (xlsx("x"), "a", XLSX),
        (epub("x"), "a", EPUB),
        (zipped({"META-INF/container.xml": "<container/>"}), "a", EPUB),
        (odt("x"), "a", OPEN_DOCUMENT + "text"),
        (ods("x"), "a", OPEN_DOCUMENT + "spreadsheet"),
        (odp("x"), "a", OPEN_DOCUMENT + "presentation"),
        (zipped({"mimetype": "application/x-other"}), "a", ZIP),
        (zipped({"a.txt": "x"}), "a", ZIP),
        (with_a_wrong_mimetype(), "a.epub", UNTYPED),
        (b"PK\x03\x04 broken", "a.docx", UNTYPED),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a.doc", UNTYPED),
        (png(), "a.txt", UNTYPED),
        (b"\xff\xfe", "a.txt", UNTYPED),
        (b"a\x00b", "a.txt", UNTYPED),
    ],
)
def test_sniffing(content: bytes, name: str, expected: str) -> None:
    assert sniff(content, name) == expected
