from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_xai_collections.api.chunking import ChunkConfiguration, Encoding, TokensConfiguration, sendable
from airflow_provider_xai_collections.api.endpoints import CREATE_COLLECTION, UPDATE_COLLECTION
from airflow_provider_xai_collections.exceptions import XAIArgumentError

CHARS = ("chars_configuration", "markdown_chars_configuration", "code_chars_configuration")
TOKENS = ("tokens_configuration", "markdown_tokens_configuration", "code_tokens_configuration")
UNITS = {
    **dict.fromkeys(CHARS, "chars"),
    **dict.fromkeys(TOKENS, "tokens"),
    "bytes_configuration": "bytes",
}


def sent(chunking: Any) -> Any:
    request = CREATE_COLLECTION.request(collection_name="c", chunk_configuration=chunking)
    assert request.json is not None
    return request.json["chunk_configuration"]


@pytest.mark.parametrize("strategy", UNITS)
@given(size=st.integers(-2, 6), overlap=st.integers(-2, 6))
@settings(max_examples=50)
def test_a_strategy_is_sent_exactly_if_its_chunks_move_forward(strategy: str, size: int, overlap: int) -> None:
    unit = UNITS[strategy]
    chunking = {strategy: {f"max_chunk_size_{unit}": size, f"chunk_overlap_{unit}": overlap}}
    if size > 0 and 0 <= overlap < size:
        assert sent(chunking) == chunking
    else:
        with pytest.raises(XAIArgumentError, match=rf"^create_collection: chunk_configuration: {strategy} needs "):
            sent(chunking)


@pytest.mark.parametrize("strategy", UNITS)
def test_a_size_of_more_than_32_bits_is_refused(strategy: str) -> None:
    name = f"max_chunk_size_{UNITS[strategy]}"
    assert sent({strategy: {name: 2**31 - 1}})[strategy][name] == 2**31 - 1
    with pytest.raises(XAIArgumentError, match=f"{strategy} needs a maximum chunk size above 0 and at most 2147483647"):
        sent({strategy: {name: 2**31}})


@given(st.sets(st.sampled_from([*UNITS, "table_configuration"])))
def test_exactly_one_strategy_is_needed(strategies: set[str]) -> None:
    sizes = {f"max_chunk_size_{unit}": 100 for unit in ("chars", "tokens", "bytes")}
    chunking = ChunkConfiguration.model_validate(dict.fromkeys(strategies, sizes))
    assert chunking.strategies.keys() == strategies
    if len(strategies) == 1:
        assert sendable(chunking) is chunking
    else:
        with pytest.raises(ValueError, match=r"exactly one chunking strategy is needed, got .*; choose one of chars_"):
            sendable(chunking)


def test_no_strategy_at_all_is_named_as_none() -> None:
    with pytest.raises(XAIArgumentError, match="needed, got none"):
        sent({"strip_whitespace": True})


def test_no_configuration_is_left_to_the_service() -> None:
    assert sendable(None) is None
    assert CREATE_COLLECTION.request(collection_name="c").json == {"collection_name": "c"}


def test_the_switches_stand_beside_the_strategy() -> None:
    chunking = {
        "table_configuration": {"max_chunk_size_tokens": 500, "encoding_name": "o200k_base"},
        "strip_whitespace": True,
        "inject_name_into_chunks": False,
    }
    assert sent(chunking) == chunking


def test_the_deprecated_strategy_passes_as_it_is() -> None:
    assert sent({"ast_configuration": {"anything": 1}}) == {"ast_configuration": {"anything": 1}}


def test_an_encoding_nobody_knows_yet_passes() -> None:
    tokens = TokensConfiguration(max_chunk_size_tokens=10, encoding_name="o300k_base")
    assert (
        sent(ChunkConfiguration(tokens_configuration=tokens))["tokens_configuration"]["encoding_name"] == "o300k_base"
    )


def test_known_encodings_are_plain_words() -> None:
    tokens = TokensConfiguration(max_chunk_size_tokens=10, encoding_name=Encoding.CL100K_BASE)
    assert (
        sent(ChunkConfiguration(tokens_configuration=tokens))["tokens_configuration"]["encoding_name"] == "cl100k_base"
    )


def test_a_misspelt_name_inside_is_refused_and_named() -> None:
    with pytest.raises(
        XAIArgumentError, match=r"chars_configuration: unknown: chunk_size; known are max_chunk_size_ch"
    ):
        sent({"chars_configuration": {"chunk_size": 5}})


def test_an_update_checks_its_chunking_too() -> None:
    with pytest.raises(XAIArgumentError, match="update_collection: chunk_configuration: exactly one"):
        UPDATE_COLLECTION.request(collection_id="c", chunk_configuration={})


def test_a_chunking_read_from_the_service_is_never_refused() -> None:
    answer = {"chars_configuration": None, "brand_new_configuration": {"x": 1}}
    assert ChunkConfiguration.model_validate(answer).strategies == {}
