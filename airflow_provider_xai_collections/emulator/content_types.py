"""Content types, and how the service seems to guess them from the bytes and the name of a file."""

from __future__ import annotations

import zipfile
from io import BytesIO

from airflow_provider_xai_collections.api.content_types import (
    DOCX,
    EPUB,
    PDF,
    PPTX,
    TEXT,
    UNTYPED,
    XLSX,
    ZIP,
    content_type_of,
)

HTML = "text/html"
_OPEN_XML = "application/vnd.openxmlformats-officedocument."
XLSX_TEMPLATE = _OPEN_XML + "spreadsheetml.template"
_OPEN_DOCUMENT = "application/vnd.oasis.opendocument."
OPEN_DOCUMENTS = frozenset(_OPEN_DOCUMENT + kind for kind in ("text", "spreadsheet", "presentation"))
#: The folder that tells one Office format from another.
_OFFICE = {"word/": DOCX, "ppt/": PPTX, "xl/": XLSX}
#: Whatever is a zip archive inside.
CONTAINERS = frozenset({ZIP, EPUB, *_OFFICE.values(), *OPEN_DOCUMENTS})
MARKUP = frozenset({HTML, "application/xhtml", "application/xhtml+xml", "text/xml", "application/xml"})
RTF_TYPES = frozenset({"application/rtf", "text/rtf"})
NOTEBOOKS = frozenset({"application/vnd.jupyter", "application/x-ipynb+json"})
#: xAI reads these, and no light library of a permissive licence does.
ONLY_XAI = frozenset(
    {
        "application/msword",
        "application/vnd.ms-excel",
        "application/vnd.ms-outlook",
        "application/x-hwp",
        "application/x-hwp-v5",
        *(f"{_OPEN_XML}presentationml.{kind}" for kind in ("slide", "slideshow", "template")),
    }
)

_TEXTUAL = frozenset({f"application/{kind}" for kind in ("javascript", "json", "jsonl", "toml", "yaml")}).union(
    MARKUP, RTF_TYPES, NOTEBOOKS
)


def sniff(content: bytes, name: str) -> str:
    """Guess the content type."""
    if content.startswith(b"%PDF-"):
        return PDF
    if content.startswith(b"PK\x03\x04"):
        return _sniff_zip(content)
    if (text := decoded(content)) is None:
        return UNTYPED
    if text.lstrip()[:15].lower().startswith(("<!doctype html", "<html")):
        return HTML
    guess = content_type_of(name) or ""
    # Bytes that are text are not a picture, whatever the name says.
    return guess if guess.startswith(("text/", "message/")) or guess in _TEXTUAL else TEXT


def decoded(content: bytes) -> str | None:
    """Return the text of these bytes, or ``None`` if they are none: xAI takes UTF-8 alone."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text


def _sniff_zip(content: bytes) -> str:
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            names = archive.namelist()
            said = _mimetype(archive) if "mimetype" in names else ""
    except Exception:
        # A broken archive fails in many ways, an encrypted member in another.
        return UNTYPED
    if said in OPEN_DOCUMENTS:
        return said
    if said == EPUB or "META-INF/container.xml" in names:
        return EPUB
    return next((kind for folder, kind in _OFFICE.items() if any(name.startswith(folder) for name in names)), ZIP)


def _mimetype(archive: zipfile.ZipFile) -> str:
    """Return the content type that OpenDocument and EPUB have in a member of its own."""
    with archive.open("mimetype") as member:
        return member.read(100).decode(errors="replace").strip()
