"""Documents of a collection. Source: REST reference, ``/v1/collections/{collection_id}/documents``."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, TypeAlias

from pydantic import AfterValidator, Field, field_validator

from airflow_provider_xai_collections.api.collections import PageSize
from airflow_provider_xai_collections.api.files import check_filename
from airflow_provider_xai_collections.api.protocol import Upload
from airflow_provider_xai_collections.api.wire import Answer, Id, Ordering, Params, Part, Token


class DocumentsSortBy(StrEnum):
    """Order of a list of documents."""

    NAME = "DOCUMENTS_SORT_BY_NAME"
    SIZE = "DOCUMENTS_SORT_BY_SIZE"
    AGE = "DOCUMENTS_SORT_BY_AGE"


class DocumentStatus(StrEnum):
    """State of the indexing of a document. A word that is not here means: in progress."""

    UNKNOWN = "DOCUMENT_STATUS_UNKNOWN"
    PROCESSING = "DOCUMENT_STATUS_PROCESSING"
    CHUNKED = "DOCUMENT_STATUS_CHUNKED"
    EMBEDDING = "DOCUMENT_STATUS_EMBEDDING"
    WRITING = "DOCUMENT_STATUS_WRITING"
    PROCESSED = "DOCUMENT_STATUS_PROCESSED"
    FAILED = "DOCUMENT_STATUS_FAILED"


#: An unknown status. A gateway that is older than the word writes its number (protobuf's JSON mapping).
Word: TypeAlias = Annotated[str, Field(coerce_numbers_to_str=True)]


class FileMetadata(Part):
    """The stored file behind a document. ``size_bytes`` is a string on the wire."""

    file_id: Id
    name: str = ""
    size_bytes: int = 0
    content_type: str = ""
    created_at: datetime | None = None
    expires_at: datetime | None = None
    hash: str = ""
    upload_status: str | None = None
    upload_error_message: str | None = None
    processing_status: str | None = None
    file_path: str | None = None


class Document(Answer):
    """A file attached to a collection."""

    file_metadata: FileMetadata
    fields: dict[str, str] = Field(default_factory=dict)
    status: Annotated[DocumentStatus | Word, Field(union_mode="left_to_right")] = DocumentStatus.UNKNOWN
    error_message: str = ""
    last_indexed_at: datetime | None = None
    chunk_count: int | None = None
    chunks_processed_count: int | None = None

    @property
    def file_id(self) -> str:
        return self.file_metadata.file_id

    @property
    def name(self) -> str:
        return self.file_metadata.name


class DocumentPage(Answer):
    """One page of a list of documents, or the answer of ``documents:batchGet``."""

    documents: tuple[Document, ...] = ()
    pagination_token: Token | None = None

    @property
    def items(self) -> tuple[Document, ...]:
        return self.documents


class UploadedDocument(Answer):
    """Answer of the one-call upload. Its shape is undocumented: ``file_metadata`` may be missing, or empty."""

    file_metadata: FileMetadata | None = None

    @field_validator("file_metadata", mode="before")
    @classmethod
    def _none_without_id(cls, told: Any) -> Any:
        return None if isinstance(told, dict) and not told.get("file_id") else told


class AddDocument(Params):
    collection_id: str
    file_id: str
    team_id: str | None = None
    fields: dict[str, str] | None = None


class UploadDocument(Params):
    """Multipart: the form fields in this order, then the file as ``data``."""

    collection_id: str
    name: Annotated[str, AfterValidator(check_filename)]
    content_type: str | None = None
    fields: dict[str, str] | None = None
    upload: Upload


class ListDocuments(Params):
    collection_id: str
    team_id: str | None = None
    limit: PageSize | None = None
    order: Ordering | None = None
    sort_by: DocumentsSortBy | None = None
    pagination_token: str | None = None
    filter: str | None = None
    #: Deprecated by xAI in favour of ``filter``.
    name: str | None = None


class OneDocument(Params):
    collection_id: str
    file_id: str
    team_id: str | None = None


class BatchGetDocuments(Params):
    collection_id: str
    file_ids: Annotated[tuple[str, ...], Field(min_length=1)]
    team_id: str | None = None
