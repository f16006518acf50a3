"""Commands that compare a source with a collection, and that add its documents to it."""

from __future__ import annotations

import argparse
import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from airflow_provider_xai_collections.api.documents import Document
from airflow_provider_xai_collections.api.doubts import service_hash
from airflow_provider_xai_collections.api.files import MAX_DOCUMENT_BYTES
from airflow_provider_xai_collections.api.identity import CONTENT_HASH, SOURCE_URI
from airflow_provider_xai_collections.api.uploading import Target, documents_in_scope
from airflow_provider_xai_collections.cli.definition import NAME
from airflow_provider_xai_collections.cli.main import FINE, INTERRUPTED, NOT_AS_WANTED, TROUBLE
from airflow_provider_xai_collections.cli.output import SHOWN, Format, Output, size
from airflow_provider_xai_collections.cli.session import Session, open_session
from airflow_provider_xai_collections.durations import seconds
from airflow_provider_xai_collections.exceptions import XAIArgumentError, XAIError, XAISourceError
from airflow_provider_xai_collections.manifests.json_lines import write_lines
from airflow_provider_xai_collections.manifests.progress import Stage, TaskProgress
from airflow_provider_xai_collections.on_kill import cancelled, cancelled_between, cancelled_while_waiting
from airflow_provider_xai_collections.sources.choice import Choice
from airflow_provider_xai_collections.sources.files import Files
from airflow_provider_xai_collections.sources.items import SourceItem
from airflow_provider_xai_collections.sources.scopes import scope_of
from airflow_provider_xai_collections.sync import ways
from airflow_provider_xai_collections.sync.documents import Action, Row
from airflow_provider_xai_collections.sync.engine import Engine
from airflow_provider_xai_collections.sync.listing import Destination
from airflow_provider_xai_collections.sync.manifest import SYNC_COUNTS, SyncManifest
from airflow_provider_xai_collections.sync.messages import problems_in, warnings_of
from airflow_provider_xai_collections.sync.options import SyncOptions
from airflow_provider_xai_collections.sync.plan import Plan
from airflow_provider_xai_collections.sync.report import ReportLine
from airflow_provider_xai_collections.text import counted

#: What the command does when it runs again.
FINDS_THE_REST = "it finds what is there and does the rest: no document is there twice"
#: How ids of collections begin: one that is not there was mistyped, or is another team's, and is no name of a new one.
COLLECTION_ID = "collection_"
#: The scope of an ingestion that names none, as of the operator.
INGESTED = "default"


def diff(options: argparse.Namespace, output: Output) -> int:
    """Show what a sync would do; exit code 1 if that is anything."""
    with open_session(options.conn_id, options.team_id) as session:
        return _plan(_engine(session, options, _sync_options(options), output), options, output)


def sync(options: argparse.Namespace, output: Output) -> int:
    """Make a collection equal to a source; exit code 1 if documents have failed."""
    overlap = seconds("--overlap", options.overlap, or_none=True)
    return _run(options, _sync_options(options, overlap=overlap, **_work(options)), output)


def _sync_options(options: argparse.Namespace, **more: Any) -> SyncOptions:
    narrowed = _choice(options).narrows
    return SyncOptions(
        scope=scope_of(options.scope, options.source, prune=options.prune, narrowed=narrowed),
        prune=options.prune,
        max_prune=options.max_prune,
        retry_failed=options.retry_failed,
        concurrency=options.concurrency,
        **more,
    )


def ingest(options: argparse.Namespace, output: Output) -> int:
    """Add documents to a collection; exit code 1 if some have failed."""
    settings = SyncOptions(
        scope=options.scope or INGESTED,
        replace=False,
        retry_failed=options.retry_failed,
        concurrency=options.concurrency,
        **_work(options),
    )
    return _run(options, settings, output)


def verify(options: argparse.Namespace, output: Output) -> int:
    """Compare content by xAI's own hashes; exit code 1 unless all is the same."""
    with open_session(options.conn_id, options.team_id) as session:
        collection, files = session.existing(options.collection), _files(options)
        target = Target(collection.collection_id, options.scope or files.roots[0], team_id=session.team_id)
        by_uri: dict[str, list[Document]] = {}
        for document in session.run(documents_in_scope(target)):
            by_uri.setdefault(document.fields.get(SOURCE_URI, ""), []).append(document)
        items, rows = files.list(), []
        with _bar(output, "reading", len(items)) as step:
            for item in items:
                rows.append({"name": item.name, **_compared(files, item, by_uri.pop(item.uri, []))})
                step()
    # What the patterns leave out is not missing.
    missing = () if _choice(options).narrows else [uri for uri in by_uri if uri and files.owns(uri)]
    for warning in files.warnings():
        output.say(warning, "yellow")
    if _choice(options).narrows:
        output.say("patterns choose files, so nothing is called missing from the source")
    rows += [{"name": uri, "result": "missing from the source", "reason": ""} for uri in missing]
    counts = Counter(row["result"] for row in rows)
    different = [row for row in rows if row["result"] != "same"]
    output.rows(different[:SHOWN] if output.is_for_people else rows)
    if items and not by_uri and not counts["same"] and not counts["differs"]:
        output.say(f"nothing is there under the scope {target.scope!r}; ingest, without --scope, uses {INGESTED!r}")
    output.say(", ".join(f"{count} {result}" for result, count in counts.items()) or "no document")
    return FINE if counts.keys() <= {"same", "not for xAI"} else NOT_AS_WANTED


