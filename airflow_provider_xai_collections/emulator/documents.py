"""The rules of ``/v1/collections/{collection_id}/documents``. Methods are called as their endpoints are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from airflow_provider_xai_collections.api.documents import (
    AddDocument,
    BatchGetDocuments,
    DocumentsSortBy,
    ListDocuments,
    OneDocument,
    UploadDocument,
)
from airflow_provider_xai_collections.api.wire import Ordering
from airflow_provider_xai_collections.emulator.context import Context
from airflow_provider_xai_collections.emulator.files import FileRules
from airflow_provider_xai_collections.emulator.filters import AllOf, Condition, Filter, parse_filter
from airflow_provider_xai_collections.emulator.indexing import Progress
from airflow_provider_xai_collections.emulator.matching import Fields, Fuzzy, check_fields, matches
from airflow_provider_xai_collections.emulator.messages import Json
from airflow_provider_xai_collections.emulator.pages import Pager, Sort
from airflow_provider_xai_collections.emulator.records import CollectionRecord, DocumentRecord
from airflow_provider_xai_collections.emulator.refusals import Refused
from airflow_provider_xai_collections.emulator.store import Slice

_FILTERABLE = frozenset({"status", "name", "content_type", "size_bytes"})
_SORT: Mapping[DocumentsSortBy, Sort[DocumentRecord]] = {
    DocumentsSortBy.NAME: ("filename", lambda document: document.file.filename),
    DocumentsSortBy.SIZE: ("size", lambda document: document.file.size),
    DocumentsSortBy.AGE: ("f.created_at", lambda document: document.file.created_at),
}


class DocumentRules:
    """Documents of a collection."""

    def __init__(self, context: Context, files: FileRules) -> None:
        self._context = context
        self._files = files

    def add_document(self, params: AddDocument) -> Json:
        collection = self._context.collection(params.collection_id)
        file = self._context.file(params.file_id)
        if file.size > self._context.settings.max_document_bytes:
            raise Refused(413, f"{file.filename} is larger than a document may be")
        if self._context.store.document(params.collection_id, params.file_id) is not None:
            if self._context.settings.attach_twice == "ok":
                return {}
            raise Refused(409, f"file {params.file_id} is in the collection already")
        fields = self._accepted(collection, params.fields or {})
        self._context.indexing.start(collection, DocumentRecord(params.collection_id, file, fields))
        return {}

    def upload_document(self, params: UploadDocument) -> Json:
        """Upload and attach in one call: neither, if one of them is refused."""
        if (status := self._context.settings.direct_upload_status) is not None:
            raise Refused(status, "this gateway does not route the call", shape="html")
        if self._context.settings.direct_upload_answer == "error":
            raise Refused(500, 'header key "cf-ipcity" contains value with non-printable ASCII characters')
        collection = self._context.collection(params.collection_id)
        fields = self._accepted(collection, params.fields or {})
        limit = self._context.settings.max_document_bytes
        file = self._files.take(params.upload, params.name, limit, content_type=params.content_type)
        self._context.indexing.start(collection, DocumentRecord(params.collection_id, file, fields))
        if self._context.settings.direct_upload_answer == "empty":
            return {}
        return self._shape(self._stored(params.collection_id, file.file_id))

    def get_document(self, params: OneDocument) -> Json:
        document = self._stored(params.collection_id, params.file_id)
        if not self._is_visible(document):
            raise _not_there(document.collection_id, document.file.file_id)
        return self._shape(document)

    def batch_get_documents(self, params: BatchGetDocuments) -> Json:
        settings = self._context.settings
        if settings.batch_get_status is not None:
            raise Refused(settings.batch_get_status, "documents:batchGet is not served here")
        self._context.collection(params.collection_id)
        if settings.batch_get_max is not None and len(params.file_ids) > settings.batch_get_max:
            raise Refused(settings.batch_get_max_status, f"file_ids: at most {settings.batch_get_max}")
        found = []
        for file_id in dict.fromkeys(params.file_ids):
            document = self._context.store.document(params.collection_id, file_id)
            if document is not None and self._is_visible(document):
                found.append(document)
            elif settings.batch_get_unknown == "error":
                raise _not_there(params.collection_id, file_id)
        return self._context.shapes.many("documents", [self._shape(document) for document in found])

    def list_documents(self, params: ListDocuments) -> Json:
        """List documents. All that the filter is compared with count as read, or no ``status:...`` would ever change;
        those with other values of ``fields.…`` are not.
        """
        self._context.collection(params.collection_id)
        wanted = parse_filter(params.filter or "")
        check_fields(wanted, lambda field: field in _FILTERABLE or field.startswith("fields."))
        column, value = _SORT[params.sort_by or DocumentsSortBy.NAME]
        pager = Pager(params, self._context.settings.pagination_end, self._context.settings.max_page)
        part = Slice(column, params.order is not Ordering.ASCENDING, pager.after)
        having = dict(_exact_fields(wanted))

        def found() -> Iterator[tuple[DocumentRecord, Progress]]:
            for document in self._context.store.documents(params.collection_id, part, having):
                if document.hidden_lists < self._context.settings.list_lag_reads:
                    self._context.store.bump(document, "hidden_lists")
                    continue
                progress = self._context.indexing.read(document)
                if matches(wanted, _fields(document, progress)) and (params.name or "") in document.file.filename:
                    yield document, progress

        page, token = pager.page(found(), lambda seen: (value(seen[0]), seen[0].file.file_id))
        shapes = self._context.shapes
        return {**shapes.many("documents", [shapes.document(*seen) for seen in page]), **token}

    def reindex_document(self, params: OneDocument) -> Json:
        """Index a document again, with the chunking of now: what failed for its content fails again."""
        document = self._stored(params.collection_id, params.file_id)
        self._context.indexing.start(self._context.collection(params.collection_id), document)
        return {}

    def remove_document(self, params: OneDocument) -> Json:
        """Detach a document; its file stays."""
        self._stored(params.collection_id, params.file_id)
        self._context.store.remove_document(params.collection_id, params.file_id)
        return {}

    def _stored(self, collection_id: str, file_id: str) -> DocumentRecord:
        self._context.collection(collection_id)
        if (document := self._context.store.document(collection_id, file_id)) is None:
            raise _not_there(collection_id, file_id)
        return document

    def _is_visible(self, document: DocumentRecord) -> bool:
        if document.hidden_gets >= self._context.settings.get_lag_reads:
            return True
        self._context.store.bump(document, "hidden_gets")
        return False

    def _shape(self, document: DocumentRecord) -> Json:
        return self._context.shapes.document(document, self._context.indexing.read(document))

    def _accepted(self, collection: CollectionRecord, given: Mapping[str, str]) -> dict[str, str]:
        """Return the fields that the document gets.

        :raises Refused: they break the definitions of the collection.
        """
        settings = self._context.settings
        definitions = collection.definition.field_definitions or ()
        fields = dict(given)
        if undeclared := [key for key in given if key not in {field.key for field in definitions}]:
            if settings.undeclared_fields == "refuse":
                raise Refused(400, "; ".join(map(_undeclared, undeclared)))
            if settings.undeclared_fields == "drop":
                fields = {key: value for key, value in given.items() if key not in undeclared}
        for field in definitions:
            value = fields.get(field.key)
            if value is None:
                if field.required:
                    message = settings.violation_text or f"fields: {field.key} is required"
                    raise Refused(settings.required_violation_status, message)
            elif field.unique and self._context.store.has_field_value(collection.collection_id, field.key, value):
                message = settings.violation_text or f"fields: another document has this value of {field.key}"
                raise Refused(settings.unique_violation_status, message)
        return fields


def _undeclared(key: str) -> str:
    return f'Unknown field "{key}": it is not in the collection\'s field_definitions'


def _not_there(collection_id: str, file_id: str) -> Refused:
    return Refused(404, f"file {file_id} is not in collection {collection_id}")


def _exact_fields(wanted: Filter) -> Iterator[tuple[str, str]]:
    """Return key and value of the conditions that an index can answer."""
    for part in wanted.parts if isinstance(wanted, AllOf) else (wanted,):
        if isinstance(part, Condition) and part.operator in ("=", ":") and part.field.startswith("fields."):
            yield part.field.removeprefix("fields."), part.value


def _fields(document: DocumentRecord, progress: Progress) -> Fields:
    return {
        "status": progress.status,
        "name": Fuzzy(document.file.filename),
        "content_type": document.file.content_type,
        "size_bytes": float(document.file.size),
        **{f"fields.{key}": value for key, value in document.fields.items()},
    }
