"""Listing of a source, with the state of each document; and reading its documents later."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

from airflow_provider_xai_collections.api.content_types import unsupported
from airflow_provider_xai_collections.api.files import MAX_DOCUMENT_BYTES, MEGABYTE
from airflow_provider_xai_collections.api.identity import SourceDocument
from airflow_provider_xai_collections.exceptions import XAIArgumentError
from airflow_provider_xai_collections.sources.choice import Choice, ListedFile, Wanted
from airflow_provider_xai_collections.sources.disk import place_outside
from airflow_provider_xai_collections.sources.fingerprints import (
    FileState,
    is_absent,
    of_info,
    of_status,
)
from airflow_provider_xai_collections.sources.items import SourceItem
from airflow_provider_xai_collections.sources.listing import Tree, name_below
from airflow_provider_xai_collections.sources.paths import (
    AnyPath,
    address_of,
    as_path,
    at_address,
    connection_of,
    is_local,
    parts_of,
    store_of,
    uri_of,
)
from airflow_provider_xai_collections.sources.reading import FoundFile, known_file, read_file, unfit_name, unfit_size
from airflow_provider_xai_collections.text import printable

#: Files of one source. A team of xAI's has room for half as many, unless it was given more.
MAX_FILES = 200_000
#: Bytes of a document that is kept in memory from when it is hashed until it is sent.
MAX_KEPT = MEGABYTE


def scan(
    source: AnyPath, choice: Choice | None = None, *, limit_bytes: int, at_most: int = MAX_FILES
) -> list[SourceItem]:
    """List the files of a source, in order of names; nothing is read. Call it on the main thread: it may look a
    connection up.

    The list is complete, or an error comes: what is not in it may be removed from the collection. A file that cannot be
    inspected, such as a link to nowhere, is in the list without a fingerprint; it may be a folder out of reach, so
    documents from below it do not count as missing. So is a link that is not followed.

    :param source: a folder, a glob or a file: a path, a URL such as ``s3://conn_id@bucket/folder``, or an
        ``ObjectStoragePath``.
    :param choice: which files of a folder or glob are wanted. It knows afterwards which patterns matched nothing.
    :param limit_bytes: the most bytes a document may have; larger ones are marked as unfit.
    :raises XAISourceError: the source does not exist, or not all of it can be listed.
    :raises XAIArgumentError: there are more files than ``at_most``, or no such storage is known to Airflow.
    """
    choice = choice or Choice()
    tree = Tree.of(_opens_again(source))
    protocol, conn_id = _store_of(tree)
    items: list[SourceItem] = []
    for file in tree.files(choice):
        if (state := _state(file, protocol)) is None:
            continue
        if len(items) == at_most:
            raise XAIArgumentError(
                f"{tree.text} has more than {at_most:,} files ({choice}), too many for one sync. Sync its folders "
                "apart, each with its own source, or pick files with a pattern. xAI takes 100,000 files per team "
                "unless it has agreed to more"
            )
        items.append(
            SourceItem(
                uri=tree.uri_of(file.path),
                name=file.name,
                size=state.size or 0,
                fingerprint=state.fingerprint,
                path=address_of(protocol, conn_id, file.path) if protocol else file.path,
                unfit=file.barrier or _unfit(file.name, state, limit_bytes),
            )
        )
    items.sort(key=lambda item: (item.name, item.uri))
    return items


def root_uri(source: AnyPath) -> str:
    """Return the URI of a source: the same on every machine, whatever connection leads there.

    A slash at its end does not matter. ``..`` and links stay as they are written.
    """
    uri = uri_of(as_path(source))
    return uri.rstrip("/") if uri.partition("://")[2].strip("/") else uri


def prepare(items: Iterable[SourceItem]) -> None:
    """Make the file systems that :func:`read_item` will need, as :func:`scan` does: on the main thread of a process
    that has its items from another one."""
    for address in {store_of(item.path): item.path for item in items}.values():
        at_address(address)


def read_item(
    item: SourceItem, *, limit: int = MAX_DOCUMENT_BYTES, check: Callable[[], None] = lambda: None
) -> SourceDocument:
    """Check and hash a document that was listed. A small one is kept in memory; a larger one is opened again to be
    sent, and refused if it has changed by then.

    For any thread, after :func:`scan` or :func:`prepare` on the main thread.

    :param limit: the most bytes a document may have.
    :param check: called before each block; an error ends the reading.
    :raises XAIUnfitDocumentError: xAI would not take it.
    :raises XAISourceError: it cannot be read, or has changed since it was listed.
    """
    listed = FileState(item.size, item.fingerprint) if item.fingerprint else None
    return read_file(_file_of(item), listed, limit=limit, keep=MAX_KEPT, check=check)


def document_of(item: SourceItem, content_hash: str, *, check: Callable[[], None] = lambda: None) -> SourceDocument:
    """Return a document that was listed and whose hash is known: it is not read before it is sent. Its ``open`` raises
    :class:`XAISourceError` if it has changed. For any thread, as :func:`read_item`.

    :param content_hash: of its content since it was listed.
    :param check: as of :func:`read_item`, for when it has to be hashed again.
    """
    state = FileState(item.size, item.fingerprint)
    return known_file(_file_of(item), state, content_hash, check)


def owns(source: AnyPath) -> Callable[[str], bool]:
    """Return a test of URIs: whether one is the source's file, or below its folder, or matches its glob."""
    tree = Tree.of(_opens_again(source))

    def is_ours(uri: str) -> bool:
        if (name := _name_by_uri(tree, uri)) is None:
            return False
        return tree.glob is None or (bool(name) and tree.glob.matches(name))

    return is_ours


