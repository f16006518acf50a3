"""Messages that each call is checked against, of xAI's published protobuf types (``xai-sdk``).

The tests of this folder are made from it, and a column of README's table of calls. It imports nothing that a user who
runs `make tables` may not have.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

EMPTY = "google.protobuf.Empty"


@dataclass(frozen=True, slots=True)
class Checked:
    """The published side of one endpoint.

    :param rpc: full name of the call; ``None`` if only REST has it.
    :param request: full name of the message of all its parameters, wherever REST puts them: path, query, form or body.
    :param answer: full name of the message of its answer.
    :param rest_only: who describes what no message does.
    """

    rpc: str | None = None
    request: str | None = None
    answer: str | None = None
    rest_only: str = ""

    def __str__(self) -> str:
        """Return it as README shows it."""
        return "; ".join(self._parts())

    def _parts(self) -> Iterator[str]:
        named = [f"`{name.rpartition('.')[2]}`" for name in (self.request, self.answer) if name]
        if named:
            yield " → ".join(named)
        if self.rest_only:
            yield f"REST only: {self.rest_only}"


def _collections(rpc: str, answer: str, request: str | None = None) -> Checked:
    return Checked(f"collections.Collections.{rpc}", f"collections.{request or rpc}Request", answer)


_COLLECTION = "collections.CollectionMetadata"

#: By the endpoint's name.
CHECKED = {
    "create_collection": _collections("CreateCollection", _COLLECTION),
    "list_collections": _collections("ListCollections", "collections.ListCollectionsResponse"),
    "get_collection": _collections("GetCollectionMetadata", _COLLECTION),
    "delete_collection": _collections("DeleteCollection", EMPTY),
    "update_collection": _collections("UpdateCollection", _COLLECTION),
    "add_document": _collections("AddDocumentToCollection", EMPTY),
    "list_documents": _collections("ListDocuments", "collections.ListDocumentsResponse"),
    "get_document": _collections("GetDocumentMetadata", "collections.DocumentMetadata"),
    "reindex_document": _collections("ReIndexDocument", EMPTY),
    "remove_document": _collections("RemoveDocumentFromCollection", EMPTY),
    "batch_get_documents": _collections("BatchGetDocuments", "collections.BatchGetDocumentsResponse"),
    # No call of this kind is published; the one that replaces a document takes the same form.
    "upload_document": Checked(None, "collections.UpdateDocumentRequest", rest_only="guide (call and answer)"),
    "validate_management_key": Checked(rest_only="reference"),
    "upload_file": Checked("xai_api.Files.UploadFile", "xai_api.UploadFileInit", "xai_api.File"),
    "list_files": Checked("xai_api.Files.ListFiles", "xai_api.ListFilesRequest", "xai_api.ListFilesResponse"),
    "get_file": Checked("xai_api.Files.RetrieveFile", "xai_api.RetrieveFileRequest", "xai_api.File"),
    "delete_file": Checked("xai_api.Files.DeleteFile", "xai_api.DeleteFileRequest", "xai_api.DeleteFileResponse"),
    "search_documents": Checked("xai_api.Documents.Search", "xai_api.SearchRequest", "xai_api.SearchResponse"),
}
