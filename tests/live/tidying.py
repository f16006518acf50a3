"""Leaving nothing behind: what this run has made, and what an earlier one that was killed could not delete."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from airflow_provider_xai_collections.api.endpoints import LIST_FILES
from airflow_provider_xai_collections.api.files import File, FilesSortBy
from airflow_provider_xai_collections.api.flows import Pages
from airflow_provider_xai_collections.api.protocol import call
from airflow_provider_xai_collections.exceptions import XAIError
from airflow_provider_xai_collections.hooks.collections import XAICollectionsHook

from .meter import BudgetSpentError, Meter
from .place import PREFIX

#: Pages of 100 files to look through for leftovers.
MAX_PAGES = 50


def tidy(hook: XAICollectionsHook, meter: Meter) -> list[str]:
    """Delete what this run has made; return what could not be, and why. Documents go with their collection."""
    with meter.tidying():
        made = meter.made
        return [
            *_each(made.collections, lambda one: hook.delete_collection(collection_id=one)),
            *_each(made.files, lambda one: hook.delete_file(file_id=one)),
        ]


def clear(hook: XAICollectionsHook, meter: Meter) -> tuple[int, list[str]]:
    """Delete all collections and files of any run, told by their names; return how many, and what could not be."""
    with meter.tidying():
        named = hook.list_collections(filter=f'collection_name:"{PREFIX}"')
        collections = [each.collection_id for each in named if each.collection_name.startswith(PREFIX)]
        files = [file.id for file in _files(hook) if file.filename.startswith(PREFIX)]
        left = [
            *_each(collections, lambda one: hook.delete_collection(collection_id=one)),
            *_each(files, lambda one: hook.delete_file(file_id=one)),
        ]
        return len(collections) + len(files) - len(left), left


def _files(hook: XAICollectionsHook) -> Iterable[File]:
    pages: Pages[File] = Pages(LIST_FILES, sort_by=FilesSortBy.CREATED_AT)
    for _ in range(MAX_PAGES):
        if (request := pages.next_request()) is None:
            return
        yield from pages.observe(hook.run(call(request)))


def _each(ids: Iterable[str], delete: Callable[[str], bool]) -> list[str]:
    left = []
    for one in dict.fromkeys(ids):
        try:
            delete(one)
        except (XAIError, BudgetSpentError) as error:
            left.append(f"{one}: {error}")
    return left
