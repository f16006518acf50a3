"""Arguments as users pass them, as Airflow hands them over, and as templates leave them."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import ObjectStoragePath
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_xai_collections.api.search import GroupBy
from airflow_provider_xai_collections.arguments import (
    allowed_of,
    count_or_share,
    definitions_of,
    grouping_of,
    ids_of,
    mapping_of,
    optional_path,
    optional_text,
    part_of,
    path_of,
    paths_of,
    patterns_of,
    rendered,
    strings_by_key,
    strings_of,
    text_of,
    whole_number,
)
from airflow_provider_xai_collections.exceptions import XAIArgumentError, XAIIncompleteListError
from tests.lazy import Lazily, lazily
from tests.operators.stage import AIRFLOW_2

__all__ = ["lazily"]


@pytest.mark.parametrize(
    ("value", "ids"),
    [
        (["a", "b", "a"], ["a", "b"]),
        (("a",), ["a"]),
        ({"b", "a", "c"}, ["a", "b", "c"]),
        (frozenset("cab"), ["a", "b", "c"]),
        ({"b": 1, "a": 2}.keys(), ["a", "b"]),
        ("['a', 'b']", ["a", "b"]),
        ("('a',)", ["a"]),
        ("{'b', 'a'}", ["a", "b"]),
        ("a", ["a"]),
        (" a\n", ["a"]),
        ([], []),
        (17, ["17"]),
        ([17, "a"], ["17", "a"]),
        ("['a', 1]", ["a", "1"]),
    ],
)
def test_ids_come_as_a_list_of_any_kind_or_as_its_text(value: Any, ids: list[str]) -> None:
    assert ids_of("file_ids", value) == ids


def test_what_mapped_tasks_return_is_a_list(lazily: Lazily) -> None:
    assert ids_of("file_ids", lazily(["b", "a"])) == ["b", "a"]
    assert patterns_of("exclude", lazily(["*.tmp"])) == ["*.tmp"]
    assert paths_of("paths", lazily(["/b", "/a"])) == ["/b", "/a"]
    assert definitions_of("add_fields", lazily([{"key": 1851}])) == [{"key": "1851"}]
    assert grouping_of("group_by", {"keys": lazily(["year"])}) == {"keys": ["year"]}
    assert ids_of("file_ids", lazily([])) == []


@pytest.mark.skipif(AIRFLOW_2, reason="Airflow 2 reads them from its database, or raises")
def test_items_that_cannot_be_loaded_are_not_taken_for_the_end_of_the_list(lazily: Lazily) -> None:
    with pytest.raises(XAIIncompleteListError, match=r"^file_ids has 3 items, of which Airflow handed over 2\. Run"):
        ids_of("file_ids", lazily(["a", "b", "c"], fails_from=2))


def test_what_a_template_makes_of_a_lazy_list_is_no_name(lazily: Lazily) -> None:
    text = str(lazily(["a", "b"]))
    for read in (ids_of, patterns_of, paths_of):
        with pytest.raises(XAIArgumentError, match=r"file_ids is 'Lazy.*task\.output.*\{\{ … \| list \}\}"):
            read("file_ids", text)
    assert ids_of("file_ids", str(list(lazily(["a", "b"])))) == ["a", "b"], "the way out"


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "is None. What a template or a task upstream was to fill in is None"),
        (7.5, "is 7.5. With render_template_as_native_obj=True"),
        ({"a": 1}, r"is {'a': 1}. If a task upstream returned it, let it return a list or a set"),
        ("", "is ''. What a template was to fill in is empty"),
        ("[a, b]", r"is '\[a, b\]'. If a task upstream returned it"),
    ],
)
def test_what_is_no_list_of_ids_is_refused_by_name_and_with_the_reason(value: Any, reason: str) -> None:
    with pytest.raises(XAIArgumentError, match=rf"^file_ids must be a list of file ids \(file_…\), and {reason}") as no:
        ids_of("file_ids", value)
    assert "XComArg" not in str(no.value), "it may have been one"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ([["a"]], r"item 0 of file_ids is \['a'\]; it must be text.*This is a list: .*join lists of lists"),
        (["a", ""], "item 1 of file_ids is ''; .*was to fill in is empty"),
        (["a", None], "item 1 of file_ids is None"),
        ("None", "item 0 of file_ids is 'None'.*made this text of something that is None"),
    ],
)
def test_an_item_that_is_no_text_is_refused_by_its_place(value: Any, said: str) -> None:
    with pytest.raises(XAIArgumentError, match=said):
        ids_of("file_ids", value)


def test_strings_of_other_kinds_say_what_they_are() -> None:
    with pytest.raises(XAIArgumentError, match=r"^keys must be a list of field keys"):
        strings_of("keys", 7.5, "field keys")


@pytest.mark.parametrize(
    ("value", "patterns"),
    [
        (None, []),
        ("*.tmp", ["*.tmp"]),
        ("", [""]),
        (2024, ["2024"]),
        ({"b*", "a*"}, ["a*", "b*"]),
        ("['a*', 'b*']", ["a*", "b*"]),
        ("[12]", ["[12]"]),
        ("{1,2}", ["{1,2}"]),
        ([2024, "*.tmp"], ["2024", "*.tmp"]),
    ],
)
def test_patterns_come_as_one_or_as_a_list_of_any_kind(value: Any, patterns: list[str]) -> None:
    assert patterns_of("exclude", value) == patterns


@pytest.mark.parametrize("value", [3.1, [3.1], True, ["None"], [None], [["*.tmp"]], {"a": 1}])
def test_what_is_no_pattern_is_refused_by_name(value: Any) -> None:
    with pytest.raises(XAIArgumentError, match=r"^exclude is .*; it must be a pattern such as '\*\.tmp', or a list"):
        patterns_of("exclude", value)


@pytest.mark.parametrize(
    "path", ["/a", "s3://bucket/a", Path("/a"), PurePosixPath("a"), ObjectStoragePath("file:///a"), "  "]
)
def test_paths_stand_as_they_are(path: Any) -> None:
    assert path_of("source", path) == optional_path("source", path) == path
    assert paths_of("paths", path) == paths_of("paths", [path]) == paths_of("paths", {path}) == [path]


def test_a_path_that_is_a_whole_number_is_text_again() -> None:
    assert paths_of("paths", [2024, "/a"]) == ["2024", "/a"]
    assert optional_path("report", None) is None


@pytest.mark.parametrize("value", [None, "None", "", 20.24, True, b"/a", ["/a"], {"a": "/a"}])
def test_what_is_no_path_is_refused_by_name(value: Any) -> None:
    with pytest.raises(XAIArgumentError, match=r"^source is .*; it must be text, and not empty\. \w"):
        path_of("source", value)


@pytest.mark.parametrize(
    ("value", "mapping"), [(None, {}), ({"a": "b"}, {"a": "b"}), ("{'a': 'b'}", {"a": "b"}), ("{}", {})]
)
def test_mappings_come_as_one_or_as_its_text(value: Any, mapping: dict[str, str]) -> None:
    assert strings_by_key("fields", value) == mapping_of("fields", value) == mapping


def test_fields_are_text_again() -> None:
    rendered_natively = {"year": 1851, 7: "x", "empty": "", "word": "None"}
    assert strings_by_key("fields", rendered_natively) == {"year": "1851", "7": "x", "empty": "", "word": "None"}


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"year": 1851.0}, r"^fields\['year'\] is 1851\.0; it must be text"),
        ({"year": None}, r"^fields\['year'\] is None"),
        ({"year": True}, r"^fields\['year'\] is True"),
        ({1851.0: "x"}, "^a key of fields is 1851.0"),
    ],
)
def test_fields_that_are_no_text_are_refused_by_key(value: Any, said: str) -> None:
    with pytest.raises(XAIArgumentError, match=said):
        strings_by_key("fields", value)


@pytest.mark.parametrize("value", ["x", "", 7, ["a"], "['a']"])
def test_what_is_no_mapping_is_refused_by_name(value: Any) -> None:
    with pytest.raises(XAIArgumentError, match=r"^fields must be a mapping such as \{'key': 'value'\}, and is .*\. \w"):
        strings_by_key("fields", value)


def test_parts_of_a_body_come_as_models_mappings_or_their_text() -> None:
    model = GroupBy(keys=("year",))
    assert part_of("group_by", None) is None
    assert part_of("group_by", model) is grouping_of("group_by", model) is model
    assert part_of("group_by", "{'keys': ['year']}") == {"keys": ["year"]}
    assert grouping_of("group_by", {"keys": {"b", "a"}}) == {"keys": ["a", "b"]}
    assert grouping_of("group_by", {"other": 1}) == {"other": 1}
    with pytest.raises(XAIArgumentError, match=r"^group_by must be a mapping"):
        part_of("group_by", 7)


def test_definitions_come_as_a_list_of_any_kind_or_as_its_text() -> None:
    assert definitions_of("add_fields", "[{'key': 1851, 'unique': True}]") == [{"key": "1851", "unique": True}]
    assert definitions_of("add_fields", ({"key": "a", "description": 7},)) == [{"key": "a", "description": "7"}]
    assert definitions_of("add_fields", ["no definition"]) == ["no definition"]
    with pytest.raises(XAIArgumentError, match=r"^add_fields must be a list of field definitions, \[{'key'"):
        definitions_of("add_fields", {"key": "year"})
    with pytest.raises(XAIArgumentError, match=r"^key in item 0 of add_fields is 1\.5; it must be text"):
        definitions_of("add_fields", [{"key": 1.5}])


@pytest.mark.parametrize(("value", "text"), [("a", "a"), (1851, "1851"), (-1, "-1"), (0, "0"), ("3.10", "3.10")])
def test_whole_numbers_are_text_again(value: Any, text: str) -> None:
    assert text_of("scope", value) == optional_text("scope", value) == text


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "What a template or a task upstream was to fill in is None"),
        ("None", "A template has made this text of something that is None"),
        ("", "What a template was to fill in is empty"),
        (3.1, "With render_template_as_native_obj=True, Airflow makes numbers"),
        (True, "With render_template_as_native_obj=True, Airflow makes numbers"),
        (["a"], r"This is a list: .*\.expand\("),
    ],
)
def test_text_is_text_and_not_empty_and_the_message_says_what_happened(value: Any, reason: str) -> None:
    with pytest.raises(XAIArgumentError, match=rf"^scope is .*; it must be text, and not empty\. {reason}"):
        text_of("scope", value)


def test_text_that_may_be_left_out_may_be_empty_as_well() -> None:
    assert optional_text("filter", None) is None
    assert optional_text("filter", "") == ""
    with pytest.raises(XAIArgumentError, match=r"^filter is 'None'"):
        optional_text("filter", "None")


@pytest.mark.parametrize("value", [0, 1.0, True, "1", None])
def test_whole_numbers_have_a_lower_bound(value: Any) -> None:
    assert whole_number("concurrency", 1, at_least=1) == 1
    with pytest.raises(XAIArgumentError, match=r"^concurrency is .*; it must be a whole number of at least 1$"):
        whole_number("concurrency", value, at_least=1)


@pytest.mark.parametrize(("limit", "allowed"), [(0, 0), (1, 1), (7, 7), (1.0, 200), (0.05, 10), (0.0, 0), (7.0, 7)])
def test_a_limit_is_a_count_or_a_share(limit: float, allowed: float) -> None:
    assert allowed_of(count_or_share("max_failed", limit), 200) == allowed


@pytest.mark.parametrize("value", [-1, -0.1, 1.5, True, "1", float("nan"), float("inf")])
def test_what_is_neither_a_count_nor_a_share_is_refused_by_name(value: Any) -> None:
    with pytest.raises(XAIArgumentError, match=r"^max_failed is .*; it is a count, or a share between 0 and 1$"):
        count_or_share("max_failed", value)


@pytest.mark.parametrize("value", ["[ab]*.md", "docs/*.md", "{a}", "{1,2}", "(x", 7, None, "'a'", "[" * 5000])
def test_what_is_no_text_of_a_list_stands_as_it_is(value: Any) -> None:
    assert rendered(value) == value


@given(st.lists(st.text()) | st.dictionaries(st.text(), st.text()) | st.sets(st.text(), min_size=1))
def test_every_list_set_and_mapping_survives_being_rendered(value: Any) -> None:
    assert rendered(str(value)) == value
