"""The service in which the same call has the same name in each run, and which counts what came of its calls."""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from airflow_provider_xai_collections.emulator import Emulator, HttpReply, HttpRequest, Settings, Store
from airflow_provider_xai_collections.emulator.records import FileRecord
from airflow_provider_xai_collections.emulator.refusals import Refused
from airflow_provider_xai_collections.emulator.routes import find_route
from airflow_provider_xai_collections.emulator.store import Slice

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
    """Draw a number that is the same whenever it is drawn for the same."""
    return int.from_bytes(blake2b(repr((seed, *map(str, what))).encode(), digest_size=8).digest())


class WatchedEmulator(Emulator):
    """The emulator, which names its calls and counts what came of them.

    :ivar store: what it holds.
    :ivar steps: all calls so far, by name.
    :ivar done: how often each endpoint did what was asked, whoever heard of it.
    :ivar attached: the files that were attached so far, by id; those that are gone again, too.
    :ivar discarded: files that were deleted and had never been attached.
    """

    def __init__(self, store: Store | None = None, **settings: Any) -> None:
        self.store = store or Store()
        super().__init__(Settings(**settings), self.store)
        self._guard = threading.Lock()
        self._times: Counter[tuple[str, str]] = Counter()
        self.steps: list[Step] = []
        self.done: Counter[str] = Counter()
        self.attached: dict[str, FileRecord] = {}
        self.discarded = 0
        with self.store.transaction():
            files = self.store.files(Slice("f.created_at", descending=False))
            self._names = {file.file_id: file.filename for file in files}
        self._never_attached: set[str] = set()

    def handle(self, request: HttpRequest) -> HttpReply:
        """Answer a request, unless something else happens to it."""
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
        """Answer a call; ``work`` does what it asks."""
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
        with self.store.transaction():
            file = self.store.file(file_id)
        if file is not None:  # unless somebody has deleted it since
            self.attached[file_id] = file
