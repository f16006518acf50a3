"""The rules of ``/v1/files``. Methods are called as their endpoints are."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from blake3 import blake3

from airflow_provider_xai_collections.api.content_types import UNTYPED
from airflow_provider_xai_collections.api.files import FilesSortBy, ListFiles, OneFile, UploadFile, check_filename
from airflow_provider_xai_collections.api.protocol import Upload
from airflow_provider_xai_collections.emulator import content_types
from airflow_provider_xai_collections.emulator.context import Context
from airflow_provider_xai_collections.emulator.filters import parse_filter
from airflow_provider_xai_collections.emulator.matching import Fields, Time, check_fields, matches
from airflow_provider_xai_collections.emulator.messages import Json
from airflow_provider_xai_collections.emulator.pages import Pager, Sort
from airflow_provider_xai_collections.emulator.records import FileRecord
from airflow_provider_xai_collections.emulator.refusals import Refused
from airflow_provider_xai_collections.emulator.shapes import COMPLETE
from airflow_provider_xai_collections.emulator.store import Slice

#: Source: docstring of ``files.list`` in ``xai-sdk``.
_FILTERABLE = frozenset(
    {
        *("file_id", "name", "file_name", "size_bytes", "content_type", "created_at", "expires_at", "upload_status"),
        *("user_defined_id", "public_url", "public_url_expires_at"),
    }
)
_SORT: Mapping[FilesSortBy, Sort[FileRecord]] = {
    FilesSortBy.CREATED_AT: ("f.created_at", lambda record: record.created_at),
    FilesSortBy.FILENAME: ("filename", lambda record: record.filename),
    FilesSortBy.SIZE: ("size", lambda record: record.size),
}


class FileRules:
    """Files of the team."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def upload_file(self, params: UploadFile) -> Json:
        """Store a new file at every upload: the service does not compare bytes, and forgets the purpose."""
        limit = self._context.settings.max_file_bytes
        record = self.take(params.upload, params.upload.filename, limit, expires_after=params.expires_after)
        return self._context.shapes.file(record)

    def get_file(self, params: OneFile) -> Json:
        return self._context.shapes.file(self._context.file(params.file_id))

    def get_file_content(self, params: OneFile) -> bytes:
        return self._context.store.file_content(self._context.file(params.file_id).file_id)

    def list_files(self, params: ListFiles) -> Json:
        settings = self._context.settings
        wanted = parse_filter(params.filter or "", precedence=settings.filter_precedence, unset=True)
        check_fields(wanted, _FILTERABLE.__contains__)
        column, value = _SORT[params.sort_by or FilesSortBy.CREATED_AT]
        pager = Pager(params, settings.files_pagination_end, settings.max_page)
        # The words of this order are not in the reference: ASCENDING, ORDERING_ASCENDING and asc all mean the same.
        order = (params.order or settings.files_order).upper().removeprefix("ORDERING_")
        descending = not order.startswith("ASC")
        part = Slice(column, descending, pager.after)
        found = (record for record in self._context.store.files(part) if matches(wanted, _fields(record)))
        page, token = pager.page(found, lambda record: (value(record), record.file_id))
        shapes = self._context.shapes
        return {**shapes.many("data", [shapes.file(record) for record in page]), **token}

    def delete_file(self, params: OneFile) -> Json:
        self._context.file(params.file_id)
        if self._context.settings.delete_attached_file == "refuse" and self._context.store.is_attached(params.file_id):
            raise Refused(409, f"file {params.file_id} is in a collection")
        self._context.store.delete_file(params.file_id)
        return {"id": params.file_id, "deleted": True, "object": "file"}

    def take(
        self,
        upload: Upload,
        name: str,
        max_bytes: int,
        *,
        content_type: str | None = None,
        expires_after: int | None = None,
        purpose: str = "",
    ) -> FileRecord:
        """Store what was sent, unless its name or size forbids it.

        :param content_type: as the sender says; ``None`` lets it be guessed.
        """
        try:
            check_filename(name)
        except ValueError as error:
            raise Refused(400, str(error)) from None
        if upload.size > max_bytes:
            raise Refused(413, f"{name} has {upload.size} bytes, at most {max_bytes} are taken")
        if not upload.size and self._context.settings.empty_file == "refuse":
            raise Refused(400, f"{name} is empty")
        room = self._context.settings.max_files
        if room is not None and self._context.store.count_files() >= room:
            raise Refused(self._context.settings.full_status, f"the team has {room} files, and no room for another")
        content, now = upload.open().read(), self._context.clock()
        record = FileRecord(
            file_id=f"file_{uuid.uuid4()}",
            filename=name,
            content_type=content_type or self._sniff(content, name),
            size=len(content),
            hash=blake3(content).hexdigest(),
            purpose=purpose,
            created_at=now,
            expires_at=None if expires_after is None else now + expires_after,
            typed=bool(content_type),
        )
        self._context.store.add_file(record, content)
        return record

    def _sniff(self, content: bytes, name: str) -> str:
        found = content_types.sniff(content, name)
        if found in content_types.CONTAINERS and self._context.settings.files_text == "raw":
            return UNTYPED
        return found


def _fields(record: FileRecord) -> Fields:
    """Return the fields that are set; no file here has an id of its user's or a public URL."""
    expiry = {} if record.expires_at is None else {"expires_at": Time(record.expires_at)}
    return {
        "file_id": record.file_id,
        "name": record.filename,
        "file_name": record.filename,
        "size_bytes": float(record.size),
        "content_type": record.content_type,
        "created_at": Time(record.created_at),
        "upload_status": COMPLETE,
        **expiry,
    }
