from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_xai_collections.api.printable import MAX_DETAIL, printable


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("plain words", "plain words"),
        ("two\r\nlines\tand\x00nothing", "two lines and nothing"),
        ("paragraph\u2029separators\u2028too", "paragraph separators too"),
        ("turned \u202earound", "turned around"),
        ("half a \ud800 pair", "half a pair"),
        ("the key xai-abcdef1234567890abcdef leaked", "the key xai-*** leaked"),
        ("xai-release-notes-2026.md", "xai-release-notes-2026.md"),
        ("masked xai-ab***********yz", "masked xai-***"),
        ("", ""),
    ],
)
def test_words_of_others_become_one_printable_line_without_keys(text: str, line: str) -> None:
    assert printable(text) == line


def test_a_long_text_is_cut_and_shows_that_it_was() -> None:
    assert printable("x" * (MAX_DETAIL + 1)) == "x" * (MAX_DETAIL - 1) + "…"
    assert printable("x" * MAX_DETAIL) == "x" * MAX_DETAIL
    assert printable("abcdef", 4) == "abc…"


@given(st.text(), st.from_regex(r"xai-[A-Za-z0-9_]{20,80}", fullmatch=True), st.text())
def test_no_text_around_a_key_lets_it_through(before: str, key: str, after: str) -> None:
    line = printable(before + key + after)
    assert line.isprintable()
    assert len(line) <= MAX_DETAIL
    assert not re.search(r"xai-\w{20}", line)
