"""Tidying up: deletes what this run has made, and what an earlier one that was killed could not delete."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

from airflow_provider_xai_collections.api.endpoints import LIST_FILES
from airflow_provider_xai_collections.api.files import File, FilesSortBy
from airflow_provider_xai_collections.api.flows import Pages
from airflow_provider_xai_collections.api.protocol import call
from airflow_provider_xai_collections.exceptions import XAIError
from airflow_provider_xai_collections.hooks.collections import XAICollectionsHook

from .meter import BudgetSpentError, Meter


def tidy(hook: XAICollectionsHook, meter: Meter, name: str, since: datetime | None = None) -> tuple[int, list[str]]:
    """Delete what was made; return how many that were, and what is still there, or may be, and why.

    First what the answers told the ids of, then whatever else carries the name: an answer may be lost, be an error
    though the work was done, or not say. Files after all collections: one that is attached may not be deleted.

    :param name: how the names of collections and files begin that are ours.
    :param since: none of the files is older; ``None`` if any age will do.
    """
    meter.tidying = True
    deleted: set[str] = set()
    left: dict[str, str] = {}

    def delete(ids: Iterable[str], do: Callable[[str], bool]) -> None:
        for one in ids:
            if one not in deleted:
                try:
                    do(one)
                except (XAIError, BudgetSpentError) as error:
                    left[one] = str(error)
                else:
                    deleted.add(one)
                    left.pop(one, None)

    def found(what: str, ids: Iterator[str]) -> list[str]:
        seen = []
        try:
            for one in ids:
                seen.append(one)
        except (XAIError, BudgetSpentError) as error:
            left[f"perhaps {what}, for not all were searched"] = str(error)
        return seen

    def collection(one: str) -> bool:
        return hook.delete_collection(collection_id=one)

    def file(one: str) -> bool:
        return hook.delete_file(file_id=one)

    delete(meter.collections, collection)
    delete(found("collections", _collections(hook, name)), collection)
    delete(meter.files, file)
    delete(found("files", _files(hook, name, since)), file)
    return len(deleted), [f"{what}: {why}" for what, why in left.items()]


def _collections(hook: XAICollectionsHook, name: str) -> Iterator[str]:
    for each in hook.list_collections(filter=f'collection_name:"{name}"'):
        if each.collection_name.startswith(name):
            yield each.collection_id


def _files(hook: XAICollectionsHook, name: str, since: datetime | None) -> Iterator[str]:
    """Page by page: a filter of this list is nowhere described."""
    pages: Pages[File] = Pages(LIST_FILES, sort_by=FilesSortBy.CREATED_AT)
    while (request := pages.next_request()) is not None:
        page = pages.add_page(hook.run(call(request)))
        yield from (file.id for file in page if file.filename.startswith(name))
        # Nothing says which end of a list comes first, so its order is checked.
        times = [file.created_at for file in page if file.created_at is not None]
        newest_first = times == sorted(times, reverse=True) and times[:1] != times[-1:]
        if since is not None and newest_first and times[-1] < since:
            return
