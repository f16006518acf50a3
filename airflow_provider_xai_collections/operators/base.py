"""What all operators share: the connection, the team, and telling what they did."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseOperator, Context

from airflow_provider_xai_collections.airflow_errors import for_operator
from airflow_provider_xai_collections.arguments import DEFAULT_CONN_ID, optional_text, text_of
from airflow_provider_xai_collections.assets.collections import create_asset, emit, matching_outlets
from airflow_provider_xai_collections.exceptions import XAIError
from airflow_provider_xai_collections.last_words import before_the_end, speak
from airflow_provider_xai_collections.later import later
from airflow_provider_xai_collections.links.collections import XAICollectionLink

if TYPE_CHECKING:
    from airflow.providers.openlineage.extractors import OperatorLineage

    from airflow_provider_xai_collections.hooks import collections as hooks
    from airflow_provider_xai_collections.manifests.base import Report
else:
    hooks = later("hooks.collections")


class XAICollectionsBaseOperator(BaseOperator):
    """Works with xAI Collections through a connection.

    With the collection's asset or an ``AssetAlias`` in ``outlets``, a task that changes a collection tells those who
    wait for it what it did; see :meth:`tell`.

    :param team_id: the team to act for; by default the connection's, else the key's own. (templated)
    :param conn_id: the connection. (templated)
    """

    operator_extra_links = (XAICollectionLink(),)

    def __init__(
        self,
        *,
        team_id: str | None = None,
        conn_id: str = DEFAULT_CONN_ID,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.team_id = team_id
        self.conn_id = conn_id
        #: What it has done so far; the last word before it ends, well or not.
        self.so_far: Report | None = None

    def pre_execute(self, context: Any) -> None:
        """Before anything else, so that the link is there while the task waits."""
        super().pre_execute(context)
        with for_operator():
            self.read_arguments()
            XAICollectionLink.persist(context, self.team)

    def read_arguments(self) -> None:
        """Make of the arguments what they mean, now that templates are rendered: text, and lists that are loaded.

        :raises XAIArgumentError: one means nothing, naming it.
        """
        self.conn_id = text_of("conn_id", self.conn_id)
        self.team_id = optional_text("team_id", self.team_id)

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Read the arguments, make errors Airflow's, and close the connections at the end."""
        with for_operator():
            self.read_arguments()
            with self.hook:
                yield

    def on_kill(self) -> None:
        """End before the next request, and say what goes on at xAI and what the task will do if it runs again."""
        if "hook" in self.__dict__:
            self.hook.stop()
        speak(self.log, self.last_words())

    def last_words(self) -> str:
        """What whoever ended the task should know."""
        return before_the_end()

    @cached_property
    def hook(self) -> hooks.XAICollectionsHook:
        return hooks.XAICollectionsHook(self.conn_id)

    @property
    def team(self) -> str | None:
        return self.team_id or self.hook.team_id

    def tell(self, context: Context, report: Report, *, documents: int | None = None) -> dict[str, Any]:
        """Put the counts and the report into the events of the collection; the report as the task's result.

        Also when nothing changed. Airflow makes an event for a declared asset in any case; and a try that died after
        its work, before its end, told nobody: the next one finds everything in place, and the event must not be lost.
        Only a dry run adds none to an alias. (Not in ``post_execute``: Airflow 3.3 does not give it the result.)

        :param documents: how many the collection holds now, if that is known; it is asked otherwise, and only if there
            is somebody to tell.
        """
        self.so_far = report
        outlets = matching_outlets(self.outlets, report.collection_id, aliases=not report.is_dry_run)
        if outlets:
            now = self._documents_in(report.collection_id) if documents is None else documents
            emit(context, outlets, report.collection_id, report.event_extra(now))
        return report.dump()

    def _documents_in(self, collection_id: str) -> int | None:
        """The work is done by now, and must not fail for want of a count."""
        try:
            return self.hook.get_collection(collection_id=collection_id, team_id=self.team).documents_count
        except XAIError as error:
            self.log.warning("The asset event cannot say how many documents there are now: %s", error)
            return None

    def get_openlineage_facets_on_start(self) -> OperatorLineage[Any, Any]:
        """The collection. What goes into it is known when the documents have been listed."""
        return self._lineage(getattr(self, "collection_id", None), None)

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> OperatorLineage[Any, Any]:
        """Where the documents came from, the collection, and the counts; after a failure, as far as the task got."""
        if self.so_far is None:
            return self.get_openlineage_facets_on_start()
        return self._lineage(self.so_far.collection_id, self.so_far)

    def _lineage(self, collection_id: str | None, report: Report | None) -> OperatorLineage[Any, Any]:
        from airflow_provider_xai_collections.lineage.openlineage import written_to

        return written_to(create_asset(collection_id=collection_id).uri if collection_id else None, report)
