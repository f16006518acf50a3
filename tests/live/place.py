"""The place of a run: the service behind a connection, and names that nobody else uses."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from airflow_provider_xai_collections.api.endpoints import UPLOAD_DOCUMENT, UPLOAD_FILE
from airflow_provider_xai_collections.api.polling import WaitResult
from airflow_provider_xai_collections.api.protocol import Endpoint, call
from airflow_provider_xai_collections.exceptions import XAIError
from airflow_provider_xai_collections.hooks.collections import XAICollectionsHook
from airflow_provider_xai_collections.text import printable
from tests.support.caller import upload

from .meter import Meter

#: All that any run makes begins with it: what a run that was killed left behind is found by it.
PREFIX = "airflow-provider-xai-live-"


@dataclass(frozen=True, slots=True)
class Seen:
    """The answer of one call, its retries included.

    :param last: the last response.
    :param answer: what the client made of it; ``None`` if that was an error.
    """

    last: httpx.Response
    answer: Any

    @property
    def status(self) -> int:
        """Return the status of the last response."""
        return self.last.status_code

    def __str__(self) -> str:
        """The response in one line, fit to be pasted."""
        return f"{self.status} {printable(self.last.text, 200) or '(no body)'}"


@dataclass
class Live:
    """The service and this run's name in it.

    :param folder: a local folder for what is to be synced.
    :param poll_interval: seconds between two polls.
    :param patience: seconds that indexing may take.
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
        assert (result := self.wait(collection_id, file_id)).processed, result
        return file_id

    def wait(self, collection_id: str, file_id: str) -> WaitResult:
        """Wait until indexing of a document has ended, or for so long."""
        return self.hook.wait_for_documents(
            collection_id=collection_id, file_ids=[file_id], timeout=self.patience, poll_interval=self.poll_interval
        )

    def ask(self, endpoint: Endpoint[Any], **params: Any) -> Seen:
        """Make one call, and say what came back, be it an error."""
        try:
            answer = self.hook.run(call(endpoint.request(**params)))
        except XAIError:
            answer = None
        return Seen(self.meter.answers[-1], answer)

    def ask_upload(
        self,
        collection_id: str,
        name: str,
        content: bytes = b"# Of whales\n",
        content_type: str = "text/markdown",
        **more: Any,
    ) -> Seen:
        """Upload a document by the one call, and say what came back."""
        sent = upload(name, content)
        return self.ask(
            UPLOAD_DOCUMENT, collection_id=collection_id, name=name, content_type=content_type, upload=sent, **more
        )
