"""Plain and rich text."""

from __future__ import annotations

import pytest

from airflow_provider_xai_collections.emulator.readers.plain import plain, rtf


def test_text_loses_its_byte_order_mark_and_nothing_else() -> None:
    assert [page.text for page in plain("\ufeff caf\u00e9\r\n".encode())] == [" caf\u00e9\r\n"]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (rb"{\rtf1\ansi call {\b me} caf\'e9\par now}", "call me caf\u00e9\nnow"),
        (b"{\\rtf1\\ansi caf\xe9}", "caf\u00e9"),
        (rb"{\rtf1 a \u8364? b}", "a \u20ac b"),
    ],
)
def test_rich_text(content: bytes, expected: str) -> None:
    assert [page.text.strip() for page in rtf(content)] == [expected]
