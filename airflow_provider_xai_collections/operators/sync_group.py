"""Keeping a collection in step with a source, as wide as the cluster: one task plans, many apply, one finishes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from uuid import uuid4

from airflow.providers.common.compat.sdk import Context, TaskGroup, XComArg

from airflow_provider_xai_collections.arguments import optional_path, path_of, rendered, whole_number
from airflow_provider_xai_collections.exceptions import XAIArgumentError
from airflow_provider_xai_collections.later import later
from airflow_provider_xai_collections.operators.sync_arguments import XAISyncBaseOperator
from airflow_provider_xai_collections.waits.tolerance import OnFailed

if TYPE_CHECKING:
    from airflow_provider_xai_collections.api import polling, sync_flows, sync_plan
    from airflow_provider_xai_collections.api.sync_plan import SourceEntry, SyncStep
    from airflow_provider_xai_collections.manifests import base as manifests_base
    from airflow_provider_xai_collections.manifests import json_lines
    from airflow_provider_xai_collections.manifests import sync as sync_manifests
    from airflow_provider_xai_collections.operators import sync_fields, sync_planning, sync_whole
    from airflow_provider_xai_collections.sources import scanning
    from airflow_provider_xai_collections.sources.paths import AnyPath
else:
    polling = later("api.polling")
    sync_flows = later("api.sync_flows")
    sync_plan = later("api.sync_plan")
    json_lines = later("manifests.json_lines")
    manifests_base = later("manifests.base")
    sync_fields = later("operators.sync_fields")
    sync_planning = later("operators.sync_planning")
    sync_whole = later("operators.sync_whole")
    scanning = later("sources.scanning")
    sync_manifests = later("manifests.sync")

#: Mapped tasks at most: Airflow maps over 1,024 unless it is told otherwise.
MAX_SHARDS = 1_000


def xai_sync_group(
    group_id: str = "sync",
    *,
    source: AnyPath,
    collection: str,
    workspace: AnyPath,
    shards: int = 16,
    report: AnyPath | None = None,
    outlets: Sequence[Any] = (),
    max_active_tis_per_dagrun: int | None = None,
    **arguments: Any,
) -> TaskGroup:
    """Make a collection equal to a source with all the workers there are.

    Three tasks: ``plan`` lists both sides and cuts the work into parts; ``apply`` is mapped over the parts; ``finish``
    looks at both sides again, removes what is superfluous, writes the report and tells the collection's asset. Each is
    safe to retry: with ``on_failed="fail"`` a part that fails keeps ``finish`` from running, until it is cleared. The
    whole is what
    :class:`~airflow_provider_xai_collections.operators.sync.XAISyncCollectionOperator` does in one task.

    :param group_id: the name of the task group.
    :param source: as the operator's; every worker must reach it. (templated)
    :param collection: as the operator's. (templated)
    :param workspace: a folder or URL that every worker reaches, for the parts of plan and report, below
        ``<dag_id>/<run_id>``. Nothing is deleted there: give it a lifecycle rule. (templated)
    :param shards: how many parts at most, up to 1,000. A part has at least 25 documents.
    :param report: where to write the report; see the operator. (templated)
    :param outlets: of ``finish``, for asset events.
    :param max_active_tis_per_dagrun: of ``apply``: how many parts are worked on at once.
    :param arguments: the operator's others, and those of any Airflow task, for all three tasks; but neither
        ``deferrable`` nor ``dry_run``.
    """
    shared = {"source": source, "collection": collection, **arguments}
    with TaskGroup(group_id) as group:
        plan = XAIPlanSyncOperator(task_id="plan", workspace=workspace, shards=shards, **shared)
        planned = XComArg(plan, key=PLANNED)
        applied = XAIApplySyncOperator.partial(
            task_id="apply",
            planned=planned,
            max_active_tis_per_dagrun=max_active_tis_per_dagrun,
            map_index_template="{{ task.part_name }}",
            **shared,
        ).expand(shard=plan.output)
        finish = XAIFinishSyncOperator(
            task_id="finish",
            planned=planned,
            report=report,
            outlets=list(outlets),
            # With nothing to do, the mapped task is skipped; where the plan is skipped, so is this one.
            trigger_rule="none_failed_min_one_success",
            **shared,
        )
        plan >> applied >> finish
    return group


#: The XCom with what the first task hands on. (Airflow maps over nothing but what a task returns.)
PLANNED = "planned"


class XAIPlanSyncOperator(XAISyncBaseOperator):
    """The first task of :func:`xai_sync_group`: compares, and cuts the work into parts.

    Returns the numbers of the parts, and pushes where they are as ``planned``. Takes the arguments of
    :class:`~airflow_provider_xai_collections.operators.sync_arguments.XAISyncBaseOperator` as well.

    :param workspace: a folder or URL that every worker reaches. (templated)
    :param shards: how many parts at most, from 1 to 1,000.
    """

    template_fields: Sequence[str] = (*XAISyncBaseOperator.template_fields, "workspace")

    def __init__(self, *, workspace: AnyPath, shards: int = 16, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.workspace = workspace
        self.shards = shards

    def read_arguments(self) -> None:
        super().read_arguments()
        self.workspace = path_of("workspace", self.workspace)

    def outputs(self) -> dict[str, AnyPath | None]:
        return {"workspace": f"{self.workspace}/plan.jsonl"}

    def execute(self, context: Context) -> list[int]:
        with self.at_work():
            self.check_arguments()
            if whole_number("shards", self.shards, at_least=1) > MAX_SHARDS:
                raise XAIArgumentError(f"shards is {self.shards}; Airflow maps over {MAX_SHARDS:,} tasks at most")
            planned = self.sync_run.planner.plan()
            parts = list(sync_whole.in_shards(planned.plan, self.shards))
            handed_on = sync_manifests.SyncPlanned(
                version=1, manifest=sync_whole.known(planned), folder=self._folder(context), shards=len(parts)
            )
            json_lines.write_lines(handed_on.report_of_plan, sync_whole.not_begun(planned.plan))
            for number, part in enumerate(parts):
                json_lines.write_lines(handed_on.steps_of(number), map(sync_manifests.StepLine.of, part))
            self.so_far = handed_on.manifest
            self.log.info("%d parts in %s", len(parts), handed_on.folder)
            context["ti"].xcom_push(key=PLANNED, value=handed_on.dump())
            return list(range(len(parts)))

    def _folder(self, context: Context) -> str:
        ti = context["ti"]
        # Two runs of a DAG, or two groups of it, must not share a folder.
        # Nor must two Airflows with one workspace, or a new plan with tasks that still apply the one before.
        parts = (quote(str(name), safe="") for name in (ti.dag_id, ti.run_id, ti.task_id, uuid4().hex))
        folder = "/".join((str(self.workspace).rstrip("/"), *parts))
        if len(json.dumps(folder)) > manifests_base.ROOM_FOR_FOLDER:
            raise XAIArgumentError(
                f"workspace has {len(str(self.workspace)):,} characters, too many for the XCom that tells of it. Take "
                "a shorter one"
            )
        return folder


class XAIApplySyncOperator(XAISyncBaseOperator):
    """The mapped task of :func:`xai_sync_group`: carries out one part of the plan.

    A retry compares its documents anew, so nothing is uploaded twice. Returns a manifest with counts. Takes the
    arguments of :class:`~airflow_provider_xai_collections.operators.sync_arguments.XAISyncBaseOperator` as well.

    :param planned: what the first task handed on. (templated)
    :param shard: the number of the part, from 0. (templated)
    """

    template_fields: Sequence[str] = (*XAISyncBaseOperator.template_fields, "planned", "shard")

    def __init__(self, *, planned: Any, shard: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.planned = planned
        self.shard = shard

    @property
    def part_name(self) -> str:
        """What the mapped task is called in the UI."""
        return f"part {int(self.shard) + 1}"

    def execute(self, context: Context) -> dict[str, Any]:
        with self.at_work():
            self.check_arguments()
            plan = sync_manifests.SyncPlanned.parse(rendered(self.planned))
            shard = int(self.shard)
            steps = [line.step() for line in json_lines.read_lines(plan.steps_of(shard), sync_manifests.StepLine)]
            entries = [step.entry for step in steps if step.entry is not None]
            scanning.refuse_foreign(self.source, entries, self.choice())
            self.sync_run.planner.check_scope(plan.manifest)
            scanning.prepare(entries)
            planned = self._part(plan.manifest, steps, again=context["ti"].try_number > 1)
            with closing(self.sync_run.tally(planned, keep_lines=True)) as tally:
                try:
                    end = self.sync_run.apply(planned, planned.plan.steps, tally, wait=self.wait_for_completion)
                finally:
                    self.so_far = manifest = tally.into(planned.manifest)
                    self.sync_run.write_lines(plan.report_of(shard), tally.lines())
                sync_planning.show(manifest, self)
                # What the whole may tolerate, the last task judges.
                if end is not polling.WaitEnd.SETTLED or self.on_failed == OnFailed.FAIL:
                    self.sync_run.judge(planned, manifest, tally, end)
            return manifest.dump()

    def _part(self, whole: sync_manifests.SyncManifest, steps: list[SyncStep], *, again: bool) -> sync_planning.Planned:
        """The part of the plan that is this task's; compared anew, if an earlier try may have done some of it."""
        collection = self.hook.get_collection(collection_id=whole.collection_id, team_id=self.team)
        target = self.sync_run.planner.target(self.sync_run.planner.scope, collection)
        fields = sync_fields.DocumentFields.read(self.make_fields or self.fields, collection)
        plan = sync_plan.SyncPlan(tuple(steps))
        if again:
            held = self.hook.run(sync_flows.held_documents(target, collection.chunk_configuration))
            entries = self._listed_again([step.entry for step in steps if step.entry is not None])
            ours = {entry.uri for entry in entries}
            plan = self.sync_run.planner.compare(entries, [each for each in held if each.uri in ours], fields)
            self.log.info("%s: looking again after an earlier try; %s", target.collection_id, plan)
        manifest = sync_manifests.SyncManifest(
            version=1,
            collection_id=whole.collection_id,
            scope=whole.scope,
            documents=len(steps),
            sources=whole.sources,
        )
        return sync_planning.Planned(plan, target, fields, manifest, chunking=collection.chunk_configuration)

    def _listed_again(self, entries: Sequence[SourceEntry]) -> list[SourceEntry]:
        """As the source has them now: what changed or went since the plan would fail every try."""
        with ThreadPoolExecutor(self.concurrency, thread_name_prefix="xai-look") as pool:
            return [entry for entry in pool.map(scanning.listed_again, entries) if entry is not None]


