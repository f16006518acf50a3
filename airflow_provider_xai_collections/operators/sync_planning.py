"""Planning a sync: the source compared with the collection, and what is known before anything is done."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from airflow_provider_xai_collections.api.chunking import ChunkConfiguration
from airflow_provider_xai_collections.api.collections import Collection, FieldDefinition
from airflow_provider_xai_collections.api.ensuring import ensure_collection, find_collection
from airflow_provider_xai_collections.api.ingestion import Target, knows_scopes
from airflow_provider_xai_collections.api.planning import MANAGED_FIELDS, SourceDocument, digest_of
from airflow_provider_xai_collections.api.printable import printable
from airflow_provider_xai_collections.api.sync_flows import held_documents
from airflow_provider_xai_collections.api.sync_plan import HeldDocument, SourceEntry, SyncAction, SyncPlan
from airflow_provider_xai_collections.api.syncing import Holdings, SyncRules, must_be_read, plan_sync
from airflow_provider_xai_collections.durations import seconds
from airflow_provider_xai_collections.exceptions import XAIArgumentError, XAINotFoundError
from airflow_provider_xai_collections.hooks.progress import warn_of_orphans
from airflow_provider_xai_collections.lineage.places import places_of
from airflow_provider_xai_collections.manifests.base import ROOM_FOR_PATH, ROOM_FOR_SCOPE, recognisable, shown
from airflow_provider_xai_collections.manifests.sync import SyncManifest
from airflow_provider_xai_collections.operators import sync_verdicts
from airflow_provider_xai_collections.operators.sync_arguments import Verify, XAISyncBaseOperator
from airflow_provider_xai_collections.operators.sync_fields import DocumentFields
from airflow_provider_xai_collections.operators.sync_reading import Reading, read_all
from airflow_provider_xai_collections.sources import scanning
from airflow_provider_xai_collections.sources.paths import AnyPath
from airflow_provider_xai_collections.tables import count_table
from airflow_provider_xai_collections.waits.verdicts import some_of

#: How ids of collections begin; anything else is a name.
COLLECTION_ID = "collection_"


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan, and where it is to be carried out.

    :param fields: what its documents should have.
    :param manifest: what is known before anything is done.
    :param refusal: why pruning is refused, if it is.
    :param chunking: of the collection, if it is there.
    """

    plan: SyncPlan
    target: Target
    fields: DocumentFields
    manifest: SyncManifest
    refusal: XAIArgumentError | None = None
    chunking: ChunkConfiguration | None = None


