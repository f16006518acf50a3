"""What kind of file this is, guessed from its bytes and its name as the service seems to."""

from __future__ import annotations

import zipfile
from io import BytesIO

from airflow_provider_xai_collections.api.content_types import content_type_of

PDF = "application/pdf"
ZIP = "application/zip"
EPUB = "application/epub+zip"
UNKNOWN = "application/octet-stream"
_OPEN_XML = "application/vnd.openxmlformats-officedocument."
#: The folder that tells one Office format from another.
OFFICE = {
    "word/": _OPEN_XML + "wordprocessingml.document",
    "ppt/": _OPEN_XML + "presentationml.presentation",
    "xl/": _OPEN_XML + "spreadsheetml.sheet",
}
MARKUP = frozenset({"text/html", "application/xhtml+xml", "text/xml", "application/xml"})

_TEXTUAL = MARKUP | {
    "application/javascript",
    "application/json",
    "application/jsonl",
    "application/rtf",
    "application/toml",
    "application/x-ipynb+json",
    "application/yaml",
}


def sniff(content: bytes, name: str) -> str:
    """Guess the content type."""
    if content.startswith(b"%PDF-"):
        return PDF
    if content.startswith(b"PK\x03\x04"):
        return _sniff_zip(content)
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return UNKNOWN
    if "\0" in text:
        return UNKNOWN
    if text.lstrip("\ufeff \t\r\n")[:15].lower().startswith(("<!doctype html", "<html")):
        return "text/html"
    guess = content_type_of(name) or ""
    # Bytes that are text are not a picture, whatever the name says.
    return guess if guess.startswith(("text/", "message/")) or guess in _TEXTUAL else "text/plain"


def _sniff_zip(content: bytes) -> str:
    try:
        names = zipfile.ZipFile(BytesIO(content)).namelist()
    except zipfile.BadZipFile:
        return UNKNOWN
    if "META-INF/container.xml" in names:
        return EPUB
    return next((kind for folder, kind in OFFICE.items() if any(name.startswith(folder) for name in names)), ZIP)
