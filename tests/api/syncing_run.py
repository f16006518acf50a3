"""One run of a sync, as the operator does it, which may be cut off at any request."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any, Protocol

from airflow_provider_xai_collections.api.uploading import Target
from airflow_provider_xai_collections.api.identity import digest_of
from airflow_provider_xai_collections.api.polling import WaitEnd, WaitRules
from airflow_provider_xai_collections.api.protocol import Flow, Now, Request, Response, Sleep
from airflow_provider_xai_collections.api.removing import Removal
from airflow_provider_xai_collections.api.retries import RetryPolicy, retrying
from airflow_provider_xai_collections.api.sync_flows import SyncTools, held_documents
from airflow_provider_xai_collections.api.sync_plan import SyncPlan
from airflow_provider_xai_collections.api.sync_work import Done, SyncWork
from airflow_provider_xai_collections.api.syncing import Holdings, SyncRules, must_be_read, plan_sync
from airflow_provider_xai_collections.api.upload_method import UploadMethod, UploadWay
from airflow_provider_xai_collections.exceptions import XAIError
from tests.api.syncing_source import ROOT, Source
from tests.emulator.caller import Clock

SCOPE_OF_RUNS = "file:///docs"
POLICY = RetryPolicy(attempts=3, longest_retry_after=2.0)


class Crash(Exception):
    """The machine of a run is gone."""


class Surroundings(Protocol):
    """What a run needs of its world."""

    collection_id: str
    source: Source
    clock: Clock
    die: Random

    def exchange(self, request: Request[Any]) -> Response: ...


@dataclass(frozen=True)
class Wishes:
    """The arguments of a sync."""

    fields: Mapping[str, str] = field(default_factory=dict)
    update_fields: bool = False
    prune: bool = True
    verify: bool = False
    concurrency: int = 3
    method: UploadMethod = UploadMethod.FILES
    delete_files: bool = True
    wait: bool = True


@dataclass(eq=False)
class Running:
    """A flow of a run, from one step to the next."""

    flow: Flow[Any]
    resume: Callable[[], Any]
    wake: float = 0.0


class Run:
    """One try of a task.

    :param crash_at: at which of its requests its machine is lost, counted from 0, and whether the request is done.
    """

    def __init__(self, world: Surroundings, wishes: Wishes, crash_at: tuple[int, bool] | None = None) -> None:
        self.world = world
        self.wishes = wishes
        self.crash_at = crash_at
        self.requests: Counter[str] = Counter()
        self.plan: SyncPlan | None = None
        self.work: SyncWork | None = None
        self.told: list[Done] = []
        self.failed: XAIError | None = None
        self.over = False
        self.running: list[Running] = []
        self.target = Target(world.collection_id, SCOPE_OF_RUNS, UploadWay(wishes.method))
        self._start(held_documents(self.target, None))

    def _start(self, flow: Flow[Any]) -> None:
        exchanged = _exchanging(flow)
        self.running.append(Running(exchanged, partial(next, exchanged), self.world.clock.now))

    def step(self, running: Running) -> None:
        """Go on with one flow, up to what it asks next."""
        try:
            asked = running.resume()
        except StopIteration as end:
            self.running.remove(running)
            self._ended(end.value)
        except XAIError as error:  # of the first flow: of the others none ends so
            self.failed, self.over = error, True
        else:
            try:
                running.resume = partial(running.flow.send, self._reply(running, asked))
            except XAIError as error:
                running.resume = partial(running.flow.throw, error)
            except Crash:
                self.over = True

    def _reply(self, running: Running, asked: Any) -> Any:
        match asked:
            case Sleep():
                running.wake = self.world.clock.now + asked.seconds + asked.jitter * self.world.die.random()
                return None
            case Now():
                return self.world.clock.now
        number = self.requests.total()
        self.requests[asked.endpoint.name] += 1
        at, done = self.crash_at or (None, False)
        if number == at and not done:
            raise Crash
        response = self.world.exchange(asked)
        if number == at:
            raise Crash
        return response

    def _ended(self, value: Any) -> None:
        if self.work is None:
            self.plan = self._compare(value)
            self.work = self._begin(self.plan)
        else:
            self.work.happened(value)
        while len(self.running) <= self.wishes.concurrency and (flow := next(self.work, None)) is not None:
            self._start(flow)
        self.over = not self.running

    def _compare(self, documents: Any) -> SyncPlan:
        wishes, source = self.wishes, self.world.source
        entries = source.scan()  # after the collection was listed
        metadata = digest_of(wishes.fields)
        rules = SyncRules(
            owns=lambda uri: uri.startswith(ROOT),
            prune=wishes.prune,
            verify=wishes.verify,
            metadata=(lambda entry, content_hash: metadata) if wishes.update_fields else None,
        )
        held = Holdings(documents, rules)
        read = {entry.uri: source.read(entry, None).content_hash for entry in must_be_read(entries, held, rules)}
        return plan_sync(entries, held, rules, read=read)

    def _begin(self, plan: SyncPlan) -> SyncWork:
        tools = SyncTools(
            target=self.target,
            removal=Removal(self.target.collection_id, delete_files=self.wishes.delete_files),
            read=self.world.source.read,
            fields=lambda source: self.wishes.fields,
            metadata_is_content=self.wishes.update_fields,
        )
        return SyncWork(
            plan.steps,
            tools,
            concurrency=self.wishes.concurrency,
            wait=WaitRules(poll_interval=3.0) if self.wishes.wait else None,
            timeout=500.0,
            now=self.world.clock.now,
            done=self.told.append,
        )

    @property
    def end(self) -> WaitEnd | None:
        return self.work.end if self.work else None


def _exchanging(flow: Flow[Any]) -> Flow[Any]:
    """The flow, with its requests as the driver gets them: repeated when they fail."""
    resume: Callable[[], Any] = partial(next, flow)
    while True:
        try:
            asked = resume()
        except StopIteration as end:
            return end.value
        try:
            reply = (yield from retrying(asked, POLICY)) if isinstance(asked, Request) else (yield asked)
        except XAIError as error:
            resume = partial(flow.throw, error)
        else:
            resume = partial(flow.send, reply)
