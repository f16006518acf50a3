"""Resources that the triggers of one event loop share: a connection, its client, the polls of a collection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Hashable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar
from weakref import WeakKeyDictionary

from airflow_provider_xai_collections.api.flows import watched_collection
from airflow_provider_xai_collections.api.polling import Poller, WaitResult, WaitRules
from airflow_provider_xai_collections.client.drivers import AsyncClient
from airflow_provider_xai_collections.client.settings import ClientSettings
from airflow_provider_xai_collections.hooks.collections import XAICollectionsHook
from airflow_provider_xai_collections.hooks.progress import ProgressMeter
from airflow_provider_xai_collections.manifests.progress import Stage
from airflow_provider_xai_collections.triggers.watching import CollectionWatch

#: Seconds for which triggers reuse what a connection says: few, so that a changed key is picked up.
FRESH = 10.0
#: Polls of one connection that run at the same time, and listings beside them.
SLOTS = 8


class Closable(Protocol):
    async def close(self) -> None: ...


K = TypeVar("K", bound=Hashable)
V = TypeVar("V", bound=Closable)


class Shared(Generic[K, V]):
    """Objects by key with a count of their users: made for the first, closed after the last."""

    def __init__(self, make: Callable[[K], V]) -> None:
        self._make = make
        self._leased: dict[K, tuple[V, int]] = {}

    def lease(self, key: K) -> Lease[K, V]:
        """Lease the object of this key, for as long as the block of ``async with`` takes."""
        return Lease(self, key)

    def acquire(self, key: K) -> V:
        value, users = self._leased.get(key) or (self._make(key), 0)
        self._leased[key] = value, users + 1
        return value

    async def release(self, key: K) -> None:
        value, users = self._leased[key]
        if users > 1:
            self._leased[key] = value, users - 1
        else:
            del self._leased[key]
            await value.close()


@dataclass(frozen=True, slots=True)
class Lease(Generic[K, V]):
    """A lease of a shared object. (A class, as there are thousands: a generator would be seven objects.)"""

    _shared: Shared[K, V]
    _key: K

    async def __aenter__(self) -> V:
        return self._shared.acquire(self._key)

    async def __aexit__(self, *_: object) -> None:
        await self._shared.release(self._key)


class SharedConnection:
    """A connection of Airflow, and its clients by the settings that it had."""

    def __init__(self, conn_id: str) -> None:
        self.clients = Shared[ClientSettings, SharedClient](SharedClient)
        self._hook = XAICollectionsHook(conn_id)
        self._looking_up = asyncio.Lock()
        self._known: tuple[float, ClientSettings] | None = None

    async def settings(self) -> ClientSettings:
        """Return the settings of the connection, now or a moment ago: many triggers may start at once."""
        async with self._looking_up:
            now = asyncio.get_running_loop().time()
            if self._known is None or now - self._known[0] > FRESH:
                self._known = now, (await self._hook.aread_connection()).settings
            return self._known[1]

    async def close(self) -> None:
        """Close nothing: its clients are closed already."""


class SharedClient:
    """A client, and all waits that use it."""

    def __init__(self, settings: ClientSettings) -> None:
        self._client = AsyncClient(settings)
        self._slots = asyncio.Semaphore(SLOTS)
        self._listings = asyncio.Semaphore(SLOTS)  # others: a long one must keep no poll waiting
        self._watches = Shared[tuple[str, str | None], CollectionWatch](
            lambda key: CollectionWatch(self._client, *key, self._slots)
        )

    async def wait(
        self,
        collection_id: str,
        file_ids: Iterable[str] | None,
        rules: WaitRules,
        *,
        filter: str | None,
        team_id: str | None,
        log: Any,
    ) -> WaitResult:
        """Wait for documents as :meth:`XAICollectionsHook.waiting` does, with shared polls."""
        if file_ids is None:
            async with self._listings:
                flow = watched_collection(collection_id, rules, filter=filter, team_id=team_id)
                poller = await self._client.run(flow)
        else:
            poller = Poller(file_ids, rules)
        async with self._watches.lease((collection_id, team_id)) as watch:
            return await watch.wait(poller, ProgressMeter(log, collection_id, stage=Stage.INDEXING).polled)

    async def close(self) -> None:
        await self._client.close()


#: By event loop: the connections of its triggers; none once the last of them has ended.
_connections: WeakKeyDictionary[asyncio.AbstractEventLoop, Shared[str, SharedConnection]] = WeakKeyDictionary()


@asynccontextmanager
async def shared_client(conn_id: str) -> AsyncIterator[SharedClient]:
    """Lease the client of a connection that the triggers of this event loop share."""
    loop = asyncio.get_running_loop()
    if loop not in _connections:
        _connections[loop] = Shared(SharedConnection)
    async with _connections[loop].lease(conn_id) as connection:
        async with connection.clients.lease(await connection.settings()) as client:
            yield client