class XAIFinishSyncOperator(XAISyncBaseOperator):
    """The last task of :func:`xai_sync_group`: looks at both sides again, removes what is superfluous, and tells.

    Returns a manifest with the counts of the whole. Takes the arguments of
    :class:`~airflow_provider_xai_collections.operators.sync_arguments.XAISyncBaseOperator` as well.

    :param planned: what the first task handed on. (templated)
    :param report: where to write the report: a file or URL, with one JSON line for each document. (templated)
    """

    template_fields: Sequence[str] = (*XAISyncBaseOperator.template_fields, "planned", "report")

    def __init__(self, *, planned: Any, report: AnyPath | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.planned = planned
        self.report = report

    def read_arguments(self) -> None:
        super().read_arguments()
        self.report = optional_path("report", self.report)

    def outputs(self) -> dict[str, AnyPath | None]:
        return {"report": self.report}

    def execute(self, context: Context) -> dict[str, Any]:
        with self.at_work():
            self.check_arguments()
            before = sync_manifests.SyncPlanned.parse(rendered(self.planned))
            self.sync_run.planner.check_scope(before.manifest)
            planned = self.sync_run.planner.look_again(before.manifest)
            lost = before.manifest.lost + sync_whole.count_undone(before, planned.plan)
            tally = self.sync_run.clear_up(
                planned, before.manifest, polling.WaitEnd.SETTLED, lost=lost, keep_lines=True
            )
            with closing(tally):
                whole = sync_whole.Whole(before, planned, tally)
                self.so_far = manifest = whole.manifest()
                if self.report is not None and self.sync_run.write_report(self.report, whole.lines()):
                    self.so_far = manifest = self.sync_run.with_report(manifest, self.report)
                sync_planning.show(manifest, self)
                self.sync_run.judge(planned, manifest, tally, polling.WaitEnd.SETTLED)
            return self.tell(context, manifest)
