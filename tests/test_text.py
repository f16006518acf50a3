"""Words of others, counts, passages and durations as text."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_xai_collections.api.search import SearchMatch
from airflow_provider_xai_collections.durations import in_words, seconds
from airflow_provider_xai_collections.exceptions import XAIArgumentError
from airflow_provider_xai_collections.tables import count_table, passages
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
    for line in (printable(before + key + after), escaped(before + key + after)):
        assert line.isprintable()
        assert not re.search(r"xai-\w{20}", line)
    assert len(printable(before + key + after)) <= MAX_DETAIL


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


# Tables and passages.


def test_counts_make_a_table_without_those_that_are_zero() -> None:
    table = count_table(("documents", "count"), {"added": 1_234_567, "in the source": 2, "removed": 0})
    assert table.splitlines() == [
        "documents          count",
        "-------------  ---------",
        "added          1,234,567",
        "in the source          2",
    ]
    assert count_table(("documents", "count"), {}).splitlines() == ["documents  count", "---------  -----"]


def test_a_passage_stands_on_one_line_below_where_it_comes_from() -> None:
    fields = {"airflow_source_uri": "file:///whales/moby.md"}
    found = [
        SearchMatch(file_id="file_1", chunk_content="# Call\n\nme  \x1b[31mIshmael", score=0.934, fields=fields),
        SearchMatch(file_id="file_2", chunk_content="x" * 2_000, score=0.5),
    ]
    first, second = passages(found).split("\n\n")
    assert first == "[0.934] file:///whales/moby.md\n# Call me [31mIshmael"
    assert second == f"[0.5] file_2\n{'x' * 799}…"


def test_no_passage_is_said_with_what_to_do() -> None:
    assert passages([]) == (
        "No passage was found. Searches may miss a document for some seconds after it was processed: search again, or "
        "with other words."
    )


# Durations come as ``timedelta`` or seconds, and go out as seconds or words.


@pytest.mark.parametrize(
    ("value", "expected"),
    [(90, 90.0), (0.5, 0.5), (timedelta(minutes=1, milliseconds=500), 60.5), (timedelta.max, 86399999999999.999999)],
)
def test_seconds_of_both_kinds(value: Any, expected: float) -> None:
    result = seconds("timeout", value)
    assert isinstance(result, float)
    assert result == expected


@pytest.mark.parametrize(
    "value", [0, -1, -0.5, timedelta(0), timedelta(-1), float("nan"), float("inf"), True, "60", None, [60]]
)
def test_what_is_no_duration_is_refused_by_the_name_of_the_argument(value: Any) -> None:
    with pytest.raises(XAIArgumentError) as caught:
        seconds("poll_interval", value)
    assert str(caught.value) == (f"poll_interval is {value!r}; it must be a timedelta or a number of seconds above 0")


def test_none_at_all_is_a_duration_where_the_argument_says_so() -> None:
    assert [seconds("overlap", none, or_none=True) for none in (0, timedelta(0))] == [0.0, 0.0]
    with pytest.raises(XAIArgumentError, match="of at least 0"):
        seconds("overlap", -1, or_none=True)


@pytest.mark.parametrize(
    ("duration", "words"),
    [
        (0.2, "less than a second"),
        (1, "1 second"),
        (89.6, "1 minute 30 seconds"),
        (3600, "1 hour"),
        (90061, "1 day 1 hour 1 minute 1 second"),
    ],
)
def test_durations_in_words(duration: float, words: str) -> None:
    assert in_words(duration) == words
