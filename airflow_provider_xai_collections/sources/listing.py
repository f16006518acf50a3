"""Walking below a folder or a glob, locally or in object storage: one listing, complete or an error."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Any

from airflow_provider_xai_collections.exceptions import (
    XAIArgumentError,
    XAIError,
    XAISourceError,
    XAIUnfitDocumentError,
)
from airflow_provider_xai_collections.sources.paths import AnyPath, as_path, filesystem_of, is_local, local_uri

MAGIC = frozenset("*?[")
#: Storages without folders, whose ``find`` is one listing and raises what goes wrong. The ``find`` of others asks
#: folder by folder and passes over those that it cannot list.
FLAT = frozenset({"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az"})


@dataclass(frozen=True, slots=True)
class ListedFile:
    """A file that was listed, not read.

    :param path: its absolute path, or the name that the object storage has for it.
    :param name: its path below the folder, or below the fixed part of the glob.
    :param told: what the listing told of it: an ``os.DirEntry``, or fsspec's info.
    :param is_source: it is no file below a folder, but what the source itself names.
    """

    path: str
    name: str
    told: Any = None
    is_source: bool = False


@dataclass(frozen=True, slots=True)
class Glob:
    """The parts of a glob from the first with magic characters on; ``**`` stands for any folders, or none."""

    parts: tuple[str, ...]

    @property
    def is_deep(self) -> bool:
        return "**" in self.parts

    def matches(self, name: str) -> bool:
        return _fits(name.split("/"), self.parts if self.parts[-1] != "**" else (*self.parts, "*"))

    def may_match_below(self, folder: str) -> bool:
        for index, part in enumerate(folder.split("/")):
            if self.parts[index] == "**":
                return True
            if index == len(self.parts) - 1 or not fnmatchcase(part, self.parts[index]):
                return False
        return True


def _fits(parts: Sequence[str], globs: Sequence[str]) -> bool:
    if not globs:
        return not parts
    if globs[0] == "**":
        return any(_fits(parts[count:], globs[1:]) for count in range(len(parts) + 1))
    return bool(parts) and fnmatchcase(parts[0], globs[0]) and _fits(parts[1:], globs[1:])


@dataclass(frozen=True, slots=True)
class Tree:
    """What a source names: a file, a folder with all below it, or what matches a glob.

    :param start: the file or folder, or the fixed part of the glob.
    :param text: the source as it was written.
    """

    start: Any
    glob: Glob | None
    text: str

    @classmethod
    def of(cls, source: AnyPath) -> Tree:
        """
        :raises XAISourceError: what it is cannot be found out.
        :raises XAIArgumentError: it is empty, or names no storage that Airflow knows.
        """
        text, path = str(source), as_path(source)
        with _saying_what(text, path):
            if not MAGIC & set(text) or (path.exists() if is_local(path) else filesystem_of(path).exists(path.path)):
                return cls(path, None, text)
        parts = text.split("/")
        fixed = next(index for index, part in enumerate(parts) if MAGIC & set(part))
        if not is_local(path) and fixed < len(["s3:", "", "bucket"]):
            raise XAIArgumentError(f"the glob {text} begins in the name of a bucket. Name the bucket")
        start = as_path("/".join(parts[:fixed]) or ("/" if text.startswith("/") else "."))
        return cls(start, Glob(tuple(part for part in parts[fixed:] if part)), text)

    def path_of(self, file: ListedFile) -> Any:
        """The path of a file that :meth:`files` listed."""
        if is_local(self.start):
            return Path(file.path)
        return self.start if file.is_source else self.start.joinpath(file.name)

    def uri_of(self, file: ListedFile) -> str:
        """The URI of a file that :meth:`files` listed."""
        if not is_local(self.start):
            return f"{self.start.protocol}://{'/' if self.start.path.startswith('/') else ''}{file.path.lstrip('/')}"
        return local_uri(file.path)

    def files(self, *, pattern: str = "*", exclude: Sequence[str] = ()) -> Iterator[ListedFile]:
        """List them, in no order. Hidden files and folders are left out, unless the source names one itself.

        :param pattern: of the files below a folder or glob, only those whose name matches; ``*`` also matches ``/``.
        :param exclude: patterns of names to leave out.
        :raises XAISourceError: the source does not exist, or something below it cannot be listed: what comes is all
            there is, or an error comes.
        """
        with _saying_what(self.text, self.start):
            for file in self._below():
                if any(fnmatchcase(file.name, one) for one in exclude):
                    continue
                if file.is_source or self._lets_through(file.name, pattern):
                    yield file

    def _lets_through(self, name: str, pattern: str) -> bool:
        return fnmatchcase(name, pattern) and (self.glob is None or self.glob.matches(name))

    def _below(self) -> Iterator[ListedFile]:
        if not is_local(self.start):
            return _in_storage(self.start, self.glob, self.text)
        if self.start.is_dir():
            return _on_disk(str(self.start), self.glob)
        if self.start.exists():
            return iter([ListedFile(str(self.start), self.start.name, is_source=True)])
        raise _does_not_exist(self.text)


def _does_not_exist(text: str) -> XAISourceError:
    return XAISourceError(f"{text} does not exist. Check the path on the machine that runs the task")


@contextmanager
def _saying_what(text: str, path: Any) -> Iterator[None]:
    if not is_local(path):
        filesystem_of(path)  # what is wrong with the connection is Airflow's to say
    try:
        yield
    except XAIError:
        raise
    except OSError as error:
        what = error.filename or text
        raise XAISourceError(f"{what} cannot be listed ({error.strerror or type(error).__name__})") from error
    except Exception as error:
        if is_local(path):
            raise
        # The libraries of storages raise errors of their own as well.
        raise XAISourceError(f"{text} cannot be listed ({type(error).__name__}). Check its connection") from error


def _on_disk(root: str, glob: Glob | None) -> Iterator[ListedFile]:
    cut, folders = len(root.rstrip("/")) + 1, [root]
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if not _is_folder(entry):
                    yield ListedFile(entry.path, entry.path[cut:], entry)
                elif glob is None or glob.may_match_below(entry.path[cut:]):
                    _refuse_loop(Path(entry.path))
                    folders.append(entry.path)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself: whoever reads it will say so
        return False


def _refuse_loop(folder: Path) -> None:
    """Two folders with links to each other make a loop as well, so all folders on the way here count."""
    if not folder.is_symlink():
        return
    target = folder.resolve()
    if any(above.resolve().is_relative_to(target) for above in folder.parents):
        raise XAIUnfitDocumentError(
            f"{folder} is a link to a folder that contains it, so listing would never end. Remove the link"
        )


def _in_storage(start: Any, glob: Glob | None, text: str) -> Iterator[ListedFile]:
    fs, root = filesystem_of(start), str(start.path)
    fs.invalidate_cache(root)
    is_flat = start.protocol in FLAT and (glob is None or glob.is_deep)
    # Some storages begin their names with a slash and some do not, whatever the path looks like.
    top, is_empty = root.strip("/"), True
    for path, info in _at_once(fs, root, text) if is_flat else _by_folder(fs, root, glob, text):
        is_empty = False
        if (name := path.lstrip("/")) == top:
            yield ListedFile(path, PurePosixPath(path).name, info, is_source=True)
        elif top and not name.startswith(f"{top}/"):
            raise XAISourceError(f"{text} cannot be listed: its storage answered with {path}, which is not in it")
        # An object whose name ends in "/" stands for a folder.
        elif not name.endswith("/") and not _is_hidden(name := name[len(top) :].lstrip("/")):
            yield ListedFile(path, name, info)
    if is_flat and is_empty:
        _look(fs, root, text)


def _at_once(fs: Any, root: str, text: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    try:
        found = fs.find(root, detail=True)
    except FileNotFoundError as error:  # the bucket
        raise _does_not_exist(text) from error
    if not isinstance(found, dict):  # adlfs answers so where the root is a file
        found = {name: fs.info(name) for name in found}
    while found:  # a large listing is given back while it is read
        yield found.popitem()


def _by_folder(fs: Any, root: str, glob: Glob | None, text: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    info = _look(fs, root, text)
    if info.get("type") != "directory":
        yield root, info
        return
    cut, folders = len(root.strip("/")) + 1, [root]
    while folders:  # ``fs.walk`` passes over a folder that it cannot list, whatever it is asked to do then
        folder = folders.pop()
        for info in fs.ls(folder, detail=True):
            path = str(info["name"])
            if info.get("type") != "directory":
                yield path, info
            elif (below := path.strip("/")) != folder.strip("/"):  # some list a folder in itself
                below = below[cut:] if root.strip("/") else below
                if not _is_hidden(below) and (glob is None or glob.may_match_below(below)):
                    folders.append(path)


def _look(fs: Any, root: str, text: str) -> Mapping[str, Any]:
    try:
        info: Mapping[str, Any] = fs.info(root)
    except FileNotFoundError as error:
        raise _does_not_exist(text) from error
    return info


def _is_hidden(name: str) -> bool:
    return any(part.startswith(".") for part in name.split("/"))
