"""Files that no collection holds, found by a complete inventory.

A task that dies between an upload and its attach leaves a file that is billed and that no collection shows; so does a
document that is taken out of its last collection. Nothing tells such a file from one that is in a collection but the
whole of all collections. So what cannot be seen in full ends the inventory with an error, and nothing is deleted.
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

T = TypeVar("T")

#: Ids that an error names.
_NAMED = 5


@dataclass(slots=True)
class Inventory:
    """All files of a team, and what its collections hold.

    :param collection_ids: of all collections; those after the first ``counted`` are still to be read.
    :param attached: ids of the files that are in a collection, as far as they were read.
    """

    files: list[File]
    collection_ids: list[str]
    attached: set[str] = field(default_factory=set)
    counted: int = 0

    def unattached(self, *, before: float, is_wanted: Callable[[str], bool] = lambda name: True) -> list[File]:
        """Return the files that no collection holds, by name.

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
    *, team_id: str | None = None, tell: Callable[[Inventory], None] = lambda _: None
) -> Flow[Inventory]:
    """List all files of a team, then the documents of all its collections.

    In this order, a file that is attached meanwhile is seen in its collection. The two lists are of one team if each
    document has its file in the other; where it has not, or where there is no document, the keys may be of two teams.

    :param tell: hears after each collection how far it is.
    :raises XAIIncompleteListError: not all files, collections or documents could be seen, or the files are not those of
        the documents.
    """
    files = yield from list_all(LIST_FILES)
    inventory = Inventory(files, (yield from _collections(team_id)))
    for collection_id in inventory.collection_ids:
        documents = yield from _there(all_documents(collection_id, team_id=team_id, strict=True))
        inventory.attached.update(document.file_id for document in documents)
        inventory.counted += 1
        tell(inventory)
    yield from _check_no_new_collections(inventory, team_id)
    _check_one_team(inventory)
    return inventory


def still_unattached(inventory: Inventory, files: Iterable[File], *, team_id: str | None = None) -> Flow[list[File]]:
    """Leave out those files that were attached since the inventory: reading it may have taken a while.

    :raises XAIIncompleteListError: the collections are not those of the inventory any more.
    """
    left = {file.id: file for file in files}
    for collection_id in inventory.collection_ids:
        for document in (yield from _there(batch_get_documents(collection_id, left, team_id=team_id))):
            left.pop(document.file_id, None)
    yield from _check_no_new_collections(inventory, team_id)
    return list(left.values())


def delete_unattached(file: File) -> Flow[bool]:
    """Delete a file; ``False`` if the service says that it is attached after all. One that is gone is no error."""
    try:
        yield from delete_file(file.id)
    except XAIConflictError:
        return False
    return True


def _collections(team_id: str | None) -> Flow[list[str]]:
    collections = yield from list_all(LIST_COLLECTIONS, strict=True, team_id=team_id)
    return [collection.collection_id for collection in collections]


def _there(look: Flow[T]) -> Flow[T]:
    """Look into a collection that was listed a moment ago."""
    try:
        return (yield from look)
    except XAINotFoundError as error:
        # Deleted meanwhile, or only out of our sight: then it may have any of the files.
        raise XAIIncompleteListError(f"{error}. It was listed a moment ago, so what it holds is unknown") from error


def _check_no_new_collections(inventory: Inventory, team_id: str | None) -> Flow[None]:
    if new := set((yield from _collections(team_id))) - set(inventory.collection_ids):
        raise XAIIncompleteListError(
            f"{_some(new)} came while the collections were read, and what is in there was not. Try again later"
        )


def _check_one_team(inventory: Inventory) -> None:
    if strangers := inventory.attached - {file.id for file in inventory.files}:
        raise XAIIncompleteListError(
            f"{len(strangers)} documents are of files that the list of files does not show ({_some(strangers)}), so "
            "other files may be attached where they are not seen. Check that the API key and the management key of the "
            "connection belong to one team, and try again later"
        )
    if inventory.files and not inventory.attached:
        raise XAIIncompleteListError(
            f"there are {len(inventory.files)} files and no document in {len(inventory.collection_ids)} collections: "
            "nothing shows that the API key and the management key of the connection belong to one team. Check them; a "
            "collection with one document is enough"
        )


def _some(ids: Iterable[str]) -> str:
    first = sorted(ids)
    return ", ".join(first[:_NAMED]) + (", …" if len(first) > _NAMED else "")
