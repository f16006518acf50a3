"""Text out of files, whoever reads them: libraries that are missing, broken files, and limits."""

from __future__ import annotations

import json
import sys

import pytest

from airflow_provider_xai_collections.api.content_types import DOCX, EPUB, PDF, PPTX, UNTYPED, XLSX, ZIP
from airflow_provider_xai_collections.emulator import text
from airflow_provider_xai_collections.emulator.content_types import HTML, ONLY_XAI
from airflow_provider_xai_collections.emulator.readers.page import TextPage, UnreadableError
from airflow_provider_xai_collections.emulator.text import extract
from tests.sample_documents import SAMPLES, docx, epub, ipynb, pdf, png, rtf, xlsx, zipped

ODT = "application/vnd.oasis.opendocument.text"
NOTEBOOK = "application/vnd.jupyter"
NOT_SUPPORTED = "File format not supported. The file does not contain readable text."


def test_pages_of_a_pdf() -> None:
    pages = extract(pdf("one\ntwo\nthree", pages=2), PDF)
    assert [(page.text.split(), page.number) for page in pages] == [(["one", "two"], 1), (["three"], 2)]


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (pdf("me"), "application/x-pdf"),
        (pdf("me"), "application/vnd.adobe.pdf"),
        (pdf("me"), "Application/PDF; version=1.4"),
        (epub("me"), "application/epub"),
        (epub("me"), "application/x-epub+zip"),
        (b"<p>me</p>", "application/xhtml"),
        (rtf("me"), "application/rtf"),
        (ipynb("me"), "application/x-ipynb+json"),
        (b"me", "text/x-unheard-of"),
        (b"me", "application/x-latex"),
    ],
)
def test_a_kind_has_several_names(content: bytes, content_type: str) -> None:
    (page,) = extract(content, content_type)
    assert "me" in page.text.split()
    assert "<" not in page.text


def test_an_archive_gives_what_is_readable_in_it() -> None:
    members: dict[str, str | bytes] = {
        "a.txt": "one",
        "b.png": png(),
        "c.docx": docx("two"),
        "d.zip": zipped({"e": "f"}),
    }
    assert extract(zipped(members), ZIP) == [TextPage("one"), TextPage("two")]


@pytest.mark.parametrize("content_type", [PDF, DOCX, PPTX, XLSX, EPUB, ODT, "text/rtf", NOTEBOOK])
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"broken",
        b"%PDF-1.4 broken",
        b"PK\x03\x04 broken",
        zipped({"word/document.xml": "<broken"}),
        zipped({"content.xml": "<broken", "META-INF/container.xml": "<broken"}),
        docx("x")[:2000],
        pdf("x")[:200],
    ],
)
def test_broken_files_fail_with_a_reason(content: bytes, content_type: str) -> None:
    with pytest.raises(UnreadableError) as refused:
        extract(content, content_type)
    is_explained = str(refused.value).startswith(f"the file cannot be read as {content_type}: ")
    assert is_explained or (content_type == NOTEBOOK and str(refused.value) == NOT_SUPPORTED)


def test_an_archive_that_is_broken_or_has_a_broken_member() -> None:
    for content, reason in ((b"PK", f"{ZIP}: File is not a zip file"), (zipped({"a.pdf": b"%PDF-"}), f"{PDF}: ")):
        with pytest.raises(UnreadableError, match=f"the file cannot be read as {reason}"):
            extract(content, ZIP)


@pytest.mark.parametrize("ending", [".docx", ".xlsx", ".pptx"])
def test_one_office_file_for_another_fails_with_a_reason(ending: str) -> None:
    for content_type in {DOCX, PPTX, XLSX} - {{".docx": DOCX, ".xlsx": XLSX, ".pptx": PPTX}[ending]}:
        with pytest.raises(UnreadableError, match=rf"^the file cannot be read as {content_type}: \S"):
            extract(SAMPLES[ending]("x"), content_type)


@pytest.mark.parametrize("content_type", [UNTYPED, HTML, "text/plain", "image/png"])
def test_what_is_no_text_fails_in_the_words_of_the_service(content_type: str) -> None:
    with pytest.raises(UnreadableError) as refused:
        extract(png(), content_type)
    assert str(refused.value) == NOT_SUPPORTED


@pytest.mark.parametrize("content_type", sorted(ONLY_XAI))
def test_what_xai_alone_can_read_says_so(content_type: str) -> None:
    with pytest.raises(UnreadableError, match="xAI reads such files, and this emulator has no reader for them"):
        extract(b"\xd0\xcf\x11\xe0", content_type)


@pytest.mark.parametrize(
    ("module", "package", "ending", "content_type"),
    [
        ("pypdf", "pypdf", ".pdf", PDF),
        ("docx", "python-docx", ".docx", DOCX),
        ("pptx", "python-pptx", ".pptx", PPTX),
        ("openpyxl", "openpyxl", ".xlsx", XLSX),
        ("striprtf", "striprtf", ".rtf", "text/rtf"),
    ],
)
def test_without_its_library_a_file_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, module: str, package: str, ending: str, content_type: str
) -> None:
    content = SAMPLES[ending]("x")
    for name in [name for name in sys.modules if name.startswith(f"{module}.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UnreadableError) as refused:
        extract(content, content_type)
    way_out = "pip install 'airflow-provider-xai-collections[emulator]'"
    assert str(refused.value) == f"reading {content_type} needs {package}: {way_out}"
    assert extract(b"x", "text/plain") == [TextPage("x")]


def test_there_is_a_limit_to_how_much_text_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "MAX_CHARS", 10)
    extract(b"x" * 10, "text/plain")
    with pytest.raises(UnreadableError, match="it has more than 10 characters of text"):
        extract(b"x" * 11, "text/plain")


def test_halves_of_characters_are_replaced() -> None:
    cell = {"cell_type": "markdown", "source": "a\ud800b"}
    assert extract(json.dumps({"cells": [cell]}).encode(), NOTEBOOK) == [TextPage("a?b")]


def test_a_workbook_that_is_a_template_is_read_alike() -> None:
    assert "x" in extract(xlsx("x"), XLSX.replace("sheet.sheet", "sheet.template"))[0].text.split()
