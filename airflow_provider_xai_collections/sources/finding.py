"""Files that a path, a folder or a glob names, locally or in object storage, and what they are called."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from airflow_provider_xai_collections.api.printable import printable
from airflow_provider_xai_collections.exceptions import XAIArgumentError, XAISourceError
from airflow_provider_xai_collections.sources.choice import Choice
from airflow_provider_xai_collections.sources.listing import Tree
from airflow_provider_xai_collections.sources.paths import AnyPath, uri_of

#: How many links, or folders that cannot be looked at, one error names.
NAMED = 5


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file that was listed, not read. ``name`` is its path below the folder or glob it was found under."""

    path: Any
    name: str

    @property
    def uri(self) -> str:
        """Where the file is; the same from every machine, and whatever connection leads there."""
        return uri_of(self.path)


def find_files(paths: AnyPath | Sequence[AnyPath], choice: Choice | None = None) -> list[FoundFile]:
    """List the files that ``paths`` name: files, folders (with all below them) and globs, local or in object storage.

    Hidden files and folders are left out, unless a path names one itself.

    :param choice: which files of folders and globs are wanted; all by default. It knows afterwards which patterns
        matched nothing.
    :raises XAISourceError: a path does not exist or cannot be listed, a folder contains itself, or nobody can tell
        whether there are documents below something.
    :raises XAIArgumentError: a path is empty, nothing was found, two files would have the same name, or links lead out.
    """
    roots = [paths] if isinstance(paths, str | os.PathLike) or not isinstance(paths, Iterable) else list(paths)
    choice = choice or Choice()
    found: dict[str, FoundFile] = {}
    links: list[str] = []
    unseen: list[str] = []
    for root in roots:
        tree = Tree.of(root)
        for listed in tree.files(choice):
            if listed.leads_out:
                links.append(f"{printable(listed.name)} (to {listed.leads_out})")
            elif listed.unseen:
                unseen.append(f"{printable(listed.name)} ({listed.unseen})")
            else:
                file = FoundFile(tree.path_of(listed), listed.name)
                found.setdefault(file.uri, file)
    _refuse_links(sorted(links))
    _refuse_unseen(sorted(unseen))
    if not found:
        raise XAIArgumentError(
            f"there is no document in {', '.join(map(str, roots)) or 'the empty list of paths'} ({choice}). Check the "
            "path on the machine that runs the task"
        )
    files = sorted(found.values(), key=lambda file: (file.name, file.uri))
    _refuse_same_names(files)
    return files


def _refuse_links(links: Sequence[str]) -> None:
    if links:
        raise XAIArgumentError(
            f"links lead out of the source: {_some_of(links)}. Pass follow_links=True to take what they "
            "lead to, or leave them out, by exclude=[...] or by naming other paths"
        )


def _refuse_unseen(unseen: Sequence[str]) -> None:
    if unseen:
        raise XAISourceError(
            f"nobody can tell what is below these, which may be folders: {_some_of(unseen)}. Make them readable on the "
            "machine that runs the task, remove them, or leave them out, by exclude=[...] or by naming other paths"
        )


def _some_of(named: Sequence[str]) -> str:
    more = f" and {len(named) - NAMED} more" if len(named) > NAMED else ""
    return f"{', '.join(named[:NAMED])}{more}"


def _refuse_same_names(files: Iterable[FoundFile]) -> None:
    by_name: dict[str, FoundFile] = {}
    for file in files:
        if (other := by_name.setdefault(file.name, file)) is not file:
            raise XAIArgumentError(
                f"{other.uri} and {file.uri} would both be called {file.name!r} in the collection. Pass the folder "
                "that holds both, so that each is named by its path below it, or ingest them apart"
            )