class SyncPlanner:
    """Compares a source with a collection.

    :param task: the operator, whose arguments say what is wanted.
    """

    def __init__(self, task: XAISyncBaseOperator) -> None:
        self._task = task
        self._hook = task.hook
        self._log = task.log

    def plan(self, *, dry_run: bool = False) -> Planned:
        """Compare the source with the collection. Creates the collection and declares our fields if that is needed, and
        changes nothing else.

        :param dry_run: change nothing at all, and leave it to the caller to raise a refusal.
        :raises XAIArgumentError: pruning is refused.
        """
        name = self._task.collection
        planned, collection = self._compared(name, again=False)
        if dry_run:
            return planned
        if planned.refusal is not None:
            raise XAIArgumentError(f"{planned.refusal}. Nothing was changed")
        created = False
        if collection is None:
            definitions = self._definitions_of_a_new_one(planned.fields.shared or {})
            ensured = self._hook.run(ensure_collection(name, team_id=self._task.team, field_definitions=definitions))
            collection, created = ensured.collection, ensured.created
        target = self.target(planned.target.scope, collection)
        if target.declared is not None and any(step.action.uploads for step in planned.plan.steps):
            ours = [definition.key for definition in MANAGED_FIELDS]
            self._hook.run(target.declared.require([*ours, *(planned.fields.shared or ())]))
        there = {"collection_id": collection.collection_id, "created": created}
        return replace(
            planned,
            target=target,
            chunking=collection.chunk_configuration,
            manifest=planned.manifest.model_copy(update=there),
        )

    def _definitions_of_a_new_one(self, shared: Mapping[str, str]) -> list[FieldDefinition]:
        """The fields that a collection is created with: ours, and those that all documents get.

        :raises XAIArgumentError: there are such, and they may not be declared: nothing is created.
        """
        if shared and not self._task.declare_fields:
            raise XAIArgumentError(
                f"{self._task.collection} does not exist, and would not define {', '.join(shared)}, which its "
                "documents are to have. Leave out declare_fields=False, or create it first with "
                f"XAICreateCollectionOperator(field_definitions={[{'key': key} for key in shared]})"
            )
        return [*MANAGED_FIELDS, *(FieldDefinition(key=key) for key in shared)]

    def look_again(self, before: SyncManifest) -> Planned:
        """Compare them once more, after what was planned has been done.

        :param before: what was known after that.
        """
        planned, _ = self._compared(before.collection_id, again=True)
        if planned.plan.gone == before.gone:
            # It was approved then. Since that, old versions went: the share of what is gone has grown by that alone.
            return replace(planned, refusal=None)
        return planned

    def _compared(self, name: str, *, again: bool) -> tuple[Planned, Collection | None]:
        """The plan, and the collection if it is there.

        :param again: this sync has compared them before, and has read what it is to verify.
        """
        task, scope = self._task, self.scope
        root = scanning.root_uri(task.source)
        collection = self._found(name)
        target = self.target(scope, collection)
        chunking = collection.chunk_configuration if collection else None
        # In this order: what another run brings in between must not look as if the source had it no longer.
        held = self._hook.run(held_documents(target, chunking)) if collection and knows_scopes(collection) else []
        choice = task.choice()
        entries = scanning.scan(task.source, choice, limit_bytes=task.limit_bytes)
        if not entries:
            self._log.warning("%s holds no document (%s)", *map(printable, (root, str(choice))))
        if not again:
            for warning in choice.warnings(root):
                self._log.warning("%s", printable(warning))
        fields = DocumentFields.read(task.make_fields or task.fields, collection)
        plan = self.compare(entries, held, fields, again=again)
        self._log.info(
            "%s: %d documents in %s; %s", printable(str(task.collection)), len(entries), printable(root), plan
        )
        refusal = sync_verdicts.check_plan(plan, scope, root, max_prune=task.max_prune, prune=task.prune, log=self._log)
        manifest = SyncManifest(
            version=1,
            collection_id=target.collection_id,
            scope=self.scope_in_manifest,
            documents=plan.source_documents,
            left=plan.left,
            gone=plan.gone,
            other_fields=plan.other_metadata,
            sources=places_of([root]),
        )
        return Planned(plan, target, fields, manifest, refusal, chunking), collection

    @property
    def scope(self) -> str:
        """Scope of this sync in full."""
        task = self._task
        return scanning.root_uri(task.source) if task.scope is None else task.scope

    @property
    def scope_in_manifest(self) -> str:
        """As a manifest has room for it: the same for the same scope only."""
        return recognisable(self.scope, ROOM_FOR_SCOPE)

    def check_scope(self, planned: SyncManifest) -> None:
        """Refuse to go on with a plan that was made for another scope.

        :param planned: the result of planning.
        :raises XAIArgumentError: the arguments of the tasks differ, or of one task before and after its wait.
        """
        if (scope := self.scope_in_manifest) != planned.scope:
            raise XAIArgumentError(
                f"scope is {scope!r} here and {planned.scope!r} in the plan, so nothing more is done: give all tasks "
                "of a group the same arguments, and use no template that is rendered otherwise after a wait; then "
                "clear the task, and those of its group"
            )

    def target(self, scope: str, collection: Collection | None) -> Target:
        """Where documents go, and by which way.

        :param collection: ``None`` before it is there.
        """
        task, way = self._task, self._hook.upload_way(self._task.upload_method)
        if collection is None:
            return Target("", scope, way, team_id=task.team)
        declared = self._hook.declarations(collection, team_id=task.team, may_declare=task.declare_fields)
        return Target(collection.collection_id, scope, way, declared, task.team)

    def _found(self, name: str) -> Collection | None:
        """The collection, if it is there."""
        if not name.startswith(COLLECTION_ID):
            return self._hook.run(find_collection(name, team_id=self._task.team))
        try:
            return self._hook.get_collection(collection_id=name, team_id=self._task.team)
        except XAINotFoundError as error:
            raise XAINotFoundError(
                f"{error}. What begins with {COLLECTION_ID} is an id; a collection is created by name only"
            ) from error

    def compare(
        self,
        entries: Sequence[SourceEntry],
        documents: Iterable[HeldDocument],
        fields: DocumentFields,
        *,
        again: bool = False,
    ) -> SyncPlan:
        """Compare documents of the source with those of the collection; what may have changed is read.

        :param again: this sync has compared them before, and has read what it is to verify.
        """
        rules = self._rules(fields, again=again)
        held = Holdings(documents, rules)
        reading = must_be_read(entries, held, rules)
        done = Reading()
        if reading:
            name = printable(str(self._task.collection))
            self._log.info("%s: reading %d documents that may have changed", name, len(reading))
            done = read_all(
                reading,
                lambda entry, check: scanning.read_entry(entry, limit=self._task.limit_bytes, check=check),
                concurrency=self._task.concurrency,
                check=self._hook.check_stop,
                log=self._log,
            )
        known = [replace(entry, unfit=done.unfit.get(entry.uri, entry.unfit)) for entry in entries]
        return plan_sync(known, held, rules, read=done.hashes, unread=done.unread)

    def _rules(self, fields: DocumentFields, *, again: bool) -> SyncRules:
        task = self._task

        def metadata_of(entry: SourceEntry, content_hash: str) -> str:
            return digest_of(fields.of(self.open(entry, content_hash)))

        return SyncRules(
            owns=scanning.owns(task.source),
            prune=task.prune,
            verify=task.verify == Verify.CONTENT and not again,
            stuck_before=time.time() - seconds("stuck_after", task.stuck_after),
            metadata=metadata_of if task.update_fields else None,
            usual_metadata=None if task.update_fields or fields.shared is None else digest_of(fields.shared),
        )

    def open(self, entry: SourceEntry, content_hash: str | None) -> SourceDocument:
        return (
            scanning.read_entry(entry, limit=self._task.limit_bytes, check=self._hook.check_stop)
            if content_hash is None
            else scanning.document_of(entry, content_hash, check=self._hook.check_stop)
        )

    def dry_run_manifest(self, planned: Planned, report: AnyPath | None) -> SyncManifest:
        """What a sync would do, which the log shows as well."""
        plan, counts = planned.plan, planned.plan.counts
        uploads_and_attaches = not planned.target.way.is_direct
        manifest = planned.manifest.model_copy(
            update={
                "dry_run": True,
                "added": counts[SyncAction.ADD],
                "replaced": counts[SyncAction.REPLACE],
                "repaired": counts[SyncAction.REPAIR] + counts[SyncAction.REINDEX],
                "kept": counts[SyncAction.KEEP] + counts[SyncAction.AWAIT],
                "skipped": counts[SyncAction.SKIP],
                "errors": counts[SyncAction.UNREAD],
                "removed": plan.removals,
                "superseded": plan.superseded,
                "doubtful": sum(not doubt.altered for step in plan.steps for doubt in step.doubts),
                "altered": sum(doubt.altered for step in plan.steps for doubt in step.doubts),
                "bytes": plan.bytes_to_upload,
                "requests": plan.requests(
                    each_upload=1 + uploads_and_attaches, each_removal=1 + self._task.delete_files
                ),
                "report": None if report is None else shown(str(report), ROOM_FOR_PATH),
            }
        )
        show(manifest, self._task)
        for action in SyncAction:
            if action is not SyncAction.KEEP and counts[action]:
                named = [step.name for step in plan.steps if step.action is action]
                self._log.info("To %s: %d%s", action, len(named), some_of(named))
        return manifest


def show(manifest: SyncManifest, task: XAISyncBaseOperator) -> None:
    """The counts, in the log of the task."""
    table = count_table(("documents", "count"), manifest.in_the_log)
    task.log.info("%s\n%s", manifest.collection_id or printable(str(task.collection)), table)
    warn_of_orphans(task.log, manifest.possible_orphans)
