"""Context of the rules of all resources."""

from __future__ import annotations

from collections.abc import Callable

from airflow_provider_xai_collections.emulator.indexing import Indexing
from airflow_provider_xai_collections.emulator.records import CollectionRecord, FileRecord
from airflow_provider_xai_collections.emulator.refusals import Refused
from airflow_provider_xai_collections.emulator.settings import Settings
from airflow_provider_xai_collections.emulator.shapes import Shapes
from airflow_provider_xai_collections.emulator.store import Store


class Context:
    """Switches, memory, time, and what follows from them."""

    def __init__(self, settings: Settings, store: Store, clock: Callable[[], float]) -> None:
        self.settings = settings
        self.store = store
        self.clock = clock
        self.indexing = Indexing(settings, store, clock)
        self.shapes = Shapes(settings)

    def collection(self, collection_id: str) -> CollectionRecord:
        """Return the collection.

        :raises Refused: 404.
        """
        if (record := self.store.collection(collection_id)) is None:
            raise Refused(404, f"collection {collection_id} not found")
        return record

    def file(self, file_id: str) -> FileRecord:
        """Return the file.

        :raises Refused: 404.
        """
        if (record := self.store.file(file_id)) is None:
            raise Refused(404, f"file {file_id} not found")
        return record
