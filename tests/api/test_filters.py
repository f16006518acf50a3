"""Filters that mean what was said, whatever the values: read back by the emulator, which reads them on its own."""

from __future__ import annotations

import copy
import json
import pickle
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_xai_collections.api.documents import DocumentStatus
from airflow_provider_xai_collections.api.filters import ListFilter, SearchFilter, Value, quoted
from airflow_provider_xai_collections.emulator.filters import (
    AllOf,
    Condition,
    Filter,
    Precedence,
    parse_filter,
)
from airflow_provider_xai_collections.exceptions import XAIArgumentError

NAMES = st.text(alphabet="abyzAZ019_.-ñ", min_size=1, max_size=8).filter(lambda name: name not in ("AND", "OR", "NOT"))
TEXTS = st.one_of(st.text(max_size=20), st.sampled_from(['"', "\\", 'a" OR "b\\', "AND", ") OR (", "2024-01-02T03:04"]))
TIMES = st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=-7, minutes=-30))]))
VALUES: st.SearchStrategy[Value] = st.one_of(
    TEXTS, st.integers(), st.floats(allow_nan=False, allow_infinity=False), TIMES.filter(lambda time: time.year > 1)
)
SEARCH_OPERATORS = ("=", "!=", "<", ">", "<=", ">=")
LIST_OPERATORS = (":", *SEARCH_OPERATORS)
PRECEDENCES: list[Precedence] = ["or", "and"]


@given(st.text(alphabet='ab"\\ :*'))
def test_a_reader_of_the_filter_gets_the_value_back(value: str) -> None:
    assert json.loads(quoted(value)) == value


def test_a_search_filter_reads_like_this() -> None:
    year, kind = SearchFilter.where("year", ">=", "2024"), SearchFilter.where("kind", "=", 'a "b"')
    assert year == 'year >= "2024"'
    assert year & kind == '(year >= "2024" AND kind = "a \\"b\\"")'
    pages = SearchFilter.where("pages", "<", 9)
    assert year & (kind | pages) == '(year >= "2024" AND (kind = "a \\"b\\"" OR pages < 9))'
    assert (year & kind) | pages == '((year >= "2024" AND kind = "a \\"b\\"") OR pages < 9)'


def test_a_list_filter_reads_like_this() -> None:
    assert ListFilter.where("name", ":", "moby") == 'name:"moby"'
    assert ListFilter.where("collection_id", "=", "c") == 'collection_id = "c"'
    not_yet = ListFilter.where("status", "!=", DocumentStatus.PROCESSED)
    large = ListFilter.where("size_bytes", ">=", 1000)
    late = ListFilter.where("created_at", ">", datetime(2024, 1, 2, 3, tzinfo=timezone(timedelta(hours=1))))
    assert (
        not_yet & large & late
        == "status:!DOCUMENT_STATUS_PROCESSED AND size_bytes:>=1000 AND created_at:>2024-01-02T02:00:00Z"
    )


def same(condition: Filter, field: str, operator: str, value: Value) -> None:
    assert isinstance(condition, Condition)
    assert (condition.field, condition.operator) == (field, operator)
    match value:
        case str():
            assert condition.value == value
        case datetime():
            assert datetime.fromisoformat(condition.value) == value
        case _:
            assert float(condition.value) == float(value)


@given(NAMES, st.sampled_from(SEARCH_OPERATORS), VALUES, st.sampled_from(PRECEDENCES))
def test_any_comparison_of_a_search_is_read_as_it_was_meant(
    field: str, operator: str, value: Value, precedence: Precedence
) -> None:
    same(parse_filter(SearchFilter.where(field, operator, value), precedence=precedence), field, operator, value)


@given(st.lists(st.tuples(NAMES, st.sampled_from(LIST_OPERATORS), VALUES), min_size=1, max_size=4))
def test_any_conditions_of_a_list_are_read_as_they_were_meant(conditions: list[tuple[str, str, Value]]) -> None:
    first, *others = (ListFilter.where(*condition) for condition in conditions)
    whole = first
    for other in others:
        whole = whole & other
    parsed = parse_filter(whole)
    parts = parsed.parts if isinstance(parsed, AllOf) else (parsed,)
    assert len(parts) == len(conditions)
    for part, condition in zip(parts, conditions, strict=True):
        same(part, *condition)


def test_a_filter_is_text_that_can_be_copied_and_sent() -> None:
    year = SearchFilter.where("year", ">=", "2024")
    assert isinstance(year, str)
    assert copy.deepcopy(year) == pickle.loads(pickle.dumps(year)) == str(year)
    assert json.loads(json.dumps(year)) == year


@pytest.mark.parametrize("kind", [SearchFilter, ListFilter])
@pytest.mark.parametrize("field", ["", "a b", 'a"', "a'", "a=b", "a:b", "(a", "a!", "AND", "OR", "NOT", "a,b", "a\\"])
def test_a_name_cannot_break_out(kind: type[SearchFilter], field: str) -> None:
    with pytest.raises(XAIArgumentError, match="is not a field that a filter can name") as raised:
        kind.where(field, "=", "x")
    assert repr(field) in str(raised.value)


@pytest.mark.parametrize(
    ("kind", "operator", "known"),
    [(SearchFilter, ":", "= != < > <= >="), (SearchFilter, "AND", "= != < > <= >="), (ListFilter, ":!", ": = != <")],
)
def test_an_operator_that_is_none_is_refused(kind: type[SearchFilter], operator: str, known: str) -> None:
    with pytest.raises(
        XAIArgumentError, match=f"^'{operator}' is not an operator of this filter; choose one of {known}"
    ):
        kind.where("year", operator, "1851")


@pytest.mark.parametrize(
    "value",
    [None, True, float("nan"), float("inf"), ["a"], datetime(2024, 1, 2)],
    ids=repr,
)
def test_a_value_that_is_none_is_refused(value: Any) -> None:
    with pytest.raises(XAIArgumentError, match=r"^year: .* is no text, number, or time with a time zone"):
        SearchFilter.where("year", "=", value)
