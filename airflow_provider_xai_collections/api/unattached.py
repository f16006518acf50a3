"""Files that are in no collection, found by a complete inventory.

A task that dies between an upload and its attach leaves such a file, which is billed; so does the removal of a document
from its last collection. Only the lists of all collections together show which files these are: if one of them may be
incomplete, the inventory ends with an error, and nothing is deleted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from airflow_provider_xai_collections.api.endpoints import LIST_COLLECTIONS, LIST_FILES
from airflow_provider_xai_collections.api.files import File
from airflow_provider_xai_collections.api.flows import all_documents, batch_get_documents, delete_file, list_all
from airflow_provider_xai_collections.api.protocol import Flow
from airflow_provider_xai_collections.exceptions import (
    XAIConflictError,
    XAIIncompleteListError,
    XAINotFoundError,
)
from airflow_provider_xai_collections.text import counted, listed

T = TypeVar("T")


@dataclass(slots=True)
class Inventory:
    """All files of a team, and those that its collections have.

    :param collection_ids: of all collections; those after the first ``counted`` are still to be read.
    :param attached: ids of the files that are in a collection, as far as they were read.
    """

    files: list[File]
    collection_ids: list[str]
    attached: set[str] = field(default_factory=set)
    counted: int = 0

    def unattached(self, *, before: float, is_wanted: Callable[[str], bool] = lambda name: True) -> list[File]:
        """Return the files that are in no collection, by name.

        :param before: only those made earlier, in seconds since the epoch: a younger one may be on its way.
        :param is_wanted: tells by its name whether a file counts.
        """
        found = (
            file
            for file in self.files
            if is_wanted(file.filename)
            and file.id not in self.attached
            and file.created_at is not None
            and file.created_at.timestamp() < before
        )
        return sorted(found, key=lambda file: (file.filename, file.id))


def take_inventory(
    *, team_id: str | None = None, on_progress: Callable[[Inventory], None] = lambda _: None
) -> Flow[Inventory]:
    """List all files of a team, then the documents of all its collections; ``on_progress`` is called after each.

    In this order, a file that is attached meanwhile is seen in its collection. If a document has no file in the list of
    files, or there is no document, the two keys may be of two teams: an error, as is a list that may be incomplete.
    """
    files = yield from list_all(LIST_FILES)
    inventory = Inventory(files, (yield from _collections(team_id)))
    for collection_id in inventory.collection_ids:
        documents = yield from _existing(all_documents(collection_id, team_id=team_id, strict=True))
        inventory.attached.update(document.file_id for document in documents)
        inventory.counted += 1
        on_progress(inventory)
    yield from _check_no_new_collections(inventory, team_id)
    _check_one_team(inventory)
    return inventory


def still_unattached(inventory: Inventory, files: Iterable[File], *, team_id: str | None = None) -> Flow[list[File]]:
    """Return the files that were not attached since the inventory; if there are new collections, raise an error."""
    left = {file.id: file for file in files}
    for collection_id in inventory.collection_ids:
        for document in (yield from _existing(batch_get_documents(collection_id, left, team_id=team_id))):
            left.pop(document.file_id, None)
    yield from _check_no_new_collections(inventory, team_id)
    return list(left.values())


def delete_unattached(file: File) -> Flow[bool]:
    """Delete a file; ``False`` if the service says that it is attached after all. A missing one is no error."""
    try:
        yield from delete_file(file.id)
    except XAIConflictError:
        return False
    return True


def _collections(team_id: str | None) -> Flow[list[str]]:
    collections = yield from list_all(LIST_COLLECTIONS, strict=True, team_id=team_id)
    return [collection.collection_id for collection in collections]


def _existing(flow: Flow[T]) -> Flow[T]:
    """Read a collection that was listed a moment ago."""
    try:
        return (yield from flow)
    except XAINotFoundError as error:
        # Deleted meanwhile, or only not shown: then it may have any of the files.
        raise XAIIncompleteListError(f"{error}. It was listed a moment ago, so its documents are unknown") from error


def _check_no_new_collections(inventory: Inventory, team_id: str | None) -> Flow[None]:
    if new := set((yield from _collections(team_id))) - set(inventory.collection_ids):
        raise XAIIncompleteListError(
            f"{listed(sorted(new))}: created while the collections were read, so not read. Try again later"
        )


def _check_one_team(inventory: Inventory) -> None:
    if unlisted := inventory.attached - {file.id for file in inventory.files}:
        raise XAIIncompleteListError(
            f"the list of files lacks those of {counted(len(unlisted), 'document')} ({listed(sorted(unlisted))}), so "
            "others may be attached where they are not seen. Check that the API key and the management key of the "
            "connection belong to one team, and try again later"
        )
    if inventory.files and not inventory.attached:
        raise XAIIncompleteListError(
            f"{counted(len(inventory.files), 'file')}, and no document in "
            f"{counted(len(inventory.collection_ids), 'collection')}: nothing shows that the API key and the "
            "management key of the connection belong to one team. Check them; a collection with one document is enough"
        )
