"""Result of a search."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Annotated, Literal

from pydantic import Field

from airflow_provider_xai_collections.api.identity import MANAGED_KEYS
from airflow_provider_xai_collections.api.search import SearchMatch
from airflow_provider_xai_collections.manifests.base import (
    MAX_LISTED,
    MAX_NAME,
    ROOM_FOR_IDS,
    ROOM_FOR_PASSAGES,
    Manifest,
    first_of,
)
from airflow_provider_xai_collections.text import printable

#: Fields that a passage carries.
FIELDS = 10


class Passage(Manifest):
    """A passage with the beginning of its text; managed fields of its document are left out, unless asked for."""

    file_id: str
    chunk_id: str
    score: float
    page_number: int | None
    fields: dict[str, str]
    text: str

    @classmethod
    def of(cls, match: SearchMatch, max_chars: int, *, managed_fields: bool = False) -> Passage:
        wanted = ((key, value) for key, value in match.fields.items() if managed_fields or key not in MANAGED_KEYS)
        fields = list(islice(wanted, FIELDS))
        return cls(
            file_id=match.file_id,
            chunk_id=printable(match.chunk_id, MAX_NAME),
            score=match.score,
            page_number=match.page_number,
            fields={printable(key, MAX_NAME): printable(value, MAX_NAME) for key, value in fields},
            text=match.text.replace("\0", "")[:max_chars],  # PostgreSQL stores no NUL
        )


class SearchManifest(Manifest):
    """Passages that a search found: ``total`` in all, and in ``matches`` the best, as many as fit."""

    version: Literal[1]
    collection_ids: Annotated[tuple[str, ...], Field(max_length=MAX_LISTED)]
    total: int
    best_score: float | None
    matches: Annotated[tuple[Passage, ...], Field(max_length=MAX_LISTED)]

    @classmethod
    def of(
        cls,
        collection_ids: Sequence[str],
        matches: Sequence[SearchMatch],
        *,
        max_chars: int,
        managed_fields: bool = False,
    ) -> SearchManifest:
        passages = [Passage.of(match, max_chars, managed_fields=managed_fields) for match in matches[:MAX_LISTED]]
        return cls(
            version=1,
            collection_ids=first_of(collection_ids, ROOM_FOR_IDS),
            total=len(matches),
            best_score=max((match.score for match in matches), default=None),
            matches=first_of(passages, ROOM_FOR_PASSAGES),
        )
