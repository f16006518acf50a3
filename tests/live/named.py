"""Collections and files whose names begin with a name, for where their ids were lost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from airflow_provider_xai_collections.api.endpoints import LIST_FILES
from airflow_provider_xai_collections.api.files import File, FilesSortBy
from airflow_provider_xai_collections.api.flows import Pages
from airflow_provider_xai_collections.api.protocol import call
from airflow_provider_xai_collections.hooks.collections import XAICollectionsHook

#: Pages of 100 files to search: a filter of this list is nowhere described.
MAX_PAGES = 50


class TooManyFilesError(RuntimeError):
    """The list of files is longer than what is searched."""


def collections(hook: XAICollectionsHook, name: str) -> Iterator[str]:
    """Yield ids of collections."""
    for each in hook.list_collections(filter=f'collection_name:"{name}"'):
        if each.collection_name.startswith(name):
            yield each.collection_id


def files(hook: XAICollectionsHook, name: str, since: datetime | None = None) -> Iterator[str]:
    """Yield ids of files.

    :param since: none is older; ``None`` if any age will do.
    :raises TooManyFilesError: after those that were found.
    """
    pages: Pages[File] = Pages(LIST_FILES, sort_by=FilesSortBy.CREATED_AT)
    for _ in range(MAX_PAGES):
        if (request := pages.next_request()) is None:
            return
        page = pages.add_page(hook.run(call(request)))
        yield from (file.id for file in page if file.filename.startswith(name))
        if since is not None and _goes_back_beyond(since, page):
            return
    if pages.next_request() is not None:
        raise TooManyFilesError(f"there are more files than the {MAX_PAGES} pages that were searched")


def _goes_back_beyond(since: datetime, page: Sequence[File]) -> bool:
    """Tell whether all that follows is older. Nothing says which end of a list comes first, so its order is checked."""
    times = [file.created_at for file in page if file.created_at is not None]
    newest_first = times == sorted(times, reverse=True) and times[:1] != times[-1:]
    return newest_first and times[-1] < since
