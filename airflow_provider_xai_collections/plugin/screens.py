"""The pages: for each, both sides are read at once, and joined to what is shown."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import replace

from airflow_provider_xai_collections.api.collections import Collection
from airflow_provider_xai_collections.assets.collections import URI_PREFIX
from airflow_provider_xai_collections.exceptions import XAIError
from airflow_provider_xai_collections.plugin.asking import answer_of, search_of
from airflow_provider_xai_collections.plugin.choices import number_of
from airflow_provider_xai_collections.plugin.documents import (
    ONLY_FAILED,
    document_view,
    field_views,
    settings_of,
    wanted,
)
from airflow_provider_xai_collections.plugin.failed import failed_groups
from airflow_provider_xai_collections.plugin.history import RUNS, CollectionAsset
from airflow_provider_xai_collections.plugin.looks import MAX_ERROR, Looking
from airflow_provider_xai_collections.plugin.overview import (
    chosen,
    collection_view,
    collections_page,
    page_of,
)
from airflow_provider_xai_collections.plugin.states import price_of
from airflow_provider_xai_collections.plugin.together import both
from airflow_provider_xai_collections.plugin.views import (
    AskPage,
    CollectionsPage,
    CollectionView,
    DocumentsPage,
    FailedPage,
    FormValues,
    Run,
    RunsPage,
    ScopeView,
    SettingsPage,
    StartPage,
)
from airflow_provider_xai_collections.text import printable

#: The most runs of a collection that are shown.
MAX_RUNS = 100
#: Collections whose failed documents are read: for each, one request goes to xAI.
MAX_READ = 200
#: Documents of a collection that can be on earlier pages, as far as anybody will page.
MAX_BEFORE = 10_000_000


async def show_collections(looking: Looking, choice: FormValues) -> CollectionsPage | StartPage:
    """Show all collections."""
    known, assets = await both(looking.collections(), looking.assets())
    by_id = {each.collection_id: each for each in known or ()}
    # Where xAI cannot be asked, those are shown that Airflow knows of, under the names that their events say.
    of_assets = {each.collection_id: each for each in assets if known is None or each.collection_id in by_id}
    if not by_id and not of_assets:
        return _nothing_known(looking) if known is None else _nothing_yet(looking)
    names = await _names(looking, known, of_assets.values())
    ids = chosen(names.items(), choice)
    page, _, _ = page_of(ids, choice)
    shown = [by_id[each] for each in page if each in by_id]
    states, histories = await both(
        looking.states(shown), looking.histories([of_assets[each] for each in page if each in of_assets], runs=RUNS)
    )
    views = [collection_view(each, by_id.get(each), states.get(each), histories.get(each)) for each in page]
    return collections_page(looking.look(), choice, views, all_of=known, total=len(ids))


async def _names(
    looking: Looking, known: Sequence[Collection] | None, assets: Iterable[CollectionAsset]
) -> dict[str, str]:
    """Return the names of collections by id: as xAI says, or else as their newest events do, of not too many."""
    if known is not None:
        return {each.collection_id: each.label for each in known}
    named = list(assets)
    others = {each.collection_id: each.collection_id for each in named[MAX_READ:]}
    return others | await looking.names(named[:MAX_READ])


async def show_documents(looking: Looking, choice: FormValues, collection_id: str) -> DocumentsPage:
    """Show the documents of a collection, one page of them."""
    (_, view), page = await both(_one(looking, collection_id), looking.documents(wanted(collection_id, choice)))
    return DocumentsPage(
        look=looking.look(),
        choice=choice,
        collection=view,
        documents=None if page is None else tuple(map(document_view, page.documents)),
        next_token=(page.pagination_token or "") if page else "",
        is_start=not choice.get("token"),
        before=number_of(choice, "before", 0, at_least=0, at_most=MAX_BEFORE),
        scopes=_scopes(view.runs),
    )


async def show_named(looking: Looking, choice: FormValues, name: str) -> DocumentsPage | CollectionsPage | StartPage:
    """Show the collection of a name; all whose name contains it, if there is none or are several."""
    known = await looking.collections()
    names = await _names(looking, known, await looking.assets() if known is None else ())
    named = [each for each, found in names.items() if found == name]
    if len(named) == 1:
        return await show_documents(looking, choice, named[0])
    return await show_collections(looking, FormValues({**choice.values, "q": name}))


async def show_runs(looking: Looking, choice: FormValues, collection_id: str) -> RunsPage:
    """Show the runs of a collection."""
    at_most = number_of(choice, "n", RUNS, at_most=MAX_RUNS)
    _, view = await _one(looking, collection_id, runs=at_most)
    return RunsPage(looking.look(), choice, view, tuple(_chosen_runs(view.runs, choice)), _scopes(view.runs))


async def show_settings(looking: Looking, choice: FormValues, collection_id: str) -> SettingsPage:
    """Show the settings of a collection, and what it costs."""
    collection, view = await _one(looking, collection_id)
    return SettingsPage(
        look=looking.look(),
        collection=view,
        scopes=tuple(_scope_views(view)),
        settings=settings_of(collection) if collection else {},
        asset_uri=f"{URI_PREFIX}{collection_id}",
        fields=field_views(collection) if collection else None,
        price=None if view.bytes is None else price_of(view.bytes),
    )


async def show_failed(looking: Looking, choice: FormValues) -> FailedPage:
    """Show the failed documents of all collections, or of one."""
    known, assets = await both(looking.collections(), looking.assets())
    if known is None:
        return FailedPage(looking.look(), choice, None)
    chosen_ones = [each for each in known if choice.get("c") in ("", each.collection_id)]
    asked = sorted(chosen_ones, key=lambda each: not each.documents_count)[:MAX_READ]
    pages = await looking.first_pages(asked, ONLY_FAILED)
    documents = {each: page.documents for each, page in pages.items() if page.documents}
    histories = await looking.histories([each for each in assets if each.collection_id in documents], runs=RUNS)
    by_id = {each.collection_id: each for each in known}
    views = {each: collection_view(each, by_id[each], None, histories.get(each)) for each in documents}
    is_at_least = any(page.pagination_token for page in pages.values())
    are_all = not is_at_least and not choice.get("c") and len(pages) == len(known)
    return FailedPage(
        look=looking.look(sum(map(len, documents.values())) if are_all else None),
        choice=choice,
        groups=failed_groups(documents, views, choice, looking.at),
        collections={each: len(found) for each, found in documents.items()},
        unread=tuple(each.label for each in chosen_ones if each.collection_id not in pages),
        is_at_least=is_at_least,
    )


async def show_ask(looking: Looking, choice: FormValues, collection_id: str = "") -> AskPage:
    """Show the question and its answer, if something was asked.

    :param collection_id: of the only one that is asked; nothing: choose among all.
    """
    known = await looking.collections()
    names = {each.collection_id: each.label for each in known or ()}
    view = (await _one(looking, collection_id))[1] if collection_id else None
    page = AskPage(looking.look(), choice, names, view)
    ids = [collection_id] if collection_id else list(names)
    if "query" not in choice.values or looking.service is None or (known is None and not ids):
        return page
    try:
        search = search_of(choice, ids)
        began = time.monotonic()
        answer = answer_of(search, await looking.service.search(search), choice, names)
        return replace(page, answer=replace(answer, seconds=time.monotonic() - began))
    except XAIError as error:
        return replace(page, error=printable(str(error), MAX_ERROR))


async def _one(looking: Looking, collection_id: str, *, runs: int = RUNS) -> tuple[Collection | None, CollectionView]:
    """Read a collection, its states and its runs."""
    collection, assets = await both(looking.collection(collection_id), looking.assets(collection_id))
    ours = [each for each in assets if each.collection_id == collection_id]
    states, histories = await both(
        looking.states([collection] if collection else []), looking.histories(ours, runs=runs)
    )
    known = states.get(collection_id)
    return collection, collection_view(collection_id, collection, known, histories.get(collection_id))


def _scopes(runs: Iterable[Run]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(run.scope for run in runs if run.scope))


def _chosen_runs(runs: Sequence[Run], choice: FormValues) -> Iterable[Run]:
    outcome, scope = choice.get("outcome"), choice.get("scope")
    for run in runs:
        if scope and run.scope != scope:
            continue
        counts = run.counts
        match outcome:
            case "failures":
                fits = run.has_failed or (counts is not None and counts.failed > 0)
            case "failed":
                fits = run.has_failed
            case "changed":
                fits = counts is not None and bool(counts.added or counts.replaced or counts.removed)
            case _:
                fits = True
        if fits:
            yield run


def _scope_views(view: CollectionView) -> Iterable[ScopeView]:
    """Return the scopes, each with the task that told of it last."""
    dags = {dag.dag_id: dag for dag in view.dags}
    seen = set()
    for run in view.runs:
        if run.scope and run.scope not in seen and run.dag_id in dags:
            seen.add(run.scope)
            counts = run.counts
            documents = None if counts is None or run.kept is None else run.kept + counts.added + counts.replaced
            yield ScopeView(run.scope, dags[run.dag_id], run.task_id, documents, run)


def forbidden(looking: Looking) -> StartPage:
    """Return the page for those who may see neither side."""
    return StartPage(
        looking.look(),
        "You may not see this page",
        "It needs access to assets, or to the connection. An administrator of Airflow can give it: with the simple "
        "auth manager to the role viewer or above, with FAB by “can read on Assets” and “can read on Connections”.",
        is_forbidden=True,
    )


def _nothing_known(looking: Looking) -> StartPage:
    return StartPage(
        looking.look(),
        "No collection is known",
        "xAI was not asked, or did not answer, and Airflow shows no asset of a collection. There may be some all the "
        "same.",
    )


def _nothing_yet(looking: Looking) -> StartPage:
    return StartPage(
        looking.look(),
        "There is no collection yet",
        "As soon as a Dag has made one, it is shown here, with its documents and runs.",
        (
            "Add a connection of the type xAI Collections, with the management key and the API key.",
            "Write a Dag with XAISyncCollectionOperator(source=…, collection_name=…, outlets=[AssetAlias(…)]): the "
            "recipes show how.",
            "Trigger it, and read this page again.",
        ),
    )
