"""Text out of files. Deliberately plain: enough for a search to find what a person would look for."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from io import BytesIO
from xml.etree import ElementTree

from airflow_provider_xai_collections.emulator import content_types

#: Where the text of a zip-based format is. A zip bomb of our own making is not a worry on a loopback emulator.
_TEXT_PARTS = {
    content_types.EPUB: (".xhtml", ".html", ".htm"),
    content_types.OFFICE["word/"]: ("word/document.xml",),
    content_types.OFFICE["ppt/"]: (".xml",),
    content_types.OFFICE["xl/"]: ("xl/sharedStrings.xml",),
}
#: Elements that end a line, as local names of HTML, Word, PowerPoint and Excel.
_LINES = frozenset({"p", "br", "div", "li", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "title", "si"})


class UnreadableError(Exception):
    """There is no text to be had from this file; the message is for ``error_message``."""


@dataclass(frozen=True, slots=True)
class Page:
    """Text, with the number of its page where the format has pages."""

    text: str
    number: int | None = None


def extract(content: bytes, content_type: str, name: str) -> list[Page]:
    """Read a file.

    :raises UnreadableError: if it cannot be read as what ``content_type`` says.
    """
    match content_type:
        case content_types.PDF:
            return list(_pdf(content))
        case content_types.ZIP:
            return list(_zip(content))
        case content_types.UNKNOWN:
            raise UnreadableError("unsupported content type application/octet-stream")
        case _ if content_type in _TEXT_PARTS:
            return [Page(_zipped_markup(content, _TEXT_PARTS[content_type]))]
        case _ if content_type in content_types.MARKUP:
            return [Page(_strip_markup(_utf8(content, name)))]
        case _:
            return [Page(_utf8(content, name))]


def _utf8(content: bytes, name: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UnreadableError(f"{name} is not UTF-8 text") from None


def _pdf(content: bytes) -> Iterator[Page]:
    try:
        from pypdf import PdfReader
    except ImportError:
        raise UnreadableError(
            "reading a PDF needs pypdf: pip install 'airflow-provider-xai-collections[emulator]'"
        ) from None
    try:
        for number, page in enumerate(PdfReader(BytesIO(content)).pages, start=1):
            yield Page(page.extract_text(), number)
    except Exception as error:
        # pypdf meets a broken file with whatever its parser stumbled over.
        raise UnreadableError(f"the PDF cannot be read: {error}") from None


def _members(content: bytes) -> Iterator[tuple[str, bytes]]:
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            for name in archive.namelist():
                yield name, archive.read(name)
    except Exception as error:
        # BadZipFile, zlib.error, RuntimeError if encrypted: a broken archive has many ways to fail.
        raise UnreadableError(f"the archive cannot be read: {error}") from None


def _zip(content: bytes) -> Iterator[Page]:
    """The readable members of an archive; the others are passed over."""
    for name, member in _members(content):
        kind = content_types.sniff(member, name)
        if kind not in (content_types.UNKNOWN, content_types.ZIP):
            yield from extract(member, kind, name)


def _zipped_markup(content: bytes, parts: Iterable[str]) -> str:
    return "\n".join(_element_text(member) for name, member in _members(content) if name.endswith(tuple(parts)))


def _element_text(markup: bytes) -> str:
    lines = _Lines()
    parser = ElementTree.XMLParser(target=lines)  # noqa: S314 - the caller's own file, on the caller's own machine
    try:
        parser.feed(markup)
        parser.close()
    except ElementTree.ParseError as error:
        raise UnreadableError(f"broken XML inside: {error}") from None
    return "".join(lines.pieces)


class _Lines:
    """Target of an XML parser: keeps the text, and ends a line where a paragraph does."""

    def __init__(self) -> None:
        self.pieces: list[str] = []

    def data(self, data: str) -> None:
        self.pieces.append(data)

    def end(self, tag: str) -> None:
        if tag.rpartition("}")[2] in _LINES:
            self.pieces.append("\n")


class _Stripper(HTMLParser):
    """Keeps what a reader would see."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden += tag in ("script", "style")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("script", "style"):
            self._hidden = max(0, self._hidden - 1)
        if tag in _LINES:
            self.pieces.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.pieces.append(data)


def _strip_markup(markup: str) -> str:
    stripper = _Stripper()
    stripper.feed(markup)
    stripper.close()
    return "".join(stripper.pieces)
