"""Documents outside a collection: finding, naming, checking and hashing them. All reading of sources is here."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import partial
from io import BytesIO
from math import ceil
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, TypeAlias, cast
from urllib.parse import quote

from airflow_provider_xai_collections.api.content_types import content_type_of
from airflow_provider_xai_collections.api.files import MAX_DOCUMENT_BYTES, MAX_UPLOAD_BYTES, MEGABYTE, check_filename
from airflow_provider_xai_collections.api.planning import SourceDocument
from airflow_provider_xai_collections.api.protocol import Upload
from airflow_provider_xai_collections.exceptions import XAIArgumentError, XAISourceError, XAIUnfitDocumentError

#: A local path, a URL such as ``s3://bucket/folder``, or anything that behaves like ``pathlib.Path``.
AnyPath: TypeAlias = str | os.PathLike[str] | Any
MAGIC = frozenset("*?[")
#: How many bad files one error names.
NAMED = 5


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file that was listed, not read. ``name`` is its path below the folder or glob it was found under."""

    path: Any
    name: str

    @property
    def uri(self) -> str:
        """Where the file is; the same from every machine, and whatever connection leads there."""
        return self.path.as_uri() if _is_local(self.path) else f"{self.path.protocol}://{self.path.path}"


@dataclass(frozen=True, slots=True)
class Content:
    """A document that is no file: its name, and its text or bytes.

    :param name: the file name xAI shows, which also tells the type: ``"report.md"``.
    :param data: what it holds; text is sent as UTF-8.
    :param uri: where it comes from. With the scope it says whether two contents are versions of one document; the
        task and the name by default.
    :param fields: metadata of this document alone, on top of that for all.
    """

    name: str
    data: str | bytes = field(repr=False)
    uri: str | None = None
    fields: Mapping[str, str] = field(default_factory=dict)


def upload_of(path: AnyPath, name: str | None = None, *, limit: int = MAX_UPLOAD_BYTES) -> Upload:
    """A single file as something to send.

    :param limit: the most bytes the call takes.
    :raises XAISourceError: it cannot be read, or is empty or too large.
    """
    there = _as_path(path)
    found = FoundFile(there, name or there.name)
    size = _size(found, limit)
    return Upload(found.name, partial(_open, there), size, content_type_of(found.name))


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


def read_sources(files: Sequence[FoundFile], *, limit: int, concurrency: int) -> list[SourceDocument]:
    """Check and hash files, ``concurrency`` at a time; none is held in memory.

    :param limit: the most bytes a document may have.
    :raises XAISourceError: naming the files that cannot be ingested and why; all are checked first.
    """
    with ThreadPoolExecutor(concurrency, thread_name_prefix="xai-hash") as pool:
        outcomes = list(pool.map(partial(_read_or_error, limit=limit), files))
    return _all_or_none(outcomes, "Mend them, or leave them out with exclude=[...]")


def read_contents(contents: Sequence[Content], *, base_uri: str, limit: int) -> list[SourceDocument]:
    """Check and hash contents.

    :param base_uri: what the URIs of those begin with that have none.
    :param limit: the most bytes a document may have.
    :raises XAISourceError: naming those that cannot be ingested and why.
    """
    return _all_or_none([_content_or_error(content, base_uri, limit) for content in contents], "Mend them")


def refuse_twins(sources: Iterable[SourceDocument]) -> None:
    """
    :raises XAIArgumentError: two documents have the same name, or come from the same place.
    """
    seen: dict[tuple[str, str], SourceDocument] = {}
    for source in sources:
        for what in (("called", source.name), ("versions of", source.uri)):
            if (other := seen.setdefault(what, source)) is not source:
                raise XAIArgumentError(
                    f"{other.uri} and {source.uri} would both be {what[0]} {what[1]!r} in the collection. Give each a "
                    "name and a URI of its own, or ingest them apart"
                )


def _all_or_none(outcomes: Sequence[SourceDocument | XAISourceError], way_out: str) -> list[SourceDocument]:
    bad = [outcome for outcome in outcomes if isinstance(outcome, XAISourceError)]
    if bad:
        more = f"; and {len(bad) - NAMED} more" if len(bad) > NAMED else ""
        # Of unfit ones alone, none will mend itself.
        kind = (
            XAIUnfitDocumentError if all(isinstance(error, XAIUnfitDocumentError) for error in bad) else XAISourceError
        )
        raise kind(
            f"{len(bad)} of {len(outcomes)} files cannot be ingested: {'; '.join(map(str, bad[:NAMED]))}{more}. "
            f"Nothing was sent. {way_out}"
        )
    return [outcome for outcome in outcomes if isinstance(outcome, SourceDocument)]


