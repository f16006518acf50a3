"""Arguments as users pass them, as Airflow hands them over, and as templates leave them."""

from __future__ import annotations

from collections.abc import Callable
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
    ("read", "value", "result"),
    [
        (ids_of, ["a", "b", "a"], ["a", "b"]),
        (ids_of, ("a",), ["a"]),
        (ids_of, {"b", "a", "c"}, ["a", "b", "c"]),
        (ids_of, frozenset("cab"), ["a", "b", "c"]),
        (ids_of, {"b": 1, "a": 2}.keys(), ["a", "b"]),
        (ids_of, "['a', 'b']", ["a", "b"]),
        (ids_of, "('a',)", ["a"]),
        (ids_of, "{'b', 'a'}", ["a", "b"]),
        (ids_of, "a", ["a"]),
        (ids_of, " a\n", ["a"]),
        (ids_of, [], []),
        (ids_of, 17, ["17"]),
        (ids_of, [17, "a"], ["17", "a"]),
        (ids_of, "['a', 1]", ["a", "1"]),
        (patterns_of, None, []),
        (patterns_of, "*.tmp", ["*.tmp"]),
        (patterns_of, "", [""]),
        (patterns_of, 2024, ["2024"]),
        (patterns_of, {"b*", "a*"}, ["a*", "b*"]),
        (patterns_of, "['a*', 'b*']", ["a*", "b*"]),
        (patterns_of, "[12]", ["[12]"]),
        (patterns_of, "{1,2}", ["{1,2}"]),
        (patterns_of, [2024, "*.tmp"], ["2024", "*.tmp"]),
        (paths_of, [2024, "/a"], ["2024", "/a"]),
        (optional_path, None, None),
        (
            strings_by_key,
            {"year": 1, 7: "x", "no": "", "word": "None"},
            {"year": "1", "7": "x", "no": "", "word": "None"},
        ),
        (part_of, None, None),
        (part_of, "{'keys': ['year']}", {"keys": ["year"]}),
        (grouping_of, {"keys": {"b", "a"}}, {"keys": ["a", "b"]}),
        (grouping_of, {"other": 1}, {"other": 1}),
        (definitions_of, "[{'key': 1851, 'unique': True}]", [{"key": "1851", "unique": True}]),
        (definitions_of, ({"key": "a", "description": 7},), [{"key": "a", "description": "7"}]),
        (definitions_of, ["no definition"], ["no definition"]),
        (optional_text, None, None),
        (optional_text, "", ""),
    ],
)
def test_a_value_is_read_whatever_has_become_of_it(read: Callable[[str, Any], Any], value: Any, result: Any) -> None:
    assert read("it", value) == result


@pytest.mark.parametrize(
    ("read", "value", "said"),
    [
        (
            ids_of,
            None,
            r"must be a list of file ids \(file_…\), and is None. What a template or a task up",
        ),
        (ids_of, 7.5, r"must be a list of file ids .* is 7.5. With render_template_as_native_obj=True"),
        (
            ids_of,
            {"a": 1},
            r"must be a list of file ids .* is {'a': 1}. If a task upstream returned it, let it",
        ),
        (ids_of, "", "must be a list of file ids .* is ''. What a template was to fill in is empty"),
        (ids_of, "[a, b]", r"must be a list of file ids .* is '\[a, b\]'. If a task upstream returned it"),
        (patterns_of, 3.1, r"is 3.1; it must be a pattern such as '\*\.tmp', or a list"),
        (patterns_of, [3.1], r"is \[3.1\]; it must be a pattern"),
        (patterns_of, True, "is True; it must be a pattern"),
        (patterns_of, ["None"], r"is \['None'\]; it must be a pattern"),
        (patterns_of, [None], r"is \[None\]; it must be a pattern"),
        (patterns_of, [["*.tmp"]], "is .*; it must be a pattern"),
        (patterns_of, {"a": 1}, "is .*; it must be a pattern"),
        (strings_by_key, {"year": 1851.0}, r"\['year'\] is 1851\.0; it must be text"),
        (strings_by_key, {"year": None}, r"\['year'\] is None"),
        (strings_by_key, {"year": True}, r"\['year'\] is True"),
        (part_of, 7, "must be a mapping"),
        (definitions_of, {"key": "year"}, r"must be a list of field definitions, \[{'key'"),
        (text_of, None, "is None; .*What a template or a task upstream was to fill in is None"),
        (text_of, "None", "is 'None'; .*A template has made this text of something that is None"),
        (text_of, "", "is ''; .*What a template was to fill in is empty"),
        (text_of, 3.1, "is 3.1; .*With render_template_as_native_obj=True, Airflow makes numbers"),
        (text_of, True, "is True; .*With render_template_as_native_obj=True, Airflow makes numbers"),
        (text_of, ["a"], r"is \['a'\]; it must be text, and not empty. This is a list: .*\.expand\("),
        (optional_text, "None", "is 'None'"),
    ],
)
def test_another_value_is_refused_by_name_and_with_the_reason(
    read: Callable[[str, Any], Any], value: Any, said: str
) -> None:
    with pytest.raises(XAIArgumentError, match=rf"^it ?{said}") as no:
        read("it", value)
    assert "XComArg" not in str(no.value), "it may have been one"


