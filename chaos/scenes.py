"""What is there when a trial begins, and what it left."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from airflow_provider_xai_collections.api import flows
from airflow_provider_xai_collections.api.collections import Collection, FieldDefinition
from airflow_provider_xai_collections.api.documents import Document
from airflow_provider_xai_collections.api.endpoints import (
    ADD_DOCUMENT,
    CREATE_COLLECTION,
    LIST_COLLECTIONS,
    LIST_DOCUMENTS,
    LIST_FILES,
    UPLOAD_FILE,
    Endpoint,
)
from airflow_provider_xai_collections.api.files import File
from airflow_provider_xai_collections.api.identity import MANAGED_FIELDS
from airflow_provider_xai_collections.api.protocol import Upload, call
from airflow_provider_xai_collections.client.drivers import Client
from airflow_provider_xai_collections.emulator import Emulator
from chaos.hosts import inside

NAMES = ("ahab.md", "ishmael.md", "queequeg.md")
NEW = "new.md"
SPARE = "spare.md"
CONTENT = b"a whale surfaced beside the boat"
#: A field that the first collection defines beside ours.
FIELD = "captain"


@dataclass(frozen=True, slots=True)
class Scene:
    """A collection of three documents beside two empty ones, and a file that is in none of them.

    :param inside: reads and writes past the way that is hurt.
    :param empty: one of the two; no field is declared on it.
    :param folder: has one document that xAI does not hold yet, :data:`NEW`.
    """

    inside: Client
    folder: Path
    collection_id: str
    empty: Collection
    file_ids: tuple[str, ...]
    spare_id: str

    @classmethod
    def set_in(cls, emulator: Emulator, folder: Path) -> Scene:
        """Prepare it; the log of the emulator begins after that."""
        (folder / NEW).write_bytes(CONTENT)
        client = inside(emulator)
        moby, pequod, _ = [
            client.run(call(CREATE_COLLECTION.request(collection_name=name, field_definitions=fields)))
            for name, fields in (
                ("moby", (*MANAGED_FIELDS, FieldDefinition(key=FIELD))),
                ("pequod", ()),
                ("rachel", ()),
            )
        ]
        *file_ids, spare_id = (
            client.run(call(UPLOAD_FILE.request(upload=_upload(name)))).id for name in (*NAMES, SPARE)
        )
        for file_id in file_ids:
            client.run(call(ADD_DOCUMENT.request(collection_id=moby.collection_id, file_id=file_id)))
        emulator.reset_log()
        return cls(client, folder, moby.collection_id, pequod, tuple(file_ids), spare_id)

    @property
    def path(self) -> Path:
        """The document that is new."""
        return self.folder / NEW

    @property
    def upload(self) -> Upload:
        """The same, to be sent."""
        return _upload(NEW)

    def all_of(self, endpoint: Endpoint[Any], **params: Any) -> list[Any]:
        """What a list call shows."""
        return self.inside.run(flows.list_all(endpoint, **params))

    def collections(self, name: str | None = None) -> list[Collection]:
        return [each for each in self.all_of(LIST_COLLECTIONS) if name in (None, each.collection_name)]

    def documents(self, *, having: Callable[[Document], bool] = lambda _: True) -> list[Document]:
        """Of the first collection, if it is there still."""
        if not any(each.collection_id == self.collection_id for each in self.collections()):
            return []
        return [each for each in self.all_of(LIST_DOCUMENTS, collection_id=self.collection_id) if having(each)]

    def files(self, name: str) -> list[File]:
        return [each for each in self.all_of(LIST_FILES) if each.filename == name]


def _upload(name: str) -> Upload:
    return Upload(name, lambda: io.BytesIO(CONTENT), len(CONTENT), "text/markdown")
