"""Comparison of a filter with a record, for each kind of field."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import TypeAlias

from airflow_provider_xai_collections.emulator.filters import AllOf, AnyOf, Condition, Filter, Not, Unset
from airflow_provider_xai_collections.emulator.refusals import Refused

_ORDER: dict[str, Callable[[float, float], bool]] = {
    "=": operator.eq,
    ":": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}


class Fuzzy(str):
    """Text of which a filter may name any part, in any case, even with ``=``."""

    __slots__ = ()


class Time(float):
    """Seconds since the epoch, compared with a date."""

    __slots__ = ()


#: A value of a record. Plain text compares exactly.
Value: TypeAlias = str | float
Fields: TypeAlias = Mapping[str, Value]


def check_fields(parsed: Filter, known: Callable[[str], bool]) -> None:
    """Refuse a filter on a field that a list does not have.

    :raises Refused: 400, naming the field and where it stands.
    """
    match parsed:
        case Condition(field=field, at=at) | Unset(field, at):
            if not known(field):
                raise Refused(400, f"filter: unknown field {field} before character {at + 1}")
        case Not(part):
            check_fields(part, known)
        case AllOf(parts) | AnyOf(parts):
            for part in parts:
                check_fields(part, known)


def matches(parsed: Filter, fields: Fields) -> bool:
    """Tell whether the record passes. A field it lacks never does, not even with ``!=``."""
    match parsed:
        case Condition():
            value = fields.get(parsed.field)
            return value is not None and _compare(value, parsed)
        case Unset(field):
            return field not in fields
        case Not(part):
            return not matches(part, fields)
        case AllOf(parts):
            return all(matches(part, fields) for part in parts)
        case AnyOf(parts):
            return any(matches(part, fields) for part in parts)


def _compare(value: Value, wanted: Condition) -> bool:
    if isinstance(value, Time):
        return _ORDER[wanted.operator](value, _time(wanted))
    if isinstance(value, Fuzzy):
        return _compare_fuzzy(value, wanted)
    if isinstance(value, str):
        return _compare_text(value, wanted)
    return _ORDER[wanted.operator](value, _number(wanted))


def _compare_fuzzy(value: str, wanted: Condition) -> bool:
    found = wanted.value.casefold() in value.casefold()
    match wanted.operator:
        case "=" | ":":
            return found
        case "!=":
            return not found
        case _:
            return _compare_text(value, wanted)


def _compare_text(value: str, wanted: Condition) -> bool:
    """Compare texts; more and less as numbers if both are: years and prices are text on the wire."""
    order: float = (value > wanted.value) - (value < wanted.value)
    if wanted.operator not in ("=", ":", "!="):
        with suppress(ValueError):
            order = float(value) - float(wanted.value)
    return _ORDER[wanted.operator](order, 0)


def _number(wanted: Condition) -> float:
    try:
        return float(wanted.value)
    except ValueError:
        raise Refused(400, f"filter: {wanted.field} is a number, {wanted.value!r} is not") from None


def _time(wanted: Condition) -> float:
    try:
        moment = datetime.fromisoformat(wanted.value)
    except ValueError:
        raise Refused(400, f"filter: {wanted.field} is a time, {wanted.value!r} is not RFC 3339") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
