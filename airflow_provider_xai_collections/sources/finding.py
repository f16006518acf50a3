"""Files that a path, a folder or a glob names, locally or in object storage, and what they are called."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from airflow_provider_xai_collections.exceptions import XAIArgumentError
from airflow_provider_xai_collections.sources.listing import Tree
from airflow_provider_xai_collections.sources.paths import AnyPath, uri_of


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file that was listed, not read. ``name`` is its path below the folder or glob it was found under."""

    path: Any
    name: str

    @property
    def uri(self) -> str:
        """Where the file is; the same from every machine, and whatever connection leads there."""
        return uri_of(self.path)


def find_files(
    paths: AnyPath | Sequence[AnyPath], *, pattern: str = "*", exclude: str | Sequence[str] = ()
) -> list[FoundFile]:
    """List the files that ``paths`` name: files, folders (with all below them) and globs, local or in object storage.

    Hidden files and folders are left out, unless a path names one itself.

    :param pattern: of the files below a folder or glob, only those whose path matches; ``*`` also matches ``/``.
    :param exclude: a pattern of files to leave out, or several, matched against the same path.
    :raises XAISourceError: a path does not exist or cannot be listed, or a folder contains itself.
    :raises XAIArgumentError: a path is empty, nothing was found, or two files would have the same name.
    """
    roots = [paths] if isinstance(paths, str | os.PathLike) or not isinstance(paths, Iterable) else list(paths)
    unwanted = [exclude] if isinstance(exclude, str) else list(exclude)
    found: dict[str, FoundFile] = {}
    for root in roots:
        tree = Tree.of(root)
        for listed in tree.files(pattern=pattern, exclude=unwanted):
            file = FoundFile(tree.path_of(listed), listed.name)
            found.setdefault(file.uri, file)
    if not found:
        raise XAIArgumentError(
            f"there is no document in {', '.join(map(str, roots)) or 'the empty list of paths'} (pattern {pattern!r}, "
            f"exclude {unwanted!r}). Check the path on the machine that runs the task"
        )
    files = sorted(found.values(), key=lambda file: (file.name, file.uri))
    _refuse_same_names(files)
    return files


def _refuse_same_names(files: Iterable[FoundFile]) -> None:
    by_name: dict[str, FoundFile] = {}
    for file in files:
        if (other := by_name.setdefault(file.name, file)) is not file:
            raise XAIArgumentError(
                f"{other.uri} and {file.uri} would both be called {file.name!r} in the collection. Pass the folder "
                "that holds both, so that each is named by its path below it, or ingest them apart"
            )
