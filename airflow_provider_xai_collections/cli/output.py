"""Answers on the screen, or as JSON, YAML and plain lines for other programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from airflow_provider_xai_collections.text import escaped

#: Documents that a screen shows; ``-o json`` has all of them.
SHOWN = 50
#: Characters of a line that is not for a screen.
WIDE = 240
_UNITS = ("B", "KB", "MB", "GB", "TB")


class Format(StrEnum):
    """The forms of an answer: a table for people; one document of JSON or YAML; lines with tabs between the values."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"
    PLAIN = "plain"


class _Console(Console):
    """A console whose reader may leave, as ``head`` does: rich would end the process with exit code 1."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


class Output:
    """Where answers go: the answer itself to stdout, all else to stderr."""

    def __init__(self, form: Format, stream: TextIO) -> None:
        self.form = form
        self.out = _Console(file=stream, highlight=False, soft_wrap=False, width=_width(stream))
        self.err = Console(file=sys.stderr, highlight=False, width=_width(sys.stderr))

    @property
    def is_for_people(self) -> bool:
        """Tell whether people read it."""
        return self.form is Format.TABLE

    def rows(self, rows: Sequence[Mapping[str, Any]], *, empty: str = "") -> None:
        """Write rows of the same keys; for programs this is the whole answer.

        :param empty: written for people if there are none.
        """
        match self.form:
            case Format.TABLE:
                self._table(rows, empty)
            case Format.PLAIN:
                for row in rows:
                    self._line("\t".join(escaped(str(plain(value))) for value in row.values()))
            case _:
                self._document([dict(row) for row in rows])

    def document(self, data: Mapping[str, Any]) -> None:
        """Write one thing with its parts: a document for programs, a line for each part for people."""
        if self.form in (Format.JSON, Format.YAML):
            self._document(dict(data))
            return
        width = max(map(len, data), default=0)
        for key, value in data.items():
            text = escaped(str(plain(value)))
            self._line(f"{key}\t{text}" if self.form is Format.PLAIN else f"{key.ljust(width)}  {text}")

    def say(self, text: str, style: str = "") -> None:
        """Write a line for people, to stderr."""
        self.err.print(escaped(text), style=style or None, markup=False, soft_wrap=not self.err.is_terminal)

    def _document(self, data: Any) -> None:
        clean = json.loads(json.dumps(data, default=_for_programs))
        if self.form is Format.YAML:
            import yaml  # type: ignore[import-untyped]  # PyYAML has no types

            self._line(yaml.safe_dump(clean, sort_keys=False, allow_unicode=True).rstrip())
        else:
            self._line(json.dumps(clean, indent=2))

    def _line(self, text: str) -> None:
        self.out.file.write(f"{text}\n")

    def _table(self, rows: Sequence[Mapping[str, Any]], empty: str) -> None:
        if not rows:
            if empty:
                self.out.print(empty, markup=False)
            return
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        for key, value in rows[0].items():
            numeric = isinstance(value, int | float) and not isinstance(value, bool)
            table.add_column(
                key.replace("_", " ").upper(),
                justify="right" if numeric else "left",
                overflow="fold",
                no_wrap=key.endswith("_id"),
            )
        for row in rows:
            table.add_row(*(Text(_shown(key, value)) for key, value in row.items()))
        self.out.print(table)


def _width(stream: Any) -> int | None:
    return None if stream.isatty() else WIDE


def _shown(key: str, value: Any) -> str:
    if key == "bytes" and isinstance(value, int):
        return size(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return escaped(str(plain(value)))


def plain(value: Any) -> Any:
    """Return a value as text for people: a time without fractions, a list with commas, nothing as nothing."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return value


def _for_programs(value: Any) -> str:
    """Return what JSON has no word for as text: a time as ISO 8601, in UTC."""
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else str(value)


def size(count: int) -> str:
    """Return ``1234567`` as ``1.2 MB``."""
    value, unit = float(count), 0
    while value >= 1000 and unit < len(_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    return f"{value:.0f} B" if not unit else f"{value:.1f} {_UNITS[unit]}"
