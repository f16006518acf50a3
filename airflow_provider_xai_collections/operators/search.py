"""The operator that searches collections."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from datetime import timedelta
from functools import cached_property
from math import isfinite
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import BaseOperator, Context

from airflow_provider_xai_collections.airflow_errors import for_operator
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
from airflow_provider_xai_collections.last_words import speak
from airflow_provider_xai_collections.later import later
from airflow_provider_xai_collections.links.collections import XAICollectionLink

if TYPE_CHECKING:
    from airflow.providers.openlineage.extractors import OperatorLineage

    from airflow_provider_xai_collections.api import endpoints, searching
    from airflow_provider_xai_collections.hooks import collections as hooks
    from airflow_provider_xai_collections.manifests import base as manifests_base
    from airflow_provider_xai_collections.manifests import search as search_manifests
else:
    endpoints = later("api.endpoints")
    searching = later("api.searching")
    hooks = later("hooks.collections")
    manifests_base = later("manifests.base")
    search_manifests = later("manifests.search")


#: Passages that the service returns if nobody says how many.
DEFAULT_LIMIT = 10


class XAISearchDocumentsOperator(BaseOperator):
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
    operator_extra_links = (XAICollectionLink(),)

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

    def on_kill(self) -> None:
        """End before the next search, and say that nothing goes on."""
        if "hook" in self.__dict__:
            self.hook.stop()
        speak(self.log, "Told to end: a search leaves nothing behind at xAI. Run again, the task searches again")

    @cached_property
    def hook(self) -> hooks.XAICollectionsHook:
        return hooks.XAICollectionsHook(self.conn_id)

    def pre_execute(self, context: Any) -> None:
        """Before anything else, so that the link is there while the task searches again and again."""
        super().pre_execute(context)
        with for_operator():
            self.read_arguments()
            XAICollectionLink.persist(context, self.hook.team_id)

    def read_arguments(self) -> None:
        """Make of the arguments what they mean, now that templates are rendered: text, and lists that are loaded.

        :raises XAIArgumentError: one means nothing, naming it.
        """
        self.conn_id = text_of("conn_id", self.conn_id)
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
        with for_operator():
            self.read_arguments()
            with self.hook:
                return self._search()

    def _search(self) -> dict[str, Any]:
        max_chars = whole_number("max_chars", self.max_chars, at_least=0)
        collection_ids = list(self.collection_ids)
        request = endpoints.SEARCH_DOCUMENTS.request(
            query=self.query,
            source={"collection_ids": collection_ids},
            filter=self.filter,
            limit=self.limit,
            instructions=self.instructions,
            retrieval_mode=self.retrieval_mode,
            group_by=self.group_by,
        )
        flow = searching.search_until(
            request,
            self._expectation(DEFAULT_LIMIT if self.limit is None else int(self.limit)),
            timeout=seconds("timeout", self.timeout),
            poll_interval=seconds("poll_interval", self.poll_interval),
        )
        found = search_manifests.SearchManifest.of(
            collection_ids, self.hook.run(flow), max_chars=max_chars, managed_fields=self.managed_fields
        )
        self.log.info("Found %d passages, the best scores %s", found.total, found.best_score)
        if len(found.matches) < found.total:
            self.log.info("The manifest has room for %d of them", len(found.matches))
        return found.dump()

    def _expectation(self, limit: int) -> searching.Expectation:
        score = self.min_score
        if score is not None and (isinstance(score, bool) or not isinstance(score, int | float) or not isfinite(score)):
            raise XAIArgumentError(f"min_score is {score!r}; it must be a number")
        wanted = searching.Expectation(
            min_matches=whole_number("min_matches", self.min_matches, at_least=0),
            min_score=score,
            file_ids=tuple(self.expect_file_ids),
        )
        for name, asked in (("min_matches", wanted.min_matches), ("expect_file_ids", len(wanted.file_ids))):
            if asked > limit:
                raise XAIArgumentError(f"{name} asks for {asked} passages, and limit allows {limit}. Raise limit")
        return wanted

    def get_openlineage_facets_on_start(self) -> OperatorLineage[Any, Any]:
        """The collections that are searched; the first ones, if they are very many."""
        from airflow_provider_xai_collections.lineage.openlineage import read_from

        return read_from(
            create_asset(collection_id=collection_id).uri
            for collection_id in self._collection_ids()[: manifests_base.CAP]
        )
