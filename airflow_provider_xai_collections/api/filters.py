"""Filter expressions, with every value quoted and every combination in parentheses.

The service has two languages. Searches read AIP-160: ``SearchFilter.where("year", ">=", "2024")``, combined with ``&``
and ``|``. Lists read ``field:value``, joined with AND alone: ``ListFilter.where("name", ":", "moby")``, combined with
``&``. Both are strings, and go wherever an argument is called ``filter``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from math import isfinite
from typing import Any, Self, TypeAlias

from airflow_provider_xai_collections.exceptions import XAIArgumentError

#: Text stands in quotes; a number, a time (RFC 3339) and a word of the service, such as ``DocumentStatus.FAILED``, as
#: they are.
Value: TypeAlias = str | int | float | datetime

_NAME = re.compile(r"[^\s\"'\\=<>:!(),]+")
_RESERVED = frozenset({"AND", "OR", "NOT"})


def quoted(value: str) -> str:
    """Return ``value`` as a filter string: ``"`` and ``\\`` escaped. Source: REST reference, ``filter``."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


class SearchFilter(str):
    """A filter of a search, in AIP-160. Source: REST reference, ``POST /v1/documents/search``, ``filter``.

    ``SearchFilter.where("year", ">=", "2024") & (SearchFilter.where("kind", "=", "report") | ...)``
    """

    __slots__ = ()

    @classmethod
    def where(cls, field: str, operator: str, value: Value) -> Self:
        """A comparison with ``=``, ``!=``, ``<``, ``>``, ``<=`` or ``>=``.

        :raises XAIArgumentError: the field, the operator or the value is none.
        """
        return cls(_condition(_AIP_160, field, operator, value))

    def __and__(self, other: SearchFilter) -> Self:
        return type(self)(f"({self} AND {other})")

    def __or__(self, other: SearchFilter) -> Self:
        return type(self)(f"({self} OR {other})")


class ListFilter(str):
    """A filter of a list of collections or documents. Source: REST reference, ``filter`` of the two lists.

    ``ListFilter.where("status", "!=", DocumentStatus.PROCESSED) & ListFilter.where("fields.year", ":", "1851")``
    """

    __slots__ = ()

    @classmethod
    def where(cls, field: str, operator: str, value: Value) -> Self:
        """A comparison with ``:`` (the list's own match, which finds parts of names), ``=``, ``!=``, ``<``, ``>``,
        ``<=`` or ``>=``.

        :raises XAIArgumentError: the field, the operator or the value is none.
        """
        return cls(_condition(_LIST, field, operator, value))

    def __and__(self, other: ListFilter) -> Self:
        return type(self)(f"{self} AND {other}")


_AIP_160: Mapping[str, str] = {operator: f" {operator} " for operator in ("=", "!=", "<", ">", "<=", ">=")}
_LIST: Mapping[str, str] = {
    ":": ":",
    "=": " = ",
    "!=": ":!",
    **{operator: f":{operator}" for operator in ("<", ">", "<=", ">=")},
}


def _condition(spelling: Mapping[str, str], field: str, operator: str, value: Value) -> str:
    if not _is_name(field):
        raise XAIArgumentError(f"{field!r} is not a field that a filter can name")
    if operator not in spelling:
        raise XAIArgumentError(f"{operator!r} is not an operator of this filter; choose one of {' '.join(spelling)}")
    return f"{field}{spelling[operator]}{_literal(field, value)}"


def _literal(field: str, value: Any) -> str:
    match value:
        case StrEnum() if _is_name(value):
            return str(value)
        case str():
            return quoted(value)
        case datetime() if value.tzinfo is not None:
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case int() | float() if not isinstance(value, bool) and isfinite(value):
            return str(value)
    raise XAIArgumentError(f"{field}: {value!r} is no text, number, or time with a time zone")


def _is_name(text: str) -> bool:
    return _NAME.fullmatch(text) is not None and text not in _RESERVED
