"""A world for the engine: a source that changes, a service with a clock of its own, a runner that may die."""

from __future__ import annotations

import io
import logging
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, BinaryIO

from blake3 import blake3

from airflow_provider_xai_collections.api.endpoints import GET_COLLECTION
from airflow_provider_xai_collections.api.identity import CONTENT_HASH, MANAGED_FIELDS, SOURCE_URI, SourceDocument
from airflow_provider_xai_collections.api.protocol import Flow, Now, Request, Response, Sleep
from airflow_provider_xai_collections.api.retries import RetryPolicy, retrying
from airflow_provider_xai_collections.emulator import Emulator, Settings, Store
from airflow_provider_xai_collections.emulator.store import Slice
from airflow_provider_xai_collections.exceptions import XAIError, XAISourceError
from airflow_provider_xai_collections.sources.items import SourceItem
from airflow_provider_xai_collections.sync import ways
from airflow_provider_xai_collections.sync.engine import Engine
from airflow_provider_xai_collections.sync.listing import Destination
from airflow_provider_xai_collections.sync.manifest import SyncManifest
from airflow_provider_xai_collections.sync.options import SyncOptions
from tests.support.caller import Caller, Clock, encode

ROOT = "file:///docs/"
#: Seconds that a request takes, and that indexing does.
REQUEST, INDEXING = 0.01, 4.0


class Killed(BaseException):
    """The process is gone."""


class Folder:
    """A source in memory. What is read is what was listed, or an error, as with real files.

    :ivar unfit: names that xAI would not take; ``unreadable``: names that cannot be read.
    """

    roots = (ROOT.rstrip("/"),)

    def __init__(self) -> None:
        self.unfit: frozenset[str] = frozenset()
        self.unreadable: frozenset[str] = frozenset()
        self._files: dict[str, tuple[bytes, str]] = {}
        self._edition = 0

    def write(self, name: str, content: str | None = None) -> None:
        """Give a file new content, unlike any before."""
        self._edition += 1
        data = (content or f"{name} {self._edition:06}{'.' * (self._edition % 7)}").encode()
        self._files[name] = (data, f"{len(data)}-mtime:{self._edition}")

    def touch(self, name: str) -> None:
        """Give a file a new time of change and the same content."""
        if name in self._files:
            self._edition += 1
            data = self._files[name][0]
            self._files[name] = (data, f"{len(data)}-mtime:{self._edition}")

    def remove(self, name: str) -> None:
        self._files.pop(name, None)

    def rename(self, name: str, other: str) -> None:
        if name in self._files and other not in self._files:
            self._files[other] = self._files.pop(name)

    @property
    def hashes(self) -> dict[str, str]:
        """The content hashes of all files, by URI."""
        return {ROOT + name: blake3(data).hexdigest() for name, (data, _) in self._files.items()}

    def list(self) -> Sequence[SourceItem]:
        return [
            SourceItem(ROOT + name, name, len(data), fingerprint, unfit="it is an image" if name in self.unfit else "")
            for name, (data, fingerprint) in sorted(self._files.items())
        ]

    def open(self, item: SourceItem, content_hash: str) -> SourceDocument:
        if item.name in self.unreadable:
            raise XAISourceError(f"{item.name} cannot be read")
        return SourceDocument(
            uri=item.uri,
            name=item.name,
            size=item.size,
            content_hash=content_hash or blake3(self._stream(item).read()).hexdigest(),
            content_type="text/plain",
            open=partial(self._stream, item),
            sent_type=lambda: "text/plain",
            fingerprint=item.fingerprint,
        )

    def owns(self, uri: str) -> bool:
        return uri.startswith(ROOT)

    def warnings(self) -> Sequence[str]:
        return ()

    def _stream(self, item: SourceItem) -> BinaryIO:
        data, fingerprint = self._files.get(item.name, (b"", ""))
        if fingerprint != item.fingerprint:
            raise XAISourceError(f"{item.name} has changed")
        return io.BytesIO(data)


