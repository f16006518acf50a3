"""The ways to run the stages: in one task, around a wait in the triggerer, in several tasks.

No document's fate is decided here. In one task: plan, begin, place, :func:`conclude`. Around a wait: plan, begin,
place, hand over; then plan again, :func:`go_on`, conclude. In several tasks: plan, begin, :func:`share_out`;
:func:`place_part` in each; then plan again, :func:`gather`, conclude. An ingestion is a sync whose options replace and
prune nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from airflow_provider_xai_collections.exceptions import (
    XAIArgumentError,
    XAIError,
    XAIIndexingError,
    XAITimeoutError,
)
from airflow_provider_xai_collections.sync.documents import Action, Outcome, Row, error_class
from airflow_provider_xai_collections.sync.engine import Engine
from airflow_provider_xai_collections.sync.manifest import PLACED, Handover, SyncManifest, kind_of, problems_of
from airflow_provider_xai_collections.sync.plan import Plan
from airflow_provider_xai_collections.sync.report import VANISHED, has_vanished
from airflow_provider_xai_collections.sync.shards import Shards, in_shards, needs_work
from airflow_provider_xai_collections.text import NAMED, counted, escaped, in_brackets


def conclude(
    engine: Engine, plan: Plan, before: Handover, *, limit: str = "timeout"
) -> tuple[SyncManifest, XAIError | None]:
    """Finish a run; return its manifest, and the error that it ends with, if it does.

    :param plan: made by this process; ``before``: what is known of the time before it.
    :param limit: which limit has ended the wait, should documents still be in progress.
    """
    manifest = engine.finish(plan, before)
    prune_refusal = engine.prune_refusal(plan, before) if manifest.left else ""
    return manifest, error_of(engine, manifest, limit=limit, prune_refusal=prune_refusal)


def error_of(
    engine: Engine, manifest: SyncManifest, *, limit: str, prune_refusal: str = "", documents: int | None = None
) -> XAIError | None:
    """Return the error that a run ends with, if it does. What the service refused comes last: all else is done.

    :param limit: which limit has ended the wait, should documents still be in progress.
    :param prune_refusal: why pruning was refused.
    :param documents: of the whole run, if the manifest is that of a part: it tolerates what the whole run would.
    """
    name, refusal, in_progress, lost = engine.destination.name, engine.refusal, engine.in_progress, _lost(manifest)
    if engine.options.wait and in_progress:
        rows = in_brackets([f"{row.name} [{row.file_id}]" for row in in_progress[:NAMED]], len(in_progress))
        return XAITimeoutError(
            f"{name}: time ran out ({limit}); {len(in_progress)} of {counted(manifest.documents, 'document')} still in "
            f"progress{rows}{f'. {lost}' if lost else ''}. Indexing goes on at xAI: a retry finds what "
            "is there and waits on"
        )
    if refusal is not None and refusal.stops:
        return error_class(refusal.error)(f"{name}: {refusal.message}{f'. {lost}' if lost else ''}")
    if not engine.options.tolerates(manifest.lost, manifest.documents if documents is None else documents):
        kind = XAIIndexingError if manifest.failed == manifest.lost else kind_of(manifest.problems)
        return kind(f"{name}: {lost}. The next run does what is left; max_failed tolerates some")
    return XAIArgumentError(f"{prune_refusal}. All else is done") if prune_refusal else None


def _lost(manifest: SyncManifest) -> str:
    """Name the documents that are not as the source has them; nothing if all are."""
    if not manifest.lost:
        return ""
    problems = [problem for problem in manifest.problems if problem.outcome.is_lost][:NAMED]
    listed = "; ".join(f"{problem.name}: {problem.reason.rstrip('.')}" for problem in problems)
    more = f"; and {manifest.lost - len(problems)} more" if manifest.lost > len(problems) else ""
    return f"{manifest.lost} of {counted(manifest.documents, 'document')} not as the source has them: {listed}{more}"


def foresee(engine: Engine, plan: Plan) -> tuple[SyncManifest, XAIError | None]:
    """Return what a run would do, and the error that it would begin with. It changes nothing."""
    actions = Counter(row.action for row in plan.rows)
    engine.counts.update(
        {
            **{name: actions[action] for action, name in PLACED.items()},
            "kept": actions[Action.KEEP] + actions[Action.AWAIT],
            "skipped": actions[Action.SKIP],
            "errors": actions[Action.UNREADABLE],
            "removed": plan.removals if engine.options.prune else 0,
            "outdated_removed": sum(len(row.to_remove) + len(row.failed) for row in plan.rows),
            "bytes": sum(row.size for row in plan.rows if row.action.uploads),
        }
    )
    missing = [] if engine.options.prune else plan.missing_rows
    engine.rows = {row.uri: replace(row, outcome=None) for row in (*plan.rows, *plan.missing_rows)}
    manifest = engine.known(plan).plus(engine.counts, problems_of(plan.rows))
    state = {
        "left": sum(len(row.outdated) for row in missing),
        "failed": actions[Action.REJECTED],
        "doubtful": sum(bool(row.doubts) for row in plan.rows),
    }
    return manifest.model_copy(update={"dry_run": True, **state}), engine.refused_at_first(plan)


def go_on(engine: Engine, missing: Sequence[str]) -> None:
    """Take in what a wait elsewhere has found, after the plan was made again.

    :param missing: ids of documents that were waited for, and are no longer in the collection.
    """
    for file_id in missing:
        # Nobody knows its URI here.
        engine.rows[file_id] = Row(Action.AWAIT, file_id, file_id=file_id).ended(Outcome.ERROR, VANISHED)
        engine.counts["errors"] += 1


def share_out(engine: Engine, plan: Plan, before: Handover, at_most: int) -> tuple[Handover, list[Sequence[Row]]]:
    """Cut the work into parts for several tasks, and count what none of them has to do."""
    parts = in_shards(plan.rows, at_most)
    engine.rows = {row.uri: row for row in plan.rows if not needs_work(row)}
    engine.place(wait=False)
    return engine.handover(before), parts


def place_part(engine: Engine, rows: Sequence[Row], *, again: bool) -> None:
    """Place one part, and wait for it.

    :param again: an earlier try may have placed some of it, so its documents are compared again.
    """
    engine.rows = {row.uri: row for row in rows}
    if again:
        ours = set(engine.rows)
        engine.rows = {row.uri: row for row in engine.plan(again=True).rows if row.uri in ours}
    engine.place(wait=True)


def gather(engine: Engine, plan: Plan, shards: Shards) -> Handover:
    """Add up what the tasks of all parts did.

    A task that died told nothing. Of its documents, those count as kept that are there now, and the others as untried.

    :param plan: made after all of them were over.
    """
    before, rows = shards.before, engine.rows
    vanished = {escaped(row.uri): row for row in plan.rows if has_vanished(row)}
    for number in range(shards.count):
        if (told := shards.result(number)) is not None:
            before = before.plus(told)
            for line in shards.report(number) if vanished else ():
                if line.was_placed and (found := vanished.get(line.uri)) is not None:
                    rows[found.uri] = found.ended(Outcome.ERROR, VANISHED)
                    engine.counts["errors"] += 1
            continue
        for row in shards.rows(number):
            if (found := rows.get(row.uri)) is not None and found.outcome is None:
                rows[row.uri] = found.ended(Outcome.UNTRIED, "the task that was to place it has died")
                engine.counts["untried"] += 1
            elif found is not None and found.outcome in (Outcome.PROCESSED, Outcome.IN_PROGRESS):
                engine.counts["kept"] += 1
    return before


def part_of(shards: Shards, documents: int) -> Handover:
    """Return what is known of a part before it is placed."""
    whole = shards.before.manifest
    manifest = SyncManifest(
        collection_id=whole.collection_id, scope=whole.scope, documents=documents, sources=whole.sources
    )
    return Handover(manifest=manifest)
