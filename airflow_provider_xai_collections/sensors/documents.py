"""Sensor for documents that are being processed."""

from __future__ import annotations

from collections.abc import Sequence, Set
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import (
    AirflowException,
    AirflowSensorTimeout,
    AirflowSkipException,
    AirflowTaskTimeout,
    BaseSensorOperator,
    Context,
    PokeReturnValue,
    conf,
)

from airflow_provider_xai_collections.airflow_errors import for_sensor
from airflow_provider_xai_collections.arguments import DEFAULT_CONN_ID, count_or_share, ids_of, optional_text
from airflow_provider_xai_collections.exceptions import XAIArgumentError, XAIError
from airflow_provider_xai_collections.on_kill import cancelled_while_waiting
from airflow_provider_xai_collections.operators.connected import OnCollection
from airflow_provider_xai_collections.text import counted

if TYPE_CHECKING:
    from airflow_provider_xai_collections.api.polling import Poller, WaitResult
    from airflow_provider_xai_collections.client.clock import Clock


class XAIDocumentsProcessedSensor(OnCollection, BaseSensorOperator):
    """Wait until documents of a collection are processed.

    A document that failed, or is no longer in the collection, is not waited for: ``max_failed`` says what that means.
    (In ``reschedule`` mode no poke knows of the one before, so a missing one is waited for until ``timeout``.) A poll
    that fails for a passing reason is repeated. ``poke_interval``, ``timeout``, ``mode``, ``soft_fail`` and all else
    are Airflow's. Returns a summary: counts, and the first documents that are not processed. Source: REST reference,
    ``documents:batchGet``.

    :param collection_id: the collection, by its id. (templated)
    :param collection_name: or by its name, compared exactly. (templated)
    :param file_ids: the documents. ``None``: the documents of the collection that are not processed yet; if the service
        names none, all of them. The first poll asks for them; in ``reschedule`` mode, each poll. (templated)
    :param filter: with ``file_ids=None``, only those that match this filter of ``GET …/documents``. (templated)
    :param max_failed: how many documents may fail before the task does: a count (1), or a share of the documents (0.05;
        1.0 is all); ``None`` for any number.
    :param deferrable: wait in the triggerer instead of a worker slot.
    :param team_id: the team to act for; by default the connection's, else the key's own. (templated)
    :param conn_id: the connection. (templated)
    """

    custom_operator_name = "xAI wait for documents"
    template_fields: Sequence[str] = ("collection_id", "collection_name", "file_ids", "filter", "team_id", "conn_id")

    _poller: Poller | None = None
    _clock: Clock | None = None

    def __init__(
        self,
        *,
        collection_id: str | None = None,
        collection_name: str | None = None,
        file_ids: Sequence[str] | Set[str] | None = None,
        filter: str | None = None,
        max_failed: float | None = 0,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        team_id: str | None = None,
        conn_id: str = DEFAULT_CONN_ID,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.collection_id = collection_id
        self.collection_name = collection_name
        self.file_ids = file_ids
        self.filter = filter
        self.max_failed = max_failed
        self.deferrable = deferrable
        self.team_id = team_id
        self.conn_id = conn_id

    def translating(self) -> AbstractContextManager[None]:
        """Translate errors into those that Airflow expects of a sensor."""
        return for_sensor()

    def read_arguments(self) -> None:
        """Read the documents and the failure policy, beside the other arguments."""
        super().read_arguments()
        self.filter = optional_text("filter", self.filter)
        if self.max_failed is not None:
            count_or_share("max_failed", self.max_failed)
        if self.file_ids is not None:
            self.file_ids = ids_of("file_ids", self.file_ids)
            if not self.file_ids:
                raise XAIArgumentError(
                    "file_ids is empty: there is nothing to wait for. A manifest lists no ids if there are too many "
                    "for 16 KB: leave file_ids out to wait for the whole collection, or for a part of it with filter"
                )

    def execute(self, context: Context) -> Any:
        """Wait here, poking, or in the triggerer."""
        with self.attempt(context):
            return self._poll_or_defer(context, began_with=None) if self.deferrable else self._poke(context)

    def _poke(self, context: Context) -> Any:
        try:
            return super().execute(context)
        except AirflowSensorTimeout as error:
            raise AirflowSensorTimeout(f"{error}{self._still_pending}") from error
        except AirflowTaskTimeout as error:
            from airflow_provider_xai_collections.waits.outcome import naming_unfinished

            raise naming_unfinished(error, self, self._poller) from error

    def poke(self, context: Context) -> PokeReturnValue:
        """Poll once."""
        with self.connected():
            result = self._poll()
            return PokeReturnValue(result is not None, xcom_value=None if result is None else self._judged(result))

    def execute_complete(self, context: Context, event: Any = None) -> Any:
        """Go on after the wait in the triggerer, which may have watched a part of the documents."""
        from airflow_provider_xai_collections.hooks.progress import warn_of_doubts
        from airflow_provider_xai_collections.manifests.waits import WaitEvent
        from airflow_provider_xai_collections.waits.outcome import check_outcome

        with self.attempt(context), self.connected():
            ended = WaitEvent.parse(event)
            summary = ended.summary_or_error()
            if self.file_ids is not None:
                return self._poll_or_defer(context, began_with=(ended.manifest or {}).get("deadline"))
            warn_of_doubts(self.log, summary.doubts, summary.doubtful + summary.altered)
            check_outcome(self, summary)
            return summary.dump()

    def _poll_or_defer(self, context: Context, *, began_with: float | None) -> Any:
        from airflow_provider_xai_collections.waits.deferral import poll_or_defer

        try:
            with self.connected():
                result = poll_or_defer(
                    self,
                    context,
                    self.existing_id(),
                    None if self.file_ids is None else list(self.file_ids),
                    filter=self.filter,
                    watch_all=self.file_ids is None,
                    timeout=self.timeout,
                    poll_interval=max(self.poke_interval, 1.0),
                    began_with=began_with,
                )
                return self._judged(result)
        except AirflowException as error:
            if self.soft_fail or self.never_fail:
                raise AirflowSkipException(str(error)) from error
            raise

    def on_kill_message(self) -> str:
        """Tell how many documents it waits for."""
        documents = "documents" if self._poller is None else counted(len(self._poller.pending), "document")
        return cancelled_while_waiting(self.collection_label, documents, "the task polls again")

    @property
    def _still_pending(self) -> str:
        from airflow_provider_xai_collections.api.polling import WaitEnd
        from airflow_provider_xai_collections.manifests.waits import WaitSummary
        from airflow_provider_xai_collections.waits.outcome import unfinished

        if self._poller is None:
            return ""
        summary = WaitSummary.of(self._poller.result_now(WaitEnd.TIMED_OUT))
        return f" {self.collection_label}: {unfinished(summary)}"

    def _poll(self) -> WaitResult | None:
        """Poll once; ``None`` means again. The poller lives as long as this process; the deadline is Airflow's."""
        from airflow_provider_xai_collections.api.flows import watched_documents
        from airflow_provider_xai_collections.api.retries import is_transient
        from airflow_provider_xai_collections.client.clock import Clock

        self._clock = self._clock or Clock()
        try:
            collection_id = self.existing_id()
            poller = self._poller = self._poller or self._new_poller(collection_id)
            found = self.hook.run(watched_documents(collection_id, poller, team_id=self.team))
        except XAIError as error:
            if not is_transient(error):
                raise
            self.log.warning("This poll failed, the next may not: %s", error)
            return None
        result = poller.handle_poll(self._clock(), found)
        self.progress.polled(poller)
        return result

    def _new_poller(self, collection_id: str) -> Poller:
        from airflow_provider_xai_collections.api.flows import watched_collection
        from airflow_provider_xai_collections.api.polling import Poller, WaitRules

        if self.file_ids is not None:
            return Poller(list(self.file_ids))
        rules = WaitRules(max_failures=0)  # the next poke polls again
        return self.hook.run(watched_collection(collection_id, rules, filter=self.filter, team_id=self.team))

    def _judged(self, result: WaitResult) -> dict[str, Any]:
        from airflow_provider_xai_collections.hooks.progress import warn_of_doubts
        from airflow_provider_xai_collections.manifests.waits import WaitSummary
        from airflow_provider_xai_collections.waits.outcome import check_outcome

        warn_of_doubts(self.log, result.doubts, len(result.doubts))
        summary = WaitSummary.of(result)
        check_outcome(self, summary)
        return summary.dump()
