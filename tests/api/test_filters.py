from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_xai_collections.api.filters import quoted


def test_a_value_stands_in_double_quotes() -> None:
    assert quoted("handbook") == '"handbook"'


def test_quotes_and_backslashes_cannot_leave_the_string() -> None:
    assert quoted('a" OR "b\\') == '"a\\" OR \\"b\\\\"'


@given(st.text(alphabet='ab"\\ :*'))
def test_a_reader_of_the_filter_gets_the_value_back(value: str) -> None:
    assert json.loads(quoted(value)) == value
