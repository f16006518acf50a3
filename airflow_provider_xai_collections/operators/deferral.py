"""A wait in the triggerer instead of a worker slot: the deferral, and what comes after it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import Context

from airflow_provider_xai_collections.durations import Duration, seconds
from airflow_provider_xai_collections.later import later
from airflow_provider_xai_collections.operators.base import XAICollectionsBaseOperator

if TYPE_CHECKING:
    from airflow_provider_xai_collections.api import polling
    from airflow_provider_xai_collections.manifests import waits as wait_manifests
    from airflow_provider_xai_collections.manifests.base import Report
    from airflow_provider_xai_collections.triggers import documents as triggers
    from airflow_provider_xai_collections.waits import deferring, verdicts
else:
    wait_manifests = later("manifests.waits")
    triggers = later("triggers.documents")
    deferring = later("waits.deferring")
    verdicts = later("waits.verdicts")


class XAIDeferrableBaseOperator(XAICollectionsBaseOperator, ABC):
    """Waits for documents in the triggerer, however many they are."""

    timeout: Duration

    @abstractmethod
    def wait_rules(self) -> polling.WaitRules:
        """How patiently it waits."""

    @abstractmethod
    def read_manifest(self, data: Any) -> Any:
        """The manifest from before the wait, which the trigger hands back."""

    @abstractmethod
    def after_wait(self, context: Context, manifest: Any, summary: wait_manifests.WaitSummary) -> dict[str, Any]:
        """What is left to do when the wait is over. It may be another process that does it."""

    def wait_in_triggerer(self, context: Context, manifest: Report, file_ids: Sequence[str]) -> dict[str, Any]:
        """Leave the wait for these documents to the triggerer."""
        deadline = deferring.deadline_of(self, context, seconds("timeout", self.timeout))
        if deferring.fits_a_trigger(file_ids):
            return self._defer(manifest, deferring.Watch(tuple(file_ids), deadline), "execute_complete")
        return self._go_on(context, manifest, self._parts(context, manifest).begin(file_ids, deadline))

    def execute_complete(self, context: Context, event: Any = None) -> dict[str, Any]:
        """Resume after the trigger."""
        with self.at_work():
            return self.after_wait(context, *self._told(event))

    def execute_part_complete(self, context: Context, event: Any = None) -> dict[str, Any]:
        """Resume after the trigger that watched one part of very many documents."""
        with self.at_work():
            manifest, summary = self._told(event)
            return self._go_on(context, manifest, self._parts(context, manifest).resume(summary))

    def _told(self, event: Any) -> tuple[Any, wait_manifests.WaitSummary]:
        """What was done before the wait, which is the report should the wait have ended in an error, and its end."""
        wait_event = wait_manifests.WaitEvent.parse(event)
        if wait_event.manifest is not None:
            self.so_far = self.read_manifest(wait_event.manifest)
        summary = verdicts.summary_of(wait_event, self.log)
        return self.read_manifest(wait_event.manifest), summary

    def _parts(self, context: Context, manifest: Report) -> deferring.WaitInParts:
        return deferring.WaitInParts(context["ti"], self.hook, manifest.collection_id, self.team)

    def _go_on(
        self, context: Context, manifest: Report, next_or_end: deferring.Watch | wait_manifests.WaitSummary
    ) -> dict[str, Any]:
        if isinstance(next_or_end, deferring.Watch):
            return self._defer(manifest, next_or_end, "execute_part_complete")
        return self.after_wait(context, manifest, next_or_end)

    def _defer(self, manifest: Report, watch: deferring.Watch, method_name: str) -> dict[str, Any]:
        rules = self.wait_rules()
        return self.defer(
            trigger=triggers.XAIDocumentsProcessedTrigger(
                collection_id=manifest.collection_id,
                file_ids=watch.file_ids,
                team_id=self.team,
                conn_id=self.conn_id,
                deadline=watch.deadline.at,
                at_deadline=watch.deadline.end,
                poll_interval=rules.poll_interval,
                stall_timeout=rules.stall_after,
                manifest=manifest.dump(),
            ),
            method_name=method_name,
            timeout=watch.patience,
        )
