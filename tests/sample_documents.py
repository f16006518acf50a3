"""Small real files of each kind that people have documents in, made by code. Each line of the text is a paragraph."""

from __future__ import annotations

import json
import random
import re
import zipfile
from base64 import b64decode
from collections.abc import Callable, Mapping
from email.message import EmailMessage
from functools import cache
from html import escape
from io import BytesIO
from textwrap import wrap

import openpyxl
import pptx as python_pptx
from docx import Document
from pptx.util import Inches
from pypdf import PdfWriter
from pypdf.generic import DecodedStreamObject, NameObject, read_object

_CONTAINER = """<?xml version="1.0"?>
<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container">
<rootfiles><rootfile full-path="OEBPS/book.opf" media-type="application/oebps-package+xml"/></rootfiles></container>"""
_BOOK = """<?xml version="1.0"?>
<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="id">
<metadata xmlns:dc="http://purl.org/dc/elements/1.1/">
<dc:identifier id="id">urn:sample</dc:identifier><dc:title>Sample</dc:title><dc:language>en</dc:language></metadata>
<manifest><item id="one" href="text/chapter%201.xhtml" media-type="application/xhtml+xml"/></manifest>
<spine><itemref idref="one"/></spine></package>"""
_OPEN_DOCUMENT = "urn:oasis:names:tc:opendocument:xmlns:"
_LINES_OF_A_PAGE = 48
_RESOURCES = b"<< /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >> >> >>"


def zipped(members: Mapping[str, str | bytes]) -> bytes:
    """A zip archive. A first member called ``mimetype`` is stored as it is, for those who look for it there."""
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            kind = zipfile.ZIP_STORED if name == "mimetype" else zipfile.ZIP_DEFLATED
            archive.writestr(zipfile.ZipInfo(name), content, kind)
    return buffer.getvalue()


