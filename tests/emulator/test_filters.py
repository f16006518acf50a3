"""The filter language on its own: what it reads, what it refuses, and where."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_xai_collections.emulator.filters import AllOf, AnyOf, Condition, Precedence, parse_filter
from airflow_provider_xai_collections.emulator.matching import Fuzzy, Time, Value, matches
from airflow_provider_xai_collections.emulator.refusals import Refused


@pytest.mark.parametrize(
    ("text", "field", "operator", "value"),
    [
        ('collection_name:"a b"', "collection_name", ":", "a b"),
        ("collection_id = c-1", "collection_id", "=", "c-1"),
        ("status:!X", "status", "!=", "X"),
        ("size_bytes:>=5", "size_bytes", ">=", "5"),
        (r'a="\"\\"', "a", "=", '"\\'),
        ("created_at:>2024-01-02T03:04:05.678+01:00", "created_at", ">", "2024-01-02T03:04:05.678+01:00"),
        ("fields.año : ñ", "fields.año", ":", "ñ"),
        ("a=ANDROID", "a", "=", "ANDROID"),
    ],
)
def test_a_condition(text: str, field: str, operator: str, value: str) -> None:
    parsed = parse_filter(text)
    assert isinstance(parsed, Condition)
    assert (parsed.field, parsed.operator, parsed.value) == (field, operator, value)


def shape(text: str, precedence: Precedence) -> object:
    """The parsed filter, reduced to the names of its fields."""

    def reduce(parsed: object) -> object:
        match parsed:
            case Condition(field=field):
                return field
            case AllOf(parts):
                return {"all": [reduce(part) for part in parts]}
            case AnyOf(parts):
                return {"any": [reduce(part) for part in parts]}
        return None

    return reduce(parse_filter(text, precedence=precedence))


def test_precedence_and_parentheses() -> None:
    mixed = "a=1 AND b=1 OR c=1"
    assert shape(mixed, "or") == {"all": ["a", {"any": ["b", "c"]}]}
    assert shape(mixed, "and") == {"any": [{"all": ["a", "b"]}, "c"]}
    for precedence in ("or", "and"):
        assert shape("(a=1 AND b=1) OR c=1", precedence) == {"any": [{"all": ["a", "b"]}, "c"]}
        assert shape("a=1 AND (b=1 OR (c=1))", precedence) == {"all": ["a", {"any": ["b", "c"]}]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a", "expected an operator after a at character 2"),
        ("a =", "expected a value for a at character 4"),
        ("= b", "expected the name of a field at character 1"),
        ("a ! b", "expected an operator after a at character 4"),
        ("a=b AND", "expected the name of a field at character 8"),
        ("AND=b", "expected the name of a field at character 4"),
        ("a=b c=d", "expected AND or OR at character 4"),
        ("(a=b", "expected ) at character 5"),
        ("a=b)", "expected AND or OR at character 4"),
        ('a="b', "expected a value for a at character 3"),
    ],
)
def test_a_malformed_filter_says_where(text: str, message: str) -> None:
    with pytest.raises(Refused) as refused:
        parse_filter(text, precedence="or")
    assert (refused.value.status, refused.value.message) == (400, f"filter: {message}")


@pytest.mark.parametrize(
    ("value", "condition", "expected"),
    [
        (Fuzzy("Moby Dick"), "f=dick", True),
        (Fuzzy("Moby Dick"), "f!=dick", False),
        (Fuzzy("b"), "f>a", True),
        ("1.0", "f=1", False),
        ("10", "f>9", True),
        ("b", "f>a", True),
        (Time(0), "f=1970-01-01", True),
        (5.0, "f<=5", True),
    ],
)
def test_kinds_of_fields(value: Value, condition: str, expected: bool) -> None:
    assert matches(parse_filter(condition), {"f": value}) is expected


def test_a_time_that_is_none() -> None:
    with pytest.raises(Refused, match="f is a time, 'soon' is not RFC 3339"):
        matches(parse_filter("f>soon"), {"f": Time(0)})


@given(st.text(max_size=40), st.sampled_from([None, "or", "and"]))
def test_any_text_is_read_or_refused(text: str, precedence: Precedence | None) -> None:
    with contextlib.suppress(Refused):
        parse_filter(text, precedence=precedence)


@given(st.text(max_size=40))
def test_any_value_survives_its_quotes(value: str) -> None:
    quoted = value.replace("\\", "\\\\").replace('"', '\\"')
    assert matches(parse_filter(f'f = "{quoted}"'), {"f": value})
