"""Files below a folder in object storage."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from airflow_provider_xai_collections.exceptions import XAISourceError
from airflow_provider_xai_collections.sources.choice import ListedFile, Wanted
from airflow_provider_xai_collections.sources.fingerprints import is_missing
from airflow_provider_xai_collections.sources.listing_errors import does_not_exist, naming_folder
from airflow_provider_xai_collections.sources.paths import filesystem_of

#: Storages without folders, whose ``find`` is one listing and raises what goes wrong. That of others lists folder by
#: folder and passes over those that it cannot list.
FLAT = frozenset({"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az"})


def files_in_storage(start: Any, wanted: Wanted, text: str) -> Iterator[ListedFile]:
    """List what is wanted below a folder, or the object itself if it is one; ``text`` is the source as written."""
    fs, root = filesystem_of(start), str(start.path)
    # The whole cache: for the root alone, some storages would forget what is below it, and others what is above it.
    fs.invalidate_cache()
    at_once = start.protocol in FLAT and (wanted.glob is None or wanted.glob.is_deep)
    # Some storages begin their names with a slash and some do not, whatever the path looks like.
    top, is_empty = root.strip("/"), True
    cut = len(top) + bool(top)
    listing = _at_once(fs, root, text) if at_once else _by_folder(fs, root, wanted, text, start.protocol)
    for path, info in listing:
        is_empty = False
        if (name := path.lstrip("/")) == top:
            yield ListedFile(path, PurePosixPath(path).name, info, is_source=True)
        elif top and not name.startswith(f"{top}/"):
            raise XAISourceError(f"{text} cannot be listed: its storage answered with {path}, which is not in it")
        # An object whose name ends in "/" stands for a folder.
        elif not name.endswith("/") and wanted.takes(name := name[cut:]):
            yield ListedFile(path, name, info)
    if at_once and is_empty:
        _info(fs, root, text)


def _at_once(fs: Any, root: str, text: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    try:
        found = fs.find(root, detail=True)
    except OSError as error:  # the bucket
        if is_missing(error):
            raise does_not_exist(text) from error
        raise
    if not isinstance(found, dict):  # adlfs answers so where the root is a file
        found = {name: fs.info(name) for name in found}
    while found:  # a large listing is given back while it is read
        yield found.popitem()


def _by_folder(fs: Any, root: str, wanted: Wanted, text: str, protocol: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    info = _info(fs, root, text)
    if info.get("type") != "directory":
        yield root, info
        return
    cut, folders = len(root.strip("/")) + bool(root.strip("/")), [root]
    while folders:  # ``fs.walk`` passes over a folder that it cannot list, whatever it is asked to do then
        folder = folders.pop()
        name = folder.strip("/")[cut:]
        if name and protocol in FLAT and wanted.glob is not None and wanted.glob.matches_folder(name):
            yield from _at_once(fs, folder, text)
            continue
        with naming_folder(f"{protocol}://{folder}", name):
            found = fs.ls(folder, detail=True)
        for info in found:
            path = str(info["name"])
            if info.get("type") != "directory":
                yield path, info
            elif (below := path.strip("/")) != folder.strip("/"):  # some list a folder in itself
                if wanted.enters(below[cut:]):
                    folders.append(path)


def _info(fs: Any, root: str, text: str) -> Mapping[str, Any]:
    try:
        info: Mapping[str, Any] = fs.info(root)
    except OSError as error:
        if is_missing(error):
            raise does_not_exist(text) from error
        raise
    return info
