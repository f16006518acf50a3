"""The text that a reader gives, and the error of one that can give none."""

from __future__ import annotations

from dataclasses import dataclass


class UnreadableError(Exception):
    """The file gives no text; the message is its ``error_message``, word for word."""


@dataclass(frozen=True, slots=True)
class TextPage:
    """Text, with the number of its page where the format has pages."""

    text: str
    number: int | None = None
