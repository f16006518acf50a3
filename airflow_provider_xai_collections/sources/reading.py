"""Files as documents: check and hash them, and open them to be sent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from io import BytesIO
from math import ceil
from typing import Any, BinaryIO, cast

from blake3 import blake3

from airflow_provider_xai_collections.api.content_types import HEAD, content_type_of, type_to_send
from airflow_provider_xai_collections.api.files import (
    MAX_DOCUMENT_BYTES,
    MAX_FILENAME_LENGTH,
    MAX_UPLOAD_BYTES,
    MEGABYTE,
    check_filename,
)
from airflow_provider_xai_collections.api.identity import SourceDocument
from airflow_provider_xai_collections.api.protocol import Upload
from airflow_provider_xai_collections.exceptions import XAISourceError, XAIUnfitDocumentError
from airflow_provider_xai_collections.sources.fingerprints import FileState, state_of
from airflow_provider_xai_collections.sources.paths import AnyPath, as_path, filesystem_of, is_local, naming, uri_of
from airflow_provider_xai_collections.text import counted, printable

#: Characters of a path that is too long, in a message.
MAX_SHOWN = 60
#: The next step for a file that could be read before.
_VANISHED = ". It may have vanished since it was listed: check the source, then run it again"


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file that was listed, not read; ``name`` is its path below the source."""

    path: Any
    name: str

    @property
    def uri(self) -> str:
        """Its URI: the same from every machine, and whatever connection leads there."""
        return uri_of(self.path)


def upload_of(path: AnyPath, name: str | None = None, *, limit: int = MAX_UPLOAD_BYTES) -> Upload:
    """Return a single file as something to send.

    :param limit: the most bytes the call takes.
    :raises XAISourceError: it cannot be read, or is empty or too large.
    """
    there = as_path(path)
    found = FoundFile(there, name or there.name)
    with naming(found.name, there, "read"):
        size = _checked_size(found.name, state_of(there), limit)
    return Upload(found.name, partial(_open, there), size, content_type_of(found.name))


def _go_on() -> None:
    """Let the reading go on."""


def read_file(
    file: FoundFile,
    state: FileState | None = None,
    *,
    limit: int,
    keep: int = 0,
    check: Callable[[], None] = _go_on,
) -> SourceDocument:
    """Check and hash a file, in one reading, block by block.

    :param state: when it was listed; by default, now.
    :param limit: the most bytes a document may have.
    :param keep: a file of at most so many bytes is kept in memory, so that it is not opened again to be sent.
    :param check: called before each block; an error ends the reading.
    :raises XAIUnfitDocumentError: xAI would not take it, or not index it.
    :raises XAISourceError: it cannot be read, or has changed since it was listed.
    """
    if wrong := unfit_name(file.name):
        raise XAIUnfitDocumentError(wrong)
    with naming(file.name, file.path, "read"):
        # Opening a pipe would block, so check again; that is free on disk, and costs a request in object storage.
        now = state_of(file.path) if state is None or is_local(file.path) else state
        size = _checked_size(file.name, now, limit)
        if state not in (None, now):
            raise _changed(file.name, "it was listed")
        with _open(file.path) as stream:
            digest, read, content, head = blake3(), 0, b"", b""
            while block := _read_block(stream, check):
                digest.update(block)
                head = head or block[:HEAD]
                if (read := read + len(block)) > size:
                    break
                if size <= keep:
                    content += block
        if read != size:
            more = "or more" if read > size else "in all"
            raise XAISourceError(f"{file.name} changed while it was read ({counted(size, 'byte')}, then {read} {more})")
        if state_of(file.path) != now:
            raise _changed(file.name, "it was listed, perhaps while it was read" if state else "reading it began")
    document = replace(
        known_file(file, now, digest.hexdigest(), check), sent_type=_known(type_to_send(file.name, head))
    )
    return replace(document, open=partial(BytesIO, content)) if size <= keep else document


def _read_block(stream: BinaryIO, check: Callable[[], None]) -> bytes:
    check()
    return stream.read(MEGABYTE)


