"""The engine: plan, place, wait, finish. Which process runs which stage is decided in :mod:`.ways`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from airflow_provider_xai_collections.api.collections import Collection, FieldDefinition
from airflow_provider_xai_collections.api.documents import Document
from airflow_provider_xai_collections.api.flows import BATCH_SIZE, batch_get_documents
from airflow_provider_xai_collections.api.identity import MANAGED_FIELDS
from airflow_provider_xai_collections.api.polling import Poller, WaitResult, WaitRules
from airflow_provider_xai_collections.api.protocol import Flow, Now, Sleep
from airflow_provider_xai_collections.api.removing import Removal
from airflow_provider_xai_collections.durations import in_words
from airflow_provider_xai_collections.exceptions import XAIArgumentError, XAIError, XAIStatusError
from airflow_provider_xai_collections.hooks.progress import ProgressMeter
from airflow_provider_xai_collections.lineage.places import places_of
from airflow_provider_xai_collections.manifests.base import ROOM_FOR_SCOPE, all_or_none, recognisable
from airflow_provider_xai_collections.manifests.progress import Stage
from airflow_provider_xai_collections.sources.fields import DocumentFields, Fields
from airflow_provider_xai_collections.sources.items import Source
from airflow_provider_xai_collections.sync.documents import Action, Outcome, Row, error_class
from airflow_provider_xai_collections.sync.listing import Destination, Listing, Runner, run_each
from airflow_provider_xai_collections.sync.manifest import (
    NOT_PLACED,
    PLACED,
    Handover,
    SyncManifest,
    problems_of,
)
from airflow_provider_xai_collections.sync.options import SyncOptions
from airflow_provider_xai_collections.sync.place import Placement, Placing, Refusal, Tools, detach, remove_files
from airflow_provider_xai_collections.sync.plan import Plan, may_be_pruned, prune_refusal
from airflow_provider_xai_collections.sync.report import VANISHED
from airflow_provider_xai_collections.text import counted, printable


class Engine:
    """The stages of one run, and what is known of each document by now.

    :param runner: makes all requests.
    :param fields: the argument of that name; ``own_fields``: documents of this source may have some of their own.
    :param progress: is told how far the run is; by default it tells the log.
    :ivar root: the source, for messages.
    :ivar rows: what is known of each document, by URI.
    :ivar counts: what has been done.
    :ivar refusal: the service takes no more documents.
    """

    def __init__(
        self,
        runner: Runner,
        source: Source,
        destination: Destination,
        options: SyncOptions,
        *,
        fields: Fields = None,
        own_fields: bool = False,
        progress: ProgressMeter | None = None,
    ) -> None:
        collection = destination.collection
        self.runner = runner
        self.source = source
        self.destination = destination
        self.options = options
        self.rows: dict[str, Row] = {}
        self.counts: Counter[str] = Counter()
        self.refusal: Refusal | None = None
        self.done = self.total = 0
        self.fields = DocumentFields.read(fields, collection, is_all=not own_fields)
        self.target = None if collection is None else destination.target(collection, options.scope)
        self.root = ", ".join(source.roots)
        self._log = destination.log
        self._name = printable(destination.name)
        self._made: Tools | None = None
        self.progress = progress or ProgressMeter(destination.log, destination.name)
        self._know(collection)

    # Plan

    def plan(self, *, again: bool = False) -> Plan:
        """Compare the collection with the source.

        :param again: this run has compared them before, and has read what it is to verify.
        """
        options = replace(self.options, verify_content=False) if again else self.options
        self.progress.enter(Stage.LISTING)
        listing = Listing(self.runner, self.source, self.destination, self.target, self.fields, options, self.progress)
        plan = listing.plan()
        self.rows = {row.uri: row for row in plan.rows}
        documents = counted(len(plan.rows), "document")
        self._log.info("%s: %s in %s; %s", self._name, documents, printable(self.root), plan)
        return plan

    def begin(self, plan: Plan) -> Handover:
        """Create the collection and declare fields, where that is needed, and return what is known before the work.

        :raises XAIArgumentError: pruning is refused, and nothing was changed.
        """
        if (error := self.refused_at_first(plan)) is not None:
            raise error
        shared, is_new = self.fields.shared or {}, self.target is None
        if self.target is None:
            definitions = [*MANAGED_FIELDS, *(FieldDefinition(key=key) for key in shared)]
            collection = self.runner.run(self.destination.create(definitions))
            self.target = self.destination.target(collection, self.options.scope)
            self.fields = replace(self.fields, collection=collection)
            self._know(collection)
        if self.target.declared is not None and any(row.action.uploads for row in plan.rows):
            ours = (definition.key for definition in MANAGED_FIELDS)
            self.runner.run(self.target.declared.require([*ours, *shared]))
        return Handover(manifest=self.known(plan, created=is_new), approved=plan.removals if self.options.prune else 0)

    def refused_at_first(self, plan: Plan) -> XAIArgumentError | None:
        """Return why pruning is refused before anything is changed, if it is."""
        refusal = prune_refusal(plan, self.options, root=self.root)
        return XAIArgumentError(f"{refusal}. Nothing was changed") if refusal else None

    def known(self, plan: Plan, *, created: bool = False) -> SyncManifest:
        """Return the manifest of a run that has not done anything yet."""
        return SyncManifest(
            collection_id=self.target.collection_id if self.target else "",
            scope=recognisable(self.options.scope, ROOM_FOR_SCOPE),
            created=created,
            documents=len(plan.rows),
            older_versions=sum(row.older for row in plan.rows),
            other_fields=plan.other_fields,
            sources=places_of(self.source.roots),
        )

    @property
    def tools(self) -> Tools:
        """The tools for placing and removing documents: the same ones all the time, for they learn on the way."""
        if self._made is None:
            if self.target is None:
                raise ValueError("the collection does not exist: begin the run first")
            removal = Removal(self.target.collection_id, self.target.team_id, delete_files=self.options.delete_files)
            self._made = Tools(self.target, removal, self.fields, self.source.open)
        return self._made

    # Place

    def place(self, *, wait: bool) -> None:
        """Upload and attach what is not there; on a full team in rounds, as many as old versions have made room for.

        :param wait: wait for all of them; otherwise only between rounds.
        """
        rows = [row for row in self.rows.values() if row.action.uploads]
        self.total, self.progress.bytes_total = len(rows), sum(row.size for row in rows)
        self._place_round(rows)
        while self._may_make_room:
            self.wait()
            before = self.counts["outdated_removed"]
            self.remove_outdated()
            freed = self.counts["outdated_removed"] - before
            again = [_as_untried(row) for row in self.rows.values() if _is_refused(row)]
            if not (freed and again):
                break
            documents = counted(freed, "document")
            self._log.info("%s: old versions made room for %s, %d to go", self._name, documents, len(again))
            self._place_round(again, at_most=freed)
        self._count_not_placed()
        if wait:
            self.wait()

    @property
    def _may_make_room(self) -> bool:
        options, refusal = self.options, self.refusal
        refused = refusal is not None and refusal.stops and not refusal.is_fatal
        return refused and options.replace and options.delete_files and options.wait

    def _place_round(self, rows: Sequence[Row], *, at_most: int | None = None) -> None:
        placing = Placing(rows, self.tools, at_most=at_most)
        self.progress.enter(Stage.UPLOADING, len(rows))
        for done in run_each(self.runner, placing, self.options):
            placing.take(done)
            self._take(done)
        for row in placing.left:
            self.rows[row.uri] = _as_untried(row)
        if not placing.left or (placing.refusal is not None and placing.refusal.stops):
            self.refusal = placing.refusal  # otherwise room is what ended the round, and the refusal before it stands

    def _take(self, done: Placement) -> None:
        row, counts = done.row, self.counts
        self.rows[row.uri] = row
        self.done += 1
        if row.placed:
            counts[PLACED[row.action]] += 1
            counts["bytes"] += row.size
        counts["kept"] += done.is_rival
        counts["outdated_removed"] += len(row.removed)
        counts["files_kept"] += done.files_kept
        counts["possible_orphans"] += done.possible_orphans
        self.progress.step(failed=row.outcome is Outcome.ERROR, uploaded=row.size if row.placed else 0)

    def _count_not_placed(self) -> None:
        for row in self.rows.values():
            if not row.action.uploads and row.outcome in (Outcome.PROCESSED, Outcome.IN_PROGRESS):
                self.counts["kept"] += 1
            elif row.outcome in NOT_PLACED:
                self.counts[NOT_PLACED[row.outcome]] += 1

    # Wait

    def wait(self) -> None:
        """Poll until each document that is in progress is processed or failed, or until ``timeout``."""
        waiting = [row.file_id for row in self.in_progress]
        if not (self.options.wait and waiting):
            return
        documents = counted(len(waiting), "document")
        self._log.info("%s: waiting up to %s for %s", self._name, in_words(self.options.timeout), documents)
        rules = WaitRules(self._now() + self.options.timeout, self.options.poll_interval)
        poller = Poller(waiting, rules, chunking=self.tools.target.chunking)
        self.progress.enter(Stage.INDEXING, len(waiting))
        while (result := self._poll(poller)) is None:
            self.runner.run(_pause(poller.pause(self._now())))
        self.settle(result)

    def _poll(self, poller: Poller) -> WaitResult | None:
        found: list[Document] = []
        error = None
        for _, outcome in self.runner.run_many(
            self._batches(poller.pending, poller.rules.deadline), concurrency=self.options.concurrency
        ):
            if isinstance(outcome, XAIError):
                error = outcome
            else:
                found.extend(outcome)
        now = self._now()
        result = poller.handle_poll(now, found) if error is None else poller.handle_error(now, error)
        self.progress.polled(poller)
        return result

    def settle(self, result: WaitResult) -> None:
        """Take in how a wait ended."""
        failed = {each.file_id: each.reason for each in result.failed}
        doubts = {each.file_id: each.reason for each in result.doubts}
        processed, missing = set(result.processed), set(result.missing)
        for row in self.in_progress:
            if row.file_id in processed:
                row = replace(row, outcome=Outcome.PROCESSED)
                self.rows[row.uri] = row.doubted([doubts[row.file_id]] if row.file_id in doubts else [])
            elif row.file_id in failed:
                self.rows[row.uri] = row.ended(Outcome.FAILED, failed[row.file_id])
            elif row.file_id in missing:
                self.counts["errors"] += 1
                self.rows[row.uri] = row.ended(Outcome.ERROR, VANISHED)

    @property
    def in_progress(self) -> list[Row]:
        """The documents that xAI is indexing, as far as is known."""
        return [row for row in self.rows.values() if row.outcome is Outcome.IN_PROGRESS]

    # Finish

    def finish(self, plan: Plan, before: Handover) -> SyncManifest:
        """Do all that comes after the wait, whoever waited: remove old versions, prune, count.

        :param plan: made by this process.
        :param before: what was done before it.
        """
        self.refusal = self.refusal or before.refusal
        self.progress.enter(Stage.FINISHING, self.total, documents=self.total)
        missing = plan.missing_rows
        if not (self.refusal and self.refusal.is_fatal):
            self.remove_outdated()
            if self.options.prune and missing and not self.prune_refusal(plan, before):
                missing = self._prune(plan, missing)
        self.rows |= {row.uri: row for row in missing}
        return self.manifest(before.manifest)

    def prune_refusal(self, plan: Plan, before: Handover) -> str:
        """Tell why pruning is refused now, although it was not when the run began."""
        return prune_refusal(plan, self.options, root=self.root, approved=before.approved)

    def remove_outdated(self) -> None:
        """Remove the old versions of documents that are processed, ``overlap`` after this was seen.

        Whoever placed the new ones: a try that was killed may have done so a moment ago.
        """
        due = [row for row in self.rows.values() if row.outcome is Outcome.PROCESSED and row.to_remove]
        if due and self.options.overlap:
            self._log.info("%s: old versions stay for %s more", self._name, in_words(self.options.overlap))
            self.runner.run(_pause(Sleep(self.options.overlap)))
        for row in self._removed(due):
            self.counts["outdated_removed"] += len(row.removed) - len(self.rows[row.uri].removed)
            self.rows[row.uri] = row

    def _prune(self, plan: Plan, missing: Sequence[Row]) -> list[Row]:
        """Remove what is missing from the source, as far as that is safe; the source is listed once more for it."""
        safe = may_be_pruned(plan, self.rows.values(), self.source.list())
        if stay := sum(len(found) for uri, found in plan.missing.items() if uri not in safe):
            self._log.warning(
                "%s missing from the source, and left: the source has them again, or others are not processed yet "
                "that may be the same under new names. The next run decides again",
                counted(stay, "document"),
            )
        done = {row.uri: row for row in self._removed([row for row in missing if row.uri in safe])}
        self.counts["removed"] += sum(len(row.removed) for row in done.values())
        return [done.get(row.uri, row) for row in missing]

    def _removed(self, rows: Sequence[Row]) -> list[Row]:
        """Remove the outdated documents of these rows, and return what became of them."""
        if not rows:
            return []
        removal, done = self.tools.removal, []
        self.progress.enter(Stage.REMOVING, len(rows))
        for one in run_each(self.runner, (remove_files(removal, row) for row in rows), self.options):
            done.append(one)
            self.progress.step(failed=one.error is not None)
        without_file = [file_id for one in done for file_id in one.without_file]
        shown = [
            each.file_id for found in run_each(self.runner, self._batches(without_file), self.options) for each in found
        ]
        detached = set(run_each(self.runner, (detach(removal, file_id) for file_id in shown), self.options))
        self.counts["files_kept"] += sum(one.files_kept for one in done)
        self.counts["errors"] += sum(one.error is not None for one in done)
        self.progress.enter(Stage.FINISHING, self.total, documents=self.total)
        return [one.after(detached) for one in done]

    def manifest(self, before: SyncManifest) -> SyncManifest:
        """Return the manifest of all that is done and known by now.

        :param before: what another process has counted, or what was known at first.
        """
        rows = self.rows.values()
        outcomes = Counter(row.outcome for row in rows)
        state = {
            "failed": outcomes[Outcome.FAILED],
            "in_progress": outcomes[Outcome.IN_PROGRESS],
            "doubtful": sum(bool(row.doubts) for row in rows),
            "left": sum(len(row.outdated) - len(row.removed) for row in rows if row.action is Action.REMOVE),
            "file_ids": all_or_none([row.file_id for row in rows if row.file_id]),
        }
        return before.plus(self.counts, problems_of(rows)).model_copy(update=state)

    def handover(self, before: Handover) -> Handover:
        """Return what the process that finishes must know of this one, which has placed documents."""
        placed = [row for row in self.rows.values() if row.outcome in NOT_PLACED]
        manifest = before.manifest.plus(self.counts, problems_of(placed))
        return before.model_copy(update={"manifest": manifest, "refusal": self.refusal})

    # Small steps

    def _batches(self, file_ids: Sequence[str], deadline: float | None = None) -> Iterator[Flow[list[Document]]]:
        """Ask for documents, as many at a time as one ``documents:batchGet`` takes."""
        target = self.tools.target
        for start in range(0, len(file_ids), BATCH_SIZE):
            part = file_ids[start : start + BATCH_SIZE]
            yield batch_get_documents(target.collection_id, part, team_id=target.team_id, deadline=deadline)

    def _know(self, collection: Collection | None) -> None:
        if collection is not None:
            self.progress.collection_id, self.progress.collection_name = (
                collection.collection_id,
                collection.collection_name,
            )

    def _now(self) -> float:
        return self.runner.run(_clock())


def _is_refused(row: Row) -> bool:
    """Tell whether the service did not take a document, or nobody tried: it is tried again when there is room."""
    refused = row.outcome is Outcome.ERROR and issubclass(error_class(row.error), XAIStatusError)
    return row.action.uploads and (refused or row.outcome is Outcome.UNTRIED)


def _as_untried(row: Row) -> Row:
    return replace(row, outcome=Outcome.UNTRIED, reason="", error="")


def _clock() -> Flow[float]:
    now: float = yield Now()
    return now


def _pause(pause: Sleep) -> Flow[None]:
    yield pause
