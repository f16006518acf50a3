"""What others say, fit for our messages."""

from __future__ import annotations

import re

MAX_DETAIL = 300
_KEY_LIKE = re.compile(r"xai-[\w*-]{6,}")


def printable(text: str, limit: int = MAX_DETAIL) -> str:
    """``text`` as one printable line of bounded length, without anything that looks like a key."""
    characters = "".join(character if character.isprintable() else " " for character in text)
    line = _KEY_LIKE.sub("xai-***", " ".join(characters.split()))
    return line if len(line) <= limit else line[: limit - 1] + "…"
