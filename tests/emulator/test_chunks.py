"""Chunking: sizes are kept, nothing is lost, and each strategy cuts where it should."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_xai_collections.api.chunking import ChunkConfiguration
from airflow_provider_xai_collections.emulator.chunks import DEFAULT_CHUNKING, ChunkPassage, chunk, spans
from tests.support.caller import Caller

UNITS = ["chars", "markdown_chars", "code_chars", "tokens", "markdown_tokens", "code_tokens", "table", "bytes"]
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=300) | st.lists(
    st.sampled_from(["# head\n", "\n\n", "word ", "def f():\n", "    pass\n", "a,b;c\n", "€", "é"]), max_size=60
).map("".join)


def configured(strategy: str, maximum: int, overlap: int = 0, **switches: bool) -> ChunkConfiguration:
    unit = "tokens" if strategy == "table" else strategy.rpartition("_")[2]
    sizes = {f"max_chunk_size_{unit}": maximum}
    if strategy != "table":
        sizes[f"chunk_overlap_{unit}"] = overlap
    return ChunkConfiguration.model_validate({f"{strategy}_configuration": sizes, **switches})


def size_of(text: str, strategy: str) -> int:
    """Return the size in the unit of the strategy; tokens are those of the emulator."""
    if strategy.endswith("chars"):
        return len(text)
    if strategy == "bytes":
        return len(text.encode())
    return len(list(spans(text, configured("tokens", 1))))


@pytest.mark.parametrize("strategy", UNITS)
@given(text=TEXTS, maximum=st.integers(4, 40), share=st.floats(0, 0.99))
def test_no_chunk_is_too_large_and_nothing_is_lost(strategy: str, text: str, maximum: int, share: float) -> None:
    overlap = 0 if strategy == "table" else int(maximum * share)
    found = list(spans(text, configured(strategy, maximum, overlap)))
    assert all(size_of(text[start:end], strategy) <= maximum for start, end in found)
    covered = 0
    rebuilt = ""
    for start, end in found:
        assert start <= covered < end
        assert size_of(text[start:covered], strategy) <= overlap
        rebuilt += text[covered:end]
        covered = end
    assert rebuilt == text


@pytest.mark.parametrize("strategy", UNITS)
def test_a_character_is_never_cut_apart(strategy: str) -> None:
    assert "".join(chunk("€€€", configured(strategy, 1))) == "€€€"


def texts(strategy: str, text: str, maximum: int, overlap: int = 0) -> list[ChunkPassage]:
    return chunk(text, configured(strategy, maximum, overlap))


def test_overlap_repeats_the_end() -> None:
    assert texts("chars", "abcdefgh", 4, 2) == ["abcd", "cdef", "efgh"]
    assert texts("bytes", "aé€", 4, 1) == ["aé", "€"]


def test_markdown_cuts_before_headings_then_paragraphs() -> None:
    assert texts("markdown_chars", "# One\ntext text\n# Two\nmore", 20) == ["# One\ntext text\n", "# Two\nmore"]
    assert texts("markdown_chars", "one one one\n\ntwo two two", 20) == ["one one one\n\n", "two two two"]


def test_code_cuts_before_definitions() -> None:
    code = "def a():\n    return 1\n\ndef b():\n    return 2\n"
    assert texts("code_chars", code, 35) == ["def a():\n    return 1\n\n", "def b():\n    return 2\n"]


def test_rows_of_a_table_stay_whole() -> None:
    assert texts("table", "a,b\nc,d\ne,f\n", 9) == ["a,b\nc,d\n", "e,f\n"]


def test_tokens_are_pieces_of_words() -> None:
    assert texts("tokens", "Ishmael, yes", 2) == ["Ishmael", ", yes"]


def test_abstract_syntax_and_no_strategy_fall_back() -> None:
    ast = ChunkConfiguration(ast_configuration={"language": "python"})
    assert chunk("x = 1\n", ast) == ["x = 1\n"]
    assert chunk("x = 1\n", ChunkConfiguration()) == ["x = 1\n"]
    assert [len(passage) for passage in chunk("word " * 600, ast)] == [2559, 761]


def test_a_collection_without_a_chunking_is_cut_by_bytes() -> None:
    assert [len(passage) for passage in chunk("x" * 7000, DEFAULT_CHUNKING)] == [4000, 3800]
    assert chunk("  call me  ", DEFAULT_CHUNKING, name="moby.txt") == ["call me"]


def test_whitespace_may_be_stripped() -> None:
    assert chunk("ab      cd", configured("chars", 4, strip_whitespace=True)) == ["ab", "cd"]


def test_name_and_fields_go_before_each_chunk(caller: Caller) -> None:
    chunking: dict[str, Any] = {
        "chars_configuration": {"max_chunk_size_chars": 6, "chunk_overlap_chars": 0},
        "inject_name_into_chunks": True,
    }
    definitions = [
        {"key": "author", "inject_into_chunk": True},
        {"key": "year"},
        {"key": "x", "inject_into_chunk": True},
    ]
    collection_id = caller.collection(chunk_configuration=chunking, field_definitions=definitions)
    file_id = caller.file("moby.txt", b"whalesthe sea")
    caller.attach(collection_id, file_id, author="Melville", year="1851")
    assert caller.found("melville moby", collection_id, limit=9) == [file_id] * 3
    assert chunk("a", configured("chars", 1, inject_name_into_chunks=True), name="n", injected=["k: v"]) == [
        "n\nk: v\na"
    ]
