from __future__ import annotations

import mimetypes

import pytest

from airflow_provider_xai_collections.api.content_types import (
    DOCX,
    EPUB,
    HEAD,
    ODT,
    PDF,
    PPTX,
    RTF,
    SUPPORTED,
    TEXT,
    XLSX,
    ZIP,
    bare,
    content_type_of,
    needs_extraction,
    type_to_send,
    unsupported,
)
from airflow_provider_xai_collections.exceptions import XAIUnfitDocumentError


@pytest.mark.parametrize(
    ("name", "content_type"),
    [
        ("a/b/REPORT.PDF", PDF),
        ("book.ipynb", "application/vnd.jupyter"),
        ("page.html", "text/html"),
        ("values.yaml", "text/yaml"),
        ("pyproject.toml", TEXT),
        ("letter.rtf", RTF),
        ("mail.eml", TEXT),
        ("rows.jsonl", TEXT),
        ("notes.txt.gz", "application/gzip"),
        ("README", None),
        ("x.qqq", None),
    ],
)
def test_the_name_promises_a_type(name: str, content_type: str | None) -> None:
    assert content_type_of(name) == content_type


def test_the_types_are_those_that_xai_names() -> None:
    assert len(SUPPORTED) == 107
    assert {PDF, DOCX, XLSX, PPTX, ODT, EPUB, RTF, ZIP, TEXT, "application/vnd.ms-outlook", "text/yaml"} <= SUPPORTED
    assert not any(kind.startswith(("image/", "audio/", "video/")) for kind in SUPPORTED)


def test_what_has_to_be_extracted_is_told_from_text() -> None:
    extracted = {kind for kind in SUPPORTED if needs_extraction(kind)}
    assert {PDF, DOCX, XLSX, PPTX, ODT, EPUB, RTF, ZIP, "application/msword", "application/x-pdf"} <= extracted
    assert not extracted & {"application/json", "application/xml", "application/vnd.jupyter", "application/x-sh"}
    assert not any(kind.startswith("text/") for kind in extracted - {RTF})
    assert needs_extraction("Application/PDF; version=1.7")
    assert bare("text/plain; charset=utf-8") == TEXT


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("cat.png", "image/png by its name (.png)"),
        ("a.b/CAT.JPEG", "image/jpeg by its name (.jpeg)"),
        ("song.mp3", "audio/"),
        ("film.mp4", "video/"),
        ("Arial.ttf", "font/"),
        ("setup.exe", "application/"),
        ("all.tar.gz", "application/gzip by its name (.gz)"),
        ("table.parquet", "application/vnd.apache.parquet"),
        ("slides.ppt", "application/vnd.ms-powerpoint"),
        ("sheet.ods", "application/vnd.oasis.opendocument.spreadsheet"),
        ("data.bin", "application/octet-stream"),
    ],
)
def test_what_xai_does_not_list_is_told_by_its_name(name: str, kind: str) -> None:
    assert unsupported(name).startswith(f"is {kind}")
    with pytest.raises(XAIUnfitDocumentError, match="which xAI does not list as supported"):
        type_to_send(name, b"PK\x03\x04")


#: An .svg is text, and a .ts is TypeScript, not a film.
MAY_BE_TEXT = """
    notes.md report.pdf letter.docx book.epub mail.msg book.ipynb all.zip drawing.svg index.ts README README.ko
    example.com png .png a.png/README x.qqq
"""


@pytest.mark.parametrize("name", MAY_BE_TEXT.split())
def test_anything_else_may_be_text(name: str) -> None:
    assert unsupported(name) == ""


@pytest.mark.parametrize("ending", sorted(mimetypes.MimeTypes().types_map[True]))
def test_no_ending_that_python_knows_as_media_is_let_through(ending: str) -> None:
    kind = mimetypes.MimeTypes().types_map[True][ending]
    by_us = content_type_of(f"x{ending}")
    if kind.startswith(("image/", "audio/", "video/")) and by_us not in SUPPORTED:
        with pytest.raises(XAIUnfitDocumentError):
            type_to_send(f"x{ending}", b"\xff\xfe\x00\x01")


@pytest.mark.parametrize(
    ("name", "head", "content_type"),
    [
        ("notes.md", b"# Notes", "text/markdown"),
        ("letter.docx", b"PK\x03\x04 and more", DOCX),
        ("old.docx", b"\xd0\xcf\x11\xe0", DOCX),  # encrypted, say: the service decides
        ("letter.doc", b"{\\rtf1 Dear}", RTF),  # as Word itself saves it
        ("letter.docx", b"%PDF-1.7\n", PDF),
        ("letter.docx", b"PK\x03\x04\0\0\0\0xl/workbook.xml", DOCX),
        ("export", b"PK\x03\x04\0\0\0\0password/a.txt", ZIP),
        ("notes.txt", b"%PDF-1.7\n", PDF),
        ("notes.md", b"{\\rtf1 Notes}", RTF),
        ("book.pdf", b"%PDF-1.7\n", PDF),
        ("report", b"%PDF-1.4", PDF),
        ("export", b"PK\x03\x04\0\0\0\0[Content_Types].xml\0\0word/document.xml", DOCX),
        ("export", b"PK\x03\x04\0\0\0\0xl/workbook.xml", XLSX),
        ("export.txt", b"PK\x03\x04\0\0\0\0ppt/presentation.xml", PPTX),
        ("export", b"PK\x03\x04\0\0\0\0mimetypeapplication/epub+zip", EPUB),
        ("export", b"PK\x03\x04\0\0\0\0mimetypeapplication/vnd.oasis.opendocument.text", ODT),
        ("export", b"PK\x03\x04\0\0\0\0a.md", ZIP),
        ("README", "Wale, größer als Häuser".encode(), TEXT),
        ("README", "ä".encode() * (HEAD // 2 - 1) + b"a\xc3", TEXT),  # a character that the head cuts in two
        ("README", b"", TEXT),
        ("Makefile.am", b"all: demo\n", TEXT),
    ],
)
def test_the_first_bytes_decide_where_the_name_does_not_or_is_wrong(name: str, head: bytes, content_type: str) -> None:
    assert type_to_send(name, head) == content_type
    assert content_type in SUPPORTED


@pytest.mark.parametrize("head", [b"\x00\x01", b"caf\xe9", "UTF-16".encode("utf-16")])
def test_bytes_that_are_no_utf_8_text_need_a_name_that_says_what_they_are(head: bytes) -> None:
    with pytest.raises(XAIUnfitDocumentError, match=r"^blob\.xyz is not UTF-8 text, and its name does not say what"):
        type_to_send("blob.xyz", head)


def test_text_of_another_encoding_is_the_services_to_refuse_but_not_what_is_no_text_at_all() -> None:
    assert type_to_send("menu.txt", b"caf\xe9") == TEXT
    for head in (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "UTF-16".encode("utf-16")):
        with pytest.raises(XAIUnfitDocumentError, match=r"^menu\.txt is no UTF-8 text, as its name .*save it as"):
            type_to_send("menu.txt", head)
    assert type_to_send("old.doc", b"\xd0\xcf\x11\xe0\0\0") == "application/msword"
