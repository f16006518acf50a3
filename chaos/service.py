"""The service that things happen to: the emulator, in which the same call has the same name in each run."""

from __future__ import annotations

import json
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

from airflow_provider_xai_collections.emulator import Emulator, HttpReply, HttpRequest, Settings, Store
from airflow_provider_xai_collections.emulator.records import FileRecord
from airflow_provider_xai_collections.emulator.refusals import Refused
from airflow_provider_xai_collections.emulator.routes import find_route
from airflow_provider_xai_collections.emulator.server import running
from airflow_provider_xai_collections.emulator.store import Slice
from chaos.clock import FastClock

#: Keys that a search through all that was written cannot miss.
MANAGEMENT_KEY = "xai-token-chaos-management-0123456789"
API_KEY = "xai-chaos-files-and-search-0123456789"

_FILENAME = re.compile(rb'filename="([^"]*)"')
#: Calls that carry a file; its name is so far into the body at most, behind the form fields of the one call.
_UPLOADS = ("upload_file", "upload_document")
_IN_HEAD = 4000


@dataclass(frozen=True, slots=True)
class Step:
    """A call, by what is the same in each run: ids are not, and neither is the order of calls side by side.

    :param document: the name of the one that it is about, if there is one.
    :param time: which call of this kind it is, from 1.
    """

    endpoint: str
    document: str
    time: int

    def __str__(self) -> str:
        return " ".join(filter(None, (self.endpoint, self.document, f"#{self.time}")))


def drawn(seed: int, *what: object) -> int:
    """A number by lot that is the same whenever it is drawn for the same."""
    return int.from_bytes(blake2b(repr((seed, *map(str, what))).encode(), digest_size=8).digest())


class WatchedEmulator(Emulator):
    """The emulator, which names its calls and counts what came of them.

    :ivar clock: by which documents are indexed.
    :ivar steps: all calls so far, by name.
    :ivar done: how often each endpoint did what was asked, whoever heard of it.
    :ivar attached: the files that were attached so far, by id; those that are gone again, too.
    :ivar discarded: files that were deleted and had never been attached.
    """

    def __init__(self, store: Store, clock: FastClock, **settings: Any) -> None:
        keyed = Settings(management_key=MANAGEMENT_KEY, api_key=API_KEY, **settings)
        super().__init__(keyed, store, clock=clock.time)
        self.clock = clock
        self._guard = threading.Lock()
        self._times: Counter[tuple[str, str]] = Counter()
        self.steps: list[Step] = []
        self.done: Counter[str] = Counter()
        self.attached: dict[str, FileRecord] = {}
        self.discarded = 0
        self._files = store
        with store.transaction():
            self._names = {file.file_id: file.filename for file in store.files(Slice("f.created_at", False))}
        self._never_attached: set[str] = set()

    def handle(self, request: HttpRequest) -> HttpReply:
        """Answer a request, unless what happens to it is something else."""
        try:
            route = find_route(request)
        except Refused:
            return super().handle(request)
        file_id = route.ids.get("file_id", "")
        named = _FILENAME.search(request.body[:_IN_HEAD]) if route.endpoint.name in _UPLOADS else None
        document = named[1].decode() if named else self._names.get(file_id, file_id)
        with self._guard:
            self._times[route.endpoint.name, document] += 1
            step = Step(route.endpoint.name, document, self._times[route.endpoint.name, document])
            self.steps.append(step)

        def work() -> HttpReply:
            reply = super(WatchedEmulator, self).handle(request)
            if reply.status < 400:
                with self._guard:
                    self._note(step, file_id, reply)
            return reply

        return self.meet(step, work)

    def meet(self, step: Step, work: Callable[[], HttpReply]) -> HttpReply:
        """What happens to a call; ``work`` does what it asks."""
        return work()

    def _note(self, step: Step, file_id: str, reply: HttpReply) -> None:
        self.done[step.endpoint] += 1
        match step.endpoint:
            case "upload_file":
                new = reply.json()["id"]
                self._names[new] = step.document
                self._never_attached.add(new)
            case "add_document":
                self._never_attached.discard(file_id)
                self._note_attached(file_id)
            case "upload_document":  # both at once
                new = reply.json()["file_metadata"]["file_id"]
                self._names[new] = step.document
                self._note_attached(new)
            case "delete_file" if file_id in self._never_attached:
                self.discarded += 1

    def _note_attached(self, file_id: str) -> None:
        with self._files.transaction():
            file = self._files.file(file_id)
        if file is not None:  # unless somebody has deleted it since
            self.attached[file_id] = file


@contextmanager
def serving(emulator: Emulator) -> Iterator[str]:
    """Serve until the block ends, which closes the emulator; the value is the connection that leads there."""
    try:
        with running(emulator) as urls:
            yield json.dumps(
                {
                    "conn_type": "xai_collections",
                    "host": urls.management_url,
                    "password": MANAGEMENT_KEY,
                    "extra": {"api_key": API_KEY, "api_host": urls.api_url},
                }
            )
    finally:
        emulator.close()


def keys_in(folder: Path) -> list[str]:
    """The files below a folder that show a key."""
    secrets = (MANAGEMENT_KEY.encode(), API_KEY.encode())
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return [path.name for path in files if any(secret in path.read_bytes() for secret in secrets)]
