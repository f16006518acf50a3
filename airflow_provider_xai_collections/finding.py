"""Files that a path, a folder or a glob names, locally or in object storage, and what they are called."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Any, TypeAlias

from airflow_provider_xai_collections.exceptions import XAIArgumentError, XAISourceError, XAIUnfitDocumentError

#: A local path, a URL such as ``s3://bucket/folder``, or anything that behaves like ``pathlib.Path``.
AnyPath: TypeAlias = str | os.PathLike[str] | Any
MAGIC = frozenset("*?[")


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

    :param pattern: of the files below a folder, only those whose path matches; ``*`` also matches ``/``.
    :param exclude: a pattern of files to leave out, or several, matched against the same path.
    :raises XAISourceError: a path does not exist or cannot be listed, or a folder contains itself.
    :raises XAIArgumentError: a path is empty, nothing was found, or two files would have the same name.
    """
    roots = [paths] if isinstance(paths, str | os.PathLike) or not isinstance(paths, Iterable) else list(paths)
    unwanted = [exclude] if isinstance(exclude, str) else list(exclude)
    found: dict[str, FoundFile] = {}
    for root in roots:
        try:
            for file in _below(root, pattern):
                if not any(fnmatchcase(file.name, one) for one in unwanted):
                    found.setdefault(file.uri, file)
        except OSError as error:
            what = error.filename or root
            raise XAISourceError(f"{what} cannot be listed ({error.strerror or type(error).__name__})") from error
    if not found:
        raise XAIArgumentError(
            f"there is no document in {', '.join(map(str, roots)) or 'the empty list of paths'} (pattern {pattern!r}, "
            f"exclude {unwanted!r}). Check the path on the machine that runs the task"
        )
    _refuse_same_names(found.values())
    return sorted(found.values(), key=lambda file: file.name)


def as_path(path: Any) -> Any:
    """A local path made absolute, or a path into object storage as it is."""
    if isinstance(path, str) and not path.strip():
        raise XAIArgumentError("a path is empty, and would stand for the folder the worker happens to run in")
    if isinstance(path, str) and "://" in path:
        from airflow.providers.common.compat.sdk import ObjectStoragePath

        path = ObjectStoragePath(path)
    protocol = getattr(path, "protocol", None)
    return Path(path).absolute() if protocol is None else Path(path.path) if protocol in ("file", "local") else path


def uri_of(path: Any) -> str:
    """Where a file is, as text: of what :func:`as_path` returned."""
    return str(path.as_uri()) if _is_local(path) else f"{path.protocol}://{path.path}"


def _is_local(path: Any) -> bool:
    """Some releases of ``ObjectStoragePath`` are a ``pathlib.Path``, so the type alone does not tell."""
    return not hasattr(path, "protocol")


def _below(root: AnyPath, pattern: str) -> Iterator[FoundFile]:
    text = str(root)
    path = as_path(root)
    if MAGIC & set(text) and not path.exists():
        yield from _matching(text)
    elif path.is_dir():
        walk: Callable[[Any], Iterator[FoundFile]] = _walk_local if _is_local(path) else _walk_remote
        yield from (file for file in walk(path) if fnmatchcase(file.name, pattern))
    elif path.exists():
        yield FoundFile(path, path.name)
    else:
        raise XAISourceError(f"{text} does not exist. Check the path on the machine that runs the task")


def _matching(text: str) -> Iterator[FoundFile]:
    """Files that match a glob, named by their path below its fixed part."""
    parts = text.split("/")
    fixed = next(index for index, part in enumerate(parts) if MAGIC & set(part))
    start, rest = as_path("/".join(parts[:fixed]) or ("/" if text.startswith("/") else ".")), "/".join(parts[fixed:])
    for path in start.glob(f"{rest}/*" if rest.endswith("**") else rest):  # before Python 3.13 "**" means folders only
        if not _is_hidden(name := _relative(path, start)) and not path.is_dir():
            yield FoundFile(path, name)


def _walk_local(root: Path) -> Iterator[FoundFile]:
    for folder, folders, names in os.walk(root, followlinks=True, onerror=_raise):
        here = Path(folder)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in folders:
            _refuse_loop(here / name)
        for name in sorted(names):
            if not name.startswith("."):
                yield FoundFile(here / name, (here / name).relative_to(root).as_posix())


def _raise(error: OSError) -> None:
    raise error


def _refuse_loop(folder: Path) -> None:
    """Two folders with links to each other make a loop as well, so all folders on the way here count."""
    if not folder.is_symlink():
        return
    target = folder.resolve()
    if any(above.resolve().is_relative_to(target) for above in folder.parents):
        raise XAIUnfitDocumentError(
            f"{folder} is a link to a folder that contains it, so listing would never end. Remove the link"
        )


def _walk_remote(root: Any) -> Iterator[FoundFile]:
    for path in root.rglob("*"):
        if not _is_hidden(name := _relative(path, root)) and path.is_file():
            yield FoundFile(path, name)


def _is_hidden(name: str) -> bool:
    return any(part.startswith(".") for part in PurePosixPath(name).parts)


def _relative(path: Any, root: Any) -> str:
    if _is_local(path):
        return str(path.relative_to(root).as_posix())
    return str(path.path)[len(str(root.path).rstrip("/")) :].lstrip("/")


def _refuse_same_names(files: Iterable[FoundFile]) -> None:
    by_name: dict[str, FoundFile] = {}
    for file in files:
        if (other := by_name.setdefault(file.name, file)) is not file:
            raise XAIArgumentError(
                f"{other.uri} and {file.uri} would both be called {file.name!r} in the collection. Pass the folder "
                "that holds both, so that each is named by its path below it, or ingest them apart"
            )
