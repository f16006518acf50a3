"""Documents outside a collection: checking and hashing them, and opening them to be sent."""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from io import BytesIO
from math import ceil
from typing import Any, BinaryIO, cast
from urllib.parse import quote

from airflow_provider_xai_collections.api.content_types import content_type_of
from airflow_provider_xai_collections.api.files import MAX_DOCUMENT_BYTES, MAX_UPLOAD_BYTES, MEGABYTE, check_filename
from airflow_provider_xai_collections.api.planning import SourceDocument
from airflow_provider_xai_collections.api.protocol import Upload
from airflow_provider_xai_collections.exceptions import XAIArgumentError, XAISourceError, XAIUnfitDocumentError
from airflow_provider_xai_collections.finding import AnyPath, FoundFile, as_path

#: How many bad files one error names.
NAMED = 5


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
    there = as_path(path)
    found = FoundFile(there, name or there.name)
    size = _size(found, limit)
    return Upload(found.name, partial(_open, there), size, content_type_of(found.name))


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
