"""The contract as data: every call the provider makes. Client, emulator, README and tests derive from this table."""

from __future__ import annotations

from typing import Any

from airflow_provider_xai_collections.api import collections, documents, files, search
from airflow_provider_xai_collections.api.protocol import Endpoint, Host
from airflow_provider_xai_collections.api.wire import Empty

_COLLECTIONS = "/v1/collections"
_COLLECTION = _COLLECTIONS + "/{collection_id}"
_DOCUMENTS = _COLLECTION + "/documents"
_DOCUMENT = _DOCUMENTS + "/{file_id}"

CREATE_COLLECTION = Endpoint(
    "create_collection", "POST", _COLLECTIONS, collections.CreateCollection, collections.Collection, idempotent=False
)
LIST_COLLECTIONS = Endpoint(
    "list_collections", "GET", _COLLECTIONS, collections.ListCollections, collections.CollectionPage
)
GET_COLLECTION = Endpoint("get_collection", "GET", _COLLECTION, collections.OneCollection, collections.Collection)
DELETE_COLLECTION = Endpoint("delete_collection", "DELETE", _COLLECTION, collections.OneCollection, Empty)
# Deleting a field that is not there is refused, so a repeated update may fail although it was done.
UPDATE_COLLECTION = Endpoint(
    "update_collection", "PUT", _COLLECTION, collections.UpdateCollection, collections.Collection, idempotent=False
)
ADD_DOCUMENT = Endpoint("add_document", "POST", _DOCUMENT, documents.AddDocument, Empty, idempotent=False)
LIST_DOCUMENTS = Endpoint("list_documents", "GET", _DOCUMENTS, documents.ListDocuments, documents.DocumentPage)
GET_DOCUMENT = Endpoint("get_document", "GET", _DOCUMENT, documents.OneDocument, documents.Document)
REINDEX_DOCUMENT = Endpoint("reindex_document", "PATCH", _DOCUMENT, documents.OneDocument, Empty)
REMOVE_DOCUMENT = Endpoint("remove_document", "DELETE", _DOCUMENT, documents.OneDocument, Empty)
BATCH_GET_DOCUMENTS = Endpoint(
    "batch_get_documents", "GET", _DOCUMENTS + ":batchGet", documents.BatchGetDocuments, documents.DocumentPage
)
UPLOAD_DOCUMENT = Endpoint(
    "upload_document",
    "POST",
    _DOCUMENTS,
    documents.UploadDocument,
    documents.UploadedDocument,
    idempotent=False,
    file_part="data",
    source="seen",
)
VALIDATE_MANAGEMENT_KEY = Endpoint(
    "validate_management_key",
    "GET",
    "/auth/management-keys/validation",
    collections.ValidateManagementKey,
    collections.ManagementKey,
)
UPLOAD_FILE = Endpoint(
    "upload_file",
    "POST",
    "/v1/files",
    files.UploadFile,
    files.File,
    host=Host.API,
    idempotent=False,
    file_part="file",
)
LIST_FILES = Endpoint("list_files", "GET", "/v1/files", files.ListFiles, files.FilePage, host=Host.API)
GET_FILE = Endpoint("get_file", "GET", "/v1/files/{file_id}", files.OneFile, files.File, host=Host.API)
DELETE_FILE = Endpoint("delete_file", "DELETE", "/v1/files/{file_id}", files.OneFile, files.DeletedFile, host=Host.API)
SEARCH_DOCUMENTS = Endpoint(
    "search_documents", "POST", "/v1/documents/search", search.SearchDocuments, search.SearchResults, host=Host.API
)

#: All of them, the eleven of the Collections reference first.
ENDPOINTS: tuple[Endpoint[Any], ...] = tuple(each for each in list(vars().values()) if isinstance(each, Endpoint))
