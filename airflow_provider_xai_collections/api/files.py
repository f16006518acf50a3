"""Files of a team. Source: REST reference, ``/v1/files``; ``files.proto``."""

from __future__ import annotations

import unicodedata
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, Field

from airflow_provider_xai_collections.api.collections import PageSize
from airflow_provider_xai_collections.api.protocol import Upload
from airflow_provider_xai_collections.api.wire import Answer, Id, Params, Token

MEGABYTE = 1_000_000
#: Most bytes of ``POST /v1/files``. Source: reference (413 above it).
MAX_UPLOAD_BYTES = 50 * MEGABYTE
#: Most bytes of one document of a collection.
MAX_DOCUMENT_BYTES = 100 * MEGABYTE
MAX_FILENAME_LENGTH = 255
FORBIDDEN_IN_FILENAMES = frozenset('";\\')
#: Unicode categories the service refuses in names: controls, line and paragraph separators. And surrogates, which stand
#: for bytes that are no text and cannot be sent.
FORBIDDEN_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})


def check_filename(name: str) -> str:
    """Return ``name``, or raise ``ValueError`` saying what the service would refuse in it."""
    if not name or len(name) > MAX_FILENAME_LENGTH:
        raise ValueError(f"a file name has 1 to {MAX_FILENAME_LENGTH} characters, this one {len(name)}: rename it")
    if name.isprintable() and FORBIDDEN_IN_FILENAMES.isdisjoint(name):  # most are, and there may be many
        return name
    for character in name:
        if character in FORBIDDEN_IN_FILENAMES or unicodedata.category(character) in FORBIDDEN_CATEGORIES:
            raise ValueError(f"the file name {name!r} contains {character!r}, which xAI refuses: rename it")
    return name


def _check_upload(upload: Upload) -> Upload:
    check_filename(upload.filename)
    return upload


class FilesSortBy(StrEnum):
    """Order of a list of files. Source: ``files.proto``."""

    CREATED_AT = "FILES_SORT_BY_CREATED_AT"
    FILENAME = "FILES_SORT_BY_FILENAME"
    SIZE = "FILES_SORT_BY_SIZE"


class File(Answer):
    """An uploaded file. Times are unix seconds on the wire."""

    id: Id
    object: str = "file"
    bytes: int = 0
    created_at: datetime | None = None
    expires_at: datetime | None = None
    filename: str = ""
    purpose: str | None = None


class FilePage(Answer):
    """One page of a list of files."""

    data: tuple[File, ...] = ()
    pagination_token: Token | None = None

    @property
    def items(self) -> tuple[File, ...]:
        return self.data


class DeletedFile(Answer):
    id: Id
    deleted: bool = True


class UploadFile(Params):
    """Multipart: the form fields in this order (``expires_after`` after the file is a 400), then ``file``."""

    expires_after: Annotated[int, Field(ge=3600, le=2_592_000)] | None = None
    purpose: str | None = None
    upload: Annotated[Upload, AfterValidator(_check_upload)]

    @property
    def subject(self) -> str:
        return self.upload.filename


class ListFiles(Params):
    limit: PageSize | None = None
    #: The words of this list's order are not in the REST reference, so any is passed on.
    order: str | None = None
    sort_by: FilesSortBy | None = None
    pagination_token: str | None = None
    filter: str | None = None


class OneFile(Params):
    file_id: str
