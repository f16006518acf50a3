"""Messages about a run: warnings of its plan, documents that are not as they should be."""

from __future__ import annotations

from collections.abc import Iterator

from airflow_provider_xai_collections.sync.engine import Engine
from airflow_provider_xai_collections.sync.manifest import SyncManifest
from airflow_provider_xai_collections.sync.plan import Plan, foreign_documents
from airflow_provider_xai_collections.text import NAMED, counted, in_brackets, printable

#: Doubtful documents of which the log warns.
MOST_DOUBTFUL = 50
#: Characters of a warning that names sources.
LONGEST = 2_000


def warnings_of(engine: Engine, plan: Plan) -> Iterator[str]:
    """Warn of what is strange about a plan."""
    options, root = engine.options, printable(engine.root)
    yield from (printable(warning) for warning in engine.source.warnings())
    if not plan.rows:
        yield f"there is no document in {root}"
    if plan.removals and not options.prune:
        yield f"prune is off, so what is missing from {root} stays: {counted(plan.removals, 'document')}"
    if plan.other_fields:
        yield (
            f"with other fields, which they keep: {counted(plan.other_fields, 'document')}. A sync with "
            "update_fields=True replaces such documents"
        )
    if older := sum(row.older for row in plan.rows):
        yield f"older versions that stay beside the new ones: {counted(older, 'document')}. A sync replaces them"
    if plan.foreign and options.replace and not options.prune:
        yield printable(foreign_documents(plan, options.scope, root), LONGEST)


def problems_in(engine: Engine, manifest: SyncManifest) -> Iterator[str]:
    """Warn of documents that are not as they should be, of some of each kind."""
    for problem in manifest.problems[:NAMED]:
        yield f"{problem.name}: {problem.outcome}: {problem.reason}"
    doubtful = [row for row in engine.rows.values() if row.doubts]
    for row in doubtful[:MOST_DOUBTFUL]:
        yield f"{printable(row.name)}: {printable('; '.join(row.doubts))}"
    if len(doubtful) > MOST_DOUBTFUL:
        yield f"{counted(len(doubtful) - MOST_DOUBTFUL, 'more document')} like that; with report=… a file names each"
    if manifest.possible_orphans:
        yield (
            f"perhaps left in no collection, and billed: {counted(manifest.possible_orphans, 'file')}. "
            "XAIDeleteUnattachedFilesOperator finds such files"
        )


def time_is_up(engine: Engine, limit: str) -> str:
    """Tell how far a run is whose time is up.

    :param limit: which time.
    """
    waiting = [f"{row.name} [{row.file_id}]" for row in engine.in_progress]
    return (
        f"{engine.destination.name}: time ran out ({limit}); {engine.done} of {counted(engine.total, 'document')} "
        f"uploaded, and {len(waiting)} still in progress{in_brackets(waiting)}"
    )
