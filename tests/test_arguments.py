"""Arguments as users pass them and as templates leave them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_xai_collections.arguments import (
    ids_of,
    rendered,
    strings_by_key,
    strings_of,
    text_of,
    whole_number,
)
from airflow_provider_xai_collections.exceptions import XAIArgumentError


@pytest.mark.parametrize(
    ("value", "ids"),
    [
        (["a", "b", "a"], ["a", "b"]),
        (("a",), ["a"]),
        ("['a', 'b']", ["a", "b"]),
        ("('a',)", ["a"]),
        ("a", ["a"]),
        (" a\n", ["a"]),
        ([], []),
    ],
)
def test_ids_come_as_a_list_or_as_its_text(value: Any, ids: list[str]) -> None:
    assert ids_of("file_ids", value) == ids


@pytest.mark.parametrize("value", [None, 7, {"a": 1}, [1], [""], "", "[a, b]", "['a', 1]"])
def test_what_is_no_list_of_ids_is_refused_by_name(value: Any) -> None:
    with pytest.raises(XAIArgumentError, match=r"^file_ids must be a list of file ids \(file_…\)\. Pass an XComArg or"):
        ids_of("file_ids", value)


def test_strings_of_other_kinds_say_what_they_are() -> None:
    with pytest.raises(XAIArgumentError, match=r"^keys must be a list of field keys"):
        strings_of("keys", 7, "field keys")


@pytest.mark.parametrize(
    ("value", "mapping"), [(None, {}), ({"a": "b"}, {"a": "b"}), ("{'a': 'b'}", {"a": "b"}), ("{}", {})]
)
def test_mappings_come_as_one_or_as_its_text(value: Any, mapping: dict[str, str]) -> None:
    assert strings_by_key("fields", value) == mapping


@pytest.mark.parametrize("value", ["x", "", 7, ["a"], "['a']"])
def test_what_is_no_mapping_is_refused_by_name(value: Any) -> None:
    with pytest.raises(XAIArgumentError, match=r"^fields must be a mapping such as \{'key': 'value'\}"):
        strings_by_key("fields", value)


@pytest.mark.parametrize("value", [None, "", 7, ["a"]])
def test_text_is_text_and_not_empty(value: Any) -> None:
    assert text_of("scope", "a") == "a"
    with pytest.raises(XAIArgumentError, match=r"^scope is .*; it must be text, and not empty$"):
        text_of("scope", value)


@pytest.mark.parametrize("value", [0, 1.0, True, "1", None])
def test_whole_numbers_have_a_lower_bound(value: Any) -> None:
    assert whole_number("concurrency", 1, at_least=1) == 1
    with pytest.raises(XAIArgumentError, match=r"^concurrency is .*; it must be a whole number of at least 1$"):
        whole_number("concurrency", value, at_least=1)


@pytest.mark.parametrize("value", ["[ab]*.md", "docs/*.md", "{a}", "(x", 7, None, "'a'"])
def test_what_is_no_text_of_a_list_stands_as_it_is(value: Any) -> None:
    assert rendered(value) == value


@given(st.lists(st.text()) | st.dictionaries(st.text(), st.text()))
def test_every_list_and_mapping_survives_being_rendered(value: Any) -> None:
    assert rendered(str(value)) == value
