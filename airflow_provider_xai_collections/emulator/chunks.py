"""Chunking: where a text is cut, by the strategy of its collection.

Every strategy is the same walk over the places where it may cut, each with what the text up to there costs in its unit.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from airflow_provider_xai_collections.api.chunking import BytesConfiguration, ChunkConfiguration

#: Chunking of a collection that was created without one. [rec]
DEFAULT_CHUNKING = ChunkConfiguration(
    bytes_configuration=BytesConfiguration(max_chunk_size_bytes=4000, chunk_overlap_bytes=800),
    strip_whitespace=True,
    inject_name_into_chunks=False,
)

#: An approximation of word pieces. The real encodings are tables that tiktoken downloads, which an emulator must not.
_WORD_PIECE = re.compile(r"[^\S\n]?\w{1,6}|[^\S\n]?[^\w\s]|\s")

_HEADING = re.compile(r"^#{1,6}\s", re.MULTILINE)
_DEFINITION = re.compile(r"^(?=\S)(?![)\]}])", re.MULTILINE)
_PARAGRAPH = re.compile(r"\n\s*\n")
_LINE = re.compile(r"\n")
#: Places a strategy likes to cut at, best first.
_BREAKS: dict[str, tuple[re.Pattern[str], ...]] = {
    "markdown": (_HEADING, _PARAGRAPH, _LINE),
    "code": (_DEFINITION, _PARAGRAPH, _LINE),
    "table": (_LINE,),
}


class ChunkPassage(str):
    """Text to index, with the position of its first visible character in the document."""

    __slots__ = ("start",)
    start: int

    def __new__(cls, text: str, start: int) -> ChunkPassage:
        passage = super().__new__(cls, text)
        passage.start = start
        return passage


@dataclass(frozen=True, slots=True)
class _Ruler:
    """A text measured: it may be cut at ``cuts[i]``, and ``costs[i]`` is the size of what lies before."""

    cuts: Sequence[int]
    costs: Sequence[int]


@dataclass(frozen=True, slots=True)
class _Plan:
    unit: str
    kind: str
    maximum: int
    overlap: int


def chunk(
    text: str, configuration: ChunkConfiguration, *, name: str = "", injected: Sequence[str] = ()
) -> list[ChunkPassage]:
    """Cut a text into the passages to index.

    :param name: of the document, put before each passage if ``inject_name_into_chunks``.
    :param injected: field values with ``inject_into_chunk``. What is put before a passage does not count in its size.
    """
    head = [name] if configuration.inject_name_into_chunks else []
    passages = []
    for start, end in spans(text, configuration):
        passage = text[start:end].strip() if configuration.strip_whitespace else text[start:end]
        if passage:
            visible = end - len(text[start:end].lstrip())
            passages.append(ChunkPassage("\n".join([*head, *injected, passage]), visible))
    return passages


def spans(text: str, configuration: ChunkConfiguration) -> Iterator[tuple[int, int]]:
    """Yield start and end of each passage. Only overlaps are in two passages, and nothing is left out."""
    plan = _plan(configuration)
    ruler = _measure(text, plan.unit)
    breaks = [_positions(pattern, text) for pattern in _BREAKS.get(plan.kind, ())]
    last = len(ruler.cuts) - 1
    start = 0
    while start < last:
        full = bisect_right(ruler.costs, ruler.costs[start] + plan.maximum) - 1
        # One character may be more than the maximum of bytes; it is not cut apart.
        end = full if full > start else start + 1
        if end < last:
            end = _nicest(ruler, breaks, start, end, plan)
        yield ruler.cuts[start], ruler.cuts[end]
        if end == last:
            return
        start = _next_start(ruler, end, plan)


def _plan(configuration: ChunkConfiguration) -> _Plan:
    """Read ``markdown_tokens_configuration{max_chunk_size_tokens, chunk_overlap_tokens}`` and its like."""
    name, strategy = next(iter(configuration.strategies.items()), ("", {}))
    if isinstance(strategy, dict):
        # ``ast_configuration`` is undocumented inside: code, cut by sizes of our own.
        return _Plan("tokens", "code", maximum=512, overlap=64)
    sizes = {key: value for key, value in strategy.model_dump().items() if isinstance(value, int)}
    maximum = next(key for key in sizes if key.startswith("max_chunk_size_"))
    unit = maximum.removeprefix("max_chunk_size_")
    return _Plan(unit, name.partition("_")[0], sizes[maximum], sizes.get(f"chunk_overlap_{unit}", 0))


def _measure(text: str, unit: str) -> _Ruler:
    everywhere = range(len(text) + 1)
    match unit:
        case "chars":
            return _Ruler(everywhere, everywhere)
        case "bytes":
            return _Ruler(everywhere, list(accumulate((len(character.encode()) for character in text), initial=0)))
        case _:
            cuts = [0, *(piece.end() for piece in _WORD_PIECE.finditer(text))]
            return _Ruler(cuts, range(len(cuts)))


def _positions(pattern: re.Pattern[str], text: str) -> list[int]:
    """Return the positions before a heading or a definition, or after a line or a paragraph."""
    after = pattern in (_PARAGRAPH, _LINE)
    return [found.end() if after else found.start() for found in pattern.finditer(text)]


def _nicest(ruler: _Ruler, breaks: list[list[int]], start: int, end: int, plan: _Plan) -> int:
    """Return the last good break that leaves the passage at least half full (rows: that leaves any), else ``end``."""
    least = 0 if plan.kind == "table" else max(plan.maximum // 2, plan.overlap)
    for positions in breaks:
        before = bisect_right(positions, ruler.cuts[end]) - 1
        if before < 0:
            continue
        cut = bisect_right(ruler.cuts, positions[before]) - 1
        if cut > start and ruler.costs[cut] - ruler.costs[start] > least:
            return cut
    return end


def _next_start(ruler: _Ruler, end: int, plan: _Plan) -> int:
    """Return the start of the next passage, which repeats at most ``overlap``, and has room for something new."""
    repeats = bisect_left(ruler.costs, ruler.costs[end] - plan.overlap)
    has_room = bisect_left(ruler.costs, ruler.costs[end + 1] - plan.maximum)
    return min(end, max(repeats, has_room))
