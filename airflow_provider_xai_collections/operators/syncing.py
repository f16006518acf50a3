"""What the operators can do that keep a collection in step with a source: plan, apply, judge, tidy up."""

from __future__ import annotations

import time
from abc import ABC
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from zlib import crc32

from airflow.providers.common.compat.sdk import Context

from airflow_provider_xai_collections.api.upload_method import UploadMethod
from airflow_provider_xai_collections.arguments import rendered, text_of
from airflow_provider_xai_collections.durations import seconds
from airflow_provider_xai_collections.exceptions import XAIError, XAIInterruptedError, XAINotFoundError
from airflow_provider_xai_collections.last_words import FINDS, between_documents
from airflow_provider_xai_collections.later import later
from airflow_provider_xai_collections.operators.sync_arguments import Verify, XAISyncBaseOperator
from airflow_provider_xai_collections.waits.tolerance import OnFailed, too_many

if TYPE_CHECKING:
    from airflow_provider_xai_collections import tables
    from airflow_provider_xai_collections.api import (
        ensuring,
        ingestion,
        orphans,
        planning,
        polling,
        sync_flows,
        sync_work,
        syncing,
    )
    from airflow_provider_xai_collections.api import removing as api_removing
    from airflow_provider_xai_collections.api.collections import Collection
    from airflow_provider_xai_collections.api.planning import SourceDocument
    from airflow_provider_xai_collections.api.syncing import HeldDocument, SourceEntry, SyncPlan, SyncStep
    from airflow_provider_xai_collections.manifests import json_lines
    from airflow_provider_xai_collections.manifests import sync as sync_manifests
    from airflow_provider_xai_collections.manifests.sync import SyncLine
    from airflow_provider_xai_collections.operators import sync_fields, sync_reading, sync_verdicts
    from airflow_provider_xai_collections.operators import tally as tallies
    from airflow_provider_xai_collections.sources import scanning
    from airflow_provider_xai_collections.sources.paths import AnyPath
    from airflow_provider_xai_collections.waits import verdicts
else:
    ensuring = later("api.ensuring")
    ingestion = later("api.ingestion")
    orphans = later("api.orphans")
    planning = later("api.planning")
    polling = later("api.polling")
    api_removing = later("api.removing")
    sync_flows = later("api.sync_flows")
    sync_work = later("api.sync_work")
    syncing = later("api.syncing")
    json_lines = later("manifests.json_lines")
    sync_fields = later("operators.sync_fields")
    sync_reading = later("operators.sync_reading")
    sync_verdicts = later("operators.sync_verdicts")
    tallies = later("operators.tally")
    scanning = later("sources.scanning")
    sync_manifests = later("manifests.sync")
    tables = later("tables")
    verdicts = later("waits.verdicts")

