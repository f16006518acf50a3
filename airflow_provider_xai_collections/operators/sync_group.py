"""Keep a collection in step with a source, as wide as the cluster: one task plans, many place, one finishes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from datetime import timedelta
from functools import wraps
from inspect import signature
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec
from urllib.parse import quote
from uuid import uuid4

from airflow.providers.common.compat.sdk import AirflowSkipException, Context, TaskGroup, XComArg

from airflow_provider_xai_collections.api.upload_method import UploadMethod
from airflow_provider_xai_collections.arguments import DEFAULT_CONN_ID, path_of, rendered, whole_number
from airflow_provider_xai_collections.durations import Duration
from airflow_provider_xai_collections.exceptions import XAIArgumentError, XAIError
from airflow_provider_xai_collections.operators.sync import XAISyncCollectionOperator
from airflow_provider_xai_collections.text import counted

if TYPE_CHECKING:
    from airflow_provider_xai_collections.api.identity import SourceDocument
    from airflow_provider_xai_collections.sources.items import Source
    from airflow_provider_xai_collections.sources.paths import AnyPath
    from airflow_provider_xai_collections.sync.engine import Engine
    from airflow_provider_xai_collections.sync.manifest import Handover
    from airflow_provider_xai_collections.sync.report import ReportLine
    from airflow_provider_xai_collections.sync.shards import Shards

P = ParamSpec("P")
#: Mapped tasks at most: Airflow maps over 1,024 unless it is told otherwise.
MAX_SHARDS = 1_000
#: The XCom with what the first task hands on. (Airflow maps over nothing but what a task returns.)
PLANNED = "planned"


def _telling_what_is_given(make: Callable[Concatenate[frozenset[str], P], TaskGroup]) -> Callable[P, TaskGroup]:
    """Give a function, first of all, the names of the arguments that its caller gave: the others are for the tasks'
    ``default_args`` to say."""
    _, *public = signature(make).parameters.values()
    shown = signature(make).replace(parameters=public)

    @wraps(make)
    def told(*args: P.args, **kwargs: P.kwargs) -> TaskGroup:
        return make(frozenset(shown.bind(*args, **kwargs).arguments), *args, **kwargs)

    told.__signature__ = shown  # type: ignore[attr-defined]  # what help() and editors show
    return told


@_telling_what_is_given
def xai_sync_group(
    given: frozenset[str],
    /,
    group_id: str = "sync",
    *,
    source: AnyPath,
    workspace: AnyPath,
    collection_id: str | None = None,
    collection_name: str | None = None,
    create_collection: bool = True,
    shards: int = 16,
    max_active_tis_per_dagrun: int | None = None,
    pattern: str | Sequence[str] | Set[str] = "*",
    exclude: str | Sequence[str] | Set[str] = (),
    follow_links: bool = False,
    scope: str | None = None,
    fields: Mapping[str, str] | Callable[[SourceDocument], Mapping[str, str]] | None = None,
    update_fields: bool = False,
    declare_fields: bool = True,
    verify_content: bool = False,
    retry_failed: bool = False,
    prune: bool = False,
    max_prune: float | None = 0.25,
    delete_files: bool = True,
    upload_method: str = UploadMethod.AUTO,
    concurrency: int = 8,
    wait_for_completion: bool = True,
    overlap: Duration = timedelta(seconds=30),
    timeout: Duration = timedelta(hours=1),
    poll_interval: Duration = 15.0,
    max_failed: float | None = 0,
    report: AnyPath | None = None,
    outlets: Sequence[Any] = (),
    team_id: str | None = None,
    conn_id: str = DEFAULT_CONN_ID,
    **task: Any,
) -> TaskGroup:
    """Make a collection equal to a source with all the workers there are.

    Three tasks do what :class:`~airflow_provider_xai_collections.operators.sync.XAISyncCollectionOperator` does in one:
    ``plan`` lists both sides and cuts the work into parts; ``apply`` is mapped over the parts; ``finish`` looks at both
    sides again, whatever became of the parts, removes what is outdated or missing from the source, writes the report
    and tells the collection's asset. Each is safe to retry. Each part counts its own refusals in a row.

    The arguments are those of the operator, but for ``dry_run`` and ``deferrable``, and these:

    :param group_id: the name of the task group.
    :param source: as the operator's; every worker must reach it. (templated)
    :param workspace: a folder or URL that every worker reaches, for the parts of plan and report, below
        ``<dag_id>/<run_id>``. Nothing is deleted there: give it a lifecycle rule. (templated)
    :param shards: how many parts at most, up to 1,000. A part has at least 25 documents.
    :param max_active_tis_per_dagrun: of ``apply``: how many parts are worked on at once.
    :param outlets: of ``finish``, for asset events.
    :param task: arguments of any Airflow task, for all three. What is not given at all, ``default_args`` may say.
    """
    if wrong := task.keys() & {"dry_run", "deferrable"}:
        raise TypeError(
            f"xai_sync_group takes no {wrong.pop()}: its tasks change the collection, and wait in the worker"
        )
    shared = {name: value for name, value in locals().items() if name in given - _NOT_SHARED} | task
    with TaskGroup(group_id) as group:
        plan = XAIPlanSyncOperator(task_id="plan", workspace=workspace, shards=shards, **shared)
        applied = XAIApplySyncOperator.partial(
            task_id="apply",
            planned=XComArg(plan, key=PLANNED),
            max_active_tis_per_dagrun=max_active_tis_per_dagrun,
            map_index_template="{{ task.part_name }}",
            **shared,
        ).expand(shard=plan.output)
        finish = XAIFinishSyncOperator(
            task_id="finish",
            # Not the XComArg: where the first task handed nothing on, rendering that would fail.
            planned=f"{{{{ ti.xcom_pull(task_ids='{plan.task_id}', key='{PLANNED}') }}}}",
            report=report,
            outlets=list(outlets),
            trigger_rule="all_done",
            **shared,
        )
        plan >> [applied, finish]
        applied >> finish
    return group


#: Arguments of the group itself, or of one of its tasks.
_NOT_SHARED = frozenset({"group_id", "workspace", "shards", "max_active_tis_per_dagrun", "report", "outlets", "task"})


class XAIPlanSyncOperator(XAISyncCollectionOperator):
    """The first task of :func:`xai_sync_group`: compares, and cuts the work into parts.

    Returns the numbers of the parts, and pushes where they are as ``planned``.

    :param workspace: a folder or URL that every worker reaches. (templated)
    :param shards: how many parts at most, from 1 to 1,000.
    """

    custom_operator_name = "xAI sync: plan"
    is_part = True
    template_fields: Sequence[str] = (*XAISyncCollectionOperator.template_fields, "workspace")

    def __init__(self, *, workspace: AnyPath, shards: int = 16, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.workspace = workspace
        self.shards = shards

    def read_arguments(self) -> None:
        """Read the workspace, beside the other arguments."""
        super().read_arguments()
        self.workspace = path_of("workspace", self.workspace)

    def outputs(self) -> dict[str, Any]:
        """Return where the task itself writes, by argument."""
        return {"workspace": f"{self.workspace}/plan.jsonl"}

    def execute(self, context: Context) -> list[int]:
        """Compare the collection with the source, and write down the parts."""
        from airflow_provider_xai_collections.sync import ways
        from airflow_provider_xai_collections.sync.shards import Shards

        with self.at_work(context):
            if whole_number("shards", self.shards, at_least=1) > MAX_SHARDS:
                raise XAIArgumentError(f"shards is {self.shards}; Airflow maps over {MAX_SHARDS:,} tasks at most")
            engine, plan = self.start(context)
            before, parts = ways.share_out(engine, plan, engine.begin(plan), self.shards)
            shards = Shards(
                before=before,
                began=self.progress.began,
                folder=self._folder(context),
                count=len(parts),
                documents=sum(map(len, parts)),
            )
            shards.write_rows(parts)
            shards.write_report(None, engine.rows.values())
            self.manifest = before.manifest
            self.log.info("%s in %s", counted(shards.count, "part"), shards.folder)
            context["ti"].xcom_push(key=PLANNED, value=shards.dump())
            return list(range(shards.count))

    def _folder(self, context: Context) -> str:
        from airflow_provider_xai_collections.manifests.base import ROOM_FOR_FOLDER

        ti = context["ti"]
        # Two runs of a DAG, or two groups of it, must not share a folder. Nor must two Airflows with one workspace, or
        # a new plan with tasks that are still at work on the one before.
        names = (quote(str(name), safe="") for name in (ti.dag_id, ti.run_id, ti.task_id, uuid4().hex))
        folder = "/".join((str(self.workspace).rstrip("/"), *names))
        if len(json.dumps(folder)) > ROOM_FOR_FOLDER:
            raise XAIArgumentError(
                f"workspace has {len(str(self.workspace)):,} characters, too many for the XCom that tells of it. Take "
                "a shorter one"
            )
        return folder


class _OfAPlan(XAISyncCollectionOperator):
    """A task that goes on with a plan.

    :param planned: what the first task handed on. (templated)
    """

    template_fields: Sequence[str] = (*XAISyncCollectionOperator.template_fields, "planned")

    def __init__(self, *, planned: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.planned = planned

    def handed_on(self) -> Shards:
        """Return what the first task handed on.

        :raises XAIArgumentError: the tasks have different arguments.
        """
        from airflow_provider_xai_collections.sync.shards import Shards

        shards = Shards.parse(rendered(self.planned))
        self.manifest = shards.before.manifest
        self.check_scope(shards.before)
        return shards

    def engine_of(self, shards: Shards, source: Source) -> Engine:
        """Return an engine on the collection of the plan."""
        collection_id = shards.before.manifest.collection_id
        return self.engine(source, self.hook.get_collection(collection_id=collection_id, team_id=self.team))


class XAIApplySyncOperator(_OfAPlan):
    """The mapped task of :func:`xai_sync_group`: places one part, and waits for it.

    A retry compares its documents again, so nothing is uploaded twice. Returns a manifest with counts. It fails if more
    documents fail than the whole run tolerates.

    :param planned: what the first task handed on. (templated)
    :param shard: the number of the part, from 0. (templated)
    """

    custom_operator_name = "xAI sync: apply"
    is_part = True
    template_fields: Sequence[str] = (*_OfAPlan.template_fields, "shard")

    def __init__(self, *, shard: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.shard = shard

    @property
    def part_name(self) -> str:
        """The name of the mapped task in the UI: the documents of its part, counted through all parts."""
        from airflow_provider_xai_collections.sync.shards import Shards

        try:
            first, last = Shards.parse(rendered(self.planned)).range_of(int(self.shard))
        except XAIError:  # which execute tells; Airflow would tell of a name without one instead
            return f"part {int(self.shard) + 1}"
        return f"documents {first:,}-{last:,}"

    def execute(self, context: Context) -> dict[str, Any]:
        """Place the documents of one part."""
        from airflow_provider_xai_collections.sync import ways

        with self.at_work(context):
            shards, number, files = self.handed_on(), int(self.shard), self.files(context)
            rows = shards.rows(number)
            files.accept([row.item for row in rows if row.item is not None])
            engine = self.engine_of(shards, files)
            before = ways.part_of(shards, len(rows))
            try:
                ways.place_part(engine, rows, again=context["ti"].try_number > 1)
            finally:
                self.manifest = manifest = engine.manifest(before.manifest)
                shards.write_result(number, engine.handover(before), engine.rows.values())
            self.show(engine, manifest)
            limit, documents = self.limit_of("timeout"), shards.before.manifest.documents
            error = ways.error_of(engine, manifest, limit=limit, documents=documents)
            if error is not None:
                raise error
            return manifest.dump()


class XAIFinishSyncOperator(_OfAPlan):
    """The last task of :func:`xai_sync_group`: looks at both sides again, removes what is to go, and tells.

    It runs whatever became of the parts. Returns a manifest with the counts of the whole.

    :param planned: what the first task handed on. (templated)
    """

    custom_operator_name = "xAI sync: finish"

    def execute(self, context: Context) -> Any:
        """Finish the run."""
        from airflow_provider_xai_collections.sync import ways

        with self.at_work(context):
            if self.planned in (None, "", "None"):  # a template makes text of it
                raise self._without_a_plan(context)
            self._shards = self.handed_on()
            self.began = self._shards.began
            engine = self.engine_of(self._shards, self.files(context))
            plan = engine.plan(again=True)
            before = ways.gather(engine, plan, self._shards)
            return self.finish(context, engine, plan, before)

    def report_lines(self, engine: Engine, before: Handover | None) -> Iterable[ReportLine]:
        """Return the lines of the report: of the parts, with what this task found."""
        from airflow_provider_xai_collections.sync.report import merged

        return merged(self._shards.all_reports(), engine.rows.values())

    def _without_a_plan(self, context: Context) -> Exception:
        """Return what the task ends with if there is no plan: it is skipped if the first task was, and fails if not."""
        states = states_of(context, self.upstream_task_ids)
        if states and all(state == "skipped" for state in states):
            return AirflowSkipException("the tasks before this one were skipped")
        return XAIArgumentError("there is no plan: the first task of the group has failed, see its log")


def states_of(context: Any, task_ids: Iterable[str]) -> list[str]:
    """Return the states of tasks in this run."""
    ti = context["ti"]
    if hasattr(ti, "get_task_states"):  # from Airflow 3 on
        found = ti.get_task_states(dag_id=ti.dag_id, task_ids=list(task_ids), run_ids=[ti.run_id])
        return [str(state) for states in found.values() for state in states.values()]
    instances = context["dag_run"].get_task_instances()
    return [str(each.state) for each in instances if each.task_id in task_ids]
