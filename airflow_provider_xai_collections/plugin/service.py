"""Ask xAI for a page: all that is asked has a few seconds together, is tried once, and may stay unknown."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TypeVar

from airflow_provider_xai_collections.api.collections import Collection
from airflow_provider_xai_collections.api.documents import Document, DocumentPage, DocumentStatus, ListDocuments
from airflow_provider_xai_collections.api.endpoints import (
    GET_COLLECTION,
    LIST_COLLECTIONS,
    LIST_DOCUMENTS,
    SEARCH_DOCUMENTS,
)
from airflow_provider_xai_collections.api.flows import MAX_PAGE, list_all
from airflow_provider_xai_collections.api.protocol import Flow, call
from airflow_provider_xai_collections.api.retries import RetryPolicy
from airflow_provider_xai_collections.api.search import SearchDocuments, SearchResults
from airflow_provider_xai_collections.client.drivers import AsyncClient
from airflow_provider_xai_collections.client.settings import ClientSettings
from airflow_provider_xai_collections.exceptions import XAIArgumentError, XAIError, XAITimeoutError
from airflow_provider_xai_collections.hooks.collections import XAICollectionsHook
from airflow_provider_xai_collections.plugin.views import States

T = TypeVar("T")

#: Seconds that a page waits for xAI, and an answer to a question on top of it.
TIMEOUT = 5.0
#: Requests at once.
REQUESTS_AT_ONCE = 10


class ServiceReader:
    """xAI, with the keys of a connection, for the time of one page.

    :param conn_id: the connection, which is looked up at the first call.
    """

    def __init__(self, conn_id: str) -> None:
        self._hook = XAICollectionsHook(conn_id)
        self._client: AsyncClient | None = None
        self._connecting = asyncio.Lock()
        self._until = asyncio.get_running_loop().time() + TIMEOUT

    async def collections(self) -> list[Collection]:
        """List all collections.

        :raises XAIError: they cannot be listed in full, in time.
        """
        return await self._run(lambda team_id: list_all(LIST_COLLECTIONS, team_id=team_id))

    async def collection(self, collection_id: str) -> Collection:
        """Return one collection.

        :raises XAINotFoundError: there is none.
        """
        return await self._run(
            lambda team_id: call(GET_COLLECTION.request(collection_id=collection_id, team_id=team_id))
        )

    async def documents(self, wanted: ListDocuments) -> DocumentPage:
        """Return one page of documents.

        :raises XAIError: it cannot be read in time.
        """
        asked = wanted.model_dump(exclude_none=True)
        return await self._run(lambda team_id: call(LIST_DOCUMENTS.request(**asked, team_id=team_id)))

    async def search(self, wanted: SearchDocuments) -> SearchResults:
        """Search documents.

        :raises XAIError: the search fails, or takes too long.
        """
        self._until = asyncio.get_running_loop().time() + TIMEOUT
        asked = wanted.model_dump(exclude_none=True)
        return await self._run(lambda _: call(SEARCH_DOCUMENTS.request(**asked)))

    async def first_pages(self, collections: Sequence[Collection], filter_: str) -> dict[str, DocumentPage]:
        """Return the first page of those documents of each collection that the filter takes, as far as time allows.

        :raises XAIError: the connection cannot be used.
        """
        found = {each.collection_id: DocumentPage() for each in collections if not each.documents_count}
        asked = [each.collection_id for each in collections if each.documents_count]
        with suppress(TimeoutError):  # those that are missing then are not known
            async with asyncio.timeout_at(self._until):
                client = await self._connect()
                common = {"team_id": self._hook.team_id, "filter": filter_, "limit": MAX_PAGE}
                flows = [call(LIST_DOCUMENTS.request(collection_id=each, **common)) for each in asked]
                async for position, outcome in client.run_many(flows, concurrency=REQUESTS_AT_ONCE):
                    if not isinstance(outcome, XAIError):
                        found[asked[position]] = outcome
        return found

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.close()

    async def _connect(self) -> AsyncClient:
        async with self._connecting:  # two parts of a page may ask first
            if self._client is None:
                # In a thread: to look a connection up may ask a database or a vault.
                settings = await asyncio.to_thread(self._settings)
                self._client = AsyncClient(replace(settings, retries=RetryPolicy(attempts=1)))
            return self._client

    def _settings(self) -> ClientSettings:
        """Look the connection up; any other but one to xAI is refused, or its password would be sent to its host."""
        try:
            if self._hook.has_its_type:
                return self._hook.client.settings
        except XAIError:
            raise
        except Exception as error:  # of a secrets backend, or Airflow's own for a name that nobody knows
            raise XAIArgumentError(
                f"the connection {self._hook.conn_id!r} cannot be read ({type(error).__name__})"
            ) from None
        raise XAIArgumentError(f"the connection {self._hook.conn_id!r} is not one to xAI")

    async def _run(self, flow_of: Callable[[str | None], Flow[T]]) -> T:
        """Run a flow that is made for the connection's team."""
        try:
            async with asyncio.timeout_at(self._until):
                client = await self._connect()
                return await client.run(flow_of(self._hook.team_id))
        except TimeoutError:
            raise XAITimeoutError(f"xAI did not answer within {TIMEOUT:.0f} s") from None


def states_of(page: DocumentPage, documents: int) -> States:
    """Count documents by state.

    :param page: the first of those that are not processed.
    :param documents: of the collection, in all.
    """
    failed = sum(is_failed(each) for each in page.documents)
    in_progress = len(page.documents) - failed
    processed = max(0, documents - len(page.documents))
    return States(processed, in_progress, failed, is_at_least=bool(page.pagination_token))


def is_failed(document: Document) -> bool:
    """``True`` if xAI could not index it."""
    return document.status is DocumentStatus.FAILED
