"""EPUB: chapters of XHTML, in the order in which they are read."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from urllib.parse import unquote

from airflow_provider_xai_collections.emulator.readers.archives import open_archive
from airflow_provider_xai_collections.emulator.readers.markup import parse_xml, strip_markup
from airflow_provider_xai_collections.emulator.readers.page import TextPage
from airflow_provider_xai_collections.emulator.readers.plain import utf8


def epub(content: bytes) -> Iterator[TextPage]:
    """The chapters of a book. They are not pages: those of a book on paper are not in it."""
    with open_archive(content) as archive:
        root = parse_xml(archive.read("META-INF/container.xml")).find(".//{*}rootfile")
        if root is None:
            raise ValueError("its container.xml names no book")
        place = root.get("full-path", "")
        book = parse_xml(archive.read(place))
        hrefs = {item.get("id"): item.get("href", "") for item in book.iterfind("{*}manifest/{*}item")}
        for chapter in book.iterfind("{*}spine/{*}itemref"):
            href = unquote(hrefs[chapter.get("idref")].partition("#")[0])
            yield TextPage(strip_markup(utf8(archive.read(posixpath.join(posixpath.dirname(place), href)))))
