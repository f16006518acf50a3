"""Search over collections, and a search that has to find something.

Source: REST reference, ``POST /v1/documents/search``; ``documents.proto``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from airflow_provider_xai_collections.api.protocol import Flow, Now, Request, Sleep, call
from airflow_provider_xai_collections.api.wire import LARGEST_NUMBER, Answer, Id, Params, Part
from airflow_provider_xai_collections.exceptions import XAITimeoutError
from airflow_provider_xai_collections.text import counted, listed


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


@dataclass(frozen=True, slots=True)
class Expectation:
    """The passages that a search should find.

    :param min_matches: so many passages at least.
    :param min_score: only passages that score so much count, and there must be one.
    :param file_ids: a passage of each of these.
    """

    min_matches: int = 0
    min_score: float | None = None
    file_ids: tuple[str, ...] = ()

    @property
    def least(self) -> int:
        """Passages that must count."""
        return max(self.min_matches, 0 if self.min_score is None else 1)

    def missing(self, matches: Sequence[SearchMatch]) -> str:
        """Say what these matches lack, without their content; empty if nothing."""
        counting = [match for match in matches if self.min_score is None or match.score >= self.min_score]
        enough = "" if self.min_score is None else f" scoring {self.min_score:g} or more"
        lacks = []
        if len(counting) < self.least:
            lacks.append(f"{counted(len(counting), 'passage')}{enough} instead of {self.least}")
        there = {match.file_id for match in counting}
        if absent := [file_id for file_id in self.file_ids if file_id not in there]:
            lacks.append(f"no passage{enough} of {listed(absent)}")
        return "; ".join(lacks)


def search_until(
    request: Request[SearchResults], wanted: Expectation, *, timeout: float, poll_interval: float
) -> Flow[tuple[SearchMatch, ...]]:
    """Search until the answer is as wanted, for up to ``timeout`` seconds: documents are found a while after they are
    processed. The error after that names what is missing, and the best score."""
    began: float = yield Now()
    deadline = began + timeout
    while True:
        matches = (yield from call(replace(request, deadline=deadline))).matches
        missing = wanted.missing(matches)
        if not missing:
            return matches
        now: float = yield Now()
        if now >= deadline:
            best = f"the best of {len(matches)} scores {max(match.score for match in matches):g}" if matches else "none"
            raise XAITimeoutError(
                f"{request}: the search found {missing}, after {now - began:.0f} seconds (passages: {best}). Check "
                "that the documents are in the collection and processed, and that query and filter fit them"
            )
        yield Sleep(min(poll_interval, deadline - now))
