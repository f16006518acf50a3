"""Records of the store. Times are seconds since the epoch."""

from __future__ import annotations

from dataclasses import dataclass

from airflow_provider_xai_collections.api.collections import CreateCollection


@dataclass(frozen=True, slots=True)
class CollectionRecord:
    """A collection, by its parameters at creation as changed since."""

    collection_id: str
    created_at: float
    definition: CreateCollection


@dataclass(frozen=True, slots=True)
class Totals:
    """Totals of a collection."""

    documents_count: int
    total_file_size: int


@dataclass(frozen=True, slots=True)
class FileRecord:
    """A stored file, without its bytes.

    :param hash: BLAKE3-256 of its bytes, as 64 hex digits.
    :param typed: its content type was given by the uploader, not sniffed, which decides how it is read.
    """

    file_id: str
    filename: str
    content_type: str
    size: int
    hash: str
    purpose: str
    created_at: float
    expires_at: float | None = None
    typed: bool = False


@dataclass(frozen=True, slots=True)
class DocumentRecord:
    """A file in a collection.

    :param fields: the metadata.
    :param started_at: when indexing began.
    :param finished_at: when a reader found that it had ended, where the delay is one of reads.
    :param error_message: why it fails; "" if it will not.
    :param reads: since indexing began.
    :param hidden_gets: how many GETs have missed it (and lists, and searches): the lags.
    """

    collection_id: str
    file: FileRecord
    fields: dict[str, str]
    started_at: float = 0.0
    finished_at: float | None = None
    error_message: str = ""
    chunk_count: int = 0
    reads: int = 0
    hidden_gets: int = 0
    hidden_lists: int = 0
    hidden_searches: int = 0


@dataclass(frozen=True, slots=True)
class ChunkRecord:
    """A passage of a document. ``page_number`` only where the format has pages."""

    content: str
    page_number: int | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage that matched a search."""

    chunk_id: str
    collection_id: str
    file_id: str
    content: str
    page_number: int | None
    score: float
