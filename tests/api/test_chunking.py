from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_xai_collections.api.chunking import ChunkConfiguration, sendable
from airflow_provider_xai_collections.api.endpoints import CREATE_COLLECTION
from airflow_provider_xai_collections.exceptions import XAIArgumentError

UNITS = {
    **{f"{kind}{unit}_configuration": unit for unit in ("chars", "tokens") for kind in ("", "markdown_", "code_")},
    "bytes_configuration": "bytes",
}


def sent(chunking: Any) -> Any:
    request = CREATE_COLLECTION.request(collection_name="c", chunk_configuration=chunking)
    assert request.json is not None
    return request.json["chunk_configuration"]


@pytest.mark.parametrize("strategy", UNITS)
@given(size=st.integers(-2, 6) | st.sampled_from([2**31 - 1, 2**31]), overlap=st.integers(-2, 6))
@settings(max_examples=50)
def test_a_strategy_is_sent_exactly_if_its_chunks_move_forward_and_32_bits_hold_them(
    strategy: str, size: int, overlap: int
) -> None:
    unit = UNITS[strategy]
    chunking = {strategy: {f"max_chunk_size_{unit}": size, f"chunk_overlap_{unit}": overlap}}
    if 0 < size < 2**31 and 0 <= overlap < size:
        assert sent(chunking) == chunking
    else:
        with pytest.raises(XAIArgumentError, match=rf"^create_collection: chunk_configuration: {strategy} needs "):
            sent(chunking)


@given(st.sets(st.sampled_from([*UNITS, "table_configuration"])))
def test_exactly_one_strategy_is_needed(strategies: set[str]) -> None:
    sizes = {f"max_chunk_size_{unit}": 100 for unit in ("chars", "tokens", "bytes")}
    chunking = ChunkConfiguration.model_validate(dict.fromkeys(strategies, sizes))
    assert chunking.strategies.keys() == strategies
    if len(strategies) == 1:
        assert sendable(chunking) is chunking
    else:
        got = "chunking strategy is needed, got " + (".+" if strategies else "none")
        with pytest.raises(ValueError, match=f"exactly one {got}; choose one of chars_"):
            sendable(chunking)


def test_the_deprecated_strategy_passes_as_it_is() -> None:
    assert sent({"ast_configuration": {"anything": 1}}) == {"ast_configuration": {"anything": 1}}
