"""PDF, by pypdf. A scanned one has pages without text."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO

from airflow_provider_xai_collections.emulator.readers.page import TextPage


def pdf(content: bytes) -> Iterator[TextPage]:
    """The pages of a PDF."""
    from pypdf import PdfReader

    for number, page in enumerate(PdfReader(BytesIO(content)).pages, start=1):
        yield TextPage(page.extract_text(), number)
