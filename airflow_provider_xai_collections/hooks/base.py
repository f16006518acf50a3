"""Base of the hook: an Airflow connection turned into drivers that run flows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any, Self, TypeVar

from airflow.providers.common.compat.connection import get_async_connection, get_async_extra_dejson
from airflow.providers.common.compat.sdk import BaseHook

from airflow_provider_xai_collections.api.protocol import Flow
from airflow_provider_xai_collections.arguments import DEFAULT_CONN_ID
from airflow_provider_xai_collections.client.cancelling import CancelToken
from airflow_provider_xai_collections.client.drivers import AsyncClient, Client
from airflow_provider_xai_collections.client.settings import Service
from airflow_provider_xai_collections.client.usage import UsageCounter
from airflow_provider_xai_collections.exceptions import XAIError
from airflow_provider_xai_collections.hooks.connection import ConnectionSettings, settings_from

T = TypeVar("T")


class XAIConnectedHook(BaseHook):
    """Run flows with the keys of an Airflow connection.

    :param conn_id: the connection, which is looked up at the first call.
    """

    conn_name_attr = "conn_id"
    default_conn_name = DEFAULT_CONN_ID
    conn_type = "xai_collections"
    hook_name = "xAI Collections"

    def __init__(self, conn_id: str = default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.conn_id = conn_id
        self._async_client: AsyncClient | None = None
        self._cancel_token = CancelToken()

    @cached_property
    def _connection(self) -> ConnectionSettings:
        connection = self.get_connection(self.conn_id)
        return self._read(connection, connection.extra_dejson)

    def _read(self, connection: Any, extra: Mapping[str, Any]) -> ConnectionSettings:
        return settings_from(
            self.conn_id, host=connection.host, port=connection.port, password=connection.password, extra=extra
        )

    @cached_property
    def usage(self) -> UsageCounter:
        """The count of what the synchronous driver does."""
        return UsageCounter()

    @cached_property
    def client(self) -> Client:
        """The synchronous driver."""
        return Client(self._connection.settings, cancel_token=self._cancel_token, usage=self.usage)

    @property
    def team_id(self) -> str | None:
        """The team that the connection names, if any."""
        return self._connection.team_id

    @property
    def management(self) -> Service:
        """The service that manages collections, as the connection names it."""
        return self._connection.settings.management

    @property
    def has_its_type(self) -> bool:
        """``True`` if the connection is one to xAI: a name may be that of any connection, such as a database's."""
        return bool(self.get_connection(self.conn_id).conn_type == self.conn_type)

    def run(self, flow: Flow[T]) -> T:
        """Run a flow to its end."""
        return self.client.run(flow)

    def run_many(self, flows: Iterable[Flow[T] | None], *, concurrency: int) -> Iterator[tuple[int, T | XAIError]]:
        """Run flows side by side; see :meth:`~airflow_provider_xai_collections.client.drivers.Client.run_many`."""
        return self.client.run_many(flows, concurrency=concurrency)

    def cancel(self) -> None:
        """End what the synchronous driver runs, before its next request, for good; safe in a signal handler."""
        self._cancel_token.cancel()

    def check_cancelled(self) -> None:
        """Raise :class:`XAIInterruptedError` if :meth:`cancel` was called: for long work without requests."""
        self._cancel_token.check()

    def close(self) -> None:
        """Close the connections of the synchronous driver."""
        if "client" in self.__dict__:
            self.client.close()
            del self.client

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def arun(self, flow: Flow[T]) -> T:
        """Run a flow on the event loop. Call :meth:`aclose` when done."""
        if self._async_client is None:
            settings = (await self.aread_connection()).settings
            # Another flow may have come first while this one looked the connection up.
            self._async_client = self._async_client or AsyncClient(settings)
        return await self._async_client.run(flow)

    async def aread_connection(self) -> ConnectionSettings:
        """Look the connection up, on the event loop."""
        connection = await get_async_connection(self.conn_id, hook=self)
        return self._read(connection, await get_async_extra_dejson(connection))

    async def aclose(self) -> None:
        """Close the connections that :meth:`arun` opened."""
        if self._async_client is not None:
            client, self._async_client = self._async_client, None
            await client.close()
