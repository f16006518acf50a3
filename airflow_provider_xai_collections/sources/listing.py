"""The files that a source names: a file, a folder or a glob, locally or in object storage."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from airflow_provider_xai_collections.exceptions import XAIArgumentError
from airflow_provider_xai_collections.sources.choice import Choice, ListedFile, Wanted
from airflow_provider_xai_collections.sources.disk import files_on_disk
from airflow_provider_xai_collections.sources.fingerprints import info_of, is_missing
from airflow_provider_xai_collections.sources.listing_errors import does_not_exist, naming_source
from airflow_provider_xai_collections.sources.paths import (
    AnyPath,
    as_path,
    is_local,
    local_uri,
)
from airflow_provider_xai_collections.sources.patterns import Patterns
from airflow_provider_xai_collections.sources.storage import files_in_storage

#: What makes a glob of a path.
MAGIC = re.compile(r"[*?\[]|\{[^}]*,.*\}")


@dataclass(frozen=True, slots=True)
class Tree:
    """A source as a tree: a file, a folder with all below it, or the matches of a glob.

    :param start: the file or folder, or the fixed part of the glob.
    :param glob: its other part, as a pattern.
    :param text: the source as it was written.
    """

    start: Any
    glob: Patterns | None
    text: str

    @classmethod
    def of(cls, source: AnyPath) -> Tree:
        """Find out what a source is, or raise an error if that is not possible."""
        text, path = str(source), as_path(source)
        magic = MAGIC.search(text)
        with naming_source(text, path):
            # A URL may lose what follows a question mark, and lead to the folder above.
            if magic is None or (_is_all_of(path, text) and _exists(path)):
                return cls(path, None, text)
        fixed, slash, _ = text[: magic.start()].rpartition("/")
        if not is_local(path) and fixed.count("/") < len("//"):
            raise XAIArgumentError(f"the glob {text} begins in the name of a bucket. Name the bucket")
        start, rest = as_path(fixed or slash or "."), text[len(fixed) :].lstrip("/")
        return cls(start, Patterns(f"/{re.sub('/+', '/', rest) if is_local(start) else rest}"), text)

    def files(self, choice: Choice) -> Iterator[ListedFile]:
        """List what is wanted, in no order: all of it, or an error comes.

        Hidden files and folders are left out, unless the source names one itself. A folder in which nothing can match
        is not entered.
        """
        wanted = Wanted(choice, self.glob)
        with naming_source(self.text, self.start):
            for file in self._files(wanted):
                if not (file.is_source and choice.exclude.matches(file.name)):
                    yield file

    def _files(self, wanted: Wanted) -> Iterator[ListedFile]:
        if not is_local(self.start):
            return files_in_storage(self.start, wanted, self.text)
        try:
            status = self.start.stat()
        except OSError as error:
            if is_missing(error):
                raise does_not_exist(self.text) from error
            raise
        if stat.S_ISDIR(status.st_mode):
            return files_on_disk(str(self.start), wanted)
        return iter([ListedFile(str(self.start), self.start.name, is_source=True)])

    def uri_of(self, path: str) -> str:
        """Return the URI of a file, by its local path or by the name that the storage has for it."""
        return local_uri(path) if is_local(self.start) else f"{self.start.protocol}://{self._key_of(path)}"

    def _key_of(self, listed: str) -> str:
        """Return a name with a slash before it if the source has one: storages list names with or without it."""
        return f"{'/' if self.start.path.startswith('/') else ''}{listed.lstrip('/')}"

    def name_of(self, path: str) -> str | None:
        """Return the path below the source of a local path, or of a name in the storage; see :func:`name_below`."""
        return name_below(str(self.start) if is_local(self.start) else str(self.start.path), path)


def name_below(top: str, path: str) -> str | None:
    """Return the path below ``top``: empty for ``top`` itself, ``None`` for another place. Nothing is opened."""
    top, path = top.strip("/"), path.lstrip("/")
    if path == top:
        return ""
    return path[len(top) + bool(top) :] if not top or path.startswith(f"{top}/") else None


def _is_all_of(path: Any, text: str) -> bool:
    return is_local(path) or str(path.path).rstrip("/").endswith(text.rstrip("/").rpartition("/")[2])


def _exists(path: Any) -> bool:
    """Tell whether the text of a glob is a real path; what is too long for a name is none."""
    try:
        os.lstat(path) if is_local(path) else info_of(path)
    except OSError as error:
        if is_missing(error) or error.errno == errno.ENAMETOOLONG:
            return False
        raise
    return True
