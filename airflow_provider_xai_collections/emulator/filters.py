"""The filter language: ``field op value`` joined by AND (in searches and lists of files, OR and parentheses too).

Lists of files have NOT as well, and ``null`` for what is not set.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from airflow_provider_xai_collections.emulator.refusals import Refused

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<string>"(?:[^"\\]|\\.)*")
      | (?P<operator>!=|<=|>=|[=<>:!])
      | (?P<bracket>[()])
      | (?P<word>[^\s"=<>:!()]+)
    )""",
    re.VERBOSE | re.DOTALL,
)
#: A time has colons in it, which otherwise are operators.
_TIME = re.compile(r"\s*\d{4}-\d\d-\d\d[Tt][\d:.]+(?:[Zz]|[+-]\d\d:\d\d)?")
_OPERATORS = {"=", "!=", "<", ">", "<=", ">=", ":"}


@dataclass(frozen=True, slots=True)
class Condition:
    """``field operator value``. ``:!x`` reads as ``!=``, ``:>x`` as ``>``.

    :param at: position of the value in the filter, for messages.
    """

    field: str
    operator: str
    value: str
    at: int = 0


@dataclass(frozen=True, slots=True)
class Unset:
    """``field = null``."""

    field: str
    at: int = 0


@dataclass(frozen=True, slots=True)
class Not:
    part: Filter


@dataclass(frozen=True, slots=True)
class AllOf:
    parts: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    parts: tuple[Filter, ...]


Filter: TypeAlias = Condition | Unset | Not | AllOf | AnyOf
Precedence: TypeAlias = Literal["or", "and"]
_Rule: TypeAlias = Callable[[], Filter]


def parse_filter(text: str, *, precedence: Precedence | None = None, unset: bool = False) -> Filter:
    """Read a filter.

    :param precedence: which word binds tighter; ``None`` for lists of a collection's parts, which know AND only.
    :param unset: NOT and ``null`` are understood.
    :raises Refused: 400, saying where the filter is wrong.
    """
    if not text.strip():
        return AllOf(())
    parser = _Parser(text, precedence, unset=unset)
    found = parser.expression()
    parser.expect_end()
    return found


class _Parser:
    """Recursive descent over the text; ``_at`` is where it stands."""

    def __init__(self, text: str, precedence: Precedence | None, *, unset: bool) -> None:
        self._text = text
        self._unset = unset
        self._at = 0
        self._precedence = precedence

    def expression(self) -> Filter:
        match self._precedence:
            case None:
                return self._chain("AND", self._condition)
            case "or":
                return self._chain("AND", self._any_of_terms)
            case "and":
                return self._chain("OR", self._all_of_terms)

    def expect_end(self) -> None:
        if self._text[self._at :].strip():
            raise self._error("expected AND" if self._precedence is None else "expected AND or OR")

    def _any_of_terms(self) -> Filter:
        return self._chain("OR", self._term)

    def _all_of_terms(self) -> Filter:
        return self._chain("AND", self._term)

    def _chain(self, word: Literal["AND", "OR"], part: _Rule) -> Filter:
        parts = [part()]
        while self._take("word", word):
            parts.append(part())
        if len(parts) == 1:
            return parts[0]
        return AllOf(tuple(parts)) if word == "AND" else AnyOf(tuple(parts))

    def _term(self) -> Filter:
        if self._unset and self._take("word", "NOT"):
            return Not(self._term())
        if self._take("bracket", "("):
            inner = self.expression()
            if not self._take("bracket", ")"):
                raise self._error("expected )")
            return inner
        return self._condition()

    def _condition(self) -> Filter:
        field = self._take("word")
        if field is None or field in ("AND", "OR"):
            raise self._error("expected the name of a field")
        operator = self._take("operator")
        if operator not in _OPERATORS:
            raise self._error(f"expected an operator after {field}")
        if operator == ":":
            operator = self._take("operator") or ":"
            operator = "!=" if operator == "!" else operator
        if self._unset and self._take("word", "null"):
            return self._compared_with_null(field, operator)
        return Condition(field, operator, self._value(field), self._at)

    def _compared_with_null(self, field: str, operator: str) -> Filter:
        unset = Unset(field, self._at)
        match operator:
            case "=" | ":":
                return unset
            case "!=":
                return Not(unset)
            case _:
                raise self._error(f"{field} cannot be compared with null by {operator}")

    def _value(self, field: str) -> str:
        if time := _TIME.match(self._text, self._at):
            self._at = time.end()
            return time[0].strip()
        if (string := self._take("string")) is not None:
            return re.sub(r"\\(.)", r"\1", string[1:-1])
        if (word := self._take("word")) is not None:
            return word
        raise self._error(f"expected a value for {field}")

    def _take(self, kind: str, wanted: str | None = None) -> str | None:
        """Return the next token, if it is of this kind (and this text)."""
        token = _TOKEN.match(self._text, self._at)
        if token is None or token.lastgroup != kind or wanted not in (None, token[kind]):
            return None
        self._at = token.end()
        return token[kind]

    def _error(self, message: str) -> Refused:
        return Refused(400, f"filter: {message} at character {self._at + 1}")
