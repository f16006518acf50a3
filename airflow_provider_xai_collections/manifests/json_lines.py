"""Files of JSON Lines on any storage: long lists that cross a process border, one versioned model a line."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, suppress
from io import BufferedReader
from pathlib import Path
from typing import IO, Any, TypeVar
from uuid import uuid4

from airflow_provider_xai_collections.exceptions import XAIError, XAISourceError
from airflow_provider_xai_collections.manifests.base import Manifest
from airflow_provider_xai_collections.sources.fingerprints import is_missing, state_of
from airflow_provider_xai_collections.sources.paths import (
    READ_AHEAD,
    AnyPath,
    as_path,
    filesystem_of,
    is_local,
    naming,
)

Line = TypeVar("Line", bound=Manifest)


def write_lines(where: AnyPath, models: Iterable[Manifest]) -> int:
    """Write one line for each model, one at a time, and return how many. The file appears complete or not at all.

    :param where: a local path, whose folders are made, or a path or URL into object storage.
    :raises XAISourceError: it cannot be written.
    """
    path = as_path(where)
    return _write_local(path, models, where) if is_local(path) else _write_remote(path, models, where)


def read_lines(where: AnyPath, kind: type[Line]) -> Iterator[Line]:
    """Read models one at a time; a file or line that cannot be read is an :class:`XAISourceError`."""
    path = as_path(where)
    with naming(where, path, "read", ". Check that it was written, and is in reach of this worker"):
        # An object is opened past ``ObjectStoragePath``, whose streams cannot be read by lines on every Airflow.
        stream = path.open("rb") if is_local(path) else filesystem_of(path).open(str(path.path), "rb", READ_AHEAD)
        with BufferedReader(stream) as lines:
            for number, line in enumerate(lines, 1):
                yield _parsed(line, kind, f"{where}, line {number}")


def exists(where: AnyPath) -> bool:
    """Tell whether there is such a file, or raise :class:`XAISourceError` if that cannot be found out."""
    path = as_path(where)
    with naming(where, path, "looked for", ". Check that this worker may read there"):
        try:
            state_of(path)
        except Exception as error:
            if is_missing(error):
                return False
            raise
    return True


def _parsed(line: bytes, kind: type[Line], place: str) -> Line:
    try:
        data = json.loads(line.decode())
    except (ValueError, RecursionError) as error:
        raise XAISourceError(
            f"{place}: no JSON. It was cut short or is another file. Clear the task that writes it, to write it again"
        ) from error
    try:
        return kind.parse(data)
    except XAIError as error:
        raise XAISourceError(f"{place}: {error}") from error


def _write(models: Iterable[Manifest], stream: IO[bytes], where: AnyPath, path: Any) -> int:
    count = 0
    for model in models:  # an error in there is not one of the file
        # ASCII, so without control characters, line separators or halves of characters.
        line = json.dumps(model.dump(), separators=(",", ":")).encode("ascii") + b"\n"
        with _writing(where, path):
            stream.write(line)
        count += 1
    with _writing(where, path):
        stream.flush()
    return count


def _write_local(path: Path, models: Iterable[Manifest], where: AnyPath) -> int:
    # Hidden, so that no listing takes it for a document; in the same folder, as a rename does not cross file systems.
    draft = path.with_name(f".{path.name[:100]}.{uuid4().hex}")
    with _writing(where, path):
        path.parent.mkdir(parents=True, exist_ok=True)
        stream = draft.open("xb")
    try:
        with stream:
            count = _write(models, stream, where, path)
            with _writing(where, path):
                os.fsync(stream.fileno())
        with _writing(where, path):
            draft.replace(path)
    except BaseException:
        with suppress(OSError):
            draft.unlink()
        raise
    return count


def _write_remote(path: Any, models: Iterable[Manifest], where: AnyPath) -> int:
    """Write to a local file first: closing the stream of an object publishes it, even when only half was written."""
    fs = filesystem_of(path)
    with tempfile.NamedTemporaryFile(prefix="xai-lines-") as stream:
        count = _write(models, stream, where, path)
        with _writing(where, path):
            fs.put_file(stream.name, str(path.path))
    return count


def _writing(where: AnyPath, path: Any) -> AbstractContextManager[None]:
    return naming(where, path, "written", ". Check that every worker may write there")
