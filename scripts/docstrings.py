"""Our docstrings as Markdown: what a thing does, and what each of its parameters means."""

from __future__ import annotations

import inspect
import re
from typing import Any

from scripts.provided import ours

_FIELD = re.compile(r"^:param (\w+):\s*(.*?)(?=^:(?:param|raises)|\Z)", re.MULTILINE | re.DOTALL)
_ROLE = re.compile(r":\w+:`~?(?:[\w.]*\.)?(\w+)`")


def prose(thing: Any) -> str:
    """The text above the fields, a line for each paragraph."""
    text = re.split(r"^:(?:param|raises)", inspect.cleandoc(thing.__doc__ or ""), maxsplit=1, flags=re.MULTILINE)[0]
    return "\n\n".join(_markdown(paragraph) for paragraph in text.strip().split("\n\n"))


def first_sentence(thing: Any) -> str:
    return re.split(r"(?<=\.)\s", prose(thing), maxsplit=1)[0]


def meanings(kind: type[Any]) -> dict[str, str]:
    """What the docstrings of a class and of those it is made of say of each parameter; the class itself comes first."""
    found: dict[str, str] = {}
    for one in reversed(ours(kind)):
        found.update(_FIELD.findall(inspect.cleandoc(one.__doc__ or "")))
    return {name: _markdown(text.replace("(templated)", "")) for name, text in found.items()}


def said_to_be_templated(kind: type[Any]) -> set[str]:
    """The parameters whose text says so."""
    return {
        name
        for one in ours(kind)
        for name, text in _FIELD.findall(inspect.cleandoc(one.__doc__ or ""))
        if "(templated)" in text
    }


def _markdown(text: str) -> str:
    return " ".join(_ROLE.sub(r"`\1`", text).replace("``", "`").split())
