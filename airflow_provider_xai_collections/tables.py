"""Counts and the passages of a search as plain text, for logs and consoles."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Set
from pathlib import PurePosixPath
from typing import Any

from airflow_provider_xai_collections.api.identity import SOURCE_URI
from airflow_provider_xai_collections.api.search import SearchMatch
from airflow_provider_xai_collections.arguments import is_list, rendered
from airflow_provider_xai_collections.text import printable

#: Characters of a passage, and of the URI that it comes from.
PASSAGE = 800
#: Characters of the name of a batch; Airflow keeps 250.
BATCH_NAME = 100


def batch_name(items: Any) -> str:
    """Return a path, an id or a list of them in a few words: ``a.md … z.md (12)``."""
    items = rendered(items)
    several = sorted(items, key=str) if isinstance(items, Set) else items if is_list(items) else [items]
    count = len(several)
    if not count:
        return ""
    # Only the ends are read: each item may have to be loaded.
    first = _short_name(several[0])
    text = f"{first} … {_short_name(several[-1])} ({count})" if count > 1 else first
    return printable(f"{text} (1)" if _is_literal(text) else text, BATCH_NAME)


def _short_name(item: Any) -> str:
    return PurePosixPath(str(item)).name or str(item)


def _is_literal(text: str) -> bool:
    """Tell whether native rendering would make a number of it, say, which Airflow cannot take for a name."""
    try:
        ast.literal_eval(text)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return False
    return True


def count_table(header: tuple[str, str], counts: Mapping[str, int]) -> str:
    """Return a table with one line per count that is not zero."""
    rows = [header, *((name, f"{count:,}") for name, count in counts.items() if count)]
    left, right = (max(map(len, column)) for column in zip(*rows, strict=True))
    lines = [f"{name.ljust(left)}  {count.rjust(right)}" for name, count in rows]
    return "\n".join([lines[0], f"{'-' * left}  {'-' * right}", *lines[1:]])


#: The text where a search found nothing.
NO_PASSAGE = (
    "No passage was found. Searches may miss a document for some seconds after it was processed: search again, or "
    "with other words."
)


def passages(matches: Iterable[SearchMatch]) -> str:
    """Return passages as text: of each its score, the source of its document, and its text on one line.

    :param matches: as ``XAICollectionsHook.search_documents`` returns them.
    """
    return "\n\n".join(map(_passage, matches)) or NO_PASSAGE


def _passage(match: SearchMatch) -> str:
    return f"[{score_of(match)}] {source_of(match)}\n{printable(match.text, PASSAGE)}"


def score_of(match: SearchMatch) -> str:
    """Return its score with as many digits as tell it from others: some services give very small ones."""
    return f"{match.score:.3g}"


def source_of(match: SearchMatch) -> str:
    """Return where its document comes from, or the file if nobody has said, as one line."""
    return printable(match.fields.get(SOURCE_URI) or match.file_id, PASSAGE)
