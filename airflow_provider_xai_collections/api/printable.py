"""What others say, fit for our messages."""

from __future__ import annotations

import re

MAX_DETAIL = 300
#: A whole key is far longer than this, and one in part shows stars; anything else may be a file name.
_KEY_LIKE = re.compile(r"xai-(?:\w{20,}|\w*\*[\w*]*)")


def printable(text: str, limit: int = MAX_DETAIL) -> str:
    """``text`` as one printable line of bounded length, without anything that looks like a key."""
    characters = "".join(character if character.isprintable() else " " for character in text)
    line = _KEY_LIKE.sub("xai-***", " ".join(characters.split()))
    return line if len(line) <= limit else line[: limit - 1] + "…"
