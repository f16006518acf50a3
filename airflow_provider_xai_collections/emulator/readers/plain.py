"""Text as it stands, and RTF."""

from __future__ import annotations

from collections.abc import Iterator

from airflow_provider_xai_collections.emulator.content_types import decoded
from airflow_provider_xai_collections.emulator.readers.page import TextPage, UnreadableError

#: Seen as ``error_message`` of Office files that went by ``POST /v1/files``.
NOT_SUPPORTED = "File format not supported. The file does not contain readable text."


def utf8(content: bytes) -> str:
    """Return the text of these bytes.

    :raises UnreadableError: with the service's words, if they are none.
    """
    if (text := decoded(content)) is None:
        raise UnreadableError(NOT_SUPPORTED)
    return text


def plain(content: bytes) -> Iterator[TextPage]:
    """Any text."""
    yield TextPage(utf8(content))


def rtf(content: bytes) -> Iterator[TextPage]:
    """Rich text."""
    from striprtf.striprtf import rtf_to_text

    # RTF is ASCII; what some writers leave in it of their code page is no reason to fail.
    markup = content.decode("cp1252", errors="replace")
    if not markup.lstrip().startswith("{\\rtf"):
        raise ValueError("it does not begin with {\\rtf")
    yield TextPage(rtf_to_text(markup, errors="replace"))
