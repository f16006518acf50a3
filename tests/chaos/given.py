"""The content of the service when a trial begins, and readers of what the trial left."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from airflow_provider_xai_collections.api import flows
from airflow_provider_xai_collections.api.collections import Collection
from airflow_provider_xai_collections.api.documents import Document
from airflow_provider_xai_collections.api.endpoints import LIST_COLLECTIONS, LIST_DOCUMENTS, LIST_FILES
from airflow_provider_xai_collections.api.files import File
from airflow_provider_xai_collections.api.identity import MANAGED_KEYS
from airflow_provider_xai_collections.api.protocol import Endpoint, Upload
from airflow_provider_xai_collections.emulator import Emulator
from tests.support.caller import Caller, declared, upload

NAMES = ("ahab.md", "ishmael.md", "queequeg.md")
NEW = "new.md"
SPARE = "spare.md"
CONTENT = b"a whale surfaced beside the boat"
#: A field that the first collection defines beside ours.
FIELD = "captain"


@dataclass(frozen=True, slots=True)
class Given:
    """A collection of three documents beside two empty ones, and a file that is in none of them.

    :param caller: reads and writes past the relays.
    :param folder: has one document that xAI does not hold yet, :data:`NEW`.
    """

    caller: Caller
    folder: Path
    collection_id: str
    file_ids: tuple[str, ...]
    spare_id: str

    @classmethod
    def prepare(cls, emulator: Emulator, folder: Path) -> Given:
        """Prepare it; the log of the emulator begins after that."""
        (folder / NEW).write_bytes(CONTENT)
        caller = Caller(emulator)
        collection_id = caller.collection("moby", field_definitions=declared(*sorted(MANAGED_KEYS), FIELD))
        for name in ("pequod", "rachel"):
            caller.collection(name)
        *file_ids, spare_id = (caller.file(name, CONTENT) for name in (*NAMES, SPARE))
        for file_id in file_ids:
            caller.attach(collection_id, file_id)
        emulator.reset_log()
        return cls(caller, folder, collection_id, tuple(file_ids), spare_id)

    @property
    def path(self) -> Path:
        """The document that is new."""
        return self.folder / NEW

    @property
    def upload(self) -> Upload:
        """The same, to be sent."""
        return upload(NEW, CONTENT)

    def all_of(self, endpoint: Endpoint[Any], **params: Any) -> list[Any]:
        """Return what a list call shows."""
        return self.caller.run(flows.list_all(endpoint, **params))

    def collections(self, name: str | None = None) -> list[Collection]:
        return [each for each in self.all_of(LIST_COLLECTIONS) if name in (None, each.collection_name)]

    def documents(self, *, having: Callable[[Document], bool] = lambda _: True) -> list[Document]:
        """Return documents of the first collection, if it is there still."""
        if not any(each.collection_id == self.collection_id for each in self.collections()):
            return []
        return [each for each in self.all_of(LIST_DOCUMENTS, collection_id=self.collection_id) if having(each)]

    def files(self, name: str) -> list[File]:
        return [each for each in self.all_of(LIST_FILES) if each.filename == name]
