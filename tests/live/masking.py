"""The keys, out of all that is told or written.

Whatever is cut is masked before; whatever leaves for the terminal or the report is masked, whoever made it.
"""

from __future__ import annotations

import io
import re
import sys
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from itertools import groupby
from typing import TextIO

from airflow_provider_xai_collections.text import MAX_DETAIL, printable

#: So many characters of a key in a row are hidden, wherever they stand. Fewer may stand in any word.
PIECE = 8
#: One character as it is, or as JSON may escape it, or JSON that is quoted in JSON.
_CHARACTER = re.compile(r'\\+u00(?P<number>[0-9a-fA-F]{2})|\\+(?P<escaped>["/])|\\+|.', re.DOTALL)


class Mask:
    """Hides keys and pieces of them.

    :param keys: the keys. A key of a test that has words of ``PIECE`` letters in it hides these words too.
    """

    def __init__(self, keys: Iterable[str]) -> None:
        pieces = {piece for key in keys for piece in _pieces("".join(map(_meant, _CHARACTER.finditer(key))))}
        # Ahead, because pieces overlap. The longest first, because at each place one is found.
        ordered = sorted(map(re.escape, pieces), key=len, reverse=True)
        self._piece = re.compile(f"(?=({'|'.join(ordered)}))") if pieces else None

    def __call__(self, text: str) -> str:
        """Return the text, with stars for the keys."""
        if self._piece is None:
            return text
        characters = list(_CHARACTER.finditer(text))
        hidden: set[int] = set()
        for found in self._piece.finditer("".join(map(_meant, characters))):
            hidden.update(range(*found.span(1)))
        runs = groupby(enumerate(characters), key=lambda one: one[0] in hidden)
        return "".join("***" if is_hidden else "".join(one[0] for _, one in run) for is_hidden, run in runs)

    def quoted(self, text: str, limit: int = MAX_DETAIL) -> str:
        """Return one line of bounded length. It is masked before it is cut: a cut key could not be found."""
        return printable(self(text), limit)


def _pieces(key: str) -> set[str]:
    return {key[start : start + PIECE] for start in range(max(1, len(key) - PIECE + 1))} - {""}


def _meant(character: re.Match[str]) -> str:
    """The one character that is meant."""
    if number := character["number"]:
        return chr(int(number, 16))
    return character["escaped"] or character[0][0]


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