def known_file(
    file: FoundFile, state: FileState, content_hash: str, check: Callable[[], None] = _go_on
) -> SourceDocument:
    """Return a file whose content hash is known; its ``open`` refuses content that changed since.

    Without a fingerprint in its ``state`` then, ``open`` has to hash it again; ``check`` as of :func:`read_file`.
    """
    return SourceDocument(
        uri=file.uri,
        name=file.name,
        size=state.size or 0,
        content_hash=content_hash,
        content_type=content_type_of(file.name),
        open=partial(_open_unchanged, file, state)
        if state.fingerprint
        else partial(_open_same, file, content_hash, check),
        sent_type=partial(_type_of, file),
        fingerprint=state.fingerprint,
    )


def _open(path: Any) -> BinaryIO:
    # Blocks are large. A buffer would only make more system calls, at each of which threads take turns.
    return cast("BinaryIO", path.open("rb", buffering=0) if is_local(path) else path.open("rb"))


def _open_unchanged(file: FoundFile, state: FileState) -> BinaryIO:
    """Open a file that is as it was hashed: other content must not be sent under that hash."""
    with naming(file.name, file.path, "read", _VANISHED):
        if state_of(file.path) != state:
            raise _changed(file.name)
        return _open(file.path)


def _open_same(file: FoundFile, content_hash: str, check: Callable[[], None]) -> BinaryIO:
    if read_file(file, limit=MAX_DOCUMENT_BYTES, check=check).content_hash != content_hash:
        raise _changed(file.name)
    with naming(file.name, file.path, "read", _VANISHED):
        return _open(file.path)


def head_of(path: AnyPath) -> bytes:
    """Return the first bytes of a file."""
    there = as_path(path)
    return _head(FoundFile(there, there.name))


def _known(content_type: str) -> Callable[[], str]:
    """Return a function of a known type, so that the first bytes of very many documents are not kept for it."""
    return lambda: content_type


def _type_of(file: FoundFile) -> str:
    return type_to_send(file.name, _head(file))


def _head(file: FoundFile) -> bytes:
    with naming(file.name, file.path, "read", _VANISHED):
        if is_local(file.path):
            with file.path.open("rb", buffering=0) as stream:
                return cast("bytes", stream.read(HEAD))
        # Not by opening it, which would read ahead by many megabytes.
        return cast("bytes", filesystem_of(file.path).cat_file(file.path.path, start=0, end=HEAD))


def _changed(name: str, since: str = "it was hashed") -> XAISourceError:
    return XAISourceError(f"{name} changed since {since}: run it again")


def _checked_size(name: str, state: FileState, limit: int) -> int:
    # A pipe must not be opened: that could wait for ever.
    if not state.is_file:
        raise XAIUnfitDocumentError(f"{name} is not a file")
    if state.size is None:
        raise XAISourceError(f"{name} cannot be sent: its storage does not tell its size. Copy it to one that does")
    _check_size(name, state.size, limit)
    return state.size


def _check_size(name: str, size: int, limit: int) -> None:
    if wrong := unfit_size(size, limit):
        raise XAIUnfitDocumentError(f"{name} {wrong}")


def unfit_name(name: str) -> str:
    """Say why xAI would refuse a file's name, which is its path below the source; empty if it would not."""
    if len(name) > MAX_FILENAME_LENGTH:
        return (
            f"its path below the source has {len(name)} characters, and a name at xAI up to {MAX_FILENAME_LENGTH}: "
            "rename it or a folder above it, or make a folder above it a source of its own "
            f"({printable(name, MAX_SHOWN)})"
        )
    try:
        check_filename(name)
    except ValueError as error:
        return str(error)
    return ""


def unfit_size(size: int, limit: int) -> str:
    """Say why xAI would refuse so many bytes; empty if it would not."""
    if size == 0:
        return "is empty, and xAI cannot index an empty document"
    if size <= limit:
        return ""
    way_out = "; upload_method='auto' takes up to 100 MB" if limit < MAX_DOCUMENT_BYTES >= size else ""
    megabytes = ceil(size / MEGABYTE * 10) / 10
    return f"has {megabytes} MB, above the {limit // MEGABYTE} MB that this call takes{way_out}"
