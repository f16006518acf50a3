"""Text for messages: printable lines without keys, counts, lists of names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from hashlib import sha256

MAX_DETAIL = 300
#: Names that a message lists.
NAMED = 10
#: Characters that are read for each that is wanted. An answer may have a million.
_LOOKED_AT = 20
#: A whole key is far longer than this, and one in part shows stars; anything else may be a file name.
_KEY_LIKE = re.compile(r"xai-(?:token-)?(?:\w{20,}|\w*\*[\w*]*)")


def printable(text: str, limit: int = MAX_DETAIL) -> str:
    """Return ``text`` as one printable line of bounded length, without anything that looks like a key."""
    beginning = text[: limit * _LOOKED_AT]
    words = "".join(character if character.isprintable() else " " for character in beginning).split()
    if len(beginning) < len(text) and words and len(words[-1]) < limit:
        words[-1] = "…"  # cut in two: it may be part of a key
    line = _KEY_LIKE.sub("xai-***", " ".join(words))
    return line if len(line) <= limit else line[: limit - 1] + "…"


def escaped(text: str) -> str:
    """Return all of ``text`` as one printable line, without what looks like a key. Different texts stay different, also
    by their keys' masks; but a mask is masked again: escape a text once."""
    line = "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)
    return _KEY_LIKE.sub(_mask, line)


def counted(count: int, noun: str, plural: str = "") -> str:
    """Return a count with its noun: ``1 document``, ``2 documents``."""
    return f"{count} {noun if count == 1 else plural or f'{noun}s'}"


def listed(names: Sequence[str], count: int | None = None) -> str:
    """Return the first names in one line, with an ellipsis if there are more; ``count``: how many there are in all."""
    more = ", …" if (len(names) if count is None else count) > min(len(names), NAMED) else ""
    return ", ".join(map(printable, names[:NAMED])) + more


def in_brackets(names: Sequence[str], count: int | None = None) -> str:
    """Return ``listed(names, count)`` in brackets, to follow a count; nothing if there are no names."""
    return f" ({listed(names, count)})" if names else ""


def _mask(key: re.Match[str]) -> str:
    return f"xai-***{sha256(key[0].encode()).hexdigest()[:8]}"