def pdf(text: str, pages: int = 1, *, padding: int = 0) -> bytes:
    """A PDF. As in most, its text is compressed: among its bytes no word of it is to be found.

    :param text: in Latin-1.
    :param pages: over which its lines are laid, or more if they need more.
    :param padding: bytes of an attachment that does not compress, as a photograph would not.
    """
    lines = [part for line in text.splitlines() for part in wrap(line, 90)]
    per_page = min(-(-len(lines) // pages) or 1, _LINES_OF_A_PAGE)
    sheets = [lines[start : start + per_page] for start in range(0, len(lines), per_page)]
    writer, buffer = PdfWriter(), BytesIO()
    for sheet in [*sheets, *[[]] * (pages - len(sheets))]:
        shown = "".join(f"({_escaped(line, '()')}) Tj T*\n" for line in sheet)
        drawing = DecodedStreamObject()
        drawing.set_data(f"BT /F1 11 Tf 14 TL 60 740 Td\n{shown}ET".encode("latin-1"))
        page = writer.add_blank_page(612, 792)
        page[NameObject("/Contents")] = drawing.flate_encode()
        page[NameObject("/Resources")] = read_object(BytesIO(_RESOURCES), None)
    if padding:
        writer.add_attachment("photograph", random.Random(padding).randbytes(padding))
    writer.write(buffer)
    return buffer.getvalue()


# Office files carry the time of their writing: cached, the same text is the same bytes.


@cache
def docx(text: str) -> bytes:
    document, buffer = Document(), BytesIO()
    for line in text.splitlines():
        document.add_paragraph(line)
    document.save(buffer)
    return buffer.getvalue()


@cache
def xlsx(text: str) -> bytes:
    """A workbook of one sheet, its lines under a row that names their column."""
    workbook, buffer = openpyxl.Workbook(), BytesIO()
    sheet = workbook.active
    for line in ("text", *text.splitlines()):
        sheet.append([line])
    workbook.save(buffer)
    return buffer.getvalue()


@cache
def pptx(text: str) -> bytes:
    """A presentation of one slide."""
    presentation, buffer = python_pptx.Presentation(), BytesIO()
    slide = presentation.slides.add_slide(presentation.slide_layouts[6])
    slide.shapes.add_textbox(Inches(1), Inches(1), Inches(8), Inches(5)).text_frame.text = text
    presentation.save(buffer)
    return buffer.getvalue()


def odt(text: str) -> bytes:
    return open_document("text", f"<office:text>{_paragraphs(text, 'text:p')}</office:text>")


def ods(text: str) -> bytes:
    """A spreadsheet of one sheet, its lines in one column."""
    cells = (f"<table:table-cell><text:p>{escape(line)}</text:p></table:table-cell>" for line in text.splitlines())
    rows = "".join(f"<table:table-row>{cell}</table:table-row>" for cell in cells)
    sheet = f'<table:table table:name="Sheet1">{rows}</table:table>'
    return open_document("spreadsheet", f"<office:spreadsheet>{sheet}</office:spreadsheet>")


def odp(text: str) -> bytes:
    """A presentation of one slide."""
    box = f"<draw:frame><draw:text-box>{_paragraphs(text, 'text:p')}</draw:text-box></draw:frame>"
    return open_document("presentation", f"<office:presentation><draw:page>{box}</draw:page></office:presentation>")


def open_document(kind: str, body: str) -> bytes:
    """An OpenDocument file around a body."""
    content_type = f"application/vnd.oasis.opendocument.{kind}"
    spaces = " ".join(
        f'xmlns:{name}="{_OPEN_DOCUMENT}{place}:1.0"'
        for name, place in (("office", "office"), ("text", "text"), ("table", "table"), ("draw", "drawing"))
    )
    content = f"<office:document-content {spaces}><office:body>{body}</office:body></office:document-content>"
    manifest = (
        f'<m:manifest xmlns:m="{_OPEN_DOCUMENT}manifest:1.0" m:version="1.2">'
        f'<m:file-entry m:full-path="/" m:media-type="{content_type}"/>'
        '<m:file-entry m:full-path="content.xml" m:media-type="text/xml"/></m:manifest>'
    )
    return zipped({"mimetype": content_type, "content.xml": content, "META-INF/manifest.xml": manifest})


def epub(text: str) -> bytes:
    """A book of one chapter."""
    body = _paragraphs(text, "p")
    chapter = f'<html xmlns="http://www.w3.org/1999/xhtml"><head><title>One</title></head><body>{body}</body></html>'
    return zipped(
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": _CONTAINER,
            "OEBPS/book.opf": _BOOK,
            "OEBPS/text/chapter 1.xhtml": chapter,
        }
    )


def html(text: str) -> bytes:
    body = _paragraphs(text, "p")
    style = "<style>p { color: navy }</style>"
    return f"<!DOCTYPE html>\n<html><head><title>Sample</title>{style}</head><body>{body}</body></html>\n".encode()


def _paragraphs(text: str, tag: str) -> str:
    return "".join(f"<{tag}>{escape(line)}</{tag}>" for line in text.splitlines())


def rtf(text: str) -> bytes:
    plain = _escaped(text, "{}").replace("\n", "\\par\n")
    spelt = "".join(character if character.isascii() else f"\\u{ord(character)}?" for character in plain)
    return f"{{\\rtf1\\ansi\\deff0{{\\fonttbl{{\\f0 Helvetica;}}}}\\f0\\fs24 {spelt}\\par}}".encode("ascii")


def _escaped(text: str, characters: str) -> str:
    """The text with backslashes before backslashes and these."""
    return re.sub(f"[\\\\{characters}]", r"\\\g<0>", text)


def ipynb(text: str) -> bytes:
    """A notebook with the text in a cell of its own, before one of code."""
    said = {"cell_type": "markdown", "id": "said", "metadata": {}, "source": text.splitlines(keepends=True)}
    output = {"name": "stdout", "output_type": "stream", "text": ["42\n"]}
    code = {"cell_type": "code", "id": "code", "metadata": {}, "execution_count": 1, "source": ["print(6 * 7)"]}
    cells = [said, {**code, "outputs": [output]}]
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()


def eml(text: str) -> bytes:
    """A letter."""
    letter = EmailMessage()
    letter["From"], letter["To"], letter["Subject"] = "ishmael@example.org", "starbuck@example.org", "A letter"
    letter.set_content(text, cte="8bit")
    return letter.as_bytes()


def png() -> bytes:
    """A picture of one dark pixel."""
    return b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGMQUDAAAACkAGE0Zn1yAAAAAElFTkSuQmCC")


#: The maker of each kind by how the names of such files end.
SAMPLES: Mapping[str, Callable[[str], bytes]] = {
    ".pdf": pdf,
    ".docx": docx,
    ".xlsx": xlsx,
    ".pptx": pptx,
    ".odt": odt,
    ".ods": ods,
    ".odp": odp,
    ".epub": epub,
    ".html": html,
    ".rtf": rtf,
    ".ipynb": ipynb,
    ".eml": eml,
}
