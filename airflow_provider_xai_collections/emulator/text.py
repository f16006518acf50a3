"""Text of files: enough for a search to find what a person would search for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

from airflow_provider_xai_collections.api.content_types import DOCX, EPUB, PDF, PPTX, UNTYPED, XLSX, ZIP, bare
from airflow_provider_xai_collections.api.files import MAX_DOCUMENT_BYTES
from airflow_provider_xai_collections.emulator import content_types
from airflow_provider_xai_collections.emulator.readers.archives import open_archive
from airflow_provider_xai_collections.emulator.readers.books import epub
from airflow_provider_xai_collections.emulator.readers.markup import html
from airflow_provider_xai_collections.emulator.readers.notebooks import notebook
from airflow_provider_xai_collections.emulator.readers.office import docx, pptx, xlsx
from airflow_provider_xai_collections.emulator.readers.opendocument import opendocument
from airflow_provider_xai_collections.emulator.readers.page import TextPage, UnreadableError
from airflow_provider_xai_collections.emulator.readers.pdf import pdf
from airflow_provider_xai_collections.emulator.readers.plain import NOT_SUPPORTED, plain, rtf

Reader: TypeAlias = Callable[[bytes], Iterator[TextPage]]

#: As long as the longest text that is sent as text, whatever a small file unpacks to.
MAX_CHARS = MAX_DOCUMENT_BYTES
#: Packages by the names of their modules, where these differ.
_PACKAGES = {"docx": "python-docx", "pptx": "python-pptx"}


def extract(content: bytes, content_type: str) -> list[TextPage]:
    """Read a file.

    :raises UnreadableError: if it cannot be read as what ``content_type`` says.
    """
    kind = bare(content_type)
    pages, chars = [], 0
    try:
        for page in _READERS.get(kind, plain)(content):
            # Some formats can spell halves of characters, which nothing can store.
            pages.append(TextPage(page.text.encode(errors="replace").decode(), page.number))
            chars += len(page.text)
            if chars > MAX_CHARS:
                raise ValueError(f"it has more than {MAX_CHARS} characters of text")
    except UnreadableError:
        raise
    except ImportError as error:
        module = (error.name or "").partition(".")[0]
        package = _PACKAGES.get(module, module)
        raise UnreadableError(
            f"reading {kind} needs {package}: pip install 'airflow-provider-xai-collections[emulator]'"
        ) from None
    except Exception as error:
        # A library meets a broken file with whatever its parser stumbled over.
        reason = str(error)[:200] or type(error).__name__
        raise UnreadableError(f"the file cannot be read as {kind}: {reason}") from None
    return pages


def undecoded(content: bytes) -> list[TextPage]:
    """Return the bytes of a file taken for text, a character each."""
    return [TextPage(content.decode("ascii", errors="replace").replace("\ufffd", "?"))]


def _archive(content: bytes) -> Iterator[TextPage]:
    """Read the readable members of an archive, not those of archives within it."""
    with open_archive(content) as archive:
        for name in archive.namelist():
            member = archive.read(name)
            kind = content_types.sniff(member, name)
            if kind not in (UNTYPED, ZIP):
                yield from extract(member, kind)


def _unknown(content: bytes) -> Iterator[TextPage]:
    raise UnreadableError(NOT_SUPPORTED)


def _only_xai(content: bytes) -> Iterator[TextPage]:
    raise ValueError("xAI reads such files, and this emulator has no reader for them")


def _same(kinds: frozenset[str], reader: Reader) -> dict[str, Reader]:
    return dict.fromkeys(kinds, reader)


#: All that is not listed is read as text. Small libraries of MIT and BSD licence, where Python itself has no reader:
#: markitdown would bring a neural network's runtime along, EbookLib is AGPL, odfpy has had no release since 2020.
_READERS: Mapping[str, Reader] = {
    PDF: pdf,
    "application/vnd.adobe.pdf": pdf,
    "application/x-pdf": pdf,
    DOCX: docx,
    PPTX: pptx,
    XLSX: xlsx,
    content_types.XLSX_TEMPLATE: xlsx,
    EPUB: epub,
    "application/epub": epub,
    "application/x-epub+zip": epub,
    **_same(content_types.OPEN_DOCUMENTS, opendocument),
    **_same(content_types.MARKUP, html),
    **_same(content_types.RTF_TYPES, rtf),
    **_same(content_types.NOTEBOOKS, notebook),
    ZIP: _archive,
    **_same(content_types.ONLY_XAI, _only_xai),
    UNTYPED: _unknown,
}
