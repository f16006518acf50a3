"""The contract as data: every call the provider makes. Client, emulator, README and tests derive from this table."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from string import Formatter
from typing import Any, Generic, TypeVar
from urllib.parse import quote

from pydantic import ValidationError

from airflow_provider_xai_collections.api import collections, documents, files, search
from airflow_provider_xai_collections.api.protocol import Host, Request, Response, Upload
from airflow_provider_xai_collections.api.wire import SENDING, Answer, Empty, Params, explain
from airflow_provider_xai_collections.exceptions import XAIArgumentError, XAIResponseError
from airflow_provider_xai_collections.text import printable

A_co = TypeVar("A_co", bound=Answer, covariant=True)


@dataclass(frozen=True)
class Endpoint(Generic[A_co]):
    """One call of the service.

    Parameters named in ``path`` go there; the rest go into the query of a GET, PATCH or DELETE, and into the body of a
    POST or PUT: JSON, or multipart if ``file_part`` names the part that carries the file.

    :param idempotent: sending it twice leaves the service as sending it once would.
    :param source: where the contract is from: ``doc``, ``proto``, ``seen`` or ``open``.
    """

    name: str
    method: str
    path: str
    params: type[Params]
    answer: type[A_co]
    host: Host = Host.MANAGEMENT
    idempotent: bool = True
    file_part: str | None = None
    source: str = "doc"

    @cached_property
    def path_params(self) -> tuple[str, ...]:
        return tuple(name for _, name, _, _ in Formatter().parse(self.path) if name)

    @property
    def has_json_body(self) -> bool:
        return self.method in ("POST", "PUT") and self.file_part is None

    def request(self, **params: Any) -> Request[A_co]:
        """Check the parameters and build the request.

        :raises XAIArgumentError: naming the parameter and what is wrong with it.
        """
        try:
            checked = self.params.model_validate(params, context=SENDING)
        except ValidationError as error:
            raise XAIArgumentError(f"{self.name}: {explain(error)}") from None
        segments = {name: self._segment(name, getattr(checked, name)) for name in self.path_params}
        path = self.path.format(**segments)
        subject = "/".join(str(getattr(checked, name)) for name in self.path_params) or checked.subject
        rest = checked.model_dump(mode="json", exclude_none=True, exclude={*self.path_params, "upload"})
        if isinstance(upload := getattr(checked, "upload", None), Upload):
            form = tuple((name, _form_value(value)) for name, value in rest.items())
            return Request(self, path, subject=subject, form=form, upload=upload)
        if self.has_json_body:
            return Request(self, path, subject=subject, json=rest)
        return Request(self, path, subject=subject, query=tuple(_query(rest)))

    def _segment(self, name: str, value: str) -> str:
        try:
            if value not in ("", ".", ".."):
                return quote(value, safe="")
        except UnicodeEncodeError:
            pass  # half a character, which nothing can send
        raise XAIArgumentError(f"{self.name}: {name} is {printable(ascii(value))}, which is not an id")

    def decode(self, response: Response) -> A_co:
        """Read a success answer.

        :raises XAIResponseError: if the body is not what the contract says.
        """
        body = response.body.strip()
        if not body and not self.answer.model_fields:
            body = b"{}"
        try:
            return self.answer.model_validate_json(body)
        except ValidationError as error:
            raise XAIResponseError(
                f"{self.name}: the answer is not a {self.answer.__name__}: {printable(explain(error))} "
                f"(status {response.status}, {response.content_type}, {len(body)} bytes, {response.request_id_text}). "
                "If this repeats, look for a proxy in between"
            ) from None


def _form_value(value: Any) -> str:
    return json.dumps(value) if isinstance(value, Mapping) else str(value)


def _query(params: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [
        (name, str(item))
        for name, value in params.items()
        for item in (value if isinstance(value, list | tuple) else [value])
    ]


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
# Deleting a field that is gone already is refused, so a repeated update may fail although it was done.
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
ENDPOINTS: tuple[Endpoint[Any], ...] = (
    CREATE_COLLECTION,
    LIST_COLLECTIONS,
    GET_COLLECTION,
    DELETE_COLLECTION,
    UPDATE_COLLECTION,
    ADD_DOCUMENT,
    LIST_DOCUMENTS,
    GET_DOCUMENT,
    REINDEX_DOCUMENT,
    REMOVE_DOCUMENT,
    BATCH_GET_DOCUMENTS,
    UPLOAD_DOCUMENT,
    VALIDATE_MANAGEMENT_KEY,
    UPLOAD_FILE,
    LIST_FILES,
    GET_FILE,
    DELETE_FILE,
    SEARCH_DOCUMENTS,
)
