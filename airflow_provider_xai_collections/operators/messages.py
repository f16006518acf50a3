"""Messages about a run: warnings of its plan, documents that are not as they should be."""

from __future__ import annotations

from collections.abc import Iterator

from airflow_provider_xai_collections.sync.engine import Engine
from airflow_provider_xai_collections.sync.finish import NAMED
from airflow_provider_xai_collections.sync.manifest import SyncManifest
from airflow_provider_xai_collections.sync.plan import Plan, foreign_documents, named
from airflow_provider_xai_collections.text import printable

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
        yield f"{plan.removals} documents are missing from {root} and stay, because prune is off"
    if plan.other_fields:
        yield (
            f"{plan.other_fields} documents have other fields, and keep them; a sync with update_fields=True replaces "
            "them"
        )
    if older := sum(row.older for row in plan.rows):
        yield f"{older} documents hold other content of these sources, and stay; a sync replaces them"
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
        yield f"{len(doubtful) - MOST_DOUBTFUL} more documents like that; with report=… a file names each"
    if manifest.possible_orphans:
        yield (
            f"{manifest.possible_orphans} files may have been left in no collection, and are billed. "
            "XAIDeleteUnattachedFilesOperator finds such files"
        )


def time_is_up(engine: Engine, limit: str) -> str:
    """Tell how far a run is whose time is up.

    :param limit: which time.
    """
    waiting = [f"{row.name} [{row.file_id}]" for row in engine.in_progress]
    return (
        f"{engine.destination.name}: time ran out ({limit}); {engine.done} of {engine.total} documents are uploaded, "
        f"and {len(waiting)} still in progress{named(waiting, NAMED)}"
    )