@dataclass
class World:
    """A service that holds one collection, the folder that is synced into it, and the time.

    :param seed: of the order in which flows that run side by side go on.
    :ivar kill_at: the number of the request at which the process dies; ``None``: it lives.
    :ivar hidden: URIs of documents that the source has had all along, and that a search did not find for a while.
    """

    seed: int = 0
    clock: Clock = field(default_factory=Clock)
    folder: Folder = field(default_factory=Folder)
    store: Store = field(default_factory=Store)
    kill_at: int | None = None
    asked: int = 0
    requests: Counter[str] = field(default_factory=Counter)
    hidden: list[str] = field(default_factory=list)
    collection_id: str = ""
    caller: Caller = field(init=False)
    _all_along: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.behave()
        self.collection_id = self.caller.collection(
            field_definitions=[each.model_dump(exclude_none=True, exclude_unset=True) for each in MANAGED_FIELDS]
        )

    def behave(self, **settings: Any) -> None:
        """Let the service go on with other settings."""
        settings = {"indexing": f"seconds:{INDEXING:g}", **settings}
        self.caller = Caller(Emulator(Settings(**settings), self.store, clock=self.clock))

    def watch(self) -> None:
        """From now on, what is searchable and in the source must stay so."""
        self._all_along = self.searchable()

    def engine(self, options: SyncOptions) -> Engine:
        """Return the engine of a new process."""
        collection = self.caller.call(GET_COLLECTION, collection_id=self.collection_id)
        destination = Destination(name="whales", collection=collection, log=logging.getLogger("world"))
        return Engine(Runner(self), self.folder, destination, options)

    def run(self, meanwhile: Callable[[], None] = lambda: None, **options: Any) -> tuple[SyncManifest, str]:
        """Run a sync in one task; return its manifest, and the text of the error that it ends with.

        :param meanwhile: happens between the wait and the end.
        """
        usual = {"scope": "s", "overlap": 1.0, "poll_interval": 10.0, "concurrency": 4, "prune": True}
        engine = self.engine(SyncOptions(**{**usual, "max_prune": None, **options}))
        plan = engine.plan()
        before = engine.begin(plan)
        engine.place(wait=True)
        meanwhile()
        manifest, error = ways.conclude(engine, plan, before)
        return manifest, "" if error is None else str(error)

    def exchange(self, request: Request[Any]) -> Response:
        """Let the service answer a request, unless the process dies of it."""
        self.asked += 1
        self.clock.now += REQUEST
        if self.kill_at is not None and self.asked >= self.kill_at:
            raise Killed
        self.requests[request.endpoint.name] += 1
        before = self.searchable() if request.endpoint.method == "DELETE" else set()
        reply = self.caller.emulator.handle(encode(request))
        if before:
            lost = before - self.searchable()
            self.hidden += sorted(lost & self._all_along & self.folder.hashes.keys())
        return Response(reply.status, reply.headers, reply.body)

    def records(self) -> list[Any]:
        with self.store.transaction():
            return list(self.store.documents(self.collection_id, Slice("filename", descending=False), {}))

    def searchable(self) -> set[str]:
        """The URIs of documents that a search finds."""
        done = self.clock.now - INDEXING
        found = (each for each in self.records() if each.started_at <= done and not each.error_message)
        return {each.fields[SOURCE_URI] for each in found}

    def held(self) -> Counter[tuple[str, str, bool]]:
        """Return what the collection holds: URI, content, and whether indexing failed."""
        return Counter(
            (each.fields[SOURCE_URI], each.fields[CONTENT_HASH], bool(each.error_message)) for each in self.records()
        )

    @property
    def orphans(self) -> int:
        """Files that no document refers to."""
        return self.store.count_files() - len(self.records())


class Runner:
    """Runs flows on a world, a request at a time, by its clock: sleeping takes no time."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._die = random.Random(world.seed)

    def run(self, flow: Flow[Any]) -> Any:
        [(_, value)] = self.run_many([flow], concurrency=1)
        if isinstance(value, XAIError):
            raise value
        return value

    def run_many(self, flows: Iterable[Flow[Any] | None], *, concurrency: int) -> Iterator[tuple[int, Any]]:
        clock, waiting, running, count = self.world.clock, iter(flows), list[_Running](), 0
        while True:
            while len(running) < concurrency and (flow := next(waiting, None)) is not None:
                running.append(_Running(count, _retried(flow)))
                count += 1
            if not running:
                return
            awake = [each for each in running if each.until <= clock.now]
            if not awake:
                clock.now = min(each.until for each in running)
                continue
            one = self._die.choice(awake)
            try:
                one.go_on(self.world)
            except StopIteration as end:
                running.remove(one)
                yield one.number, end.value
            except XAIError as error:
                running.remove(one)
                yield one.number, error


class _Running:
    def __init__(self, number: int, flow: Flow[Any]) -> None:
        self.number, self.until = number, 0.0
        self._flow = flow
        self._next: Callable[[], Any] = partial(next, flow)

    def go_on(self, world: World) -> None:
        match self._next():
            case Now():
                self._next = partial(self._flow.send, world.clock.now)
            case Sleep() as pause:
                self.until = world.clock.now + pause.seconds
                self._next = partial(self._flow.send, None)
            case request:
                try:
                    self._next = partial(self._flow.send, world.exchange(request))
                except XAIError as error:
                    self._next = partial(self._flow.throw, error)


def _retried(flow: Flow[Any]) -> Flow[Any]:
    """The flow, each request of which is tried as the client tries it."""
    resume: Callable[[], Any] = partial(next, flow)
    while True:
        try:
            step = resume()
        except StopIteration as end:
            return end.value
        if not isinstance(step, Request):
            resume = partial(flow.send, (yield step))
            continue
        try:
            resume = partial(flow.send, (yield from retrying(step, RetryPolicy(attempts=3))))
        except XAIError as error:
            resume = partial(flow.throw, error)
