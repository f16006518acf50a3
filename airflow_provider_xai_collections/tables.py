"""Documents as a table of plain text, for logs and consoles."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from airflow_provider_xai_collections.api.documents import Document
from airflow_provider_xai_collections.api.errors import printable

HEADER = ("document", "size", "status", "chunks", "seconds")
#: Characters of a document's name.
NAME = 60


def document_table(documents: Iterable[Document]) -> str:
    """One line per document: name, bytes, status, number of chunks, and seconds from upload to index."""
    rows = [HEADER, *map(_row, sorted(documents, key=lambda document: document.name))]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [_line(row, widths) for row in rows]
    return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:]])


def _row(document: Document) -> tuple[str, ...]:
    created, indexed = document.file_metadata.created_at, document.last_indexed_at
    return (
        printable(document.name, NAME),
        f"{document.file_metadata.size_bytes:,}",
        printable(document.status.removeprefix("DOCUMENT_STATUS_").lower(), NAME),
        "-" if document.chunk_count is None else str(document.chunk_count),
        "-" if created is None or indexed is None else f"{(indexed - created).total_seconds():.1f}",
    )


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    name, size, status, chunks, seconds = row
    return "  ".join(
        (
            name.ljust(widths[0]),
            size.rjust(widths[1]),
            status.ljust(widths[2]),
            chunks.rjust(widths[3]),
            seconds.rjust(widths[4]),
        )
    ).rstrip()
