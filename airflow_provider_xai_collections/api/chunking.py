"""Chunking strategies of a collection. Source: REST reference, ``chunk_configuration``; ``types.proto``."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from airflow_provider_xai_collections.api.wire import LARGEST_NUMBER, Part


class Encoding(StrEnum):
    """Token encodings seen on the wire; any other name is passed through."""

    O200K_BASE = "o200k_base"
    CL100K_BASE = "cl100k_base"
    P50K_BASE = "p50k_base"
    P50K_EDIT = "p50k_edit"
    R50K_BASE = "r50k_base"


class CharsConfiguration(Part):
    """Chunks of at most so many characters, each repeating the end of the one before."""

    max_chunk_size_chars: int = 0
    chunk_overlap_chars: int = 0


class TokensConfiguration(Part):
    """Chunks of at most so many tokens of an encoding."""

    max_chunk_size_tokens: int = 0
    chunk_overlap_tokens: int = 0
    encoding_name: str | None = None


class TableConfiguration(Part):
    """Rows kept whole, packed into chunks of at most so many tokens."""

    max_chunk_size_tokens: int = 0
    encoding_name: str | None = None


class BytesConfiguration(Part):
    """Chunks of at most so many bytes."""

    max_chunk_size_bytes: int = 0
    chunk_overlap_bytes: int = 0


class ChunkConfiguration(Part):
    """Chunking of documents: exactly one strategy, besides the two switches."""

    chars_configuration: CharsConfiguration | None = None
    markdown_chars_configuration: CharsConfiguration | None = None
    code_chars_configuration: CharsConfiguration | None = None
    tokens_configuration: TokensConfiguration | None = None
    markdown_tokens_configuration: TokensConfiguration | None = None
    code_tokens_configuration: TokensConfiguration | None = None
    table_configuration: TableConfiguration | None = None
    bytes_configuration: BytesConfiguration | None = None
    #: Deprecated by xAI; passed through as it is.
    ast_configuration: dict[str, Any] | None = None
    strip_whitespace: bool | None = None
    inject_name_into_chunks: bool | None = None

    @property
    def strategies(self) -> dict[str, Any]:
        """The strategies that are set, by their wire name."""
        names = [name for name in type(self).model_fields if name.endswith("_configuration")]
        return {name: value for name in names if (value := getattr(self, name)) is not None}


def sendable(chunking: ChunkConfiguration) -> ChunkConfiguration:
    """Refuse a configuration that the service would refuse, saying which number is wrong."""
    if len(chunking.strategies) != 1:
        known = ", ".join(name for name in ChunkConfiguration.model_fields if name.endswith("_configuration"))
        got = ", ".join(chunking.strategies) or "none"
        raise ValueError(f"exactly one chunking strategy is needed, got {got}; choose one of {known}")
    ((name, strategy),) = chunking.strategies.items()
    if isinstance(strategy, dict):
        return chunking
    sizes = {key: value for key, value in strategy.model_dump().items() if isinstance(value, int)}
    size = next(value for key, value in sizes.items() if key.startswith("max_"))
    overlap = next((value for key, value in sizes.items() if key.startswith("chunk_overlap")), 0)
    if not 0 < size <= LARGEST_NUMBER:
        raise ValueError(f"{name} needs a maximum chunk size above 0 and at most {LARGEST_NUMBER}, got {size}")
    if not 0 <= overlap < size:
        raise ValueError(f"{name} needs an overlap from 0 to below the chunk size {size}, got {overlap}")
    return chunking
