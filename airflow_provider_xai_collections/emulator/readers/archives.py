"""Zip archives, and documents that are zip archives inside, opened with care."""

from __future__ import annotations

import zipfile
from io import BytesIO

#: Of all members together, unpacked. ``zipfile`` never gives more of a member than the archive says it has.
MAX_UNPACKED_BYTES = 200 * 1024 * 1024


def open_archive(content: bytes) -> zipfile.ZipFile:
    """Open an archive.

    :raises ValueError: if it would unpack to more than :data:`MAX_UNPACKED_BYTES`.
    """
    archive = zipfile.ZipFile(BytesIO(content))
    unpacked = sum(member.file_size for member in archive.infolist())
    if unpacked > MAX_UNPACKED_BYTES:
        archive.close()
        raise ValueError(f"it unpacks to {unpacked} bytes, and at most {MAX_UNPACKED_BYTES} are read")
    return archive


def checked(content: bytes) -> BytesIO:
    """Check an archive for a library that unpacks it itself.

    :raises ValueError: as :func:`open_archive`.
    """
    with open_archive(content):
        return BytesIO(content)
