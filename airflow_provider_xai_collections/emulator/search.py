"""The rules of ``POST /v1/documents/search``.

Words stand in for meaning: FTS5 with bm25 finds passages by their words, whatever ``retrieval_mode`` and
``instructions`` ask for.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from airflow_provider_xai_collections.api.search import SearchDocuments
from airflow_provider_xai_collections.emulator.context import Context
from airflow_provider_xai_collections.emulator.filters import Filter, parse_filter
from airflow_provider_xai_collections.emulator.matching import Fields, Fuzzy, matches
from airflow_provider_xai_collections.emulator.messages import Json
from airflow_provider_xai_collections.emulator.records import DocumentRecord, Hit

DEFAULT_LIMIT = 10


class SearchRules:
    """Search over collections."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def search_documents(self, params: SearchDocuments) -> Json:
        """Search; with ``group_by``, the best passage of each group. [open: the reference shows no such answer]"""
        for collection_id in params.source.collection_ids:
            self._context.collection(collection_id)
        wanted = parse_filter(params.filter or "", precedence=self._context.settings.filter_precedence)
        found = self._found(params, wanted)
        if params.group_by is not None:
            found = _best_of_groups(found, params.group_by.keys)
        shapes = self._context.shapes
        page = [shapes.match(hit, document) for hit, document in islice(found, params.limit or DEFAULT_LIMIT)]
        return shapes.many("matches", page)

    def _found(self, params: SearchDocuments, wanted: Filter) -> Iterator[tuple[Hit, DocumentRecord]]:
        """Yield passages of the documents that may be found, best first."""
        findable: dict[tuple[str, str], DocumentRecord | None] = {}
        for hit in self._context.store.search(params.query, params.source.collection_ids):
            key = hit.collection_id, hit.file_id
            if key not in findable:
                findable[key] = self._findable(*key, wanted)
            if (document := findable[key]) is not None:
                yield hit, document

    def _findable(self, collection_id: str, file_id: str, wanted: Filter) -> DocumentRecord | None:
        document = self._context.store.document(collection_id, file_id)
        if document is None or not matches(wanted, _fields(document)):
            return None
        return document if self._context.indexing.is_searchable(document) else None


def _best_of_groups(
    found: Iterator[tuple[Hit, DocumentRecord]], keys: tuple[str, ...]
) -> Iterator[tuple[Hit, DocumentRecord]]:
    seen = set()
    for hit, document in found:
        fields = _fields(document)
        group = tuple(fields.get(key) for key in keys)
        if group not in seen:
            seen.add(group)
            yield hit, document


def _fields(document: DocumentRecord) -> Fields:
    """Return the fields of the document by their own keys, and by the keys that lists use."""
    return {
        "file_id": document.file.file_id,
        "name": Fuzzy(document.file.filename),
        "content_type": document.file.content_type,
        "size_bytes": float(document.file.size),
        **{f"fields.{key}": value for key, value in document.fields.items()},
        **document.fields,
    }
