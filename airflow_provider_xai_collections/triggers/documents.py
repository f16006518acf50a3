"""Trigger for documents that are being processed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence, Set
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider_xai_collections.api.polling import WaitEnd, WaitRules
from airflow_provider_xai_collections.arguments import ids_of
from airflow_provider_xai_collections.exceptions import XAIError
from airflow_provider_xai_collections.hooks.collections import XAICollectionsHook
from airflow_provider_xai_collections.manifests.base import shown
from airflow_provider_xai_collections.manifests.waits import WaitEvent, WaitSummary
from airflow_provider_xai_collections.on_kill import FINDS, INDEXES_AGAIN, cancelled_while_waiting
from airflow_provider_xai_collections.text import counted
from airflow_provider_xai_collections.triggers.sharing import shared_client

#: Bytes of JSON of an error's message: the event is a row in Airflow's database.
ROOM_FOR_ERROR = 6_000


class XAIDocumentsProcessedTrigger(BaseTrigger):
    """Wait until documents are processed, failed or missing, and fire one :class:`WaitEvent`.

    Triggers of one triggerer share the client of their connection, and the polls of their collection.

    :param collection_id: the collection.
    :param file_ids: the documents. ``None``: the documents of the collection that are not processed yet; if the service
        names none, all of them.
    :param filter: with ``file_ids=None``, only those that match.
    :param team_id: the team to act for, if the key does not say.
    :param conn_id: the connection.
    :param deadline: when to give up, in seconds since the epoch, restarts of the triggerer or not.
    :param at_deadline: how the wait ends then: ``"timed_out"``, or ``"execution_timed_out"`` if it is the task's
        ``execution_timeout`` that comes first.
    :param poll_interval: the longest pause between two polls, in seconds.
    :param manifest: returned in the event. (``defer(kwargs=...)`` would do, but ``airflow dags test`` drops those.)
    """

    def __init__(
        self,
        *,
        collection_id: str,
        file_ids: Sequence[str] | Set[str] | None = None,
        filter: str | None = None,
        team_id: str | None = None,
        conn_id: str = XAICollectionsHook.default_conn_name,
        deadline: float | None = None,
        at_deadline: str = WaitEnd.TIMED_OUT,
        poll_interval: float = 15.0,
        manifest: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow gives triggers no annotations
        self.collection_id = collection_id
        self.file_ids = file_ids
        self.filter = filter
        self.team_id = team_id
        self.conn_id = conn_id
        self.deadline = deadline
        self.at_deadline = at_deadline
        self.poll_interval = poll_interval
        self.manifest = manifest

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {
                "collection_id": self.collection_id,
                "file_ids": None if self.file_ids is None else ids_of("file_ids", self.file_ids),
                "filter": self.filter,
                "team_id": self.team_id,
                "conn_id": self.conn_id,
                "deadline": self.deadline,
                "at_deadline": str(self.at_deadline),
                "poll_interval": self.poll_interval,
                "manifest": self.manifest,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        try:
            end = WaitEnd(self.at_deadline)
            rules = WaitRules(self.deadline, self.poll_interval, at_deadline=end)
            async with shared_client(self.conn_id) as client:
                result = await client.wait(
                    self.collection_id, self.file_ids, rules, filter=self.filter, team_id=self.team_id, log=self.log
                )
            event = WaitEvent(version=1, manifest=self.manifest, summary=WaitSummary.of(result))
        except XAIError as error:
            event = self._failed(str(error), type(error).__name__)
        except Exception as error:
            # A trigger that raises fails the task without a reason its reader can see.
            self.log.exception("The wait for documents of %s broke", self.collection_id)
            event = self._failed(f"{type(error).__name__} in the trigger: {error}")
        yield TriggerEvent(event.dump())

    async def on_kill(self) -> None:
        """Say what goes on at xAI when a user ends the task. Airflow calls it from 3.3 on, and not for a redeploy."""
        documents = "documents" if self.file_ids is None else counted(len(self.file_ids), "document")
        reindexes = ((self.manifest or {}).get("manifest") or {}).get("reindexed")
        again = INDEXES_AGAIN if reindexes else FINDS
        self.log.warning(cancelled_while_waiting(self.collection_id, documents, again))

    def _failed(self, error: str, error_type: str | None = None) -> WaitEvent:
        return WaitEvent(version=1, manifest=self.manifest, error=shown(error, ROOM_FOR_ERROR), error_type=error_type)
