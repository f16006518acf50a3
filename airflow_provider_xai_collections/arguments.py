"""Arguments as templates leave them: a list or mapping that was rendered arrives as its text."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, TypeVar

from airflow_provider_xai_collections.exceptions import XAIArgumentError

W = TypeVar("W", bound=StrEnum)

#: The connection that works unless another is named.
DEFAULT_CONN_ID = "xai_collections_default"


def ids_of(name: str, value: Any) -> list[str]:
    """File ids from a list, from the text of a list, or from a single id; each once, in order.

    :raises XAIArgumentError: it is something else, naming the argument.
    """
    return strings_of(name, value, "file ids (file_…)")


def strings_of(name: str, value: Any, what: str) -> list[str]:
    """As :func:`ids_of`, for strings of any kind; ``what`` says which, for the message."""
    value = rendered(value)
    if isinstance(value, str) and not value.startswith(("[", "(")):
        value = [value.strip()]
    if not isinstance(value, list | tuple | set | frozenset) or not all(
        isinstance(each, str) and each for each in value
    ):
        raise XAIArgumentError(f"{name} must be a list of {what}. Pass an XComArg or a list of strings")
    return list(dict.fromkeys(value))


def patterns_of(name: str, value: Any) -> list[str]:
    """Patterns of names from one, from a list, or from the text of a list; none for ``None``.

    :raises XAIArgumentError: it is something else, naming the argument.
    """
    value = rendered(value)
    several = [value] if isinstance(value, str) else [] if value is None else value
    if not isinstance(several, list | tuple | set | frozenset) or not all(isinstance(each, str) for each in several):
        raise XAIArgumentError(f"{name} is {value!r}; it must be a pattern such as '*.tmp', or a list of patterns")
    return list(several)


def strings_by_key(name: str, value: Any) -> dict[str, Any]:
    """A mapping, or the text of one; nothing at all for ``None``.

    :raises XAIArgumentError: it is something else, naming the argument.
    """
    value = {} if value is None else rendered(value)
    if not isinstance(value, Mapping):
        raise XAIArgumentError(f"{name} must be a mapping such as {{'key': 'value'}}. Pass a dictionary or an XComArg")
    return dict(value)


def text_of(name: str, value: Any) -> str:
    """``value``, if it is text and not empty.

    :raises XAIArgumentError: it is not, naming the argument.
    """
    if not isinstance(value, str) or not value:
        raise XAIArgumentError(f"{name} is {value!r}; it must be text, and not empty")
    return value


def rendered(value: Any) -> Any:
    """The list or mapping whose text ``value`` is; anything else as it stands (``[ab]*.md`` is a pattern)."""
    if not isinstance(value, str) or not value.strip().startswith(("[", "(", "{")):
        return value
    try:
        parsed = ast.literal_eval(value.strip())
    except (SyntaxError, ValueError):
        return value
    return parsed if isinstance(parsed, list | tuple | dict) else value


def whole_number(name: str, value: Any, *, at_least: int) -> int:
    """``value``, if it is a whole number of at least ``at_least``.

    :raises XAIArgumentError: it is not, naming the argument.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < at_least:
        raise XAIArgumentError(f"{name} is {value!r}; it must be a whole number of at least {at_least}")
    return value


def count_or_share(name: str, value: Any) -> float:
    """``value``, if it is a count, or a share between 0 and 1.

    :raises XAIArgumentError: it is not, naming the argument.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0 or (value > 1 and value % 1):
        raise XAIArgumentError(f"{name} is {value!r}; it is a count, or a share between 0 and 1")
    return value


def allowed_of(limit: float, total: int) -> float:
    """How many of ``total`` a limit allows that :func:`count_or_share` has read: 1.0 is all, 1 is one."""
    return limit * total if 0 < limit < 1 or (isinstance(limit, float) and limit == 1) else limit


def one_of(name: str, value: Any, words: type[W]) -> W:
    """The word that ``value`` is.

    :raises XAIArgumentError: it is none of them, naming the argument.
    """
    if value not in list(words):
        raise XAIArgumentError(f"{name} is {value!r}; choose one of {', '.join(words)}")
    return words(value)
