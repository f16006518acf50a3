"""Doubts about a document that the service says it has processed: its content, its type, its chunks.

``DOCUMENT_STATUS_PROCESSED`` promises chunks, not text: of a PDF that went by ``POST /v1/files``, they have been seen
to be its raw bytes.
"""

from __future__ import annotations

from dataclasses import dataclass

from airflow_provider_xai_collections.api.chunking import ChunkConfiguration
from airflow_provider_xai_collections.api.content_types import PDF, UNTYPED, bare, content_type_of, needs_extraction
from airflow_provider_xai_collections.api.documents import Document
from airflow_provider_xai_collections.api.identity import CONTENT_HASH

#: Digits of a BLAKE3 hash of 256 bits in hex. Anything else is no hash that we can compare with.
_HASH_DIGITS = 64
#: Bytes of a token of text, roughly; of raw bytes, each one may be a token.
_BYTES_OF_A_TOKEN = 4
#: Chunks from which on their number tells anything: small documents have one or two, whatever is in them.
_TELLING = 5
#: A number of chunks between these shares of the number that raw bytes make is taken for theirs. Bytes that are no text
#: shrink a little when they are decoded.
_LEAST, _MOST = 0.7, 1.15


@dataclass(frozen=True, slots=True)
class Doubt:
    """A document of the collection, and why it may not be as it should.

    :param altered: its content is not what was sent; otherwise its type or its chunks are strange.
    """

    file_id: str
    name: str
    reason: str
    altered: bool = False


def service_hash(document: Document) -> str:
    """Return the hash that the service itself made of the content; empty if it is of no kind that we know."""
    digest = document.file_metadata.hash.lower()
    return digest if len(digest) == _HASH_DIGITS else ""


def doubts_about(document: Document, chunking: ChunkConfiguration | None) -> list[Doubt]:
    """Say what is strange about a processed document.

    :param chunking: of the collection; without it, the number of chunks tells nothing.
    """
    doubts = []
    if reason := _content(document):
        doubts.append(Doubt(document.file_id, document.name, reason, altered=True))
    if reason := _content_type(document) or _chunks(document, chunking):
        doubts.append(Doubt(document.file_id, document.name, reason))
    return doubts


def reason_of_failure(document: Document) -> str:
    """Say why a document failed, and the way out where its type was not recognised."""
    reason = document.error_message or "the service gave no reason"
    promised = content_type_of(document.name)
    is_text = promised is not None and not needs_extraction(promised)
    if document.file_metadata.content_type != UNTYPED or is_text:
        return reason
    way_out = "in one call, which upload_method='auto' makes where xAI takes it, the type is sent"
    return f"{reason} (kept as {UNTYPED}, as in two calls: {way_out})"


def may_be_raw_bytes(document: Document) -> bool:
    """Tell whether to compare the number of chunks: only PDFs have been seen to end as raw bytes."""
    is_pdf = PDF in (content_type_of(document.name), bare(document.file_metadata.content_type))
    return is_pdf and (document.chunk_count or 0) >= _TELLING


def _content(document: Document) -> str:
    sent, stored = document.fields.get(CONTENT_HASH, ""), service_hash(document)
    if not (sent and stored) or sent == stored:
        return ""
    return (
        "xAI has other content than was sent: "
        f"its own BLAKE3 hash is {stored[:16]}…, that of what was sent {sent[:16]}…"
    )


def _content_type(document: Document) -> str:
    """Compare the type, which matters where text has to be extracted; text stays text under any of its types."""
    stored, promised = bare(document.file_metadata.content_type), content_type_of(document.name)
    if not stored or stored == promised:
        return ""
    if stored == UNTYPED:
        is_by_name = f"it is {promised} by its name" if promised else "its name does not say what it is"
        return f"xAI keeps it as {UNTYPED}, and {is_by_name}: its text may not have been extracted"
    if promised is not None and needs_extraction(promised):
        return f"xAI keeps it as {stored}, and it is {promised} by its name: its text may not have been extracted"
    return ""


def _chunks(document: Document, chunking: ChunkConfiguration | None) -> str:
    """Compare the number of chunks: extracted text has another size than its file, so as many as the raw bytes make are
    no text."""
    if chunking is None or not may_be_raw_bytes(document):
        return ""
    count, size = document.chunk_count or 0, document.file_metadata.size_bytes
    least, most = _chunks_of_raw_bytes(size, chunking)
    if not least <= count <= most:
        return ""
    return (
        f"its {count} chunks are as many as its {size:,} raw bytes make: if no search finds its text, remove the "
        "document and upload it again, in one call"
    )


def _chunks_of_raw_bytes(size: int, chunking: ChunkConfiguration) -> tuple[float, float]:
    """Estimate how many chunks so many raw bytes make: an empty range if nothing tells."""
    for strategy in chunking.strategies.values():
        if isinstance(strategy, dict):
            break  # deprecated, and its parts are not documented
        sizes = {key: value for key, value in strategy.model_dump().items() if isinstance(value, int)}
        step = sum(-value if key.startswith("chunk_overlap") else value for key, value in sizes.items())
        if step <= 0:
            break
        of_tokens = any(key.endswith("_tokens") for key in sizes)
        return _LEAST * size / step / (_BYTES_OF_A_TOKEN if of_tokens else 1), _MOST * size / step
    return 1.0, 0.0
