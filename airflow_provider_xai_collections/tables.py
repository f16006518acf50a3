"""Documents and the passages of a search as plain text, for logs and consoles."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence, Set
from pathlib import PurePosixPath
from typing import Any

from airflow_provider_xai_collections.api.documents import Document
from airflow_provider_xai_collections.api.printable import printable
from airflow_provider_xai_collections.api.search import SearchMatch
from airflow_provider_xai_collections.arguments import is_list, rendered

HEADER = ("document", "size", "status", "chunks", "seconds")
#: Characters of a document's name.
NAME = 60
#: Characters of a passage, and of the URI that it comes from.
PASSAGE = 800
#: Characters of the name of a batch; Airflow keeps 250.
BATCH_NAME = 100


def batch_name(items: Any) -> str:
    """A path, an id or a list of them in a few words: ``a.md … z.md (12)``."""
    items = rendered(items)
    several = sorted(items, key=str) if isinstance(items, Set) else items if is_list(items) else [items]
    count = len(several)
    if not count:
        return ""
    # Only the ends are looked at: each item may have to be loaded.
    first = _short_name(several[0])
    text = f"{first} … {_short_name(several[-1])} ({count})" if count > 1 else first
    return printable(f"{text} (1)" if _is_literal(text) else text, BATCH_NAME)


def _short_name(item: Any) -> str:
    return PurePosixPath(str(item)).name or str(item)


def _is_literal(text: str) -> bool:
    """Tell what native rendering would make a number of, say, which Airflow then cannot take for a name."""
    try:
        ast.literal_eval(text)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return False
    return True


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


def count_table(header: tuple[str, str], counts: Mapping[str, int]) -> str:
    """One line per count that is not zero."""
    rows = [header, *((name, f"{count:,}") for name, count in counts.items() if count)]
    left, right = (max(map(len, column)) for column in zip(*rows, strict=True))
    lines = [f"{name.ljust(left)}  {count.rjust(right)}" for name, count in rows]
    return "\n".join([lines[0], f"{'-' * left}  {'-' * right}", *lines[1:]])


def passages(matches: Iterable[SearchMatch]) -> str:
    """Passages that a search found: of each its score, the source of its document, and its text on one line."""
    return "\n\n".join(map(_passage, matches)) or (
        "No passage was found. Searches may miss a document for some seconds after it was processed: search again, or "
        "with other words."
    )


def _passage(match: SearchMatch) -> str:
    source = match.fields.get("airflow_source_uri") or match.file_id
    return f"[{match.score:.2f}] {printable(source, PASSAGE)}\n{printable(match.text, PASSAGE)}"
