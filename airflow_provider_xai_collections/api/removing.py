"""Removal of documents from a collection, with their files if asked to."""

from __future__ import annotations

from dataclasses import dataclass

from airflow_provider_xai_collections.api.endpoints import GET_COLLECTION, LIST_DOCUMENTS
from airflow_provider_xai_collections.api.flows import all_documents, delete_file, list_all, remove_document
from airflow_provider_xai_collections.api.protocol import Flow, call
from airflow_provider_xai_collections.api.uploading import Target, documents_in_scope, knows_scopes
from airflow_provider_xai_collections.exceptions import XAIConflictError, XAIIncompleteListError


@dataclass(frozen=True, slots=True)
class Removed:
    """The result of a removal: document and file were removed; or the file kept, because it is attached elsewhere."""

    document: bool
    file: bool = False
    file_kept: bool = False


@dataclass(slots=True)
class Removal:
    """Removal of documents, with or without their files.

    :param detach_first: detach a document before its file is deleted. The file goes first, or a task that dies in
        between could not find it again; unless the service says (409) that it deletes no attached file. The first such
        answer sets this for all that follow.
    """

    collection_id: str
    team_id: str | None = None
    delete_files: bool = False
    detach_first: bool = False

    def of(self, file_id: str) -> Flow[Removed]:
        """Remove one document. One that is not there is no error."""
        if not self.delete_files:
            return Removed((yield from self._detach(file_id)))
        if not self.detach_first:
            try:
                deleted = yield from delete_file(file_id)
            except XAIConflictError:
                self.detach_first = True
            else:
                detached = yield from self._detach(file_id)
                return Removed(detached or deleted, deleted)
        detached = yield from self._detach(file_id)
        try:
            deleted = yield from delete_file(file_id)
        except XAIConflictError:
            return Removed(detached, file_kept=True)
        return Removed(detached, deleted)

    def everything(self) -> Flow[list[str]]:
        """Return the ids of all documents of the collection, which must exist; an incomplete list is an error."""
        try:
            documents = yield from all_documents(self.collection_id, team_id=self.team_id)
        except XAIIncompleteListError as error:
            raise XAIIncompleteListError(
                f"{error}. The files of the others would stay, and be billed; delete_files=False keeps all files"
            ) from error
        return [document.file_id for document in documents]

    def listed(self, *, filter: str | None = None) -> Flow[list[str]]:
        """Return the ids of the documents that match ``filter``, or of all."""
        documents = yield from list_all(
            LIST_DOCUMENTS, collection_id=self.collection_id, filter=filter, team_id=self.team_id
        )
        return list(dict.fromkeys(document.file_id for document in documents))

    def listed_in_scope(self, scope: str) -> Flow[list[str]]:
        """Return the ids of the documents of a scope, and of no other that the filter may match as well."""
        collection = yield from call(GET_COLLECTION.request(collection_id=self.collection_id, team_id=self.team_id))
        if not knows_scopes(collection):
            return []  # what the service makes of a filter by a field that is not declared is unknown
        documents = yield from documents_in_scope(Target(self.collection_id, scope, team_id=self.team_id))
        return list(dict.fromkeys(document.file_id for document in documents))

    def collection_exists(self) -> Flow[None]:
        """Raise :class:`XAINotFoundError` if the collection does not exist."""
        yield from call(GET_COLLECTION.request(collection_id=self.collection_id, team_id=self.team_id))

    def _detach(self, file_id: str) -> Flow[bool]:
        return remove_document(self.collection_id, file_id, team_id=self.team_id)
