"""One look at all that a page shows: both sides asked at once, each with what it could not tell."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from starlette.requests import Request

from airflow_provider_xai_collections.api.collections import Collection
from airflow_provider_xai_collections.api.documents import DocumentPage, ListDocuments
from airflow_provider_xai_collections.arguments import DEFAULT_CONN_ID
from airflow_provider_xai_collections.exceptions import XAIError, XAINotFoundError
from airflow_provider_xai_collections.hooks.collections import XAICollectionsHook
from airflow_provider_xai_collections.plugin.airflow_api import AirflowAPI, AirflowAPIError
from airflow_provider_xai_collections.plugin.documents import NOT_PROCESSED
from airflow_provider_xai_collections.plugin.history import MAX_ASSETS, CollectionAsset, History, HistoryReader
from airflow_provider_xai_collections.plugin.service import ServiceReader, states_of
from airflow_provider_xai_collections.plugin.views import Look, States, Unknown
from airflow_provider_xai_collections.text import counted, printable

#: Airflow's word for connections to xAI.
CONNECTION_TYPE = XAICollectionsHook.conn_type
#: Connections that are looked through.
MAX_CONNECTIONS = 1_000
#: Characters of an error.
MAX_ERROR = 500
NOT_ASKED = "Documents, sizes and states as they are now are not shown."
#: Names of connections, as Airflow takes them. With any other, the address asked for would be that of something else.
_CONNECTION_ID = re.compile(r"[\w.-]*\w[\w.-]*")


@dataclass(slots=True)
class Looking:
    """Both sides, as far as the user of a page may ask them, and a list of what they did not tell.

    :param service: ``None`` if the user may not use the connection.
    :param sees_nothing: the user may see neither side.
    """

    conn_id: str
    history: HistoryReader
    service: ServiceReader | None
    sees_nothing: bool = False
    connections: tuple[str, ...] = ()
    unknown: list[Unknown] = field(default_factory=list)
    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    async def collections(self) -> list[Collection] | None:
        """List the collections; ``None`` if xAI cannot be asked."""
        if self.service is None:
            return None
        try:
            return await self.service.collections()
        except XAIError as error:
            self.did_not_see("Documents, sizes and states as they are now are not known.", error)
            return None

    async def collection(self, collection_id: str) -> Collection | None:
        """Return one collection; ``None`` if xAI cannot be asked.

        :raises XAINotFoundError: there is none.
        """
        if self.service is None:
            return None
        try:
            return await self.service.collection(collection_id)
        except XAINotFoundError:
            raise
        except XAIError as error:
            self.did_not_see("The collection as it is now is not known.", error)
            return None

    async def states(self, collections: Sequence[Collection]) -> Mapping[str, States]:
        """Count documents by state, by id of the collection, as far as xAI answers in time."""
        pages = await self.first_pages(collections, NOT_PROCESSED)
        known = {each.collection_id: each.documents_count for each in collections}
        return {each: states_of(page, known[each]) for each, page in pages.items()}

    async def first_pages(self, collections: Sequence[Collection], filter_: str) -> Mapping[str, DocumentPage]:
        """Return the first page of those documents of each collection that the filter takes."""
        if self.service is None or not collections:
            return {}
        pages = await self.service.first_pages(collections, filter_)
        if missing := len(collections) - len(pages):
            what = f"The states of the documents of {counted(missing, 'collection')} are not known."
            self.unknown.append(Unknown(what, "xAI did not tell them, or not in time."))
        return pages

    async def documents(self, wanted: ListDocuments) -> DocumentPage | None:
        """Return one page of documents; ``None`` if xAI cannot be asked."""
        if self.service is None:
            return None
        try:
            return await self.service.documents(wanted)
        except XAINotFoundError:
            raise
        except XAIError as error:
            self.did_not_see("The documents are not known.", error)
            return None

    async def assets(self, collection_id: str = "") -> list[CollectionAsset]:
        """List the assets, or that of one collection; none if Airflow does not show them."""
        try:
            assets, is_all = await self.history.assets(collection_id)
        except AirflowAPIError as error:
            self.unknown.append(_not_from_airflow(error))
            return []
        if not is_all:
            what = "Runs of some collections are not known."
            self.unknown.append(Unknown(what, f"Airflow has more than {MAX_ASSETS:,} assets of collections."))
        return assets

    async def names(self, assets: Sequence[CollectionAsset]) -> dict[str, str]:
        """Return the names of collections by id, as their newest events say; its id, where none says it."""
        try:
            return await self.history.names(assets)
        except AirflowAPIError as error:
            self.unknown.append(_not_from_airflow(error, "Names of collections are not known."))
            return {each.collection_id: each.collection_id for each in assets}

    async def histories(self, assets: Iterable[CollectionAsset], *, runs: int) -> Mapping[str, History]:
        """Return what Airflow knows of these collections, by id, as far as it answers in time."""
        asked = list(assets)
        known, error = await self.history.histories(asked, runs=runs)
        if error is not None:
            missing = counted(sum(each.collection_id not in known for each in asked), "collection")
            self.unknown.append(_not_from_airflow(error, f"Runs of {missing} are not known."))
        return known

    def did_not_see(self, what: str, error: XAIError) -> None:
        """Keep that xAI has not told something."""
        why = printable(str(error), MAX_ERROR)
        self.unknown.append(Unknown(what, why, "What Airflow knows is shown. Read again in a minute."))

    def look(self, failed: int | None = None) -> Look:
        """Return it for the page.

        :param failed: failed documents, as far as that is known.
        """
        return Look(self.conn_id, self.connections, self.at, failed, tuple(dict.fromkeys(self.unknown)))


@asynccontextmanager
async def looking(request: Request, conn_id: str) -> AsyncIterator[Looking]:
    """Begin to look, with what the user may use.

    :param request: that of the page.
    :param conn_id: the connection that was chosen; nothing for the default.
    """
    airflow = AirflowAPI(request)
    service = None
    try:
        chosen = conn_id or DEFAULT_CONN_ID
        connections, refusal = await _allowed(airflow, chosen)
        service = None if refusal else ServiceReader(chosen)
        yield Looking(
            conn_id=chosen,
            history=HistoryReader(airflow),
            service=service,
            sees_nothing=refusal is not None and refusal.is_forbidden and await _hides_assets(airflow),
            connections=tuple(dict.fromkeys([*connections, chosen])),
            unknown=[refusal] if refusal else [],
        )
    finally:
        if service is not None:
            await service.close()
        await airflow.close()


async def _allowed(airflow: AirflowAPI, conn_id: str) -> tuple[list[str], Unknown | None]:
    """Return the connections to choose from, and why the one that was chosen is not used, if it is not."""
    try:
        connections = await _connections(airflow)
    except AirflowAPIError as error:
        return [], Unknown(NOT_ASKED, f"{error}.", "Read again in a minute.")
    return connections or [], await _refusal(airflow, conn_id, may_see_others=connections is not None)


async def _hides_assets(airflow: AirflowAPI) -> bool:
    try:
        await airflow.get("assets", limit=1)
    except AirflowAPIError as error:
        return error.is_forbidden
    return False


async def _connections(airflow: AirflowAPI) -> list[str] | None:
    """List the connections to xAI in Airflow's database; ``None`` if the user may not see them.

    :raises AirflowAPIError: Airflow cannot answer.
    """
    try:
        found = await airflow.all_pages("connections", of="connections", at_most=MAX_CONNECTIONS)
    except AirflowAPIError as error:
        if error.is_forbidden:
            return None
        raise
    return [each["connection_id"] for each in found if each["conn_type"] == CONNECTION_TYPE]


async def _refusal(airflow: AirflowAPI, conn_id: str, *, may_see_others: bool) -> Unknown | None:
    """Return why the connection is not used, if it is not: Airflow says whether the user may read it.

    Where Airflow's database has no such connection, the environment or a vault may. Then those may use it who may see
    the connections that are there.
    """
    if not _CONNECTION_ID.fullmatch(conn_id):
        return Unknown(NOT_ASKED, "Airflow has no connections with such a name.", "Choose another.")
    try:
        found = await airflow.get("connections", conn_id)
    except AirflowAPIError as error:
        if error.is_missing and may_see_others:
            return None
        if error.is_missing or error.is_forbidden:
            why = f"They need the connection {conn_id}, and Airflow does not let you use it."
            return Unknown(NOT_ASKED, why, "What runs of Airflow have told is shown.", is_forbidden=True)
        return Unknown(NOT_ASKED, f"{error}.", "Read again in a minute.")
    if found["conn_type"] == CONNECTION_TYPE:
        return None
    return Unknown("xAI was not asked.", f"The connection {conn_id} is not one to xAI.", "Choose another.")


def _not_from_airflow(error: AirflowAPIError, what: str = "Runs, sources and growth are not known.") -> Unknown:
    if error.is_forbidden:
        return Unknown(what, "They come from asset events, and Airflow does not let you see those.", is_forbidden=True)
    return Unknown(what, f"{error}.", "Read again in a minute.")
