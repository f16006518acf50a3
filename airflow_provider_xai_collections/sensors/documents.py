"""The sensor: succeeds when documents are processed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from contextlib import contextmanager
from functools import cached_property
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
from airflow_provider_xai_collections.arguments import DEFAULT_CONN_ID, ids_of, optional_text, text_of
from airflow_provider_xai_collections.exceptions import XAIArgumentError, XAIError
from airflow_provider_xai_collections.last_words import LOOKS_AGAIN, speak, while_waiting
from airflow_provider_xai_collections.later import later
from airflow_provider_xai_collections.links.collections import XAICollectionLink
from airflow_provider_xai_collections.waits.tolerance import OnFailed, check_policy

if TYPE_CHECKING:
    from airflow_provider_xai_collections.api import flows as api_flows
    from airflow_provider_xai_collections.api import polling, retries
    from airflow_provider_xai_collections.api.polling import WaitResult
    from airflow_provider_xai_collections.client import clock as clocks
    from airflow_provider_xai_collections.hooks import collections as hooks
    from airflow_provider_xai_collections.hooks import progress
    from airflow_provider_xai_collections.manifests import waits as wait_manifests
    from airflow_provider_xai_collections.triggers import documents as triggers
    from airflow_provider_xai_collections.waits import deferring, verdicts
else:
    api_flows = later("api.flows")
    polling = later("api.polling")
    retries = later("api.retries")
    clocks = later("client.clock")
    deferring = later("waits.deferring")
    hooks = later("hooks.collections")
    progress = later("hooks.progress")
    wait_manifests = later("manifests.waits")
    triggers = later("triggers.documents")
    verdicts = later("waits.verdicts")


class XAIDocumentsProcessedSensor(BaseSensorOperator):
    """Wait until documents of a collection are processed.

    A document that failed, or that is gone from the collection, ends the wait: what that means is ``on_failed``'s.
    (In ``reschedule`` mode no look knows of the one before, so one that is gone is waited for until ``timeout``.) A
    look that fails for a passing reason is repeated. ``poke_interval``, ``timeout``, ``mode``, ``soft_fail`` and the
    rest are Airflow's. Returns a summary (counts, and the first documents that did not make it). Source: REST
    reference, ``documents:batchGet``.

    :param collection_id: the collection. (templated)
    :param file_ids: the documents. ``None``: the documents of the collection that are not processed yet; if the service
        names none, all of them. The first look asks for them; in ``reschedule`` mode, each look. (templated)
    :param filter: with ``file_ids=None``, only those that match this filter of ``GET …/documents``. (templated)
    :param on_failed: ``"fail"``, ``"threshold"`` (more than ``max_failed``) or ``"ignore"``.
    :param max_failed: with ``"threshold"``: a count (1), or a share of the documents (0.05; 1.0 is all).
    :param team_id: the team to act for; by default the connection's, else the key's own. (templated)
    :param deferrable: wait in the triggerer instead of a worker slot.
    :param conn_id: the connection. (templated)
    """

    template_fields: Sequence[str] = ("collection_id", "file_ids", "filter", "team_id", "conn_id")
    operator_extra_links = (XAICollectionLink(),)

    def __init__(
        self,
        *,
        collection_id: str,
        file_ids: Sequence[str] | Set[str] | None = None,
        filter: str | None = None,
        on_failed: str = OnFailed.FAIL,
        max_failed: float = 0,
        team_id: str | None = None,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        conn_id: str = DEFAULT_CONN_ID,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.collection_id = collection_id
        self.file_ids = file_ids
        self.filter = filter
        self.on_failed = on_failed
        self.max_failed = max_failed
        self.team_id = team_id
        self.deferrable = deferrable
        self.conn_id = conn_id
        self._poller: polling.Poller | None = None

    @cached_property
    def hook(self) -> hooks.XAICollectionsHook:
        return hooks.XAICollectionsHook(self.conn_id)

    @cached_property
    def _clock(self) -> clocks.Clock:
        return clocks.Clock()

    @cached_property
    def _progress(self) -> progress.ProgressLog:
        return progress.ProgressLog(self.log, self.collection_id)

    def pre_execute(self, context: Any) -> None:
        """Before anything else, so that the link is there while the sensor waits."""
        super().pre_execute(context)
        with for_sensor():
            self.read_arguments()
            XAICollectionLink.persist(context, self._team)

    def read_arguments(self) -> None:
        """Make of the arguments what they mean, now that templates are rendered: text, and lists that are loaded.

        :raises XAIArgumentError: one means nothing, naming it.
        """
        self.conn_id = text_of("conn_id", self.conn_id)
        self.team_id = optional_text("team_id", self.team_id)
        self.collection_id = text_of("collection_id", self.collection_id)
        self.filter = optional_text("filter", self.filter)
        if self.file_ids is not None:
            self.file_ids = ids_of("file_ids", self.file_ids)

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Read the arguments, make errors Airflow's, and close the connections at the end."""
        with for_sensor():
            self.read_arguments()
            with self.hook:
                yield

    def execute(self, context: Context) -> Any:
        if self.deferrable:
            return self._look_then_defer(context)
        try:
            return super().execute(context)
        except AirflowSensorTimeout as error:
            raise AirflowSensorTimeout(f"{error}{self._still_pending}") from error
        except AirflowTaskTimeout as error:
            raise verdicts.naming(error, self.collection_id, self._poller, verdicts.limits_of(self)) from error

    def _look_then_defer(self, context: Context) -> Any:
        """Most waits are over at the first look, and then cost no trigger."""
        try:
            first = self.poke(context)
        except AirflowException as error:
            if self.soft_fail or self.never_fail:
                raise AirflowSkipException(str(error)) from error
            raise
        if first.is_done:
            return first.xcom_value
        ids, deadline = self._ids, deferring.deadline_of(self, context, self.timeout)
        if ids is None or deferring.fits_a_trigger(ids):
            return self._defer(deferring.Watch(None if ids is None else tuple(ids), deadline), "execute_complete")
        with self.at_work():
            return self._go_on(self._parts(context).begin(ids, deadline))

    def _defer(self, watch: deferring.Watch, method_name: str) -> Any:
        trigger = triggers.XAIDocumentsProcessedTrigger(
            collection_id=self.collection_id,
            file_ids=watch.file_ids,
            filter=self.filter,
            team_id=self._team,
            conn_id=self.conn_id,
            deadline=watch.deadline.at,
            at_deadline=watch.deadline.end,
            poll_interval=self._poll_interval,
        )
        return self.defer(trigger=trigger, method_name=method_name, timeout=watch.patience)

    def on_kill(self) -> None:
        """End before the next request, and say what goes on at xAI and what the task will do if it runs again."""
        if "hook" in self.__dict__:
            self.hook.stop()
        pending = None if self._poller is None else len(self._poller.pending)
        documents = "documents" if pending is None else f"{pending} documents"
        speak(self.log, while_waiting(self.collection_id, documents, LOOKS_AGAIN))

    def poke(self, context: Context) -> PokeReturnValue:
        with self.at_work():
            check_policy(self.on_failed, self.max_failed)
            result = self._look()
            return PokeReturnValue(result is not None, xcom_value=None if result is None else self._judged(result))

    def execute_complete(self, context: Context, event: Any = None) -> dict[str, Any]:
        with for_sensor():
            summary = verdicts.summary_of(wait_manifests.WaitEvent.parse(event), self.log)
            return verdicts.judge(self, summary).dump()

    def execute_part_complete(self, context: Context, event: Any = None) -> Any:
        """Resume after the trigger that watched one part of very many documents."""
        with self.at_work():
            summary = verdicts.summary_of(wait_manifests.WaitEvent.parse(event), self.log)
            return self._go_on(self._parts(context).resume(summary))

    def _parts(self, context: Context) -> deferring.WaitInParts:
        return deferring.WaitInParts(context["ti"], self.hook, self.collection_id, self._team)

    def _go_on(self, next_or_end: deferring.Watch | wait_manifests.WaitSummary) -> Any:
        if isinstance(next_or_end, deferring.Watch):
            return self._defer(next_or_end, "execute_part_complete")
        return verdicts.judge(self, next_or_end).dump()

    @property
    def _team(self) -> str | None:
        return self.team_id or self.hook.team_id

    @property
    def _ids(self) -> list[str] | None:
        if self.file_ids is None:
            return None
        if self.file_ids:
            return list(self.file_ids)
        raise XAIArgumentError(
            "file_ids is empty: there is nothing to wait for. A manifest lists no ids if there are too many for 16 "
            "KB: leave file_ids out to wait for the whole collection, or for a part of it with filter"
        )

    @property
    def _poll_interval(self) -> float:
        return max(self.poke_interval, 1.0)

    @property
    def _still_pending(self) -> str:
        if self._poller is None:
            return ""
        summary = wait_manifests.WaitSummary.of(self._poller.so_far(polling.WaitEnd.TIMED_OUT))
        return f" {self.collection_id}: {verdicts.unfinished(summary)}"

    def _look(self) -> WaitResult | None:
        """Look once; ``None`` means look again. The poller lives as long as this process, the deadline is Airflow's."""
        try:
            poller = self._poller = self._poller or self._new_poller()
            found = self.hook.run(api_flows.watched_documents(self.collection_id, poller, team_id=self._team))
        except XAIError as error:
            if not retries.is_transient(error):
                raise
            self.log.warning("This look failed, the next may not: %s", error)
            return None
        result = poller.observe(self._clock(), found)
        self._progress(poller)
        return result

    def _new_poller(self) -> polling.Poller:
        if (ids := self._ids) is not None:
            return polling.Poller(ids)
        rules = polling.WaitRules(max_failures=0)  # the next poke looks again
        watched = api_flows.watched_collection(self.collection_id, rules, filter=self.filter, team_id=self._team)
        return self.hook.run(watched)

    def _judged(self, result: WaitResult) -> dict[str, Any]:
        progress.warn_of_doubts(self.log, result.doubts, len(result.doubts))
        return verdicts.judge(self, wait_manifests.WaitSummary.of(result)).dump()
