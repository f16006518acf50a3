"""Numbers, sizes, money and times, as people read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from airflow_provider_xai_collections.plugin import wording
from tests.plugin.samples import NOW, run


def plain(text: str) -> str:
    return text.replace("\N{NO-BREAK SPACE}", " ")


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "0 B"),
        (1023, "1,023 B"),
        (1024, "1.0 KiB"),
        (1024**2 - 1, "1.0 MiB"),
        (1234567, "1.2 MiB"),
        (1024**4, "1.0 TiB"),
        (1024**6, "1,024.0 PiB"),
    ],
)
def test_sizes_are_in_binary_units(count: int, words: str) -> None:
    assert plain(wording.size(count)) == words


@pytest.mark.parametrize(
    ("dollars", "words"),
    [(0, "$0"), (0.0001, "under $0.01"), (0.01, "about $0.01"), (1234.5, "about $1,234.50")],
)
def test_money_is_an_estimate_and_little_is_not_nothing(dollars: float, words: str) -> None:
    assert wording.money(dollars) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (0.01, "under 0.1 s"),
        (0.42, "0.4 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (252, "4 min 12 s"),
        (4860, "1 h 21 min"),
        (360_000, "100 h 00 min"),
    ],
)
def test_durations(seconds: float, words: str) -> None:
    assert plain(wording.duration(seconds)) == words


@pytest.mark.parametrize(
    ("before", "words"),
    [
        (timedelta(seconds=6), "6 s ago"),
        (timedelta(minutes=59, seconds=59), "59 min ago"),
        (timedelta(hours=4), "4 h ago"),
        (timedelta(hours=24), "1 day ago"),
        (timedelta(days=9), "9 days ago"),
        (timedelta(hours=-20), "in 20 h"),
    ],
)
def test_how_long_ago(before: timedelta, words: str) -> None:
    assert plain(wording.ago(NOW - before, NOW)) == words


def test_times_are_in_utc_and_have_a_year_if_it_is_another() -> None:
    in_tokyo = datetime(2026, 1, 2, 3, 4, tzinfo=timezone(timedelta(hours=9)))
    assert plain(wording.moment(in_tokyo, NOW)) == "1 Jan 18:04"
    assert wording.machine_time(in_tokyo) == "2026-01-01T18:04:00Z"
    assert plain(wording.moment(datetime(2025, 3, 4, tzinfo=UTC), NOW)) == "4 Mar 2025 00:00"
    assert wording.machine_time(datetime(2026, 1, 2)) == "2026-01-02T00:00:00Z"


@pytest.mark.parametrize(("value", "words"), [(310, "+310"), (-1200, "\N{MINUS SIGN}1,200"), (0, "0")])
def test_a_change_has_its_sign(value: int, words: str) -> None:
    assert wording.signed(value) == words


def test_amounts_agree_with_their_nouns() -> None:
    assert [wording.amount(count, "document") for count in (0, 1, 1200)] == [
        "0 documents",
        "1 document",
        "1,200 documents",
    ]


def test_the_usual_duration_is_said_only_of_a_run_that_took_far_longer() -> None:
    others = [run(days, seconds=100.0) for days in range(1, 4)]
    assert plain(wording.usual(run(seconds=400.0), others)) == "1 min"
    assert wording.usual(run(seconds=200.0), others) == ""
    assert wording.usual(run(seconds=None), others) == ""
    assert wording.usual(run(seconds=400.0), others[:2]) == "", "two are no usual"
    assert wording.usual(run(seconds=50.0), [run(days, seconds=1.0) for days in range(1, 4)]) == "", (
        "too short to matter"
    )


def test_running_text_keeps_its_lines_and_loses_what_turns_its_direction() -> None:
    assert wording.readable("a\n\u202eb\x1b[31m") == "a\n b [31m"
    assert wording.readable("abcdef", limit=3) == "abc…"
    assert wording.readable("مرحبا") == "مرحبا"
