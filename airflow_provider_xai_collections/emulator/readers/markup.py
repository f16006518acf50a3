"""HTML and XML."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser
from xml.etree import ElementTree

from airflow_provider_xai_collections.emulator.readers.page import TextPage
from airflow_provider_xai_collections.emulator.readers.plain import utf8

_LINES = frozenset(
    {
        *("h1", "h2", "h3", "h4", "h5", "h6", "title", "p", "br", "hr", "div", "pre", "blockquote", "address"),
        *("li", "dt", "dd", "table", "tr", "section", "article", "aside", "header", "footer", "figcaption"),
    }
)
_CELLS = frozenset({"td", "th"})
_HIDDEN = frozenset({"script", "style", "template"})


def html(content: bytes) -> Iterator[TextPage]:
    """A page of HTML, or the text between the tags of XML."""
    yield TextPage(strip_markup(utf8(content)))


def strip_markup(markup: str) -> str:
    """Keep what a reader would see."""
    stripper = _Stripper()
    stripper.feed(markup)
    stripper.close()
    return "".join(stripper.pieces)


def parse_xml(markup: bytes) -> ElementTree.Element:
    """Parse XML from an unknown source.

    :raises ValueError: if it declares entities, which no document needs and bombs are made of.
    """
    # Without the NUL bytes, UTF-16 spells it the same.
    if b"<!ENTITY" in markup.replace(b"\0", b""):
        raise ValueError("its XML declares entities")
    return ElementTree.fromstring(markup)  # noqa: S314 - see above


class _Stripper(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden += tag in _HIDDEN
        self._end_line(tag)
        if tag in _CELLS and self.pieces and not self.pieces[-1][-1:].isspace():
            self.pieces.append(" ")

    def handle_endtag(self, tag: str) -> None:
        if tag in _HIDDEN:
            self._hidden = max(0, self._hidden - 1)
        self._end_line(tag)

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.pieces.append(data)

    def _end_line(self, tag: str) -> None:
        """End a line once, however many tags say so."""
        if tag in _LINES and self.pieces and not self.pieces[-1].endswith("\n"):
            self.pieces.append("\n")
