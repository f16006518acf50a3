"""The operator that searches collections."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from datetime import timedelta
from math import isfinite
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import BaseOperator, Context

from airflow_provider_xai_collections.arguments import (
    DEFAULT_CONN_ID,
    grouping_of,
    ids_of,
    optional_text,
    part_of,
    strings_of,
    text_of,
    whole_number,
)
from airflow_provider_xai_collections.assets.collections import create_asset
from airflow_provider_xai_collections.durations import Duration, seconds
from airflow_provider_xai_collections.exceptions import XAIArgumentError
from airflow_provider_xai_collections.operators.connected import Connected
from airflow_provider_xai_collections.text import counted

if TYPE_CHECKING:
    from airflow.providers.openlineage.extractors import OperatorLineage

    from airflow_provider_xai_collections.api.search import Expectation

#: Passages that the service returns if nobody says how many.
DEFAULT_LIMIT = 10


class XAISearchDocumentsOperator(Connected, BaseOperator):
    """Search collections, as a gate if asked to: fail if the answer is not as expected.

    Returns a manifest with the best passages.

    ``min_matches``, ``min_score`` and ``expect_file_ids`` make it a gate after an ingestion. A document is found some
    seconds after it has been processed, so the search is repeated until the expectation is met or ``timeout`` is over;
    without an expectation it is done once. Each search is billed. It goes by the API key alone, and knows no team.

    Source: REST reference, ``POST /v1/documents/search``.

    :param query: what to look for. (templated)
    :param collection_ids: the collections. (templated)
    :param filter: an AIP-160 expression over the documents' fields, e.g. ``'year >= "2024"'``; see
        :class:`~airflow_provider_xai_collections.api.filters.SearchFilter`. (templated)
    :param limit: number of passages; the service's default is 10. The manifest holds at most 50, and 13 KB of them.
    :param instructions: for the service, how to search. (templated)
    :param retrieval_mode: ``{"type": "hybrid" | "semantic" | "keyword"}``. (templated)
    :param group_by: ``{"keys": [...]}``. (templated)
    :param max_chars: characters of each passage's text in the manifest; 0 leaves the texts out.
    :param managed_fields: show the ``airflow_…`` fields of documents as well, which this provider manages.
    :param min_matches: fail if there are fewer passages.
    :param min_score: passages that score less do not count; fail if none is left.
    :param expect_file_ids: fail if a file is not among the passages that count. (templated)
    :param timeout: how long to search again, as a ``timedelta`` or in seconds.
    :param poll_interval: the pause between two searches, as a ``timedelta`` or in seconds.
    :param conn_id: the connection. (templated)
    """

    custom_operator_name = "xAI search"
    template_fields: Sequence[str] = (
        "query",
        "collection_ids",
        "filter",
        "instructions",
        "retrieval_mode",
        "group_by",
        "expect_file_ids",
        "conn_id",
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {
        "collection_ids": "json",
        "retrieval_mode": "json",
        "group_by": "json",
        "expect_file_ids": "json",
    }
    team_id = None  # the API key knows none

    def __init__(
        self,
        *,
        query: str,
        collection_ids: Sequence[str] | Set[str],
        filter: str | None = None,
        limit: int | None = None,
        instructions: str | None = None,
        retrieval_mode: Mapping[str, Any] | None = None,
        group_by: Mapping[str, Any] | None = None,
        max_chars: int = 500,
        managed_fields: bool = False,
        min_matches: int = 0,
        min_score: float | None = None,
        expect_file_ids: Sequence[str] | Set[str] = (),
        timeout: Duration = timedelta(minutes=1),
        poll_interval: Duration = 5.0,
        conn_id: str = DEFAULT_CONN_ID,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.query = query
        self.collection_ids = collection_ids
        self.filter = filter
        self.limit = limit
        self.instructions = instructions
        self.retrieval_mode = retrieval_mode
        self.group_by = group_by
        self.max_chars = max_chars
        self.managed_fields = managed_fields
        self.min_matches = min_matches
        self.min_score = min_score
        self.expect_file_ids = expect_file_ids
        self.timeout = timeout
        self.poll_interval = poll_interval
        self.conn_id = conn_id

    def on_kill_message(self) -> str:
        """Tell that nothing goes on."""
        return "Cancelled: a search leaves nothing behind at xAI. Run again, the task searches again"

    def read_arguments(self) -> None:
        """Make text and lists of the arguments."""
        super().read_arguments()
        self.query = text_of("query", self.query)
        self.collection_ids = self._collection_ids()
        self.filter = optional_text("filter", self.filter)
        self.instructions = optional_text("instructions", self.instructions)
        self.retrieval_mode = part_of("retrieval_mode", self.retrieval_mode)
        self.group_by = grouping_of("group_by", self.group_by)
        self.expect_file_ids = ids_of("expect_file_ids", self.expect_file_ids)

    def _collection_ids(self) -> list[str]:
        return strings_of("collection_ids", self.collection_ids, "collection ids (collection_…)")

    def execute(self, context: Context) -> dict[str, Any]:
        """Search, until the expectation is met or time is up."""
        with self.at_work(context):
            return self._search()

    def _search(self) -> dict[str, Any]:
        from airflow_provider_xai_collections.api.endpoints import SEARCH_DOCUMENTS
        from airflow_provider_xai_collections.api.search import search_until
        from airflow_provider_xai_collections.manifests.search import SearchManifest

        max_chars = whole_number("max_chars", self.max_chars, at_least=0)
        collection_ids = list(self.collection_ids)
        request = SEARCH_DOCUMENTS.request(
            query=self.query,
            source={"collection_ids": collection_ids},
            filter=self.filter,
            limit=self.limit,
            instructions=self.instructions,
            retrieval_mode=self.retrieval_mode,
            group_by=self.group_by,
        )
        flow = search_until(
            request,
            self._expectation(DEFAULT_LIMIT if self.limit is None else int(self.limit)),
            timeout=seconds("timeout", self.timeout),
            poll_interval=seconds("poll_interval", self.poll_interval),
        )
        found = SearchManifest.of(
            collection_ids, self.hook.run(flow), max_chars=max_chars, managed_fields=self.managed_fields
        )
        self.log.info("Found %s, the best scores %s", counted(found.total, "passage"), found.best_score)
        if len(found.matches) < found.total:
            self.log.info("The manifest has room for %d of them", len(found.matches))
        return found.dump()

    def _expectation(self, limit: int) -> Expectation:
        from airflow_provider_xai_collections.api.search import Expectation

        score = self.min_score
        if score is not None and (isinstance(score, bool) or not isinstance(score, int | float) or not isfinite(score)):
            raise XAIArgumentError(f"min_score is {score!r}; it must be a number")
        wanted = Expectation(
            min_matches=whole_number("min_matches", self.min_matches, at_least=0),
            min_score=score,
            file_ids=tuple(self.expect_file_ids),
        )
        for name, asked in (("min_matches", wanted.min_matches), ("expect_file_ids", len(wanted.file_ids))):
            if asked > limit:
                raise XAIArgumentError(f"{name} asks for {asked} passages, and limit allows {limit}. Raise limit")
        return wanted

    def get_openlineage_facets_on_start(self) -> OperatorLineage[Any, Any]:
        """Tell OpenLineage the collections that are searched; the first ones, if they are very many."""
        from airflow_provider_xai_collections.lineage.openlineage import read_from
        from airflow_provider_xai_collections.manifests.base import MAX_LISTED

        return read_from(
            create_asset(collection_id=collection_id).uri for collection_id in self._collection_ids()[:MAX_LISTED]
        )
