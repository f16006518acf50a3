from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_xai_collections.text import MAX_DETAIL, NAMED, counted, escaped, in_brackets, printable


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("plain words", "plain words"),
        ("two\r\nlines\tand\x00nothing", "two lines and nothing"),
        ("paragraph\u2029separators\u2028too", "paragraph separators too"),
        ("turned \u202earound", "turned around"),
        ("half a \ud800 pair", "half a pair"),
        ("the key xai-abcdef1234567890abcdef leaked", "the key xai-*** leaked"),
        ("the key xai-token-abcdef1234567890abcdef leaked", "the key xai-*** leaked"),
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


@pytest.mark.parametrize("before", [0, 100, 5_900, 5_960, 5_970, 5_980, 5_990])
@pytest.mark.parametrize("blank", [" ", "\n", "x "])
def test_of_a_very_long_text_only_the_beginning_is_looked_at(before: int, blank: str) -> None:
    """Whatever it is cut in two, no part of a key is shown."""
    text = blank * (before // len(blank)) + "xai-token-abcdef1234567890abcdef" + " x" * 10_000_000
    assert "abcdef" not in printable(text)


@given(st.text(), st.from_regex(r"xai-(token-)?[A-Za-z0-9_]{20,80}", fullmatch=True), st.text())
def test_no_text_around_a_key_lets_it_through(before: str, key: str, after: str) -> None:
    line = printable(before + key + after)
    assert line.isprintable()
    assert len(line) <= MAX_DETAIL
    assert not re.search(r"xai-\w{20}", line)


@given(st.text(), st.from_regex(r"xai-(token-)?[A-Za-z0-9_]{20,80}", fullmatch=True), st.text())
def test_what_is_escaped_shows_neither_keys_nor_control_characters(before: str, key: str, after: str) -> None:
    line = escaped(before + key + after)
    assert line.isprintable()
    assert not re.search(r"xai-\w{20}", line)


def test_what_looks_like_keys_is_told_apart_by_its_mask() -> None:
    one, other = (escaped(f"xai-{letter * 22}.md") for letter in "ab")
    assert one != other
    assert one == escaped(f"xai-{'a' * 22}.md")
    assert re.fullmatch(r"xai-\*{3}[0-9a-f]{8}\.md", one)


def test_what_is_escaped_is_still_told_apart_and_whole() -> None:
    assert escaped("a\x01\u2028\udcffb" + "x" * 1_000) == "a\\x01\\u2028\\udcffb" + "x" * 1_000


@pytest.mark.parametrize(
    ("names", "count", "text"),
    [
        ([], None, ""),
        ([], 3, ""),
        (["a"], None, " (a)"),
        (["a"], 3, " (a, …)"),
        (["a"] * (NAMED + 1), None, f" ({'a, ' * NAMED}…)"),
    ],
)
def test_the_first_names_are_listed_in_brackets(names: list[str], count: int | None, text: str) -> None:
    assert in_brackets(names, count) == text


def test_a_count_has_its_noun_in_the_right_number() -> None:
    assert [counted(number, "document") for number in (0, 1, 2)] == ["0 documents", "1 document", "2 documents"]
    assert counted(2, "entry", "entries") == "2 entries"
