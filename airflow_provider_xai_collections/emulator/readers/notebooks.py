"""Notebooks: what their authors wrote, and what came out where it is text."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from airflow_provider_xai_collections.emulator.readers.page import TextPage
from airflow_provider_xai_collections.emulator.readers.plain import utf8


def notebook(content: bytes) -> Iterator[TextPage]:
    """The cells of a notebook."""
    parsed = json.loads(utf8(content))
    if not isinstance(parsed, dict) or not isinstance(cells := parsed.get("cells"), list):
        raise ValueError("it has no list of cells")
    yield TextPage("\n".join(text for cell in cells for text in _cell(cell)))


def _cell(cell: Any) -> Iterator[str]:
    yield _joined(cell.get("source", ""))
    for output in cell.get("outputs", ()):
        yield _joined(output.get("text") or output.get("data", {}).get("text/plain", ""))


def _joined(lines: Any) -> str:
    """Text, which notebooks hold as it is or as a list of lines."""
    return lines if isinstance(lines, str) else "".join(lines)
