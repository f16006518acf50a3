"""Uploads that were never attached: found, told apart from everybody else's files, and removed.

A task that dies between an upload and its attach leaves a file that is billed and that no collection shows. Every
upload makes a file of its own, without a mark of ours: what tells it apart is its name, its size, when it was made, and
that no collection has it.
"""

from __future__ import annotations

import math
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field

from airflow_provider_xai_collections.api.endpoints import LIST_COLLECTIONS, LIST_FILES
from airflow_provider_xai_collections.api.files import File, FilesSortBy
from airflow_provider_xai_collections.api.flows import Pages, batch_get_documents, delete_file, list_all
from airflow_provider_xai_collections.api.protocol import Flow, call
from airflow_provider_xai_collections.exceptions import (
    XAIConflictError,
    XAIError,
    XAIIncompleteListError,
    XAIInterruptedError,
    XAINotFoundError,
)

#: Pages of files to look through. A list that turns out to show the oldest first is read from its beginning, which may
#: be years ago: a search that is not over by then is an error, for the sake of everybody's rate limit.
MAX_PAGES = 1000


@dataclass(frozen=True, slots=True)
class OrphansRemoved:
    """What became of files that were found attached nowhere.

    :param deleted: files that this call has deleted.
    :param kept: files that are in a collection after all: the service refused to delete them.
    :param error: what ended the work early; the file that met it stays, and those after it.
    """

    deleted: int = 0
    kept: int = 0
    error: XAIError | None = None


def find_orphans(
    uploads: Mapping[str, Container[int]],
    *,
    known: Container[str],
    since: float,
    until: float,
    team_id: str | None = None,
    max_pages: int = MAX_PAGES,
) -> Flow[list[File]]:
    """The files that an upload of ours has left and that are in no collection.

    A search that could not see all there is finds nothing and says why: what is not seen may be what holds a file.

    The management key has to see all collections of the team. A name and size that somebody else happens to upload in
    the same time, and never attaches, cannot be told apart.

    :param uploads: for each name that was to be uploaded, the sizes in bytes.
    :param known: ids of files that are no orphans.
    :param since: when the first upload may have begun, in seconds since the epoch.
    :param until: files made after it may be on their way into a collection, and are left alone. In seconds since the
        epoch; leave some minutes for that, and for clocks that differ.
    :param max_pages: pages of 100 files to look through; see :data:`MAX_PAGES`.
    :raises XAIIncompleteListError: the files back to ``since``, the collections, or what one of them holds could not be
        seen in full.
    """
    search = _Search(uploads, known, math.floor(since), until)  # the service tells whole seconds
    pages: Pages[File] = Pages(LIST_FILES, sort_by=FilesSortBy.CREATED_AT)
    asked = 0
    while not search.is_over and (request := pages.next_request()) is not None:
        if asked == max_pages:
            raise XAIIncompleteListError(
                f"{request}: {max_pages} pages of files do not go back to when the first upload may have begun, so the "
                "search is incomplete. It needs a team with fewer files"
            )
        asked += 1
        search.observe(pages.observe((yield from call(request))))
    if not search.found:
        return []
    attached: set[str] = set()
    collections = yield from list_all(LIST_COLLECTIONS, team_id=team_id)
    for collection_id in dict.fromkeys(collection.collection_id for collection in collections):
        # Another collection may have any of them: a file can be in several, but one is enough.
        left = [file_id for file_id in search.found if file_id not in attached]
        if not left:
            break
        try:
            documents = yield from batch_get_documents(collection_id, left, team_id=team_id)
        except XAINotFoundError as error:
            # Deleted meanwhile, or only out of our sight: then it may have any of them.
            raise XAIIncompleteListError(f"{error}. It was listed a moment ago, so what it holds is unknown") from error
        attached.update(document.file_id for document in documents)
    return [file for file_id, file in search.found.items() if file_id not in attached]


def remove_orphans(files: Iterable[File]) -> Flow[OrphansRemoved]:
    """Delete files that :func:`find_orphans` has found. What is gone already is no error.

    Any other error ends the work, and is returned with what was done before it.
    """
    deleted = kept = 0
    for file in files:
        try:
            deleted += yield from delete_file(file.id)
        except XAIConflictError:
            kept += 1
        except XAIInterruptedError:
            raise
        except XAIError as error:
            return OrphansRemoved(deleted, kept, error)
    return OrphansRemoved(deleted, kept)


@dataclass(slots=True)
class _Search:
    """The walk through the team's files.

    It may end at the first file that is too old, if the newest come first. Nobody has shown the words for that order,
    so it is asked for the sorting only, and believed when it is seen.
    """

    uploads: Mapping[str, Container[int]]
    known: Container[str]
    since: float
    until: float
    found: dict[str, File] = field(default_factory=dict)
    is_over: bool = False
    _times: list[float] = field(default_factory=list)  # of the first file and the last one so far
    _newest_first: bool = True

    def observe(self, files: Iterable[File]) -> None:
        for file in files:
            if file.created_at is None:
                continue
            made = file.created_at.timestamp()
            self._newest_first = self._newest_first and (not self._times or made <= self._times[-1])
            self._times[1:] = [made]
            ours = file.bytes in self.uploads.get(file.filename, ())
            if ours and self.since <= made <= self.until and file.id not in self.known:
                self.found[file.id] = file
        if self._times:
            first, last = self._times[0], self._times[-1]
            # Files that are all as old as each other say nothing about the order.
            self.is_over = self._newest_first and last < min(first, self.since)
