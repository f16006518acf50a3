"""Keeping a collection in step with a source, in one task."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import Context, conf

from airflow_provider_xai_collections.arguments import optional_path
from airflow_provider_xai_collections.exceptions import XAIArgumentError
from airflow_provider_xai_collections.later import later
from airflow_provider_xai_collections.operators.deferral import XAIDeferrableBaseOperator
from airflow_provider_xai_collections.operators.sync_arguments import XAISyncBaseOperator

if TYPE_CHECKING:
    from airflow_provider_xai_collections.api import polling, sync_plan
    from airflow_provider_xai_collections.manifests import json_lines
    from airflow_provider_xai_collections.manifests import sync as sync_manifests
    from airflow_provider_xai_collections.manifests.waits import WaitSummary
    from airflow_provider_xai_collections.operators import sync_planning
    from airflow_provider_xai_collections.operators.sync_planning import Planned
    from airflow_provider_xai_collections.operators.tally import Tally
    from airflow_provider_xai_collections.sources.paths import AnyPath
else:
    polling = later("api.polling")
    sync_plan = later("api.sync_plan")
    json_lines = later("manifests.json_lines")
    sync_manifests = later("manifests.sync")
    sync_planning = later("operators.sync_planning")


class XAISyncCollectionOperator(XAISyncBaseOperator, XAIDeferrableBaseOperator):
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

    template_fields: Sequence[str] = (*XAISyncBaseOperator.template_fields, "report")

    def __init__(
        self,
        *,
        dry_run: bool = False,
        report: AnyPath | None = None,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.is_dry_run = dry_run  # Airflow's operators have a method of that name
        self.report = report
        self.deferrable = deferrable

    def read_arguments(self) -> None:
        super().read_arguments()
        self.report = optional_path("report", self.report)

    def outputs(self) -> dict[str, AnyPath | None]:
        return {"report": self.report}

    def execute(self, context: Context) -> dict[str, Any]:
        with self.at_work():
            self.check_arguments()
            planned = self.sync_run.planner.plan(dry_run=self.is_dry_run)
            if self.is_dry_run:
                return self._tell_plan(context, planned)
            return self._sync(context, planned)

    def _tell_plan(self, context: Context, planned: Planned) -> dict[str, Any]:
        self.so_far = manifest = self.sync_run.planner.dry_run_manifest(planned, self.report)
        if self.report is not None:
            lines = map(sync_manifests.SyncLine.planned, planned.plan.steps)
            json_lines.write_lines(self.report, (line.shown() for line in lines))
        if planned.refusal is not None:
            raise XAIArgumentError(f"{planned.refusal}. Nothing was changed")
        return self.tell(context, manifest) if manifest.collection_id else manifest.dump()

    def _sync(self, context: Context, planned: Planned) -> dict[str, Any]:
        steps = planned.plan.steps
        in_triggerer = self.wait_for_completion and self.deferrable
        last = [step for step in steps if step.action is sync_plan.SyncAction.REMOVE]
        first = [step for step in steps if step.action is not sync_plan.SyncAction.REMOVE] if in_triggerer else steps
        with closing(self.sync_run.tally(planned, keep_lines=self.report is not None)) as tally:
            try:
                end = self.sync_run.apply(planned, first, tally, wait=self.wait_for_completion and not in_triggerer)
                waiting = in_triggerer and tally.pending
                if in_triggerer and not waiting:
                    self.sync_run.apply(planned, last, tally, wait=False)
            finally:
                self.so_far = manifest = tally.into(planned.manifest)
                if self.report is not None and self.sync_run.write_report(self.report, tally.lines()):
                    self.so_far = manifest = self.sync_run.with_report(manifest, self.report)
            if waiting:
                return self.wait_in_triggerer(context, manifest.model_copy(update={"in_progress": 0}), tally.pending)
            return self._end(context, planned, manifest, tally, end)

    def read_manifest(self, data: Any) -> sync_manifests.SyncManifest:
        return sync_manifests.SyncManifest.parse(data)

    def after_wait(
        self, context: Context, manifest: sync_manifests.SyncManifest, summary: WaitSummary
    ) -> dict[str, Any]:
        """Look at both sides again, and remove what is superfluous."""
        self.sync_run.planner.check_scope(manifest)
        planned = self.sync_run.planner.look_again(manifest)
        tally = self.sync_run.clear_up(
            planned,
            manifest,
            summary.end,
            lost=manifest.lost + summary.missing,
            keep_lines=bool(manifest.report),
        )
        with closing(tally):
            self.so_far = finished = tally.finishing(manifest, summary)
            if manifest.report is not None and self.report is not None:
                earlier = json_lines.read_lines(self.report, sync_manifests.SyncLine)
                later = (line.shown() for line in tally.lines())
                self.sync_run.write_lines(self.report, sync_manifests.merged(earlier, later))
            return self._end(context, planned, finished, tally, summary.end)

    def _end(
        self,
        context: Context,
        planned: Planned,
        manifest: sync_manifests.SyncManifest,
        tally: Tally,
        end: polling.WaitEnd,
    ) -> dict[str, Any]:
        sync_planning.show(manifest, self)
        self.sync_run.judge(planned, manifest, tally, end)
        return self.tell(context, manifest)
