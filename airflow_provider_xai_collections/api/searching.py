"""A search that has to find something: what is missing, and when to stop asking."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from airflow_provider_xai_collections.api.protocol import Flow, Now, Request, Sleep, call
from airflow_provider_xai_collections.api.search import SearchMatch, SearchResults
from airflow_provider_xai_collections.exceptions import XAITimeoutError
from airflow_provider_xai_collections.text import counted, listed


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
