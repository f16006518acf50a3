"""Search over collections. Source: REST reference, ``POST /v1/documents/search``; ``documents.proto``."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from airflow_provider_xai_collections.api.wire import LARGEST_NUMBER, Answer, Id, Params, Part


class RetrievalType(StrEnum):
    """The way in which passages are found."""

    HYBRID = "hybrid"
    SEMANTIC = "semantic"
    KEYWORD = "keyword"


class RetrievalMode(Part):
    """The way in which passages are found; its tuning (rerankers and the like) is passed through as given."""

    model_config = ConfigDict(extra="allow")

    type: RetrievalType


class GroupBy(Part):
    keys: Annotated[tuple[str, ...], Field(min_length=1)]


class DocumentsSource(Part):
    collection_ids: Annotated[tuple[str, ...], Field(min_length=1)]


class SearchDocuments(Params):
    query: Annotated[str, Field(min_length=1)]
    source: DocumentsSource
    filter: str | None = None
    limit: Annotated[int, Field(ge=1, le=LARGEST_NUMBER)] | None = None
    instructions: str | None = None
    retrieval_mode: RetrievalMode | None = None
    group_by: GroupBy | None = None

    @property
    def subject(self) -> str:
        return ", ".join(self.source.collection_ids)


class _PageOfText(BaseModel):
    """A piece of a passage. Anything with other parts is JSON that the document itself holds."""

    model_config = ConfigDict(extra="forbid")

    page_number: int
    text: str


_PAGES = TypeAdapter(Annotated[list[_PageOfText], Field(min_length=1)])


class SearchMatch(Part):
    """A passage that answers the query."""

    file_id: Id
    chunk_id: str = ""
    chunk_content: str = ""
    score: float = 0.0
    collection_ids: tuple[str, ...] = ()
    fields: dict[str, str] = Field(default_factory=dict)
    page_number: int | None = None

    @property
    def text(self) -> str:
        """The text of the passage. ``chunk_content`` has been seen to be JSON around it: a list of pages with texts."""
        if not self.chunk_content.startswith("["):
            return self.chunk_content
        try:
            pages = _PAGES.validate_json(self.chunk_content)
        except ValidationError:
            return self.chunk_content  # a text that begins with a bracket
        return "\n\n".join(page.text for page in pages)


class SearchResults(Answer):
    matches: tuple[SearchMatch, ...] = ()
