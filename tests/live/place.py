"""The place of a run: the service behind a connection, and names that nobody else uses."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from airflow_provider_xai_collections.api.endpoints import UPLOAD_FILE
from airflow_provider_xai_collections.api.protocol import Endpoint, call
from airflow_provider_xai_collections.exceptions import XAIError
from airflow_provider_xai_collections.hooks.collections import XAICollectionsHook
from tests.support.caller import upload

from .meter import Exchange, Meter

#: All that any run makes begins with it: what a run that was killed left behind is found by it.
PREFIX = "airflow-provider-xai-live-"


@dataclass(frozen=True, slots=True)
class Seen:
    """The answer of one call, its retries included: the last exchange, and what the client made of it."""

    exchange: Exchange
    answer: Any = None
    error: XAIError | None = None


@dataclass
class Live:
    """The service and this run's name in it.

    :param folder: a local folder for what is to be synced.
    :param poll_interval: seconds between two polls.
    :param patience: seconds that it may take.
    """

    hook: XAICollectionsHook
    meter: Meter
    folder: Path
    name: str
    poll_interval: float
    patience: float

    def collection(self, what: str, **settings: Any) -> str:
        """Create a collection."""
        return self.hook.create_collection(collection_name=f"{self.name}-{what}", **settings).collection_id

    def file(self, what: str = "moby.md", content: bytes = b"# Moby Dick\n\nCall me Ishmael.\n") -> str:
        """Upload a file."""
        return self.hook.run(call(UPLOAD_FILE.request(upload=upload(f"{self.name}-{what}", content)))).id

    def attached(self, collection_id: str, what: str = "moby.md", **fields: str) -> str:
        """Upload a file and attach it."""
        file_id = self.file(what)
        self.hook.add_document(collection_id=collection_id, file_id=file_id, fields=fields or None)
        return file_id

    def document(self, collection_id: str, what: str = "moby.md", **fields: str) -> str:
        """Upload a file, attach it, and wait until it is processed."""
        file_id = self.attached(collection_id, what, **fields)
        self.wait(collection_id, file_id)
        return file_id

    def wait(self, collection_id: str, *file_ids: str) -> None:
        """Wait until documents are processed."""
        result = self.hook.wait_for_documents(
            collection_id=collection_id, file_ids=file_ids, timeout=self.patience, poll_interval=self.poll_interval
        )
        assert set(result.processed) == set(file_ids), result

    def ask(self, endpoint: Endpoint[Any], **params: Any) -> Seen:
        """Make one call, and say what came back, be it an error."""
        try:
            answer = self.hook.run(call(endpoint.request(**params)))
        except XAIError as error:
            return Seen(self.meter.exchanges[-1], error=error)
        return Seen(self.meter.exchanges[-1], answer)


@contextmanager
def at(connection: str, meter: Meter, folder: Path, poll_interval: float, patience: float) -> Iterator[Live]:
    """Yield the place behind a connection."""
    name = f"{PREFIX}{time.strftime('%Y%m%d%H%M%S', time.gmtime())}-{secrets.token_hex(3)}"
    with XAICollectionsHook(connection) as hook:
        yield Live(hook, meter, folder, name, poll_interval, patience)
