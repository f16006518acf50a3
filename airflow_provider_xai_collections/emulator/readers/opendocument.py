"""OpenDocument: texts, spreadsheets and presentations are one vocabulary of XML."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from airflow_provider_xai_collections.emulator.readers.archives import open_archive
from airflow_provider_xai_collections.emulator.readers.markup import parse_xml
from airflow_provider_xai_collections.emulator.readers.office import row
from airflow_provider_xai_collections.emulator.readers.page import TextPage

_TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
_TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
#: What was deleted, and what reviewers say.
_HIDDEN = frozenset({f"{_TEXT}tracked-changes", f"{_OFFICE}annotation"})
_WHITE = {f"{_TEXT}tab": "\t", f"{_TEXT}line-break": "\n"}


def opendocument(content: bytes) -> Iterator[TextPage]:
    """The body of a document."""
    with open_archive(content) as archive:
        body = parse_xml(archive.read("content.xml")).find(f"{_OFFICE}body")
    if body is None:
        raise ValueError("its content.xml has no body")
    yield TextPage("\n".join(_lines(body)))


def _lines(element: Element) -> Iterator[str]:
    for child in element:
        match child.tag:
            case tag if tag in _HIDDEN:
                continue
            case tag if tag in (f"{_TEXT}p", f"{_TEXT}h"):
                yield _inline(child)
            case tag if tag == f"{_TABLE}table-row":
                if any(cells := [" ".join(_lines(cell)) for cell in child]):
                    yield row(cells)
            case tag if tag == f"{_TABLE}table" and element.tag == f"{_OFFICE}spreadsheet":
                yield child.get(f"{_TABLE}name", "")
                yield from _lines(child)
            case _:
                yield from _lines(child)


def _inline(element: Element) -> str:
    pieces = [element.text or ""]
    for child in element:
        if child.tag == f"{_TEXT}s":
            pieces.append(" " * min(int(child.get(f"{_TEXT}c", "1")), 100))
        elif child.tag not in _HIDDEN:
            pieces.append(_WHITE.get(child.tag) or _inline(child))
        pieces.append(child.tail or "")
    return "".join(pieces)
