"""Keeping a collection in step with a source, in one task."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import Context, conf

from airflow_provider_xai_collections.airflow_errors import for_operator
from airflow_provider_xai_collections.api.upload_method import UploadMethod
from airflow_provider_xai_collections.durations import seconds
from airflow_provider_xai_collections.later import later
from airflow_provider_xai_collections.operators.syncing import Planned, XAISyncStepsBaseOperator

if TYPE_CHECKING:
    from airflow_provider_xai_collections.api import syncing
    from airflow_provider_xai_collections.api.polling import WaitEnd
    from airflow_provider_xai_collections.manifests import json_lines
    from airflow_provider_xai_collections.manifests import sync as sync_manifests
    from airflow_provider_xai_collections.manifests import waits as wait_manifests
    from airflow_provider_xai_collections.manifests.waits import WaitSummary
    from airflow_provider_xai_collections.operators import tally as tallies
    from airflow_provider_xai_collections.operators.tally import Tally
    from airflow_provider_xai_collections.sources.paths import AnyPath
    from airflow_provider_xai_collections.triggers import documents as triggers
    from airflow_provider_xai_collections.waits import deferring, verdicts
else:
    syncing = later("api.syncing")
    deferring = later("waits.deferring")
    json_lines = later("manifests.json_lines")
    wait_manifests = later("manifests.waits")
    tallies = later("operators.tally")
    sync_manifests = later("manifests.sync")
    triggers = later("triggers.documents")
    verdicts = later("waits.verdicts")


class XAISyncCollectionOperator(XAISyncStepsBaseOperator):
    """Make a collection equal to a source: add what is new, replace what changed, repair what failed, and, if asked to,
    remove what is gone.

    Safe to retry, killed at any line: the next try lists both sides and goes on. A document that cannot be read or
    uploaded does not stop the others. Returns a manifest with counts. Takes the arguments of
    :class:`~airflow_provider_xai_collections.operators.sync_arguments.XAISyncBaseOperator` as well; its text says how.

    :param dry_run: only say what it would do, and how many bytes and requests that takes.
    :param report: where to write a report: a file or URL, with one JSON line for each document. (templated)
    :param deferrable: wait in the triggerer instead of a worker slot; old versions, and what the source has no longer,
        are removed afterwards.
    """

    template_fields: Sequence[str] = (*XAISyncStepsBaseOperator.template_fields, "report")

    def __init__(
        self,
        *,
        dry_run: bool = False,
        report: AnyPath | None = None,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.only_look = dry_run  # Airflow's operators have a method of that name
        self.report = report
        self.deferrable = deferrable

    def outputs(self) -> dict[str, AnyPath | None]:
        return {"report": self.report}

    def execute(self, context: Context) -> dict[str, Any]:
        with for_operator(), self.hook:
            self.check_arguments()
            planned = self.plan(may_create=not self.only_look)
            if self.only_look:
                return self._tell_plan(context, planned)
            return self._sync(context, planned)

    def execute_complete(self, context: Context, event: Any = None) -> dict[str, Any]:
        """Resume after the trigger."""
        with for_operator(), self.hook:
            manifest, summary = self._told(event)
            return self._finish(context, manifest, summary)

    def execute_part_complete(self, context: Context, event: Any = None) -> dict[str, Any]:
        """Resume after the trigger that watched one part of very many documents."""
        with for_operator(), self.hook:
            manifest, summary = self._told(event)
            return self._go_on(context, manifest, self._parts(context, manifest).resume(summary))

    def _tell_plan(self, context: Context, planned: Planned) -> dict[str, Any]:
        plan = planned.plan
        direct = planned.target.method is UploadMethod.DIRECT
        manifest = planned.manifest.model_copy(
            update={
                "dry_run": True,
                "added": plan.counts[syncing.SyncAction.ADD],
                "replaced": plan.counts[syncing.SyncAction.REPLACE],
                "repaired": plan.counts[syncing.SyncAction.REPAIR] + plan.counts[syncing.SyncAction.REINDEX],
                "kept": plan.counts[syncing.SyncAction.KEEP] + plan.counts[syncing.SyncAction.AWAIT],
                "skipped": plan.counts[syncing.SyncAction.SKIP],
                "errors": plan.counts[syncing.SyncAction.UNREAD],
                "removed": plan.removals,
                "superseded": plan.superseded,
                "bytes": plan.bytes_to_upload,
                "requests": plan.requests(each_upload=1 if direct else 2, each_removal=1 + self.delete_files),
                "report": None if self.report is None else str(self.report),
            }
        )
        if self.report is not None:
            json_lines.write_lines(self.report, map(sync_manifests.SyncLine.planned, plan.steps))
        self.so_far = manifest
        self.show(manifest)
        for action in syncing.SyncAction:
            if action is not syncing.SyncAction.KEEP and plan.counts[action]:
                named = [step.name for step in plan.steps if step.action is action]
                self.log.info("To %s: %d%s", action, len(named), verdicts.some_of(named))
        return self.tell(context, manifest) if manifest.collection_id else manifest.dump()

    def _sync(self, context: Context, planned: Planned) -> dict[str, Any]:
        steps = planned.plan.steps
        in_triggerer = self.wait_for_completion and self.deferrable
        last = [step for step in steps if step.action is syncing.SyncAction.REMOVE]
        first = [step for step in steps if step.action is not syncing.SyncAction.REMOVE] if in_triggerer else steps
        with closing(self.tally(planned, keep_lines=self.report is not None)) as tally:
            try:
                end = self.apply(planned, first, tally, wait=self.wait_for_completion and not in_triggerer)
                waiting = in_triggerer and tally.pending
                if in_triggerer and not waiting:
                    self.apply(planned, last, tally, wait=False)
            finally:
                self.so_far = manifest = tally.into(planned.manifest)
                if self.report is not None and self.written(self.report, tally.lines()):
                    self.so_far = manifest = manifest.model_copy(update={"report": str(self.report)})
            if waiting:
                return self._wait(context, manifest, tally.pending)
            return self._end(context, self.tidy_up(context, planned, tally, manifest), tally, end)

    def _wait(self, context: Context, manifest: sync_manifests.SyncManifest, file_ids: Sequence[str]) -> dict[str, Any]:
        """Leave the wait to the triggerer."""
        deadline = deferring.deadline_of(self, context, seconds("timeout", self.timeout))
        waiting = manifest.model_copy(update={"in_progress": 0})
        if deferring.fits_a_trigger(file_ids):
            return self._defer(waiting, deferring.Watch(tuple(file_ids), deadline), "execute_complete")
        return self._go_on(context, waiting, self._parts(context, manifest).begin(file_ids, deadline))

    def _parts(self, context: Context, manifest: sync_manifests.SyncManifest) -> deferring.WaitInParts:
        return deferring.WaitInParts(context["ti"], self.hook, manifest.collection_id, self.team)

    def _go_on(
        self,
        context: Context,
        manifest: sync_manifests.SyncManifest,
        next_or_end: deferring.Watch | WaitSummary,
    ) -> dict[str, Any]:
        if isinstance(next_or_end, deferring.Watch):
            return self._defer(manifest, next_or_end, "execute_part_complete")
        return self._finish(context, manifest, next_or_end)

    def _defer(self, manifest: sync_manifests.SyncManifest, watch: deferring.Watch, method_name: str) -> dict[str, Any]:
        rules = self.wait_rules()
        return self.defer(
            trigger=triggers.XAIDocumentsProcessedTrigger(
                collection_id=manifest.collection_id,
                file_ids=watch.file_ids,
                team_id=self.team,
                conn_id=self.conn_id,
                deadline=watch.deadline,
                poll_interval=rules.poll_interval,
                stall_timeout=rules.stall_after,
                manifest=manifest.dump(),
            ),
            method_name=method_name,
            timeout=watch.patience,
        )

    def _told(self, event: Any) -> tuple[sync_manifests.SyncManifest, WaitSummary]:
        told = wait_manifests.WaitEvent.parse(event)
        self.so_far = manifest = sync_manifests.SyncManifest.parse(told.manifest)
        return manifest, verdicts.summary_of(told)

    def _finish(self, context: Context, before: sync_manifests.SyncManifest, summary: WaitSummary) -> dict[str, Any]:
        """What is left to do after the wait: the new task looks at both sides again."""
        planned, tally = self.look_again(before, summary.end, keep_lines=bool(before.report))
        with closing(tally):
            self.so_far = manifest = tally.finishing(before, summary)
            if (report := before.report) is not None:
                self.written(
                    report, sync_manifests.merged(json_lines.read_lines(report, sync_manifests.SyncLine), tally.lines())
                )
            return self._end(context, self.tidy_up(context, planned, tally, manifest), tally, summary.end)

    def _end(
        self, context: Context, manifest: sync_manifests.SyncManifest, tally: Tally, end: WaitEnd
    ) -> dict[str, Any]:
        self.so_far = manifest
        self.show(manifest)
        self.judge(manifest, tally, end)
        return self.tell(context, manifest)
