"""What a source holds, for a sync: one listing that tells of each document whether it changed, and reading it later."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

from airflow_provider_xai_collections.api.content_types import unsupported
from airflow_provider_xai_collections.api.files import MAX_DOCUMENT_BYTES, MEGABYTE, check_filename
from airflow_provider_xai_collections.api.planning import SourceDocument
from airflow_provider_xai_collections.api.sync_plan import SourceEntry
from airflow_provider_xai_collections.exceptions import XAIArgumentError
from airflow_provider_xai_collections.sources.finding import FoundFile
from airflow_provider_xai_collections.sources.fingerprints import FileState, of_info, of_status, state_of
from airflow_provider_xai_collections.sources.listing import ListedFile, Tree
from airflow_provider_xai_collections.sources.paths import (
    AnyPath,
    address_of,
    as_path,
    at_address,
    connection_of,
    is_local,
    store_of,
    uri_of,
)
from airflow_provider_xai_collections.sources.reading import known_file, read_file, unfit_size

#: Files of one source. A team of xAI's has room for half as many, unless it was given more.
MAX_FILES = 200_000
#: Bytes of a document that is held in memory from when it is hashed until it is sent.
SMALL = MEGABYTE


def scan(
    source: AnyPath,
    *,
    pattern: str = "*",
    exclude: str | Sequence[str] = (),
    limit_bytes: int,
    at_most: int = MAX_FILES,
) -> list[SourceEntry]:
    """List what a source holds, in order of names; nothing is read.

    The list is complete, or an error comes instead: what is not in it may be removed from the collection. So a folder
    that cannot be listed is an error. A file that cannot be inspected, such as a link that leads nowhere, is in the
    list without a fingerprint; reading it says what is wrong. As it may be a link to a folder that is out of reach,
    documents from below it are not treated as gone.

    It makes the file system of an object storage, which looks a connection up: call it on the main thread.

    :param source: a folder, a glob or a file: a path, a URL such as ``s3://conn_id@bucket/folder``, or an
        ``ObjectStoragePath``.
    :param pattern: of the files below a folder or glob, only those whose path matches; ``*`` also matches ``/``.
    :param exclude: a pattern of files to leave out, or several, matched against the same path.
    :param limit_bytes: the most bytes a document may have; larger ones are marked as unfit.
    :param at_most: the most files.
    :raises XAISourceError: the source does not exist, or not all of it can be listed.
    :raises XAIArgumentError: there are more files than ``at_most``, or no such storage is known to Airflow.
    """
    unwanted = [exclude] if isinstance(exclude, str) else list(exclude)
    tree = Tree.of(_opens_again(source))
    protocol = "" if is_local(tree.start) else str(tree.start.protocol)
    conn_id = connection_of(tree.start) if protocol else None
    entries: list[SourceEntry] = []
    for file in tree.files(pattern=pattern, exclude=unwanted):
        if (state := _state(file, protocol)) is None:
            continue
        if len(entries) == at_most:
            raise XAIArgumentError(
                f"{tree.text} holds more than {at_most:,} files (pattern {pattern!r}), too many for one sync. Sync its "
                "folders apart, each with its own source, or pick files with a pattern. xAI holds 100,000 files per "
                "team unless it has agreed to more"
            )
        entries.append(
            SourceEntry(
                uri=tree.uri_of(file),
                name=file.name,
                size=state.size or 0,
                fingerprint=state.fingerprint,
                path=address_of(protocol, conn_id, file.path) if protocol else file.path,
                unfit=_unfit(file.name, state, limit_bytes),
            )
        )
    entries.sort(key=lambda entry: (entry.name, entry.uri))
    return entries


def root_uri(source: AnyPath) -> str:
    """Where a source begins, as text: the same on every machine, whatever connection leads there and whether or not
    it ends in a slash. Nothing is looked at, so ``..`` and links stay as they are written."""
    uri = uri_of(as_path(source))
    return uri.rstrip("/") if uri.partition("://")[2].strip("/") else uri


def prepare(entries: Iterable[SourceEntry]) -> None:
    """Make the file systems that :func:`read_entry` will need, so that it looks no connection up: for the main thread
    of a process that has its entries from another one. :func:`scan` has done the same.

    :raises XAIArgumentError: Airflow does not know a storage.
    """
    for address in {store_of(entry.path): entry.path for entry in entries}.values():
        at_address(address)


def listed_again(entry: SourceEntry) -> SourceEntry | None:
    """An entry as a listing would tell of it now; ``None`` if it is gone. For any thread, as :func:`read_entry`.

    Where it cannot be looked at, it is as it was: reading it says what is wrong.
    """
    try:
        state = state_of(at_address(entry.path))
    except FileNotFoundError:
        return entry if entry.path.startswith("/") and os.path.lexists(entry.path) else None
    except Exception:  # the libraries of storages raise errors of their own
        return entry
    return replace(entry, size=state.size or 0, fingerprint=state.fingerprint)


def read_entry(
    entry: SourceEntry, *, limit: int = MAX_DOCUMENT_BYTES, check: Callable[[], None] = lambda: None
) -> SourceDocument:
    """Check and hash a document that was listed, once. A small one is held in memory, so that what is sent is what was
    hashed; a larger one is opened again, and refused if the file has changed by then.

    For any thread, after :func:`scan` or :func:`prepare` on the main thread: a look-up of a connection belongs there.

    :param limit: the most bytes a document may have.
    :param check: is called before each block, and raises what is to end the reading.
    :raises XAIUnfitDocumentError: xAI would not take it.
    :raises XAISourceError: it cannot be read, or is not what it was when it was listed.
    """
    listed = FileState(entry.size, entry.fingerprint) if entry.fingerprint else None
    return read_file(_file_of(entry), listed, limit=limit, keep=SMALL, check=check)


def document_of(entry: SourceEntry, content_hash: str, *, check: Callable[[], None] = lambda: None) -> SourceDocument:
    """A document that was listed and whose hash is known, so that it is not read before it is sent. Its ``open`` raises
    :class:`XAISourceError` if it is not what it was; so for any thread as :func:`read_entry` is.

    :param content_hash: of the content it had when it was listed, or read after that.
    :param check: as of :func:`read_entry`, for when it has to be hashed again.
    """
    state = FileState(entry.size, entry.fingerprint)
    return known_file(_file_of(entry), state, content_hash, check)


def owns(source: AnyPath) -> Callable[[str], bool]:
    """Tells of a URI whether it is one that :func:`scan` may list of this source, whatever the pattern: that of the
    file, or of one below the folder, or of one that matches the glob."""
    tree = Tree.of(_opens_again(source))
    root = uri_of(tree.start)
    below = f"{root.rstrip('/')}/"

    def is_ours(uri: str) -> bool:
        if tree.glob is None:
            return uri == root or uri.startswith(below)
        name = uri.removeprefix(below)
        return name != uri and tree.glob.matches(
            os.fsdecode(unquote_to_bytes(name)) if is_local(tree.start) else name.lstrip("/")
        )

    return is_ours


def would_list(source: AnyPath, path: AnyPath, *, pattern: str = "*", exclude: str | Sequence[str] = ()) -> bool:
    """Whether :func:`scan` would list a file that is written there."""
    uri, root = uri_of(as_path(path)), root_uri(source)
    if not owns(source)(uri):
        return False
    name = uri.removeprefix(root).lstrip("/")
    name = os.fsdecode(unquote_to_bytes(name)) if uri.startswith("file:") else name
    unwanted = [exclude] if isinstance(exclude, str) else list(exclude)
    is_hidden = any(part.startswith(".") for part in name.split("/"))
    return not is_hidden and fnmatchcase(name, pattern) and not any(fnmatchcase(name, one) for one in unwanted)


def _file_of(entry: SourceEntry) -> FoundFile:
    return FoundFile(at_address(entry.path), entry.name)


def _opens_again(source: AnyPath) -> Any:
    """Airflow's own kind of path: what those of other libraries are configured with is lost in another process."""
    path = as_path(source)
    return source if isinstance(source, str) or is_local(path) or _is_airflows(path) else str(path)


def _is_airflows(path: Any) -> bool:
    from airflow.providers.common.compat.sdk import ObjectStoragePath

    return isinstance(path, ObjectStoragePath)


def _state(file: ListedFile, protocol: str) -> FileState | None:
    """``None``: it is gone since."""
    if protocol:
        return of_info(file.told)
    try:
        return of_status(file.told.stat() if file.told else Path(file.path).stat())
    except OSError:
        return FileState() if os.path.lexists(file.path) else None


def _unfit(name: str, state: FileState, limit: int) -> str:
    """Why xAI would not take it; what is not known is found on reading."""
    if not state.is_file:
        return "it is not a file"
    try:
        check_filename(name)
    except ValueError as error:
        return str(error)
    if wrong := unsupported(name) or ("" if state.size is None else unfit_size(state.size, limit)):
        return f"it {wrong}"
    return ""