def _compared(files: Files, item: SourceItem, documents: list[Document]) -> dict[str, str]:
    """Tell what the service holds of a file."""
    if item.unfit:
        return {"result": "not for xAI", "reason": item.unfit}
    try:
        content_hash = files.open(item, "").content_hash
    except XAISourceError as error:
        return {"result": "unreadable", "reason": str(error)}
    if not documents:
        return {"result": "not in the collection", "reason": ""}
    hashes = {service_hash(each) for each in documents}
    if content_hash in hashes:
        return {"result": "same", "reason": ""}
    if all(each.fields.get(CONTENT_HASH) != content_hash for each in documents):
        return {"result": "differs", "reason": "the source has changed since it was uploaded"}
    if hashes == {""}:
        return {"result": "cannot be told", "reason": "xAI tells no hash of it"}
    return {"result": "differs", "reason": "xAI's own hash is another than that of what was sent"}


def _plan(engine: Engine, options: argparse.Namespace, output: Output) -> int:
    """Show the plan of a run; exit code 1 if it would do anything, or fail."""
    plan = _compared_with(engine, options, output)
    manifest, error = ways.foresee(engine, plan)
    missing = [replace(row, uri=_below(engine, row.uri)) for row in plan.missing_rows]
    changes = [row for row in plan.rows if _differs(row)] + (missing if engine.options.prune else [])
    left = [] if engine.options.prune else missing
    skipped = [row for row in plan.rows if row.action is Action.SKIP]
    rows = [_line(row.action, row) for row in (*changes, *skipped)] + [_line("left", row) for row in left]
    if output.is_for_people:
        output.rows(rows[:SHOWN], empty=f"{engine.destination.name} is equal to {engine.root}.")
        if len(rows) > SHOWN:
            output.say(f"and {counted(len(rows) - SHOWN, 'more document')}: -o json shows all")
        if output.err.is_terminal:  # elsewhere the engine's log says it
            output.say(f"{counted(len(plan.rows), 'document')} in the source: {plan}")
    elif output.form is Format.PLAIN:
        output.rows(rows)
    else:
        counts = {name: getattr(manifest, name) for name in SYNC_COUNTS}
        output.document({"equal": not changes, "counts": counts, "documents": rows})
    if error is not None:
        output.say(f"{NAME}: {error}", "red")
    return FINE if not changes and error is None else NOT_AS_WANTED


def _line(action: str, row: Row) -> dict[str, Any]:
    reason = "missing from the source" if row.action is Action.REMOVE else row.reason
    return {"action": str(action), "name": row.name, "bytes": row.size if row.item else None, "reason": reason}


def _below(engine: Engine, uri: str) -> str:
    """Return where a document that is missing was, below the source, as the names of others are."""
    return unquote(uri.removeprefix(f"{engine.root.rstrip('/')}/"))


def _compared_with(engine: Engine, options: argparse.Namespace, output: Output) -> Plan:
    """Compare source and collection, say what is strange, and write the report as far as it is known by then."""
    plan = engine.plan()
    for warning in warnings_of(engine, plan):
        output.say(warning, "yellow")
    _report(engine, options)
    return plan


def _report(engine: Engine, options: argparse.Namespace) -> None:
    """Write the report, if one is wanted: before the work too, so that one that cannot be written ends it at once."""
    if options.report is not None:
        write_lines(options.report, map(ReportLine.of, engine.rows.values()))


def _last_report(engine: Engine, options: argparse.Namespace, output: Output) -> bool:
    """Write the report again, and tell whether that worked: how the work ended is more important."""
    try:
        _report(engine, options)
    except XAIError as error:
        output.say(f"{NAME}: the report says what was planned, not what was done: {error}", "red")
        return False
    return True


