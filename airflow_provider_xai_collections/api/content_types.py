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


#: What no index of text is made of, by the ends of names. Not by MIME types: those known differ between machines.
#: Left out is what may as well be the end of a text's name, such as a language or a domain.
_UNSUPPORTED = {
    "an image": "avif bmp gif heic heif ico jpeg jpg jxl png psd tif tiff webp",
    "audio": "aac aif aiff flac m4a mid midi mp3 oga ogg opus wav wma",
    "video": "3gp avi flv m4v mkv mov mp4 mpeg mpg ogv webm wmv",
    "a font": "eot otf ttf woff woff2",
    "a program": "apk bin class dex dll dmg dylib exe jar msi o pyc pyd pyo so war wasm",
    "an archive": "7z bz2 cab cpio deb gz iso lz lz4 rar rpm tar tbz2 tgz txz xz z zst",
    "binary data": "avro db feather h5 npy npz orc parquet pickle pkl sqlite sqlite3",
}
_KINDS = {ending: kind for kind, endings in _UNSUPPORTED.items() for ending in endings.split()}


def unsupported(name: str) -> str:
    """What speaks against a file of this name; empty if nothing does.

    xAI takes any UTF-8 text, PDF, Office, EPUB, RTF, mail, notebooks and zip. A name that tells nothing may be text.
    Source: xAI's guide to collections.
    """
    stem, _, ending = name.rpartition("/")[2].rpartition(".")
    kind = _KINDS.get(ending.lower()) if stem else None
    return f"is {kind} by its name (.{ending.lower()}), and xAI indexes text and documents" if kind else ""
