"""Content types and text of files."""

from __future__ import annotations

import sys

import pytest

from airflow_provider_xai_collections.emulator.content_types import EPUB, OFFICE, PDF, UNKNOWN, ZIP, sniff
from airflow_provider_xai_collections.emulator.text import Page, UnreadableError, extract

from .samples import docx, epub, pdf, pptx, xlsx, zipped

WORD, SLIDES, SHEET = OFFICE.values()


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
        (docx("x"), "a.txt", WORD),
        (pptx("x"), "a", SLIDES),
        (xlsx("x"), "a", SHEET),
        (epub("x"), "a", EPUB),
        (zipped({"a.txt": "x"}), "a", ZIP),
        (b"PK\x03\x04 broken", "a.docx", UNKNOWN),
        (b"\xff\xfe", "a.txt", UNKNOWN),
        (b"a\x00b", "a.txt", UNKNOWN),
    ],
)
def test_sniffing(content: bytes, name: str, expected: str) -> None:
    assert sniff(content, name) == expected


@pytest.mark.parametrize(
    ("content", "content_type", "expected"),
    [
        ("\ufeffcall me".encode(), "text/plain", "call me"),
        (b"<p>call <b>me</b></p><script>x<y</script></script><style>p{}</style>now", "text/html", "call me\nnow"),
        (b"<a>call &amp; me</a>", "application/xml", "call & me"),
        (docx("call me"), WORD, "call me\n"),
        (pptx("call me"), SLIDES, "call me\n"),
        (xlsx("one"), SHEET, "one\ntwo\n"),
        (epub("call me"), EPUB, "call me\n"),
        (b"{\\rtf1 call me}", "application/rtf", "{\\rtf1 call me}"),
    ],
)
def test_text_of_one_page(content: bytes, content_type: str, expected: str) -> None:
    assert extract(content, content_type, "a") == [Page(expected)]


def test_pages_of_a_pdf() -> None:
    assert extract(pdf("one", "two"), PDF, "a.pdf") == [Page("one", 1), Page("two", 2)]


def test_an_archive_gives_what_is_readable_in_it() -> None:
    content = zipped({"a.txt": "one", "b.bin": b"\xff", "c.docx": docx("two"), "d.zip": zipped({"e": "f"})})
    assert extract(content, ZIP, "a.zip") == [Page("one"), Page("two\n")]


@pytest.mark.parametrize(
    ("content", "content_type", "message"),
    [
        (b"x", UNKNOWN, "unsupported content type"),
        (b"\xff", "text/plain", "a is not UTF-8 text"),
        (b"%PDF-1.4 broken", PDF, "the PDF cannot be read"),
        (b"broken", WORD, "the archive cannot be read"),
        (b"broken", ZIP, "the archive cannot be read"),
        (zipped({"word/document.xml": "<broken"}), WORD, "broken XML inside"),
    ],
)
def test_unreadable(content: bytes, content_type: str, message: str) -> None:
    with pytest.raises(UnreadableError, match=message):
        extract(content, content_type, "a")


def test_without_pypdf_a_pdf_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pypdf", None)
    with pytest.raises(UnreadableError, match=r"pip install 'airflow-provider-xai-collections\[emulator\]'"):
        extract(pdf("x"), PDF, "a.pdf")