def would_list(source: AnyPath, path: AnyPath, choice: Choice) -> bool:
    """Tell whether :func:`scan` would list a file at this path, whatever links lead into the source."""
    tree, there = Tree.of(source), as_path(path)
    wanted = Wanted(choice, tree.glob)
    if is_local(tree.start) != is_local(there):
        return False
    if not is_local(there):
        names = {_name_by_uri(tree, uri_of(there))}
    else:
        folder, start = os.path.realpath(there.parent), os.path.realpath(tree.start)
        names = {name_below(start, f"{folder}/{there.name}")}
        if choice.follow_links or names != {None}:  # below a link that is not followed, nothing is listed
            names.add(name_below(os.path.normpath(tree.start), os.path.normpath(there)))
    return any(name == "" or (name is not None and wanted.takes(name)) for name in names)


def refuse_foreign(source: AnyPath, items: Iterable[SourceItem], choice: Choice) -> None:
    """Refuse items of a plan, which others may have changed, that :func:`scan` would not list of this source."""
    tree = Tree.of(_opens_again(source))
    wanted, store = Wanted(choice, tree.glob), _store_of(tree)
    for item in items:
        *others, path = parts_of(item.path)
        name = tree.name_of(path)
        if (
            tuple(others) != store
            or name is None
            or (item.uri, item.name) != (tree.uri_of(path), name or path.rpartition("/")[2])
            or not (name == "" or wanted.takes(name))
            or (name and not store[0] and not choice.follow_links and place_outside(path, str(tree.start)))
        ):
            raise XAIArgumentError(
                f"{printable(item.name)} ({printable(item.uri)}, read from {printable(item.path)}) is in the plan, "
                f"and no document that {tree.text} would list, so nothing is uploaded. If the tasks have different "
                "arguments, give them the same; else somebody has changed the plan: see who may write there, "
                "then clear the task that plans"
            )


def _name_by_uri(tree: Tree, uri: str) -> str | None:
    scheme, _, path = uri.partition("://")
    if scheme != ("file" if is_local(tree.start) else tree.start.protocol):
        return None
    return tree.name_of(os.fsdecode(unquote_to_bytes(path)) if is_local(tree.start) else path)


def _store_of(tree: Tree) -> tuple[str, str | None]:
    """Return the protocol and the connection of a source; neither if it is local."""
    return ("", None) if is_local(tree.start) else (str(tree.start.protocol), connection_of(tree.start) or None)


def _file_of(item: SourceItem) -> FoundFile:
    return FoundFile(at_address(item.path), item.name)


def _opens_again(source: AnyPath) -> Any:
    """Return Airflow's own kind of path: the configuration of other libraries' is lost in another process."""
    path = as_path(source)
    if isinstance(source, str) or is_local(path):
        return source
    from airflow.providers.common.compat.sdk import ObjectStoragePath

    return source if isinstance(path, ObjectStoragePath) else str(path)


def _state(file: ListedFile, protocol: str) -> FileState | None:
    """Return the state of a listed file; ``None`` if it is missing since."""
    if file.barrier:
        return FileState()
    if protocol:
        return of_info(file.info)
    try:
        return of_status(file.info.stat() if file.info else Path(file.path).stat())
    except OSError:
        return None if is_absent(file.path) else FileState()


def _unfit(name: str, state: FileState, limit: int) -> str:
    """Return why xAI would not take it; what is not known is found on reading."""
    if not state.is_file:
        return "it is not a file"
    if wrong := unfit_name(name):
        return wrong
    if wrong := unsupported(name) or ("" if state.size is None else unfit_size(state.size, limit)):
        return f"it {wrong}"
    return ""
