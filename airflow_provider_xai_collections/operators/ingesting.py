"""Base of the operators that run the engine: ingest, sync, and the group's tasks."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.providers.common.compat.sdk import AirflowTaskTimeout, Context, TaskDeferred

from airflow_provider_xai_collections.api.upload_method import UploadMethod
from airflow_provider_xai_collections.arguments import one_of, optional_path, patterns_of
from airflow_provider_xai_collections.durations import Duration, in_words, seconds
from airflow_provider_xai_collections.exceptions import XAIArgumentError, XAIError
from airflow_provider_xai_collections.on_kill import cancelled_between, cancelled_while_waiting
from airflow_provider_xai_collections.operators.base import XAICollectionOperator
from airflow_provider_xai_collections.text import counted

if TYPE_CHECKING:
    from airflow_provider_xai_collections.api.collections import Collection
    from airflow_provider_xai_collections.sources.choice import Choice
    from airflow_provider_xai_collections.sources.files import Files
    from airflow_provider_xai_collections.sources.items import Source
    from airflow_provider_xai_collections.sources.paths import AnyPath
    from airflow_provider_xai_collections.sync.engine import Engine
    from airflow_provider_xai_collections.sync.manifest import Handover, SyncManifest
    from airflow_provider_xai_collections.sync.options import SyncOptions
    from airflow_provider_xai_collections.sync.plan import Plan
    from airflow_provider_xai_collections.sync.report import ReportLine


class XAIIngestingOperator(XAICollectionOperator, ABC):
    """Runs the engine of :mod:`~airflow_provider_xai_collections.sync`; a subclass says on which source, and how."""

    pattern: Any
    exclude: Any
    follow_links: bool
    fields: Any
    make_fields: Any
    create_collection: bool
    declare_fields: bool
    upload_method: str
    wait_for_completion: bool
    timeout: Duration
    poll_interval: Duration
    deferrable: bool = False
    report: AnyPath | None = None
    #: Whether documents of the source may have fields of their own.
    own_fields = False

    _engine: Engine | None = None

    @abstractmethod
    def options(self) -> SyncOptions:
        """Return the options of the engine.

        :raises XAIArgumentError: an argument is wrong, naming it.
        """

    @abstractmethod
    def files(self, context: Context) -> Source:
        """Return the documents outside."""

    def read_arguments(self) -> None:
        """Make lists of the patterns, and read where the report goes, beside the other arguments."""
        super().read_arguments()
        self.pattern = patterns_of("pattern", self.pattern)
        self.exclude = patterns_of("exclude", self.exclude)
        self.report = optional_path("report", self.report)

    def choice(self) -> Choice:
        """Return which files below a folder or glob are documents."""
        from airflow_provider_xai_collections.sources.choice import Choice

        return Choice(self.pattern, self.exclude, follow_links=self.follow_links)

    @property
    def limit(self) -> int:
        """The bytes that a document may have."""
        return one_of("upload_method", self.upload_method, UploadMethod).limit

    def files_at(self, paths: Sequence[AnyPath]) -> Files:
        """Return the documents at these paths.

        :raises XAIArgumentError: the task would write among them.
        """
        from airflow_provider_xai_collections.sources.files import Files

        files = Files(paths, self.choice(), limit=self.limit, check=self.hook.check_cancelled)
        for name, path in self.outputs().items():
            files.refuse_output(name, path)
        return files

    def outputs(self) -> dict[str, Any]:
        """Return where the task itself writes, by argument."""
        return {} if self.report is None else {"report": self.report}

    def engine(self, source: Source, collection: Collection | None) -> Engine:
        """Return the engine of this process.

        :param collection: ``None`` if it does not exist.
        """
        from airflow_provider_xai_collections.sync.engine import Engine
        from airflow_provider_xai_collections.sync.listing import Destination

        options = self.options()
        if collection is None and not self.create_collection:
            self.existing_id()  # says that it does not exist, and what to do
        destination = Destination(
            name=self.collection_label,
            collection=collection,
            method=one_of("upload_method", self.upload_method, UploadMethod),
            declare_fields=self.declare_fields,
            team_id=self.team,
            log=self.log,
        )
        fields = self.make_fields or self.fields
        self._engine = Engine(
            self.hook, source, destination, options, fields=fields, own_fields=self.own_fields, progress=self.progress
        )
        return self._engine

    def start(self, context: Context) -> tuple[Engine, Plan]:
        """Compare the source with the collection, and warn of what is strange."""
        from airflow_provider_xai_collections.sync.messages import warnings_of

        engine = self.engine(self.files(context), self.find_collection())
        plan = engine.plan()
        for warning in warnings_of(engine, plan):
            self.log.warning("%s", warning)
        return engine, plan

    def place_and_wait(self, context: Context, engine: Engine, plan: Plan, before: Handover) -> Any:
        """Place the documents, wait for them here or in the triggerer, and finish."""
        with self._keeping_track(engine, before):
            engine.place(wait=not self.deferrable)
            if self.deferrable and self.wait_for_completion and engine.in_progress:
                self._defer(context, engine, before)
        return self.finish(context, engine, plan, before)

    def execute_complete(self, context: Context, event: Any = None) -> Any:
        """Go on after the wait in the triggerer, which another process may do: look at both sides again, and finish."""
        from airflow_provider_xai_collections.sync import ways

        with self.at_work(context):
            before, missing, limit = self._handed_over(event)
            collection = self.hook.get_collection(collection_id=before.manifest.collection_id, team_id=self.team)
            engine = self.engine(self.files_again(context, before), collection)
            plan = engine.plan(again=True)
            ways.go_on(engine, missing)
            with self._keeping_track(engine, before):
                if engine.in_progress and time.time() < (before.deadline or 0.0):
                    self._defer(context, engine, before)
            return self.finish(context, engine, plan, before, limit=limit)

    def finish(
        self, context: Context, engine: Engine, plan: Plan, before: Handover, *, limit: str = ""
    ) -> dict[str, Any]:
        """Do all that comes after the wait, write the report, tell the collection's asset; raise what it ends with.

        :param limit: the limit that has ended the wait, if not ``timeout``.
        """
        from airflow_provider_xai_collections.sync import ways

        with self._keeping_track(engine, before):
            manifest, error = ways.conclude(engine, plan, before, limit=limit or self.limit_of("timeout"))
        self.manifest = manifest = self._with_report(manifest, engine, before)
        self.show(engine, manifest)
        if error is not None:
            raise error
        return self.tell(context, manifest)

    def files_again(self, context: Context, before: Handover) -> Source:
        """Return the documents outside, in the process that goes on after a wait."""
        return self.files(context)

    def before_deferral(self, context: Context, engine: Engine) -> None:
        """Keep what :meth:`files_again` will need; nothing, where the documents can be listed again."""

    def tell_plan(self, context: Context, engine: Engine, plan: Plan) -> dict[str, Any]:
        """Tell what a run would do, and change nothing.

        :raises XAIArgumentError: it would refuse to prune.
        """
        from airflow_provider_xai_collections.sync import ways

        manifest, error = ways.foresee(engine, plan)
        self.manifest = manifest = self._with_report(manifest, engine, None)
        self.show(engine, manifest)
        if error is not None:
            raise error
        return self.tell(context, manifest)

    def _handed_over(self, event: Any) -> tuple[Handover, Sequence[str], str]:
        """Read the trigger's event: the handover, documents that vanished, and which limit has ended the wait."""
        from airflow_provider_xai_collections.manifests.waits import WaitEvent
        from airflow_provider_xai_collections.sync.manifest import Handover

        told = WaitEvent.parse(event)
        before = Handover.parse(told.manifest)
        self.manifest = before.manifest
        summary = told.summary_or_error()
        self.check_scope(before)
        return before, summary.missing_ids, self.limit_of(summary.end.limit or "timeout")

    def check_scope(self, before: Handover) -> None:
        """Refuse to go on with what was begun for another scope.

        :raises XAIArgumentError: the arguments of the tasks differ, or of one task before and after its wait.
        """
        from airflow_provider_xai_collections.manifests.base import ROOM_FOR_SCOPE, recognisable

        if (scope := recognisable(self.options().scope, ROOM_FOR_SCOPE)) != before.manifest.scope:
            raise XAIArgumentError(
                f"scope is {scope!r} here and {before.manifest.scope!r} in the plan, so nothing more is done: give "
                "all tasks of a group the same arguments, and use no template that is rendered otherwise after a "
                "wait; then clear the task, and those of its group"
            )

    def limit_of(self, name: str) -> str:
        """Name a limit of the task with its value."""
        value = getattr(self, name, None)
        return f"{name} is {in_words(seconds(name, value))}" if value else name

    def _defer(self, context: Context, engine: Engine, before: Handover) -> NoReturn:
        from airflow_provider_xai_collections.manifests.progress import Stage
        from airflow_provider_xai_collections.waits.deferral import deadline_of, deferral

        deadline = deadline_of(self, context, seconds("timeout", self.timeout), began_with=before.deadline)
        self.progress.enter(Stage.INDEXING, len(engine.in_progress))
        if before.deadline is None:
            self._with_report(before.manifest, engine, before)
        self.before_deferral(context, engine)
        handover = engine.handover(before).model_copy(update={"deadline": deadline.at})
        self.manifest = handover.manifest
        raise deferral(
            self,
            deadline,
            handover.manifest.collection_id,
            [row.file_id for row in engine.in_progress],
            poll_interval=seconds("poll_interval", self.poll_interval),
            manifest=handover.dump(),
        )

    @contextmanager
    def _keeping_track(self, engine: Engine, before: Handover) -> Iterator[None]:
        """Keep manifest and report if the block ends early, and name the documents in progress if time is up."""
        try:
            yield
        except TaskDeferred:
            raise
        except BaseException as error:
            self.manifest = self._with_report(engine.manifest(before.manifest), engine, before)
            if isinstance(error, AirflowTaskTimeout):
                from airflow_provider_xai_collections.sync.messages import time_is_up

                limit = self.limit_of("execution_timeout")
                raise AirflowTaskTimeout(f"{error}. {time_is_up(engine, limit)}") from error
            raise

    def show(self, engine: Engine, manifest: SyncManifest) -> None:
        """Show in the log what was done, and warn of documents that are not as they should be."""
        from airflow_provider_xai_collections.sync.messages import problems_in
        from airflow_provider_xai_collections.tables import count_table

        for warning in problems_in(engine, manifest):
            self.log.warning("%s", warning)
        table = count_table(("documents", "count"), manifest.in_the_log)
        self.log.info("%s (%s)\n%s", self.collection_label, manifest.collection_id, table)

    def _with_report(self, manifest: SyncManifest, engine: Engine, before: Handover | None) -> SyncManifest:
        """Write the report, if one is wanted, and return the manifest that says where it is.

        How the work ended is more important than a report that cannot be written.
        """
        from airflow_provider_xai_collections.manifests.base import ROOM_FOR_PATH, shown
        from airflow_provider_xai_collections.manifests.json_lines import write_lines

        if self.report is None:
            return manifest
        try:
            write_lines(self.report, self.report_lines(engine, before))
        except XAIError as error:
            self.log.error("The report cannot be written: %s", error)
            return manifest
        return manifest.model_copy(update={"report": shown(str(self.report), ROOM_FOR_PATH)})

    def report_lines(self, engine: Engine, before: Handover | None) -> Iterable[ReportLine]:
        """Return the lines of the report, as far as the documents are."""
        from airflow_provider_xai_collections.manifests.json_lines import read_lines
        from airflow_provider_xai_collections.sync.report import ReportLine, merged

        if before is None or before.deadline is None:
            return map(ReportLine.of, engine.rows.values())
        return merged(read_lines(str(self.report), ReportLine), engine.rows.values())

    def on_kill_message(self) -> str:
        """Tell how far the work is."""
        if (engine := self._engine) is None:
            return super().on_kill_message()
        if engine.done < engine.total:
            return cancelled_between(self.collection_label, engine.done, engine.total, "uploaded")
        if waiting := len(engine.in_progress):
            return cancelled_while_waiting(self.collection_label, counted(waiting, "document"))
        return super().on_kill_message()
