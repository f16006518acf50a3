"""The MIME type a file name promises, and what to do when the service saw something else."""

from __future__ import annotations

import mimetypes
from pathlib import PurePosixPath

#: What the service calls content whose type it did not recognise.
UNTYPED = "application/octet-stream"

_OPEN_XML = "application/vnd.openxmlformats-officedocument."
#: Types that the standard library only knows where the operating system does; named here to be the same everywhere.
_KNOWN = {
    ".docx": _OPEN_XML + "wordprocessingml.document",
    ".pptx": _OPEN_XML + "presentationml.presentation",
    ".xlsx": _OPEN_XML + "spreadsheetml.sheet",
    ".epub": "application/epub+zip",
    ".eml": "message/rfc822",
    ".ipynb": "application/x-ipynb+json",
    ".jsonl": "application/jsonl",
    ".log": "text/plain",
    ".markdown": "text/markdown",
    ".md": "text/markdown",
    ".msg": "application/vnd.ms-outlook",
    ".odt": "application/vnd.oasis.opendocument.text",
    ".rst": "text/x-rst",
    ".rtf": "application/rtf",
    ".toml": "application/toml",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
}


def content_type_of(name: str) -> str | None:
    """The MIME type a file of this name should have, or ``None`` if the name tells nothing."""
    guessed, encoding = mimetypes.guess_type(name)
    # What is compressed is not of the type inside.
    return _KNOWN.get(PurePosixPath(name).suffix.lower()) or (None if encoding else guessed)


def advice(name: str) -> str:
    """The way out for a document that the service stored as :data:`UNTYPED`."""
    if (known := content_type_of(name)) is None or known == UNTYPED:
        return f"xAI stored {name} as {UNTYPED}, and its name does not say what it is: rename it with an extension"
    return f"xAI stored {name} as {UNTYPED} although it is {known}: use upload_method='direct', which sends the type"
