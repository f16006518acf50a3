"""Files below a folder on disk."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from airflow_provider_xai_collections.exceptions import XAIUnfitDocumentError
from airflow_provider_xai_collections.sources.choice import ListedFile, Wanted
from airflow_provider_xai_collections.sources.fingerprints import is_absent
from airflow_provider_xai_collections.sources.listing_errors import naming_folder, without_folder
from airflow_provider_xai_collections.sources.paths import reason_of
from airflow_provider_xai_collections.text import printable

#: Characters of the target of a link, in a message.
MAX_TARGET = 100


def files_on_disk(root: str, wanted: Wanted) -> Iterator[ListedFile]:
    """List what is wanted below a folder, and what cannot be inspected; a folder that cannot be listed is an error."""
    cut, folders = len(root.rstrip("/")) + 1, [root]
    while folders:
        folder = folders.pop()
        with naming_folder(folder, folder[cut:]), os.scandir(folder) as entries:
            for entry in entries:
                name = entry.path[cut:]
                if entry.name.startswith("."):
                    continue
                if entry.is_symlink():
                    yield from _link(root, wanted, entry, name, folders.append)
                elif (is_folder := _is_folder(entry)) is None:
                    yield from _unseen(wanted, entry, name)
                elif not is_folder:
                    if wanted.takes(name):
                        yield ListedFile(entry.path, name, entry)
                elif wanted.enters(name):
                    folders.append(entry.path)


def place_outside(path: str, root: str) -> str:
    """Return the place outside ``root`` that a path leads to, or an empty string."""
    inside, place = os.path.realpath(root), os.path.realpath(path)
    return "" if place == inside or place.startswith(f"{inside.rstrip('/')}/") else place


def _is_folder(entry: os.DirEntry[str]) -> bool | None:
    """Tell whether it is a folder; ``None`` if that is unknown."""
    try:
        # ``is_dir`` says of a link to nowhere that it leads to no folder. So does one to a disk that is not mounted.
        return stat.S_ISDIR(entry.stat().st_mode) if entry.is_symlink() else entry.is_dir()
    except OSError:
        return None


def _link(
    root: str, wanted: Wanted, entry: os.DirEntry[str], name: str, enter: Callable[[str], None]
) -> Iterator[ListedFile]:
    is_folder = _is_folder(entry)
    if not (wanted.enters(name) if is_folder else wanted.takes(name)):
        if is_folder is None:
            yield from _unseen(wanted, entry, name)
    elif not wanted.choice.follow_links and (place := place_outside(entry.path, root)):
        yield ListedFile(entry.path, name, entry, leads_out=repr(printable(place, MAX_TARGET)))
    elif is_folder:
        _refuse_loop(Path(entry.path), name)
        enter(entry.path)
    else:
        yield ListedFile(entry.path, name, entry)


def _unseen(wanted: Wanted, entry: os.DirEntry[str], name: str) -> Iterator[ListedFile]:
    """List what may be a file, which fails when it is read, or a folder with others."""
    if wanted.takes(name):
        yield ListedFile(entry.path, name, entry)
    elif wanted.enters(name) and not is_absent(entry.path):
        yield ListedFile(entry.path, name, entry, unseen=_why_unseen(entry.path))


def _why_unseen(path: str) -> str:
    try:
        Path(path).stat()
    except OSError as error:
        return reason_of(error)
    return "it could not be a moment ago"


def _refuse_loop(folder: Path, name: str) -> None:
    """Refuse a link to any folder on the way here: two folders with links to each other make a loop as well."""
    target = folder.resolve()
    if any(above.resolve().is_relative_to(target) for above in folder.parents):
        raise XAIUnfitDocumentError(
            f"{folder} is a link to a folder that contains it, so listing would never end. Remove the link, or leave "
            f"it out with {without_folder(name)}"
        )
