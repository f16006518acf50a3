"""What a storage tells of a file without reading it: its size, and by what one notices that it changed."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from airflow_provider_xai_collections.sources.paths import filesystem_of, is_local

#: What storages call that which changes with the content, the best first, and what we call it. A hash of the content
#: stands above all; Google's ``etag`` changes with metadata as well, so its ``generation`` stands above that.
#: Amazon: ``ETag``. Google: ``md5Hash``, ``generation``. Azure, WebDAV: ``etag``. SFTP, SMB, local: ``mtime``.
#: WebHDFS: ``modificationTime``. FTP: ``modify``. fsspec's memory: ``created``, as to write is to create anew.
TELLTALES = {
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
    """
    :param size: bytes; ``None`` if the storage does not tell.
    :param fingerprint: size, and hash or time: ``123-etag:abc``. ``None`` if the storage tells neither.
    :param is_file: no folder, pipe, socket or device.
    """

    size: int | None = None
    fingerprint: str | None = None
    is_file: bool = True


def state_of(path: Any) -> FileState:
    """As it is now: of what :func:`paths.as_path` or :func:`paths.at_address` returned.

    :raises OSError: it is not there, or may not be seen. Storages may raise errors of their own.
    """
    if is_local(path):
        return of_status(path.stat())
    fs = filesystem_of(path)
    fs.invalidate_cache(path.path)  # a listing of a while ago does not tell what changed
    return of_info(fs.info(path.path))


def of_status(status: os.stat_result) -> FileState:
    return FileState(status.st_size, f"{status.st_size}-mtime:{status.st_mtime_ns}", stat.S_ISREG(status.st_mode))


def of_info(info: Mapping[str, Any]) -> FileState:
    """Of what fsspec tells of an object."""
    kind, size = info.get("type") or "file", info.get("size")
    if kind == "link":  # size and time are those of the link
        return FileState()
    if not isinstance(size, int):
        size = None
    telltale = next((key for key in TELLTALES if info.get(key)), None)
    if size is None or telltale is None:
        return FileState(size, None, kind == "file")
    return FileState(size, f"{size}-{TELLTALES[telltale]}:{_as_text(info[telltale])}", kind == "file")


def _as_text(value: Any) -> str:
    """The same on every machine, and whether it comes from a listing or from a look at one object."""
    if isinstance(value, datetime):
        value = (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    return str(value).replace('"', "")
