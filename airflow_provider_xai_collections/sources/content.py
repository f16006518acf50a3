"""A document that a task makes itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Content:
    """A document that is no file: its name, and its text or bytes.

    :param name: the file name xAI shows, which also tells the type: ``"report.md"``.
    :param data: its content; text is sent as UTF-8.
    :param uri: where it comes from. With the scope it says whether two contents are versions of one document; the
        task and the name by default.
    :param fields: metadata of this document alone, on top of that for all.
    """

    name: str
    data: str | bytes = field(repr=False)
    uri: str | None = None
    fields: Mapping[str, str] = field(default_factory=dict)
