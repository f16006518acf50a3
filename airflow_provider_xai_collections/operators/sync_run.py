"""One run of a sync: apply steps of its plan, clear up, and judge what came of it.

The operators that sync import this when they run. What they do in how many tasks is theirs to say.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from zlib import crc32

from airflow.providers.common.compat.sdk import AirflowTaskTimeout

from airflow_provider_xai_collections.api.polling import WaitEnd
from airflow_provider_xai_collections.api.printable import printable
from airflow_provider_xai_collections.api.removing import Removal
from airflow_provider_xai_collections.api.sync_flows import SyncTools
from airflow_provider_xai_collections.api.sync_plan import SyncAction, SyncStep
from airflow_provider_xai_collections.api.sync_work import GIVE_UP_AFTER, SyncWork
from airflow_provider_xai_collections.durations import seconds
from airflow_provider_xai_collections.exceptions import XAIArgumentError, XAIError
from airflow_provider_xai_collections.last_words import FINDS, between_documents
from airflow_provider_xai_collections.manifests import json_lines
from airflow_provider_xai_collections.manifests.base import ROOM_FOR_PATH, shown
from airflow_provider_xai_collections.manifests.sync import SyncLine, SyncManifest
from airflow_provider_xai_collections.operators import sync_verdicts
from airflow_provider_xai_collections.operators.sync_arguments import XAISyncBaseOperator
from airflow_provider_xai_collections.operators.sync_planning import Planned, SyncPlanner
from airflow_provider_xai_collections.operators.tally import Tally, name_and_id
from airflow_provider_xai_collections.sources.paths import AnyPath
from airflow_provider_xai_collections.waits.tolerance import OnFailed, too_many
from airflow_provider_xai_collections.waits.verdicts import limits_of, reason_of, some_of

#: What is left to do for documents once uploads are over.
_CLEARING_UP = frozenset({SyncAction.KEEP, SyncAction.AWAIT, SyncAction.REPAIR, SyncAction.REINDEX, SyncAction.REMOVE})


class SyncRun:
    """The work of a task that syncs.

    :param task: the operator, whose arguments say what is wanted.
    """

    def __init__(self, task: XAISyncBaseOperator) -> None:
        self.planner = SyncPlanner(task)
        self._task = task
        self._hook = task.hook
        self._log = task.log
        self._tally: Tally | None = None

    @property
    def last_words(self) -> str:
        """What to say should the task be told to end; empty before there is anything to say."""
        if (tally := self._tally) is None:
            return ""
        return between_documents(tally.collection_id, tally.finished, tally.to_do, "done", FINDS)

    def tally(self, planned: Planned, *, keep_lines: bool) -> Tally:
        """For the steps of a plan; to be closed."""
        return Tally(self._log, planned.target.collection_id, planned.plan.to_do, keep_lines=keep_lines)

    def apply(
        self,
        planned: Planned,
        steps: Sequence[SyncStep],
        tally: Tally,
        *,
        wait: bool,
        uploads: bool = True,
        may_prune: bool = True,
        lost: int = 0,
    ) -> WaitEnd:
        """Carry out steps of a plan, and count.

        :param wait: wait until documents are processed.
        :param uploads: bring in what is missing; otherwise only what is superfluous goes.
        :param may_prune: remove what the source has no longer, if no more fails than is tolerated.
        :param lost: how many documents are known to have failed before.
        :raises XAIError: what ended the work early: a refused key, or a service that takes nothing.
        """
        self._tally, task, target = tally, self._task, planned.target
        tools = SyncTools(
            target=target,
            removal=Removal(target.collection_id, target.team_id, delete_files=task.delete_files),
            read=self.planner.open,
            fields=planned.fields.of,
            metadata_is_content=task.update_fields,
            chunking=planned.chunking,
        )
        work = SyncWork(
            _shuffled(steps),
            tools,
            concurrency=task.concurrency,
            wait=task.wait_rules() if wait else None,
            timeout=seconds("timeout", task.timeout),
            uploads=uploads,
            now=time.time(),
            may_prune=lambda: may_prune and self._is_tolerable(planned, tally, lost),
            done=tally.done,
        )
        try:
            for _, outcome in self._hook.run_many(work, concurrency=task.concurrency + 1):
                if isinstance(outcome, XAIError):
                    raise outcome
                work.happened(outcome)
                tally.happened(outcome)
        except AirflowTaskTimeout as timeout:
            names = list(map(name_and_id, work.in_progress))
            why = reason_of(WaitEnd.EXECUTION_TIMED_OUT, limits_of(task))
            raise AirflowTaskTimeout(
                f"{timeout}. {target.collection_id}: {why}; {tally.finished} of {tally.to_do} documents are done, and "
                f"{len(names)} still in progress{some_of(names)}"
            ) from timeout
        if tally.rivals:
            self._log.warning(
                "%d documents were brought in by somebody else meanwhile. Another run of this scope (%s) is at work, "
                "which harms nothing; max_active_runs=1 avoids it",
                tally.rivals,
                printable(target.scope),
            )
        if (error := work.fatal or work.refused) is not None:
            raise error
        return work.end

    def _is_tolerable(self, planned: Planned, tally: Tally, lost: int) -> bool:
        """Whether so few documents failed that pruning may go on: one of them may be what is gone, under a new name."""
        lost += sum(tally.counts[name] for name in ("failed", "errors", "untried"))
        total = planned.manifest.documents
        if lost and too_many(lost, total, OnFailed(self._task.on_failed), self._task.max_failed):
            self._log.warning(
                "%d documents that the source has no longer stay: %d others are not in place, which may be the same "
                "under new names",
                planned.plan.removals,
                lost,
            )
            return False
        return True

    def clear_up(self, planned: Planned, before: SyncManifest, end: WaitEnd, *, lost: int, keep_lines: bool) -> Tally:
        """Remove what is superfluous, after all else has been done elsewhere.

        :param planned: the two sides as they are now.
        :param before: what was known before; and ``end``, how the wait ended.
        :param lost: how many documents are known to have failed.
        """
        steps = [step for step in planned.plan.steps if step.action in _CLEARING_UP]
        tally = self.tally(planned, keep_lines=keep_lines)
        try:
            self.apply(
                planned,
                steps,
                tally,
                wait=False,
                uploads=False,
                may_prune=planned.refusal is None and end is WaitEnd.SETTLED and self._is_as_planned(planned, before),
                lost=lost,
            )
        except BaseException:
            tally.close()
            raise
        return tally

    def _is_as_planned(self, planned: Planned, before: SyncManifest) -> bool:
        """Whether what is gone was gone when the run began, or nothing is new that may be it under a new name."""
        if planned.plan.gone == before.gone or not planned.plan.to_upload:
            return True
        if planned.plan.removals:
            self._log.warning(
                "%d documents are new or changed since this run listed the source, and %d are gone, not the ones it "
                "knew of: they may be the same under other names. The next run brings in the former, then removes the "
                "latter",
                planned.plan.to_upload,
                planned.plan.removals,
            )
        return False

    def judge(self, planned: Planned, manifest: SyncManifest, tally: Tally, end: WaitEnd) -> None:
        """Return if the task may go on; see :func:`judge_sync`.

        :raises XAIArgumentError: all is well, but pruning was refused.
        """
        task = self._task
        sync_verdicts.judge_sync(
            manifest,
            end,
            tally.trouble(),
            on_failed=task.on_failed,
            max_failed=task.max_failed,
            limits=limits_of(task),
            in_progress=tally.in_progress,
            log=self._log,
        )
        if planned.refusal is not None:
            raise XAIArgumentError(f"{planned.refusal}. All else is done")

    def write_report(self, report: AnyPath, lines: Iterable[SyncLine]) -> bool:
        """Write the report that people get; as :meth:`write_lines`."""
        return self.write_lines(report, (line.shown() for line in lines))

    def with_report(self, manifest: SyncManifest, report: AnyPath) -> SyncManifest:
        """The manifest, which says where the report is."""
        return manifest.model_copy(update={"report": shown(str(report), ROOM_FOR_PATH)})

    def write_lines(self, report: AnyPath, lines: Iterable[SyncLine]) -> bool:
        """Write the report. What ends the work is more important than a report that cannot be written."""
        try:
            json_lines.write_lines(report, lines)
        except XAIError as error:
            self._log.error("The report cannot be written: %s", error)
            return False
        return True


def _shuffled(steps: Sequence[SyncStep]) -> Sequence[SyncStep]:
    """In an order of no meaning, if many upload: or a folder of bad files would look like a failing service."""
    if sum(step.action.uploads for step in steps) <= GIVE_UP_AFTER:
        return steps
    return sorted(steps, key=lambda step: crc32(step.uri.encode(errors="surrogatepass")))
