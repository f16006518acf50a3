"""Databases of emulators that hold more than anybody would upload for a test."""

from __future__ import annotations

import time
from pathlib import Path

from airflow_provider_xai_collections.api.collections import CreateCollection
from airflow_provider_xai_collections.emulator import Store
from airflow_provider_xai_collections.emulator.records import CollectionRecord, DocumentRecord, FileRecord

#: The collection of very many documents, first in order of names, and one whose names a page could take for markup.
MANY, HOSTILE = "archive", '<img src=x onerror="document.title=1">'
HOSTILE_DOCUMENT = "<script>document.title='2'</script>.md"


def fill(database: Path, *, collections: int, documents: int) -> None:
    """Write a database with so many collections, one of which has so many documents."""
    now = time.time()
    store = Store(database)
    with store.transaction():
        for number, name in enumerate((MANY, HOSTILE, *(f"team-{each:03d}" for each in range(collections - 2)))):
            record = CollectionRecord(f"collection_{number:03d}", now, CreateCollection(collection_name=name))
            store.save_collection(record)
        for number in range(documents):
            _add(store, "collection_000", f"report-{number:06d}.md", now - (documents - number) / 1000)
        _add(store, "collection_001", HOSTILE_DOCUMENT, now)
    store.close()


def _add(store: Store, collection_id: str, name: str, now: float) -> None:
    file = FileRecord(f"file_{collection_id}_{name}", name, "text/markdown", 2_000, "", "", now)
    store.add_file(file, b"")
    store.save_document(DocumentRecord(collection_id, file, {}, started_at=now), ())