def _content_or_error(content: Content, base_uri: str, limit: int) -> SourceDocument | XAISourceError:
    if not (isinstance(content.name, str) and isinstance(content.data, str | bytes)):
        return XAIUnfitDocumentError(f"{content.name!r}: a Content needs a name and its data as text or bytes")
    if not isinstance(content.fields, Mapping):
        return XAIUnfitDocumentError(f"{content.name}: fields must be strings by string")
    data = content.data.encode() if isinstance(content.data, str) else content.data
    try:
        _check_size(content.name, len(data), limit)
        return SourceDocument(
            uri=content.uri or f"{base_uri}/{quote(content.name)}",
            name=check_filename(content.name),
            size=len(data),
            sha256=hashlib.sha256(data).hexdigest(),
            content_type=content_type_of(content.name),
            open=partial(BytesIO, data),
            fields=content.fields,
        )
    except XAISourceError as error:
        return error
    except ValueError as error:
        return XAIUnfitDocumentError(str(error))


def _read_or_error(file: FoundFile, *, limit: int) -> SourceDocument | XAISourceError:
    try:
        size, modified = _size(file, limit), _modified(file.path)
        with _open(file.path) as stream:
            digest, read = hashlib.sha256(), 0
            while block := stream.read(MEGABYTE):
                digest.update(block)
                read += len(block)
        if read != size:
            return XAISourceError(f"{file.name} changed while it was read ({size} bytes, then {read})")
        return SourceDocument(
            uri=file.uri,
            name=check_filename(file.name),
            size=size,
            sha256=digest.hexdigest(),
            content_type=content_type_of(file.name),
            open=partial(_open_unchanged, file, size, modified),
        )
    except XAISourceError as error:
        return error
    except ValueError as error:
        return XAIUnfitDocumentError(str(error))
    except OSError as error:
        return XAISourceError(f"{file.name} cannot be read ({error.strerror or type(error).__name__})")


def _open(path: Any) -> BinaryIO:
    return cast("BinaryIO", path.open("rb"))


def _open_unchanged(file: FoundFile, size: int, modified: Any) -> BinaryIO:
    """Content that differs from what was hashed must not be sent under that hash."""
    if (file.path.stat().st_size, _modified(file.path)) != (size, modified):
        raise XAISourceError(f"{file.name} changed since it was hashed: run the task again")
    return _open(file.path)


def _modified(path: Any) -> Any:
    status = path.stat()
    return getattr(status, "st_mtime_ns", None) or getattr(status, "st_mtime", None)


def _size(file: FoundFile, limit: int) -> int:
    try:
        status = file.path.stat()
    except OSError as error:
        raise XAISourceError(f"{file.name} cannot be read ({error.strerror or type(error).__name__})") from error
    # Object storage may tell no kind. A pipe must not be opened: that could wait for ever.
    if stat.S_IFMT(status.st_mode) not in (0, stat.S_IFREG):
        raise XAIUnfitDocumentError(f"{file.name} is not a file")
    _check_size(file.name, size := int(status.st_size), limit)
    return size


def _check_size(name: str, size: int, limit: int) -> None:
    if size == 0:
        raise XAIUnfitDocumentError(f"{name} is empty, and xAI cannot index an empty document")
    if size > limit:
        way_out = "; upload_method='direct' takes up to 100 MB" if limit < MAX_DOCUMENT_BYTES >= size else ""
        raise XAIUnfitDocumentError(
            f"{name} has {ceil(size / MEGABYTE * 10) / 10} MB, above the {limit // MEGABYTE} MB that this call "
            f"takes{way_out}"
        )


def _as_path(path: Any) -> Any:
    """A local path made absolute, or a path into object storage as it is."""
    if isinstance(path, str) and not path.strip():
        raise XAIArgumentError("a path is empty, and would stand for the folder the worker happens to run in")
    if isinstance(path, str) and "://" in path:
        from airflow.providers.common.compat.sdk import ObjectStoragePath

        path = ObjectStoragePath(path)
    protocol = getattr(path, "protocol", None)
    return Path(path).absolute() if protocol is None else Path(path.path) if protocol in ("file", "local") else path


def _is_local(path: Any) -> bool:
    """Some releases of ``ObjectStoragePath`` are a ``pathlib.Path``, so the type alone does not tell."""
    return not hasattr(path, "protocol")


def _below(root: AnyPath, pattern: str) -> Iterator[FoundFile]:
    text = str(root)
    path = _as_path(root)
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
    start, rest = _as_path("/".join(parts[:fixed]) or ("/" if text.startswith("/") else ".")), "/".join(parts[fixed:])
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
