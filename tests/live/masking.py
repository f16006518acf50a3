"""The keys, out of all that leaves for the terminal or the report."""

from __future__ import annotations

import io
import re
import sys
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import TextIO

#: So many characters of a key in a row are hidden, wherever a text was cut. Fewer may stand in any word.
PIECE = 8
#: Nobody escapes these characters, so that a key stands in JSON as it is.
KEY = re.compile(rf"[\w.:=+~-]{{{PIECE},}}", re.ASCII)


class Mask:
    """Hides keys and pieces of them.

    :param keys: which match ``KEY``.
    """

    def __init__(self, keys: Iterable[str]) -> None:
        pieces = {key[start : start + PIECE] for key in keys for start in range(len(key) - PIECE + 1)}
        self._piece = re.compile(f"(?=({'|'.join(map(re.escape, pieces))}))")  # ahead, because pieces overlap

    def __call__(self, text: str) -> str:
        """Return the text, with stars for the keys."""
        characters = list(text)
        for found in self._piece.finditer(text):
            characters[found.start() : found.start() + PIECE] = PIECE * "\0"
        return re.sub("\0+", "***", "".join(characters))


@contextmanager
def masked_terminal(mask: Mask) -> Iterator[None]:
    """Let nothing reach the terminal unmasked, inside: no log line of the provider's or Airflow's, no traceback."""
    streams = _Masked(sys.stdout, mask), _Masked(sys.stderr, mask)
    with redirect_stdout(streams[0]), redirect_stderr(streams[1]):
        try:
            yield
        except Exception:
            traceback.print_exc()
            raise SystemExit(1) from None
        finally:
            for stream in streams:
                stream.finish()


class _Masked(io.TextIOBase):
    """Hands lines on when they are whole: half a line may hold half a key."""

    def __init__(self, under: TextIO, mask: Mask) -> None:
        self._under = under
        self._mask = mask
        self._line = ""

    def write(self, text: str) -> int:
        whole, end, self._line = (self._line + text).rpartition("\n")
        self._under.write(self._mask(whole) + end)
        return len(text)

    def flush(self) -> None:
        self._under.flush()

    def finish(self) -> None:
        self._under.write(self._mask(self._line))
        self._line = ""
        self.flush()
