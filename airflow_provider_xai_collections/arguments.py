"""Arguments as people write them, as Airflow hands them over, and as templates leave them.

A list or mapping that was rendered arrives as its text. What mapped tasks return arrives as a sequence that loads its
items while it is read. And where templates are rendered natively (``render_template_as_native_obj=True``), text that
looks like a number arrives as that number.

What is none of these is refused with :class:`XAIArgumentError`, naming the argument.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence, Set
from enum import StrEnum
from numbers import Integral
from reprlib import repr as short
from typing import Any, TypeVar

from airflow_provider_xai_collections.exceptions import XAIArgumentError, XAIIncompleteListError
from airflow_provider_xai_collections.text import counted

W = TypeVar("W", bound=StrEnum)

#: The connection that works unless another is named.
DEFAULT_CONN_ID = "xai_collections_default"
#: How the text begins that a template makes of what mapped tasks return, in all of Airflow's releases.
_LAZY = re.compile(r"Lazy\w*Sequence\(")


# Lists


def is_list(value: Any) -> bool:
    """Tell lists of any kind, sets among them, from text and from single values."""
    return isinstance(value, Sequence | Set) and not isinstance(value, str | bytes | bytearray | memoryview)


def items_of(name: str, value: Any) -> list[Any] | None:
    """Return the items of a list of any kind, or of the text of one; ``None`` if ``value`` is no list.

    :raises XAIIncompleteListError: not all of them could be loaded.
    :raises XAIArgumentError: a template has made text of what mapped tasks return, which names none of it.
    """
    value = rendered(value)
    if isinstance(value, str) and _LAZY.match(value):
        raise XAIArgumentError(
            f"{name} is {value!r}: a template made text of what mapped tasks returned. Pass the output of the task "
            "itself (task.output), or let the template make a list of it: {{ … | list }}"
        )
    if not is_list(value):
        return None
    if isinstance(value, Set):
        return sorted(value, key=str)
    items = list(value)
    # Airflow's end at the first item that cannot be loaded, whatever the reason.
    if len(items) != len(value):
        raise XAIIncompleteListError(
            f"{name} has {counted(len(value), 'item')}, of which Airflow handed over {len(items)}. Run the task "
            "again; if that does not help, check whether one of the mapped tasks returned None"
        )
    return items


def ids_of(name: str, value: Any) -> list[str]:
    """File ids from a list, from the text of a list, or from a single id; each once, in order."""
    return strings_of(name, value, "file ids (file_…)")


def strings_of(name: str, value: Any, what: str) -> list[str]:
    """As :func:`ids_of`, for strings of any kind; ``what`` says which, for the message."""
    items = items_of(name, value)
    if items is None:
        if not (_is_whole(value) or (isinstance(value, str) and value and not value.startswith(("[", "(")))):
            raise _no_list(name, what, value)
        items = [value.strip() if isinstance(value, str) else value]
    return list(dict.fromkeys(text_of(f"item {number} of {name}", item) for number, item in enumerate(items)))


def patterns_of(name: str, value: Any) -> list[str]:
    """Patterns of names from one, from a list, or from the text of a list; none for ``None``."""
    items = items_of(name, value)
    if items is None or (isinstance(value, str) and not all(isinstance(item, str) for item in items)):
        items = [] if value is None else [value]  # ``[12]`` is a pattern
    if wrong := [item for item in items if not (isinstance(item, str) or _is_whole(item)) or item == "None"]:
        raise XAIArgumentError(
            f"{name} is {short(value)}; it must be a pattern such as '*.tmp', or a list of patterns. "
            f"{_reason(wrong[0]) or 'Pass text'}"
        )
    return [str(item) for item in items]


def paths_of(name: str, value: Any) -> list[Any]:
    """Paths from one, from a list, or from the text of a list."""
    items = items_of(name, value)
    if items is None:
        return [path_of(name, value)]
    return [path_of(f"item {number} of {name}", item) for number, item in enumerate(items)]


def definitions_of(name: str, value: Any) -> list[Any]:
    """Definitions of fields from a list, or from the text of one; they are checked when they are sent."""
    items = items_of(name, value)
    if items is None:
        raise _no_list(name, "field definitions, [{'key': ...}]", value)
    return [_definition(f"item {number} of {name}", item) for number, item in enumerate(items)]


def _no_list(name: str, what: str, value: Any) -> XAIArgumentError:
    reason = "" if isinstance(value, Mapping) else _reason(value)
    way_out = reason or "If a task upstream returned it, let it return a list or a set"
    return XAIArgumentError(f"{name} must be a list of {what}, and is {short(value)}. {way_out}")


def _definition(name: str, value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    texts = {key: optional_text(f"{key} in {name}", value[key]) for key in ("key", "description") if key in value}
    return {**value, **texts}


# Mappings


def mapping_of(name: str, value: Any) -> dict[Any, Any]:
    """A mapping, or the text of one; nothing at all for ``None``."""
    value = {} if value is None else rendered(value)
    if not isinstance(value, Mapping):
        raise XAIArgumentError(
            f"{name} must be a mapping such as {{'key': 'value'}}, and is {short(value)}. "
            f"{_reason(value) or 'If a task upstream returned it, let it return a dictionary'}"
        )
    return dict(value)


def strings_by_key(name: str, value: Any) -> dict[str, str]:
    """As :func:`mapping_of`, with strings by string. A value may be empty, and may be the word ``None``."""
    return {
        _text(f"a key of {name}", key): _text(f"{name}[{key!r}]", each) for key, each in mapping_of(name, value).items()
    }


def part_of(name: str, value: Any) -> Any:
    """A part of a body: ``None`` or a model as it stands, a mapping or the text of one as a dictionary."""
    return value if value is None or hasattr(type(value), "model_fields") else mapping_of(name, value)


def grouping_of(name: str, value: Any) -> Any:
    """As :func:`part_of`, for what a search groups by: ``{"keys": [...]}``."""
    part = part_of(name, value)
    if not isinstance(part, dict) or "keys" not in part:
        return part
    return {**part, "keys": strings_of(f"{name}['keys']", part["keys"], "keys of fields")}


def rendered(value: Any) -> Any:
    """The list, set or mapping whose text ``value`` is; anything else as it stands (``[ab]*.md`` is a pattern)."""
    if not isinstance(value, str) or not value.strip().startswith(("[", "(", "{")):
        return value
    try:
        parsed = ast.literal_eval(value.strip())
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return value
    is_set = isinstance(parsed, set) and all(isinstance(each, str) for each in parsed)  # ``{1,2}`` is a pattern
    return parsed if is_set or isinstance(parsed, list | tuple | dict) else value


# Text


def text_of(name: str, value: Any) -> str:
    """``value``, if it is text and not empty; or a whole number as text, which native rendering has made of it."""
    text = _text(name, value)
    if text in ("", "None"):
        raise XAIArgumentError(f"{name} is {text!r}; it must be text, and not empty. {_reason(text)}")
    return text


def optional_text(name: str, value: Any) -> str | None:
    """As :func:`text_of`, for what may be left out (``None``) or empty."""
    return value if value is None or (isinstance(value, str) and not value) else text_of(name, value)


def path_of(name: str, value: Any) -> Any:
    """A path: text as :func:`text_of`; any other object as it stands, as it may be one."""
    is_text = value is None or isinstance(value, str | bytes | int | float | complex | Integral)
    return text_of(name, value) if is_text or is_list(value) or isinstance(value, Mapping) else value


def optional_path(name: str, value: Any) -> Any:
    """As :func:`path_of`, for what may be left out (``None``)."""
    return None if value is None else path_of(name, value)


def _text(name: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    if _is_whole(value):
        return str(int(value))
    raise XAIArgumentError(f"{name} is {short(value)}; it must be text, and not empty. {_reason(value)}")


def _is_whole(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


_NOTHING = "Give what it names a value, or write a default into the template: {{ … or 'default' }}"


def _reason(value: Any) -> str:
    """Explain where a value that is no text may come from, and what to do; empty if there is nothing to say."""
    if value is None:
        return f"What a template or a task upstream was to fill in is None. {_NOTHING}"
    if value == "None":
        return f"A template has made this text of something that is None. {_NOTHING}"
    if isinstance(value, str):
        return "" if value else f"What a template was to fill in is empty. {_NOTHING}"
    if is_list(value):
        return "This is a list: pass one of its items, join lists of lists, or map over them with .expand(...)"
    return (
        "With render_template_as_native_obj=True, Airflow makes numbers and the like of text that looks like them, and "
        "the spelling may be lost: 3.10 becomes 3.1. Put quotes into the template, \"'{{ … }}'\", or into the text, "
        "\"'3.10'\"; if a task upstream returned it, let it return text"
    )


# Numbers and words


def whole_number(name: str, value: Any, *, at_least: int) -> int:
    """``value``, if it is a whole number of at least ``at_least``."""
    if isinstance(value, bool) or not isinstance(value, int) or value < at_least:
        raise XAIArgumentError(f"{name} is {value!r}; it must be a whole number of at least {at_least}")
    return value


def count_or_share(name: str, value: Any) -> float:
    """``value``, if it is a count, or a share between 0 and 1."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0 or (value > 1 and value % 1):
        raise XAIArgumentError(f"{name} is {value!r}; it is a count, or a share between 0 and 1")
    return value


def allowed_of(limit: float, total: int) -> float:
    """Return how many of ``total`` a limit allows that :func:`count_or_share` has read: 1.0 is all, 1 is one."""
    return limit * total if 0 < limit < 1 or (isinstance(limit, float) and limit == 1) else limit


def one_of(name: str, value: Any, words: type[W]) -> W:
    """Return the word of the enumeration that ``value`` is."""
    if value not in list(words):
        raise XAIArgumentError(f"{name} is {value!r}; choose one of {', '.join(words)}")
    return words(value)
