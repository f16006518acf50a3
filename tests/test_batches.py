"""Batches: nothing lost, nothing twice, never more than Airflow maps over."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_xai_collections.batches import batches
from airflow_provider_xai_collections.exceptions import XAIArgumentError


@given(st.lists(st.integers()), st.integers(1, 50), st.integers(1, 50))
def test_all_items_are_in_order_in_few_enough_batches_none_empty(items: list[int], size: int, at_most: int) -> None:
    made = batches(items, size=size, at_most=at_most)
    assert [item for batch in made for item in batch] == items
    assert len(made) <= at_most
    assert all(made)


@given(st.lists(st.integers(), min_size=1), st.integers(1, 50))
def test_where_there_is_room_each_has_the_size_that_was_asked_for(items: list[int], size: int) -> None:
    *full, last = batches(items, size=size, at_most=len(items))
    assert {len(batch) for batch in full} <= {size}
    assert len(last) <= size


def test_the_limit_is_airflows(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(batches(range(1024))) == 1024
    assert len(batches(range(1025))) == 513
    monkeypatch.setenv("AIRFLOW__CORE__MAX_MAP_LENGTH", "10")
    assert len(batches(range(1025))) == 10


def test_any_iterable_will_do() -> None:
    assert batches((letter for letter in "abc"), size=2) == [["a", "b"], ["c"]]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"items": [1], "size": 0}, "size is 0; it must be a whole number of at least 1"),
        ({"items": [1], "size": 2.5}, "size is 2.5"),
        ({"items": [1], "at_most": 0}, "at_most is 0"),
        ({"items": "file_1"}, "items is a str; it must be a list. Put a single one into brackets"),
        ({"items": {"a": 1}}, "items is a dict"),
    ],
)
def test_an_argument_that_makes_no_sense_is_named(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(XAIArgumentError, match=said):
        batches(**arguments)
