"""A world in which syncs run: a source that changes, the emulator, and time, all in one thread and from one seed.

Each run is what the operator does: list the collection, look at the source, plan, work. Its flows go on in any order,
one request at a time, so whatever can come between two requests does come between them for some seed. A run may end at
any request, as if its machine had lost power.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from airflow_provider_xai_collections.api import endpoints
from airflow_provider_xai_collections.api.errors import error_from
from airflow_provider_xai_collections.api.identity import MANAGED_FIELDS, MANAGED_KEYS, SCOPE, SOURCE_URI
from airflow_provider_xai_collections.api.protocol import Request, Response
from airflow_provider_xai_collections.emulator import Emulator, Settings
from airflow_provider_xai_collections.emulator.indexing import Indexing
from airflow_provider_xai_collections.emulator.records import DocumentRecord
from airflow_provider_xai_collections.emulator.store import Slice, Store
from airflow_provider_xai_collections.exceptions import XAITransportError
from tests.api.syncing_run import SCOPE_OF_RUNS, Run, Wishes
from tests.api.syncing_source import ROOT, Source
from tests.emulator.caller import Caller, Clock, encode


@dataclass
class Faults:
    """The share of requests that go wrong in each way."""

    refused: float = 0.0  # 429 or 503, not done
    unreachable: float = 0.0
    lost: float = 0.0  # done, and no answer


class World:
    """
    :param settings: switches of the emulator.
    """

    def __init__(self, seed: int = 0, **settings: Any) -> None:
        self.die = random.Random(seed)
        self.clock = Clock()
        self.source = Source()
        self.faults = Faults()
        self._store = Store()
        self._searched: set[str] = set()
        self.settle(**{"indexing": "seconds:4", **settings})
        self.collection_id = self.caller.collection(field_definitions=[*MANAGED_FIELDS, {"key": "year"}])

    def settle(self, **settings: Any) -> None:
        """Give the emulator other switches; it keeps what it remembers."""
        self.settings = Settings(**settings)
        self.caller = Caller(Emulator(self.settings, self._store, clock=self.clock))

    def run(self, wishes: Wishes | None = None, *, crash_at: tuple[int, bool] | None = None) -> Run:
        """One run alone, to its end."""
        (run,) = self.play([Run(self, wishes or Wishes(), crash_at)])
        return run

    def play(self, runs: Sequence[Run], between: Callable[[], None] = lambda: None) -> Sequence[Run]:
        """Runs side by side, to their ends.

        :param between: may change the source, before any step.
        """
        while alive := [run for run in runs if not run.over]:
            between()
            flows = [(run, running) for run in alive for running in run.running]
            awake = [each for each in flows if each[1].wake <= self.clock.now]
            if not awake:
                self.clock.now = min(running.wake for _, running in flows)
                continue
            run, running = self.die.choice(awake)
            run.step(running)
        return runs

    def exchange(self, request: Request[Any]) -> Response:
        self.clock.now += 0.01
        roll, faults = self.die.random(), self.faults
        if roll < faults.refused:
            return Response(self.die.choice([429, 503]), {"retry-after": "1"}, b"")
        if roll < faults.refused + faults.unreachable:
            raise XAITransportError("no connection", sent=False)
        changes = request.endpoint.method != "GET"
        if changes:
            self.check_searchable()
        reply = self.caller.emulator.handle(encode(request))
        if changes:
            self.check_searchable()
        if roll < faults.refused + faults.unreachable + faults.lost:
            raise XAITransportError("the answer is lost")
        response = Response(reply.status, reply.headers, reply.body)
        error = error_from(request, response)
        assert error is None or error.status in (400, 404, 409, 422), error
        return response

    # What is there

    def records(self) -> list[DocumentRecord]:
        """All documents, looked at without the service noticing."""
        with self._store.transaction():
            return list(self._store.documents(self.collection_id, Slice("filename", descending=False), {}))

    def ours(self) -> dict[str, list[DocumentRecord]]:
        """The documents of the scope, by URI."""
        found: dict[str, list[DocumentRecord]] = defaultdict(list)
        for record in self.records():
            if record.fields.get(SCOPE) == SCOPE_OF_RUNS and record.fields.get(SOURCE_URI, "").startswith(ROOT):
                found[record.fields[SOURCE_URI]].append(record)
        return dict(found)

    def others(self) -> dict[str, dict[str, str]]:
        """The fields of all other documents, by id."""
        ours = {record.file.file_id for several in self.ours().values() for record in several}
        return {record.file.file_id: record.fields for record in self.records() if record.file.file_id not in ours}

    def files(self) -> list[str]:
        return [file.id for file in self.caller.call(endpoints.LIST_FILES, limit=100).items]

    def check_searchable(self) -> None:
        """No document that the source has, and that was found by a search, may be found no longer."""
        indexing = Indexing(self.settings, self._store, self.clock)
        now = {
            uri
            for uri, records in self.ours().items()
            if any(indexing.progress(record).is_processed for record in records)
        }
        there = {ROOT + name for name in self.source.names}
        assert not (holes := (self._searched & there) - now), f"a search does not find {holes}"
        self._searched = now & there

    def check_equal(self, wishes: Wishes | None = None) -> None:
        """The collection equals the source, with nothing twice."""
        indexing = Indexing(self.settings, self._store, self.clock)
        for uri, records in self.ours().items():
            assert len(records) == 1, f"{uri} is there {len(records)} times"
        assert {uri: records[0].file.hash for uri, records in self.ours().items()} == self.source.hashes
        for (record,) in self.ours().values():
            assert indexing.progress(record).is_processed, record
            if wishes is not None and wishes.update_fields:
                theirs = {key: value for key, value in record.fields.items() if key not in MANAGED_KEYS}
                assert theirs == wishes.fields
