"""Our docstrings as Markdown: a summary, and the meaning of each parameter."""

from __future__ import annotations

import inspect
import re
from typing import Any

from scripts.provided import ours

_FIELD = re.compile(r"^:(?:param|ivar) (\w+):\s*(.*?)(?=^:(?:param|ivar|raises)|\Z)", re.MULTILINE | re.DOTALL)
_FIELDS_BEGIN = re.compile(r"^:(?:param|ivar|raises)", re.MULTILINE)
_ROLE = re.compile(r":\w+:`~?(?:[\w.]*\.)?(\w+)`")


def prose(thing: Any) -> str:
    """Return the text above the fields, a line for each paragraph."""
    text = _FIELDS_BEGIN.split(inspect.cleandoc(thing.__doc__ or ""), maxsplit=1)[0]
    return "\n\n".join(_markdown(paragraph) for paragraph in text.strip().split("\n\n"))


def first_sentence(thing: Any) -> str:
    """Return the first sentence of the text."""
    return re.split(r"(?<=\.)\s", prose(thing), maxsplit=1)[0]


def meanings(thing: Any) -> dict[str, str]:
    """Return the meaning of each parameter of a function, or of a class and its bases; the class itself comes first."""
    found: dict[str, str] = {}
    for one in reversed(ours(thing)) if inspect.isclass(thing) else [thing]:
        found.update(_FIELD.findall(inspect.cleandoc(one.__doc__ or "")))
    return {name: _markdown(text.replace("(templated)", "")) for name, text in found.items()}


def said_to_be_templated(kind: type[Any]) -> set[str]:
    """Return the parameters whose text says so."""
    return {
        name
        for one in ours(kind)
        for name, text in _FIELD.findall(inspect.cleandoc(one.__doc__ or ""))
        if "(templated)" in text
    }


def _markdown(text: str) -> str:
    return " ".join(_ROLE.sub(r"`\1`", text).replace("``", "`").split())
