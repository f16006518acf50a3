"""Base of all operators: they change a collection, and tell what they did to it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseOperator, Context

from airflow_provider_xai_collections.arguments import DEFAULT_CONN_ID
from airflow_provider_xai_collections.assets.collections import create_asset, emit, matching_outlets
from airflow_provider_xai_collections.exceptions import XAIError
from airflow_provider_xai_collections.operators.connected import Connected, OnCollection

if TYPE_CHECKING:
    from airflow.providers.openlineage.extractors import OperatorLineage

    from airflow_provider_xai_collections.manifests.base import TaskResult


class XAIBaseOperator(Connected, BaseOperator):
    """An operator with a connection.

    :param team_id: the team to act for; by default the connection's, else the key's own. (templated)
    :param conn_id: the connection. (templated)
    """

    def __init__(self, *, team_id: str | None = None, conn_id: str = DEFAULT_CONN_ID, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.team_id = team_id
        self.conn_id = conn_id
        #: What it has done by now, whether or not it ends well.
        self.manifest: TaskResult | None = None
        #: When the work began, in seconds since the epoch, if that was in another task.
        self.began: float | None = None

    def tell(self, context: Context, report: TaskResult, *, documents: int | None = None) -> dict[str, Any]:
        """Put the counts and the report into the events of the collection's asset; return the task's result.

        Also when nothing changed. Airflow makes an event for a declared asset in any case; and a try that died after
        its work, before its end, told nobody: the next one finds everything there, and the event must not be lost.
        Only a dry run adds none to an alias, and a collection that does not exist has no asset. (Not in
        ``post_execute``: Airflow 3.3 does not give it the result.)

        :param documents: how many the collection holds now, if that is known; it is asked otherwise, and only if there
            is somebody to tell.
        """
        self.manifest = report
        if not report.collection_id:
            return report.dump()
        if outlets := matching_outlets(self.outlets, report.collection_id, aliases=not report.is_dry_run):
            now, name = self._ask(report.collection_id) if documents is None else (documents, None)
            name = name or getattr(self, "collection_name", None)
            known = {"collection_name": name} if name else {}
            emit(context, outlets, report.collection_id, {**report.event_extra(now, self._seconds), **known})
        return report.dump()

    @property
    def _seconds(self) -> float:
        """The time that the work has taken by now, with its wait in the triggerer."""
        return round(max(0.0, time.time() - (self.began or self.progress.began)), 1)

    def _ask(self, collection_id: str) -> tuple[int | None, str | None]:
        """Count documents, and read the name; the work is done by now, and does not fail if that cannot be told."""
        try:
            collection = self.hook.get_collection(collection_id=collection_id, team_id=self.team)
            return collection.documents_count, collection.collection_name
        except XAIError as error:
            self.log.warning("The asset event cannot say how many documents there are now: %s", error)
            return None, None

    def get_openlineage_facets_on_start(self) -> OperatorLineage[Any, Any]:
        """Tell OpenLineage the collection. What goes into it is known when the documents have been listed."""
        return self._lineage(getattr(self, "collection_id", None), None)

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> OperatorLineage[Any, Any]:
        """Tell OpenLineage where documents came from, the collection, and the counts, also after a failure."""
        if self.manifest is None:
            return self.get_openlineage_facets_on_start()
        return self._lineage(self.manifest.collection_id, self.manifest)

    def _lineage(self, collection_id: str | None, report: TaskResult | None) -> OperatorLineage[Any, Any]:
        from airflow_provider_xai_collections.lineage.openlineage import written_to

        return written_to(create_asset(collection_id=collection_id).uri if collection_id else None, report)


class XAICollectionOperator(OnCollection, XAIBaseOperator):
    """An operator on one collection.

    :param collection_id: the collection, by its id. (templated)
    :param collection_name: or by its name, compared exactly. (templated)
    :param team_id: the team to act for; by default the connection's, else the key's own. (templated)
    :param conn_id: the connection. (templated)
    """

    def __init__(
        self,
        *,
        collection_id: str | None = None,
        collection_name: str | None = None,
        team_id: str | None = None,
        conn_id: str = DEFAULT_CONN_ID,
        **kwargs: Any,
    ) -> None:
        super().__init__(team_id=team_id, conn_id=conn_id, **kwargs)
        self.collection_id = collection_id
        self.collection_name = collection_name
