"""A service that has very many documents already: written into its store, as uploading them takes too long."""

from __future__ import annotations

import time
from pathlib import Path

from airflow_provider_xai_collections.api.collections import CreateCollection
from airflow_provider_xai_collections.api.identity import MANAGED_FIELDS, fields_digest, managed_fields
from airflow_provider_xai_collections.emulator import Store
from airflow_provider_xai_collections.emulator.records import CollectionRecord, DocumentRecord, FileRecord
from airflow_provider_xai_collections.sources.scanning import document_of, root_uri, scan

COLLECTION_ID = "collection_full"
_LIMIT = 1_000_000


def hold(database: Path, source: Path) -> int:
    """Write a database in which a collection has all documents of a source as a sync would have left them.

    :returns: how many.
    """
    items = scan(source, limit_bytes=_LIMIT)
    scope, now = root_uri(source), time.time()
    store = Store(database)
    with store.transaction():
        definition = CreateCollection(collection_name="full", field_definitions=MANAGED_FIELDS)
        store.save_collection(CollectionRecord(COLLECTION_ID, now, definition))
        for number, item in enumerate(items):
            document = document_of(item, fields_digest({"content": item.uri}))
            file = FileRecord(
                f"file_{number:08d}", item.name, "text/markdown", item.size, document.content_hash, "", now
            )
            store.add_file(file, b"")
            record = DocumentRecord(
                COLLECTION_ID, file, managed_fields(scope, document, fields_digest({})), started_at=now
            )
            store.save_document(record, ())
    store.close()
    return len(items)


def hold_unprocessed(database: Path, count: int) -> None:
    """Write a database in which a collection holds so many documents whose indexing has just begun."""
    now = time.time()
    store = Store(database)
    with store.transaction():
        store.save_collection(CollectionRecord(COLLECTION_ID, now, CreateCollection(collection_name="full")))
        for number in range(count):
            file = FileRecord(unprocessed(number), f"{number:08d}.md", "text/markdown", 1, "", "", now)
            store.add_file(file, b"")
            store.save_document(DocumentRecord(COLLECTION_ID, file, {}, started_at=now), ())
    store.close()


def unprocessed(number: int) -> str:
    """The id of a document that :func:`hold_unprocessed` wrote."""
    return f"file_{number:08d}"
