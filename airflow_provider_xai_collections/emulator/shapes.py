"""Bodies of answers: records as the wire spells them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from airflow_provider_xai_collections.api.documents import DocumentStatus
from airflow_provider_xai_collections.emulator.chunks import DEFAULT_CHUNKING
from airflow_provider_xai_collections.emulator.indexing import Progress
from airflow_provider_xai_collections.emulator.messages import Json
from airflow_provider_xai_collections.emulator.records import CollectionRecord, DocumentRecord, FileRecord, Hit, Totals
from airflow_provider_xai_collections.emulator.settings import Settings

#: Model of a collection whose creator names none. [rec]
DEFAULT_MODEL = "grok-embedding-small"
#: Said of every file, long before it is indexed. [rec]
COMPLETE = "Complete"
#: While CHUNKED a document is still said to have no chunks. [rec]
_COUNTED = frozenset(
    {DocumentStatus.EMBEDDING, DocumentStatus.WRITING, DocumentStatus.PROCESSED, DocumentStatus.FAILED}
)


def rfc3339(seconds: float) -> str:
    """Return a time as the management host writes it."""
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


class Shapes:
    """Bodies of answers, by the switches."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def many(self, name: str, value: Sequence[Any] | dict[str, str]) -> Json:
        """Return an array or a map under its name; an empty one may be null or missing."""
        if value or self._settings.empty_arrays == "list":
            return {name: value}
        return {name: None} if self._settings.empty_arrays == "null" else {}

    def collection(self, record: CollectionRecord, totals: Totals) -> Json:
        # Neither the reference nor the published type has a metric among what a collection says of itself.
        definition = record.definition.model_dump(mode="json", exclude_none=True, exclude={"team_id", "metric_space"})
        field_definitions = definition.pop("field_definitions", [])
        chunking = definition.pop("chunk_configuration", None) or DEFAULT_CHUNKING.model_dump(exclude_none=True)
        return {
            "index_configuration": {"model_name": DEFAULT_MODEL},
            # What is false is written too, as zeros and empty arrays are.
            "chunk_configuration": {"strip_whitespace": False, "inject_name_into_chunks": False, **chunking},
            **definition,
            "collection_id": record.collection_id,
            "created_at": rfc3339(record.created_at),
            "documents_count": totals.documents_count,
            "total_file_size": str(totals.total_file_size),
            **self.many("field_definitions", field_definitions),
            "disable_rag_lookup": False,
        }

    def document(self, record: DocumentRecord, progress: Progress) -> Json:
        file, counted = record.file, progress.status in _COUNTED
        failed = record.error_message and progress.finished_at is not None
        indexed_at = progress.finished_at if progress.is_processed and not self._settings.last_indexed_at_null else None
        return {
            "file_metadata": {
                "file_id": file.file_id,
                "name": file.filename,
                "size_bytes": str(file.size),
                "content_type": file.content_type,
                "created_at": rfc3339(file.created_at),
                "expires_at": None if file.expires_at is None else rfc3339(file.expires_at),
                "hash": file.hash,
                "upload_status": COMPLETE,
                "processing_status": COMPLETE,
                "file_path": "",
            },
            **self.many("fields", record.fields),
            "status": progress.status,
            **({"error_message": record.error_message} if failed else {}),
            "last_indexed_at": None if indexed_at is None else rfc3339(indexed_at),
            "chunk_count": record.chunk_count if counted else 0,
            "chunks_processed_count": str(progress.chunks_processed if counted else 0),
        }

    def file(self, record: FileRecord) -> Json:
        return {
            "id": record.file_id,
            "object": "file",
            "bytes": record.size,
            "created_at": int(record.created_at),
            "expires_at": None if record.expires_at is None else int(record.expires_at),
            "filename": record.filename,
            "purpose": record.purpose,
        }

    def match(self, hit: Hit, document: DocumentRecord) -> Json:
        """Return a passage, with fields that the service adds to those of the document. [seen]"""
        added = {"title": document.file.filename, "chroma:uri": f"{hit.collection_id}/{hit.file_id}"}
        content = hit.content
        if self._settings.json_chunks:
            content = json.dumps([{"page_number": hit.page_number or 0, "text": content}], ensure_ascii=False)
        shape = {
            "file_id": hit.file_id,
            "chunk_id": hit.chunk_id,
            "chunk_content": content,
            "score": hit.score,
            "collection_ids": [hit.collection_id],
            "fields": {**added, **document.fields},
        }
        return shape if hit.page_number is None else {**shape, "page_number": hit.page_number}
