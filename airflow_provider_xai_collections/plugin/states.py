"""State of a collection, what needs somebody, and what storage costs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from urllib.parse import quote as quote_part

from airflow_provider_xai_collections.plugin.views import (
    CollectionView,
    Counts,
    Dag,
    Price,
    Run,
    States,
    StateView,
    Todo,
    Tone,
)
from airflow_provider_xai_collections.text import counted

#: Dollars for a GiB and day, at xAI's list prices of September 2026: files, and the index of a collection.
FILES_PER_DAY, INDEX_PER_DAY = 0.025, 0.10
DAYS_OF_A_MONTH = 30.4
_GIB = 2**30
#: Runs that began so long ago are recent.
RECENT = timedelta(hours=24)

IN_STEP = StateView(Tone.OK, "In step", "ok")
WAS_IN_STEP = StateView(Tone.NONE, "Was in step", "none")
NO_RUN = StateView(Tone.NONE, "No run known", "none")
RUNNING = StateView(Tone.RUN, "Running", "run")
RUN_FAILED = StateView(Tone.BAD, "Last run failed", "bad", needs_a_look=True)
PAUSED = StateView(Tone.WARN, "Dag paused", "pause", needs_a_look=True)


def state_of(runs: Sequence[Run], dags: Sequence[Dag], states: States | None) -> StateView:
    """Decide the state of a collection.

    :param runs: newest first.
    :param states: of its documents; ``None`` if they are not known.
    """
    if runs and runs[0].is_running:
        return RUNNING
    if runs and runs[0].has_failed:
        return RUN_FAILED
    if failed := _failed(runs, states):
        more = " or more" if states is not None and states.is_at_least else ""
        return StateView(Tone.BAD, f"{failed:,}{more} failed", "bad", needs_a_look=True)
    if lost := _lost(runs):
        return StateView(Tone.BAD, f"{lost:,} not added", "bad", needs_a_look=True)
    if dags and all(dag.is_paused for dag in dags):
        return PAUSED
    if states is not None and states.in_progress:
        more = " or more" if states.is_at_least else ""
        return StateView(Tone.RUN, f"{states.in_progress:,}{more} in progress", "run")
    if not runs:
        return NO_RUN
    return IN_STEP if states is not None else WAS_IN_STEP


def _failed(runs: Sequence[Run], states: States | None) -> int:
    """Return how many documents failed: those of the collection, or, if that is not known, those of the last run."""
    return _lost(runs) if states is None else states.failed


def _lost(runs: Sequence[Run]) -> int:
    """Return how many documents the last run that said so could not add or replace."""
    counts = next((run.counts for run in runs if run.counts is not None), None)
    return counts.failed if counts is not None else 0


def todo_of(collection: CollectionView) -> Todo | None:
    """Tell what needs somebody about a collection, if anything does."""
    if not collection.state.needs_a_look:
        return None
    if collection.state == RUN_FAILED:
        return _todo_of_failed_runs(collection)
    if collection.state == PAUSED:
        last = collection.last_run
        since = f"no run since {_day(last.started)}" if last and last.started else "no run is known"
        dag = collection.dags[0]
        return Todo(PAUSED, collection, since, action="Open the Dag", path=dag.path, is_airflow=True)
    return _todo_of_failed_documents(collection)


def _todo_of_failed_runs(collection: CollectionView) -> Todo:
    finished = [run for run in collection.runs if not run.is_running]
    count = next((number for number, run in enumerate(finished) if not run.has_failed), len(finished))
    first, last = finished[count - 1], finished[0]
    since = f", since {_day(first.started)}" if first.started and count > 1 else ""
    least = "at least " if count == len(finished) > 1 else ""
    text = f"{least}{counted(count, 'run')} in a row failed{since}" if count > 1 else "its last run failed"
    word = StateView(Tone.BAD, "Run failed", "bad", needs_a_look=True)
    return Todo(word, collection, text, action="See the run", path=last.path, is_airflow=True)


def _todo_of_failed_documents(collection: CollectionView) -> Todo:
    problems = next((run.problems for run in collection.runs if run.counts is not None), ())
    reasons = Counter(problem.reason for problem in problems if problem.outcome in ("failed", "error", "untried"))
    quote, count = reasons.most_common(1)[0] if reasons else ("", 0)
    states = collection.states
    if states is not None and not states.failed:  # they are not in the collection
        text = f"its last run could not add or replace them, most often ({count:,})" if quote else "see its last run"
        path = f"c/{quote_part(collection.collection_id, safe='')}/runs"
        return Todo(collection.state, collection, text, quote=quote, action="See the runs", path=path)
    text = f"most often in its last run ({count:,})" if quote else "searches do not find them"
    path = f"failed?c={quote_part(collection.collection_id, safe='')}"
    return Todo(collection.state, collection, text, quote=quote, action="What to do", path=path)


def headline_of(collections: Sequence[CollectionView], total: int) -> StateView:
    """Say in a few words how all is.

    :param collections: those that are shown; ``total``: how many there are.
    """
    shown = len(collections)
    among = f"{shown:,} collections shown" if shown < total else counted(total, "collection")
    needed = sum(each.state.needs_a_look for each in collections)
    if needed:
        return StateView(Tone.BAD, f"{needed:,} of {among} {'needs' if needed == 1 else 'need'} a look", "bad", True)
    if shown and all(each.state == IN_STEP for each in collections):
        return StateView(Tone.OK, f"All {among} are in step" if shown > 1 else "The collection is in step", "ok")
    return StateView(Tone.NONE, f"None of {among} needs a look, as far as is known", "none")


def price_of(size: int) -> Price:
    """Return what files of so many bytes cost in a month."""
    days = size / _GIB * DAYS_OF_A_MONTH
    return Price(days * FILES_PER_DAY, days * INDEX_PER_DAY)


def recent(runs: Iterable[Run], now: datetime) -> Counts:
    """Add up what runs of the last day changed."""
    counts = [run.counts for run in runs if run.counts and run.started and now - run.started < RECENT]
    names = ("added", "replaced", "removed", "failed", "bytes")
    return Counts(**{name: sum(getattr(each, name) for each in counts) for name in names})


def _day(moment: datetime | None) -> str:
    return f"{moment:%-d %b %H:%M} UTC" if moment else ""
