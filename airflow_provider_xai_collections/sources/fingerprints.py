"""State of a file without reading it: its size, and a fingerprint that changes with the content."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from airflow_provider_xai_collections.sources.paths import filesystem_of, is_local

#: Names by storage of what changes with the content, the best first, and our names. A hash of the content is best;
#: Google's ``etag`` changes with metadata as well, so its ``generation`` comes before that.
#: Amazon: ``ETag``. Google: ``md5Hash``, ``generation``. Azure, WebDAV: ``etag``. SFTP, SMB, local: ``mtime``.
#: WebHDFS: ``modificationTime``. FTP: ``modify``. fsspec's memory: ``created``, as a write creates the file again.
FINGERPRINTS = {
    "md5Hash": "md5",
    "ETag": "etag",
    "generation": "generation",
    "etag": "etag",
    "mtime": "mtime",
    "LastModified": "mtime",
    "last_modified": "mtime",
    "updated": "mtime",
    "modificationTime": "mtime",
    "modified": "mtime",
    "modify": "mtime",
    "created": "mtime",
}


@dataclass(frozen=True, slots=True)
class FileState:
    """State of a file.

    :param size: bytes; ``None`` if the storage does not tell.
    :param fingerprint: size, and hash or time: ``123-etag:abc``. ``None`` if the storage tells neither.
    :param is_file: no folder, pipe, socket or device.
    """

    size: int | None = None
    fingerprint: str | None = None
    is_file: bool = True


def state_of(path: Any) -> FileState:
    """Return the state of a file now; if it cannot be seen, raise ``OSError``, or whatever the storage raises."""
    return of_status(path.stat()) if is_local(path) else of_info(info_of(path))


def info_of(path: Any) -> Mapping[str, Any]:
    """Return fsspec's info of an object now."""
    fs = filesystem_of(path)
    # fsspec answers from an earlier listing of the folder, which does not show what changed.
    fs.invalidate_cache(path.path.rpartition("/")[0])
    info: Mapping[str, Any] = fs.info(path.path)
    return info


def is_missing(error: BaseException) -> bool:
    """Tell whether an error says that there is no such file, and not only that it could not be seen.

    The libraries of some storages make a ``FileNotFoundError`` of anything; then its causes say more.
    """
    if not isinstance(error, _NO_SUCH_FILE):
        return False
    for cause in _causes(error):
        status = _status_of(cause)
        if status not in (None, *_NOT_FOUND):
            return False
        if status is None and isinstance(cause, OSError) and not isinstance(cause, _NO_SUCH_FILE):
            return False
    return True


def _causes(error: BaseException) -> Iterator[BaseException]:
    while cause := error.__cause__ or (None if error.__suppress_context__ else error.__context__):
        yield cause
        error = cause


#: The second one: a folder on the way to it is a file now.
_NO_SUCH_FILE = (FileNotFoundError, NotADirectoryError)
_NOT_FOUND = (404, 410)


def _status_of(error: BaseException) -> int | None:
    """Return the HTTP status in an error of a library, under the names that are in use."""
    response = getattr(error, "response", None)
    if isinstance(response, Mapping):  # Amazon's
        found = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        return found if isinstance(found, int) else None
    places = ((error, "status"), (error, "status_code"), (error, "code"), (response, "status_code"))
    statuses = (getattr(place, name, None) for place, name in places)
    return next((status for status in statuses if isinstance(status, int)), None)


def is_absent(path: str) -> bool:
    """Tell whether there is nothing at a local path, not even a link; ``False`` if that cannot be seen."""
    try:
        os.lstat(path)
    except OSError as error:
        return is_missing(error)
    return False


def of_status(status: os.stat_result) -> FileState:
    """Return the state of a local file."""
    return FileState(status.st_size, f"{status.st_size}-mtime:{status.st_mtime_ns}", stat.S_ISREG(status.st_mode))


def of_info(info: Mapping[str, Any]) -> FileState:
    """Return the state of an object by fsspec's info."""
    kind, size = info.get("type") or "file", info.get("size")
    if kind == "link":  # size and time are those of the link
        return FileState()
    if not isinstance(size, int):
        size = None
    key = next((key for key in FINGERPRINTS if info.get(key)), None)
    if size is None or key is None:
        return FileState(size, None, kind == "file")
    return FileState(size, f"{size}-{FINGERPRINTS[key]}:{_as_text(info[key])}", kind == "file")


def _as_text(value: Any) -> str:
    """Return the same text on every machine, whether the value is from a listing or of a single object."""
    if isinstance(value, datetime):
        value = (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    return str(value).replace('"', "")
