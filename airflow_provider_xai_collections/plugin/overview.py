"""The first page: all collections, what needs somebody, and how each is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from math import ceil

from airflow_provider_xai_collections.api.collections import Collection
from airflow_provider_xai_collections.plugin.choices import number_of
from airflow_provider_xai_collections.plugin.history import History
from airflow_provider_xai_collections.plugin.states import (
    headline_of,
    price_of,
    recent,
    state_of,
    todo_of,
)
from airflow_provider_xai_collections.plugin.views import (
    CollectionsPage,
    CollectionView,
    FormValues,
    Look,
    States,
    Tone,
)

#: Collections of a page: for each, one request goes to xAI and a few to Airflow.
COLLECTIONS_PER_PAGE = 25


def collection_view(
    collection_id: str, collection: Collection | None, states: States | None, history: History | None
) -> CollectionView:
    """Join what xAI and what Airflow knows of a collection; either may be missing."""
    history = history or History(collection_id)
    size = collection.total_file_size if collection else None
    return CollectionView(
        collection_id=collection_id,
        name=collection.label if collection else history.name or collection_id,
        state=state_of(history.runs, history.dags, states),
        documents=collection.documents_count if collection else None,
        bytes=size,
        states=states,
        runs=history.runs,
        dags=history.dags,
        monthly=None if size is None else price_of(size).together,
    )


def chosen(collections: Iterable[tuple[str, str]], choice: FormValues) -> list[str]:
    """Return the ids of collections whose name or id contains the text that was typed, in order of names.

    :param collections: ids and names.
    """
    wanted = choice.get("q").casefold()
    named = sorted(collections, key=lambda each: each[1].casefold())
    return [each for each, name in named if wanted in name.casefold() or wanted in each]


def page_of(ids: Sequence[str], choice: FormValues) -> tuple[list[str], int, int]:
    """Return the ids of the page that was chosen, its number, and how many pages there are."""
    pages = max(1, ceil(len(ids) / COLLECTIONS_PER_PAGE))
    number = number_of(choice, "page", 1, at_most=pages)
    return list(ids[(number - 1) * COLLECTIONS_PER_PAGE : number * COLLECTIONS_PER_PAGE]), number, pages


def collections_page(
    look: Look, choice: FormValues, views: Sequence[CollectionView], *, all_of: Sequence[Collection] | None, total: int
) -> CollectionsPage:
    """Build the page.

    :param views: the collections of this page.
    :param all_of: all collections; ``None`` if xAI could not be asked.
    :param total: how many there are with this choice.
    """
    _, number, pages = page_of([""] * total, choice)
    failed, may_be_more = failed_in(views, total) if all_of is not None else (None, True)
    shown = _sorted(_in_state(views, choice.get("state")), choice.get("sort"))
    sizes = [each.total_file_size for each in all_of or ()]
    size = None if all_of is None or None in sizes else sum(filter(None, sizes))
    growths = [view.growth for view in views if view.growth]
    return CollectionsPage(
        look=replace(look, failed=None if may_be_more else failed),
        choice=choice,
        headline=headline_of(views, total),
        todo=tuple(todo for view in _sorted(views, "need") if (todo := todo_of(view)) is not None),
        collections=tuple(shown),
        total=total,
        first=(number - 1) * COLLECTIONS_PER_PAGE + 1,
        number=number,
        pages=pages,
        all_documents=None if all_of is None else sum(each.documents_count for each in all_of),
        all_bytes=size,
        all_failed=failed,
        failed_is_at_least=may_be_more,
        monthly=None if size is None else price_of(size).together,
        recently=recent((run for view in views for run in view.runs), look.at),
        grown=sum(growth[-1] - growth[0] for growth in growths),
    )


def failed_in(views: Sequence[CollectionView], total: int) -> tuple[int | None, bool]:
    """Return how many documents failed, and whether there may be more; ``None`` if all that is known are none.

    :param views: those that are shown, of ``total`` collections.
    """
    known = [view.states for view in views if view.states is not None]
    failed = sum(states.failed for states in known)
    may_be_more = len(known) < total or any(states.is_at_least for states in known)
    return (failed or None, True) if may_be_more else (failed, False)


def _in_state(views: Iterable[CollectionView], state: str) -> list[CollectionView]:
    match state:
        case "look":
            return [view for view in views if view.state.needs_a_look]
        case "running":
            return [view for view in views if view.state.tone is Tone.RUN]
        case "fine":
            return [view for view in views if view.state.tone is Tone.OK]
        case "unknown":
            return [view for view in views if view.state.tone is Tone.NONE]
        case _:
            return list(views)


_LONG_AGO = datetime.min.replace(tzinfo=UTC)
#: What comes first when sorted by need.
_TONES = (Tone.BAD, Tone.WARN, Tone.RUN, Tone.OK, Tone.NONE)


def _sorted(views: Sequence[CollectionView], by: str) -> list[CollectionView]:
    match by:
        case "name":
            return sorted(views, key=lambda view: view.name.casefold())
        case "documents":
            return sorted(views, key=lambda view: -(view.documents or 0))
        case "size":
            return sorted(views, key=lambda view: -(view.bytes or 0))
        case "run":
            return sorted(views, key=_last_began, reverse=True)
        case _:
            return sorted(
                views, key=lambda view: (not view.state.needs_a_look, _TONES.index(view.state.tone), view.name)
            )


def _last_began(view: CollectionView) -> datetime:
    return (view.last_run.started if view.last_run else None) or _LONG_AGO