def _run(options: argparse.Namespace, settings: SyncOptions, output: Output) -> int:
    with open_session(options.conn_id, options.team_id, patient=not options.dry_run) as session:
        engine = _engine(session, options, settings, output)
        if options.dry_run:
            return _plan(engine, options, output)
        plan = _compared_with(engine, options, output)
        before, is_reported = engine.begin(plan), True
        try:
            with _progress(output, engine):
                engine.place(wait=True)
                manifest, error = ways.conclude(engine, plan, before)
        except KeyboardInterrupt:
            output.say(f"{NAME}: {_cancelled(engine)}")
            return INTERRUPTED
        finally:
            is_reported = _last_report(engine, options, output)
    if output.is_for_people:
        output.rows([{"documents": name, "count": count} for name, count in manifest.in_the_log.items() if count])
    else:
        output.document(manifest.dump())
    for problem in problems_in(engine, _untold(manifest, error)):
        output.say(problem)
    if error is not None:
        output.say(f"{NAME}: {error}", "red")
    if error is not None:
        return NOT_AS_WANTED
    return FINE if is_reported else TROUBLE


def _untold(manifest: SyncManifest, error: XAIError | None) -> SyncManifest:
    """Leave out the problems that the error names."""
    if error is None:
        return manifest
    others = tuple(problem for problem in manifest.problems if not problem.outcome.is_lost)
    return manifest.model_copy(update={"problems": others})


def _work(options: argparse.Namespace) -> dict[str, Any]:
    return {
        "wait": not options.no_wait,
        "timeout": seconds("--timeout", options.timeout),
        "max_failed": options.max_failed,
    }


def _engine(session: Session, options: argparse.Namespace, settings: SyncOptions, output: Output) -> Engine:
    looks_like_an_id = options.collection.startswith(COLLECTION_ID)
    collection = session.existing(options.collection) if looks_like_an_id else session.find(options.collection)
    if collection is None:
        output.say(f"there is no collection {options.collection!r} yet")
    destination = Destination(name=options.collection, collection=collection, team_id=session.team_id, log=_log(output))
    return Engine(session, _files(options), destination, settings, fields=_fields(options))


def _files(options: argparse.Namespace) -> Files:
    files = Files([options.source], _choice(options), limit=MAX_DOCUMENT_BYTES)
    if getattr(options, "report", None):
        files.refuse_output("--report", options.report)
    return files


def _choice(options: argparse.Namespace) -> Choice:
    return Choice(options.pattern or "*", options.exclude or (), follow_links=options.follow_links)


def _fields(options: argparse.Namespace) -> Mapping[str, str]:
    fields = {}
    for pair in getattr(options, "field", None) or ():
        key, equals, value = pair.partition("=")
        if not equals:
            raise XAIArgumentError(f"--field {pair!r} is not KEY=VALUE")
        fields[key] = value
    return fields


def _differs(row: Row) -> bool:
    """Tell whether a document is not as the source has it; one that xAI would not take is as it can be."""
    return row.action not in (Action.KEEP, Action.SKIP) or bool(row.to_remove)


def _cancelled(engine: Engine) -> str:
    name = engine.destination.name
    if engine.done < engine.total:
        return cancelled_between(name, engine.done, engine.total, "uploaded", FINDS_THE_REST)
    if waiting := len(engine.in_progress):
        return cancelled_while_waiting(name, counted(waiting, "document"), FINDS_THE_REST)
    return cancelled(FINDS_THE_REST)


def _log(output: Output) -> logging.Logger:
    """Return the engine's log: warnings to stderr; what it is doing is shown by the bar."""
    from rich.logging import RichHandler

    log = logging.getLogger(NAME)
    if output.err.is_terminal:
        log.handlers = [RichHandler(console=output.err, show_path=False, show_level=False, show_time=False)]
    else:
        log.handlers = [logging.StreamHandler(output.err.file)]
    log.setLevel(logging.WARNING if output.err.is_terminal else logging.INFO)
    log.propagate = False
    return log


@contextmanager
def _progress(output: Output, engine: Engine) -> Iterator[None]:
    """Show how far a run is, on a screen; elsewhere the engine's log lines tell."""
    if not output.err.is_terminal:
        yield
        return

    class Bar(Progress):
        def get_renderables(self) -> Any:
            for task in self.task_ids:
                self.update(task, **_shown(engine.progress.snapshot()))
            return super().get_renderables()

    text = TextColumn("{task.description} {task.fields[more]}")
    bar = Bar(
        text,
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[left]}"),
        console=output.err,
        transient=True,
    )
    bar.add_task("", more="", left="", total=None)
    with bar:
        yield


def _shown(progress: TaskProgress) -> dict[str, Any]:
    """Return how far a run is, as a bar shows it."""
    return {
        "description": progress.stage,
        "more": f"{size(progress.bytes)}, {progress.rate:.1f} a second" if progress.stage is Stage.UPLOADING else "",
        "left": progress.time_left,
        "completed": progress.documents,
        "total": progress.total or None,
    }


@contextmanager
def _bar(output: Output, what: str, total: int) -> Iterator[Any]:
    if not output.err.is_terminal:
        yield lambda: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=output.err, transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda: bar.advance(task)