@pytest.mark.parametrize(
    ("read", "value", "said"),
    [
        (ids_of, [["a"]], r"^item 0 of it is \['a'\]; it must be text.*This is a list: .*join lists of lists"),
        (ids_of, ["a", ""], "^item 1 of it is ''; .*was to fill in is empty"),
        (ids_of, ["a", None], "^item 1 of it is None"),
        (ids_of, "None", "^item 0 of it is 'None'.*made this text of something that is None"),
        (strings_by_key, {1851.0: "x"}, "^a key of it is 1851.0"),
        (definitions_of, [{"key": 1.5}], r"^key in item 0 of it is 1\.5; it must be text"),
    ],
)
def test_an_item_that_is_no_text_is_refused_by_its_place(
    read: Callable[[str, Any], Any], value: Any, said: str
) -> None:
    with pytest.raises(XAIArgumentError, match=said):
        read("it", value)


def test_strings_of_other_kinds_say_what_they_are() -> None:
    with pytest.raises(XAIArgumentError, match=r"^keys must be a list of field keys"):
        strings_of("keys", 7.5, "field keys")


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
    "path", ["/a", "s3://bucket/a", Path("/a"), PurePosixPath("a"), ObjectStoragePath("file:///a"), "  "]
)
def test_paths_stand_as_they_are(path: Any) -> None:
    assert path_of("source", path) == optional_path("source", path) == path
    assert paths_of("paths", path) == paths_of("paths", [path]) == paths_of("paths", {path}) == [path]


@pytest.mark.parametrize("value", [None, "None", "", 20.24, True, b"/a", ["/a"], {"a": "/a"}])
def test_what_is_no_path_is_refused_by_name(value: Any) -> None:
    with pytest.raises(XAIArgumentError, match=r"^source is .*; it must be text, and not empty\. \w"):
        path_of("source", value)


@pytest.mark.parametrize(
    ("value", "mapping"), [(None, {}), ({"a": "b"}, {"a": "b"}), ("{'a': 'b'}", {"a": "b"}), ("{}", {})]
)
def test_mappings_come_as_one_or_as_its_text(value: Any, mapping: dict[str, str]) -> None:
    assert strings_by_key("fields", value) == mapping_of("fields", value) == mapping


@pytest.mark.parametrize("value", ["x", "", 7, ["a"], "['a']"])
def test_what_is_no_mapping_is_refused_by_name(value: Any) -> None:
    with pytest.raises(XAIArgumentError, match=r"^fields must be a mapping such as \{'key': 'value'\}, and is .*\. \w"):
        strings_by_key("fields", value)


def test_a_model_of_a_body_stands_as_it_is() -> None:
    model = GroupBy(keys=("year",))
    assert part_of("group_by", model) is grouping_of("group_by", model) is model


@pytest.mark.parametrize(("value", "text"), [("a", "a"), (1851, "1851"), (-1, "-1"), (0, "0"), ("3.10", "3.10")])
def test_whole_numbers_are_text_again(value: Any, text: str) -> None:
    assert text_of("scope", value) == optional_text("scope", value) == text


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