#: How ids of collections begin; anything else is a name.
COLLECTION_ID = "collection_"
#: Seconds for which an upload that was cut off is looked for: a team may have very many files.
REMEMBERED = 7 * 86_400.0


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan, and where it is to be carried out.

    :param fields: what its documents should have.
    :param manifest: what is known before anything is done.
    """

    plan: SyncPlan
    target: ingestion.Target
    fields: sync_fields.DocumentFields
    manifest: sync_manifests.SyncManifest


class XAISyncStepsBaseOperator(XAISyncBaseOperator, ABC):
    """Can plan a sync, apply steps of it, and judge what came of them."""

    _tally: tallies.Tally | None = None

    def last_words(self) -> str:
        if (tally := self._tally) is not None:
            return between_documents(tally.collection_id, tally.finished, tally.to_do, "done", FINDS)
        return super().last_words()

    def plan(self, collection_id: str | None = None, *, may_create: bool = True, again: bool = False) -> Planned:
        """Compare the source with the collection. Nothing is changed but that the collection can hold its documents.

        :param collection_id: the collection, if it is known by now.
        :param may_create: whether to make the collection and to declare our fields.
        :param again: whether this sync has compared them before, and has read what it is to verify.
        """
        root = scanning.root_uri(self.source)
        scope = root if self.scope is None else text_of("scope", self.scope)
        name = text_of("collection", collection_id or self.collection)
        collection = self._found(name)
        target = ingestion.Target(
            collection.collection_id if collection else "", scope, UploadMethod(self.upload_method), self.team
        )
        # In this order: what another run brings in between must not look as if the source had it no longer.
        held = (
            self.hook.run(sync_flows.held_documents(target))
            if collection and ingestion.knows_scopes(collection)
            else []
        )
        entries = scanning.scan(
            self.source,
            pattern=text_of("pattern", self.pattern),
            exclude=rendered(self.exclude),
            limit_bytes=self.limit_bytes,
        )
        if not entries:
            self.log.warning("%s holds no document (pattern %r, exclude %r)", root, self.pattern, self.exclude)
        fields, created = sync_fields.DocumentFields.read(self.make_fields or self.fields, collection), False
        plan = self.compare(entries, held, fields, again=again)
        self.log.info("%s: %d documents in %s; %s", self.collection, len(entries), root, plan)
        sync_verdicts.check_plan(plan, scope, root, max_prune=self.max_prune, prune=self.prune, log=self.log)
        if may_create:
            if collection is None:
                collection, created = self._made(name)
                target = replace(target, collection_id=collection.collection_id)
            self.hook.run(ingestion.declare_managed_fields(collection, team_id=self.team))
        manifest = sync_manifests.SyncManifest(
            version=1,
            collection_id=target.collection_id,
            scope=scope,
            created=created,
            documents=plan.source_documents,
            left=plan.left,
            other_fields=plan.other_metadata,
            sources=(root,),
        )
        return Planned(plan, target, fields, manifest)

    def _found(self, name: str) -> Collection | None:
        """The collection, if it is there."""
        if not name.startswith(COLLECTION_ID):
            return self.hook.run(ensuring.find_collection(name, team_id=self.team))
        try:
            return self.hook.get_collection(collection_id=name, team_id=self.team)
        except XAINotFoundError as error:
            raise XAINotFoundError(
                f"{error}. What begins with {COLLECTION_ID} is an id; a collection is created by name only"
            ) from error

    def _made(self, name: str) -> tuple[Collection, bool]:
        """The collection, and whether it was made just now, or by another run."""
        ensured = self.hook.run(
            ensuring.ensure_collection(name, team_id=self.team, field_definitions=planning.MANAGED_FIELDS)
        )
        return ensured.collection, ensured.created

    def _rules(self, fields: sync_fields.DocumentFields, *, again: bool) -> syncing.SyncRules:
        def metadata_of(entry: SourceEntry, sha256: str) -> str:
            return planning.digest_of(fields.of(self._open(entry, sha256)))

        return syncing.SyncRules(
            owns=scanning.owns(self.source),
            prune=self.prune,
            verify=self.verify == Verify.CONTENT and not again,
            stuck_before=time.time() - seconds("stuck_after", self.stuck_after),
            metadata=metadata_of if self.update_fields else None,
            usual_metadata=None if self.update_fields or fields.shared is None else planning.digest_of(fields.shared),
        )

    def compare(
        self,
        entries: Sequence[SourceEntry],
        documents: Iterable[HeldDocument],
        fields: sync_fields.DocumentFields,
        *,
        again: bool = False,
    ) -> SyncPlan:
        """Compare documents of the source with those of the collection; what may have changed is read.

        :param again: as in :meth:`plan`.
        """
        rules = self._rules(fields, again=again)
        held = syncing.Holdings(documents, rules)
        reading = syncing.must_be_read(entries, held, rules)
        read: dict[str, str] = {}
        unread: dict[str, str] = {}
        if reading:
            self.log.info("%s: reading %d documents that may have changed", self.collection, len(reading))
            read, unread = sync_reading.content_hashes(
                reading, lambda entry: self._open(entry, None), concurrency=self.concurrency, log=self.log
            )
        return syncing.plan_sync(entries, held, rules, read=read, unread=unread)

    def _open(self, entry: SourceEntry, sha256: str | None) -> SourceDocument:
        return (
            scanning.read_entry(entry, limit=self.limit_bytes)
            if sha256 is None
            else scanning.document_of(entry, sha256)
        )

    def apply(
        self,
        planned: Planned,
        steps: Sequence[SyncStep],
        tally: tallies.Tally,
        *,
        wait: bool,
        uploads: bool = True,
        lost: int = 0,
    ) -> polling.WaitEnd:
        """Carry out steps of a plan, and count.

        :param wait: wait until documents are processed.
        :param uploads: bring in what is missing; otherwise only what is superfluous goes.
        :param lost: how many documents are known to have failed before.
        :raises XAIError: what ended the work early: a refused key, or a service that takes nothing.
        """
        self._tally = tally
        target = planned.target
        tools = sync_flows.SyncTools(
            target=target,
            removal=api_removing.Removal(target.collection_id, target.team_id, delete_files=self.delete_files),
            read=self._open,
            fields=planned.fields.of,
            metadata_is_content=self.update_fields,
        )
        work = sync_work.SyncWork(
            _mixed(steps),
            tools,
            concurrency=self.concurrency,
            wait=self.wait_rules() if wait else None,
            timeout=seconds("timeout", self.timeout),
            uploads=uploads,
            now=time.time(),
            may_prune=lambda: work.refused is not None or self._is_tolerable(planned, tally, lost),
            done=tally.done,
        )
        for _, outcome in self.hook.run_many(work, concurrency=self.concurrency + 1):
            if isinstance(outcome, XAIError):
                raise outcome
            work.happened(outcome)
            tally.happened(outcome)
        if tally.rivals:
            self.log.warning(
                "%d documents were brought in by somebody else meanwhile. Another run of this scope (%s) is at work, "
                "which harms nothing; max_active_runs=1 avoids it",
                tally.rivals,
                target.scope,
            )
        if (error := work.fatal or work.refused) is not None:
            raise error
        return work.end

    def _is_tolerable(self, planned: Planned, tally: tallies.Tally, lost: int) -> bool:
        """Whether so few documents failed that pruning may go on: one of them may be what is gone, under a new name."""
        lost += sum(tally.counts[name] for name in ("failed", "errors", "untried"))
        total = planned.manifest.documents
        return not lost or not too_many(lost, total, OnFailed(self.on_failed), self.max_failed)

    def tally(self, planned: Planned, *, keep_lines: bool) -> tallies.Tally:
        """For the steps of a plan; to be closed."""
        return tallies.Tally(self.log, planned.target.collection_id, planned.plan.to_do, keep_lines=keep_lines)

    def look_again(
        self, before: sync_manifests.SyncManifest, end: polling.WaitEnd, *, keep_lines: bool
    ) -> tuple[Planned, tallies.Tally]:
        """After a wait elsewhere: look at both sides again, and remove what is superfluous.

        :param end: how the wait ended; nothing is pruned while documents are in progress.
        """
        planned = self.plan(before.collection_id, again=True)
        wanted = {
            syncing.SyncAction.KEEP,
            syncing.SyncAction.AWAIT,
            syncing.SyncAction.REPAIR,
            syncing.SyncAction.REINDEX,
        }
        wanted |= {syncing.SyncAction.REMOVE} if end is polling.WaitEnd.SETTLED else set()
        steps = [step for step in planned.plan.steps if step.action in wanted]
        tally = self.tally(planned, keep_lines=keep_lines)
        try:
            self.apply(planned, steps, tally, wait=False, uploads=False, lost=before.lost)
        except BaseException:
            tally.close()
            raise
        return planned, tally

    def judge(self, manifest: sync_manifests.SyncManifest, tally: tallies.Tally, end: polling.WaitEnd) -> None:
        """Return if the task may go on; see :func:`judge_sync`."""
        sync_verdicts.judge_sync(
            manifest, end, tally.trouble(), on_failed=self.on_failed, max_failed=self.max_failed, log=self.log
        )

    def tidy_up(
        self, context: Context, planned: Planned, tally: tallies.Tally, manifest: sync_manifests.SyncManifest
    ) -> sync_manifests.SyncManifest:
        """Delete uploads that were cut off before they were attached, if there may be any. The manifest tells."""
        cut_off = manifest.possible_orphans or context["ti"].try_number > 1
        if self.orphan_age is None or not cut_off or planned.target.method is UploadMethod.DIRECT:
            return manifest
        uploads: dict[str, set[int]] = {}
        for step in planned.plan.steps:
            uploads.setdefault(step.name, set()).add(step.size)
        now = time.time()
        search = orphans.find_orphans(
            uploads, known=tally.file_ids, since=_begin_of(context, now), until=now, team_id=self.team
        )
        old_before = now - seconds("orphan_age", self.orphan_age)
        try:
            found = self.hook.run(search)
            old = [file for file in found if file.created_at and file.created_at.timestamp() <= old_before]
            removed = self.hook.run(orphans.remove_orphans(old))
        except XAIInterruptedError:
            raise
        except XAIError as error:
            # The documents are in place, which is what counts.
            self.log.warning("Uploads that were cut off could not be looked for, and may stay in Files: %s", error)
            return manifest
        if removed.deleted:
            self.log.info("%d files of uploads that were cut off are deleted", removed.deleted)
        if removed.error is not None:
            self.log.warning("Not all files of uploads that were cut off could be deleted: %s", removed.error)
        if young := [file.id for file in found if file not in old]:
            self.log.warning(
                "%d files may be of uploads that were cut off%s, and stay, as they are younger than orphan_age. Delete "
                "them if nothing needs them",
                len(young),
                verdicts.some_of(young),
            )
        update = {
            "orphans_removed": manifest.orphans_removed + removed.deleted,
            "possible_orphans": max(manifest.possible_orphans, len(young)),
        }
        return manifest.model_copy(update=update)

    def written(self, report: AnyPath, lines: Iterable[SyncLine]) -> bool:
        """Write the report. What ends the work is more important than a report that cannot be written."""
        try:
            json_lines.write_lines(report, lines)
        except XAIError as error:
            self.log.error("The report cannot be written: %s", error)
            return False
        return True

    def show(self, manifest: sync_manifests.SyncManifest) -> None:
        """The counts, in the log."""
        table = tables.count_table(("documents", "count"), manifest.in_the_log)
        self.log.info("%s\n%s", manifest.collection_id or self.collection, table)


def _begin_of(context: Context, now: float) -> float:
    """When the first try of the task may have begun."""
    began = getattr(context["dag_run"], "start_date", None) or getattr(context["dag_run"], "run_after", None)
    return max(began.timestamp() if began else 0.0, now - REMEMBERED)


def _mixed(steps: Sequence[SyncStep]) -> Sequence[SyncStep]:
    """Those that upload in an order of no meaning, if they are many: or a folder of bad ones would look like a service
    that takes nothing."""
    if sum(step.action.uploads for step in steps) <= sync_work.GIVE_UP_AFTER:
        return steps
    return sorted(steps, key=lambda step: crc32(step.uri.encode(errors="surrogatepass")))
