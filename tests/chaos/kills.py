"""The process of a sync is killed at each of its requests, before the service does what it asks, and after."""

from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import closing
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property, partial
from pathlib import Path
from typing import Any, TypeAlias

from airflow_provider_xai_collections.emulator import HttpReply, Store
from tests.chaos.checks import records_of, wrong_accounts, wrong_documents, wrong_process
from tests.chaos.corpus import Corpus
from tests.chaos.processes import Workers, workers
from tests.chaos.report import Size, Trial
from tests.chaos.server import keys_in
from tests.chaos.watched import Step, WatchedEmulator, drawn
from tests.chaos.worker import Tried
from tests.support.caller import Caller

DOCUMENTS = {Size.SMALL: 12, Size.MEDIUM: 24, Size.FULL: 50}
#: How many of the requests are tried; ``None``: all, each at both moments.
TRIALS: dict[Size, int | None] = {Size.SMALL: 10, Size.MEDIUM: 60, Size.FULL: None}
#: Documents of the syncs that are killed twice, deferred, in groups, or of several collections.
_FEW = 6
#: Calls by which documents get there.
_UPLOADS = ("upload_document", "upload_file", "add_document")
#: The one call does not get through: two take its place.
_NO_ROUTE = {"direct_upload_answer": "error"}
#: Calls that are not made at all if all is done before.
_MAY_NOT_COME = ("batch_get_documents",)
#: Seconds in which a process starts.
_PATIENCE = 60.0


class Moment(StrEnum):
    """The moment of a kill: the service has received the request and not begun, or has done it and not answered."""

    BEFORE = "before"
    AFTER = "after"


@dataclass(frozen=True, slots=True)
class Kill:
    """A request at which the process is killed that makes it."""

    step: Step
    moment: Moment

    def __str__(self) -> str:
        return f"{self.moment} {self.step}"


class KillingEmulator(WatchedEmulator):
    """The emulator, which kills its client at a request: :meth:`expect` says when, and whom."""

    def __init__(self, store: Store, **settings: Any) -> None:
        super().__init__(store, indexing="reads:1", **settings)
        self._kill: Kill | None = None
        self._victim: Future[int] = Future()

    def expect(self, kill: Kill | None) -> Callable[[int], None]:
        """Kill the next process there, ``None``: nowhere; the value is to be told its id."""
        self._kill, self._victim = kill, Future()
        return self._victim.set_result

    def meet(self, step: Step, work: Callable[[], HttpReply]) -> HttpReply:
        if (kill := self._kill) is None or step != kill.step:
            return work()
        if kill.moment is Moment.AFTER:
            work()
        os.kill(self._victim.result(_PATIENCE), signal.SIGKILL)
        return HttpReply(0, cut="before")


@dataclass(frozen=True)
class Start:
    """The start of each trial: a service that holds what the source was, and the source as it is.

    :param running: runs the syncs; ``way``: how, and into which ``collections``.
    :param concurrency: of the syncs. With 1, what has been done before a request is the same each time.
    :param method: their way of uploading.
    :param settings: switches of the emulator.
    """

    name: str
    running: Workers
    seed: int
    way: str = "in one task"
    collections: Sequence[str] = ("whales",)
    concurrency: int = 4
    method: str = "auto"
    settings: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def corpus(self) -> Corpus:
        return Corpus(self.running.folder / self.name / "source", self.seed)

    @property
    def may_leave_files(self) -> bool:
        """Tell whether it uploads in two calls, between which a kill leaves a file."""
        return self.method == "files" or bool(self.settings)

    @property
    def database(self) -> Path:
        """The content of the service; each trial gets a copy."""
        return self.running.folder / f"{self.name}.db"

    def service(self, name: str) -> KillingEmulator:
        copied = self.running.folder / f"{self.name}-{name}.db"
        with closing(sqlite3.connect(self.database)) as source, closing(sqlite3.connect(copied)) as target:
            source.backup(target)
        return KillingEmulator(Store(copied), **self.settings)

    def sync(self, name: str, number: int, **more: Any) -> Tried | None:
        """Run one try of the syncs, in a process of its own."""
        return self.running.sync(
            f"{self.name}-{name}",
            tries=[number],
            seed=self.seed,
            source=str(self.corpus.folder),
            way=self.way,
            collections=self.collections,
            concurrency=self.concurrency,
            upload_method=self.method,
            **more,
        )

    # What the service holds

    def with_changes(self, documents: int) -> Start:
        """Sync what the source was, of which one document fails; then change it, to so many documents."""
        corpus = self.corpus
        corpus.add(documents * 4 // 5)
        failing = min(corpus.hashes)
        corpus.untouched.add(failing)
        service = KillingEmulator(Store(self.database), fail_names=(failing,))
        with self.running.talking_to(service):
            began = self.sync("before", 1, max_failed=None)
        if began is None or began.tries[-1].error:
            raise RuntimeError(f"the sync before all others has failed: {began}")
        corpus.remove(documents // 6)
        corpus.replace(documents // 4)
        corpus.add(documents - len(corpus.hashes))
        return self

    def with_nothing(self) -> Start:
        """Leave out even the collection."""
        self.corpus.add(2)
        Store(self.database).close()
        return self

    def with_a_bare_collection(self) -> Start:
        """Let somebody have made a collection by hand: our fields are not declared on it."""
        self.corpus.add(2)
        with closing(KillingEmulator(Store(self.database))) as emulator:
            Caller(emulator).collection()
        return self


_Kills: TypeAlias = tuple[Start, tuple[Kill, ...]]


def kill_9_at_every_request(size: Size, seed: int) -> Generator[Trial, None, None]:
    """Kill a sync that adds, replaces, fixes and prunes; then run it again. Kill some of these again."""
    with workers() as running:
        start, documents = partial(Start, running=running, seed=seed), DOCUMENTS[size]
        two: dict[str, Any] = {"method": "files"}
        one: dict[str, Any] = {"concurrency": 1}
        kills = [
            *_once_each(start("changes").with_changes(documents)),
            *_once_each(start("nothing").with_nothing()),
            *_once_each(start("bare").with_a_bare_collection(), "update_collection"),
            *_once_each(start("unroutable", settings=_NO_ROUTE, **one).with_nothing(), *_UPLOADS),
            *_once_each(start("two-calls", **two).with_changes(documents), *_UPLOADS),
            *_once_each(start("deferred", way="deferred").with_changes(_FEW)),
            *_once_each(start("group", way="group").with_changes(_FEW)),
            *_once_each(start("two-collections", collections=("whales", "ships")).with_changes(_FEW)),
            *_twice_each(start("twice", **one).with_changes(_FEW), "upload_document", Moment.AFTER),
            *_twice_each(start("twice-two-calls", **one, **two).with_changes(_FEW), "add_document", Moment.BEFORE),
        ]
        if (most := TRIALS[size]) is not None:
            # One request more or less leaves the choice among the others as it is.
            by_lot = sorted(kills, key=lambda each: drawn(seed, each[0].name, *each[1]))
            first = list({of.name: (of, planned) for of, planned in reversed(by_lot)}.values())
            kills = [*first, *(each for each in by_lot if each not in first)][:most]
        for number, (of, planned) in enumerate(kills):
            yield _trial(of, f"{number:04}", planned)


def _once_each(start: Start, *endpoints: str) -> Iterator[_Kills]:
    """Kill once, at each request of a sync that nobody kills, or at each to these endpoints."""
    steps, _ = _steps(start, None)
    for step in steps:
        if step.endpoint in endpoints or not endpoints:
            yield from ((start, (Kill(step, moment),)) for moment in Moment)


def _twice_each(start: Start, endpoint: str, moment: Moment) -> Iterator[_Kills]:
    """Kill so that an upload is left behind of which nobody has heard, and again while the second try is at work: at
    each request that deletes a file, and at one of each other kind.

    :param endpoint: where the first kill is, and ``moment``: when.
    """
    steps, _ = _steps(start, None)
    first = Kill(next(step for step in steps if step.endpoint == endpoint), moment)
    _, of_retry = _steps(start, first)
    seen: set[str] = set()
    for step in of_retry:
        if step.endpoint == "delete_file" or step.endpoint not in seen:
            yield from ((start, (first, Kill(step, when))) for when in Moment)
        seen.add(step.endpoint)


def _steps(start: Start, kill: Kill | None) -> tuple[list[Step], list[Step]]:
    """Return every request of a sync that is killed there, or is not; and of its retry, if it is."""
    service = start.service(f"whole-{kill}".replace("/", "-"))
    with start.running.talking_to(service):
        tried = start.sync("whole", 1, started=service.expect(kill))
        first = list(service.steps)
        if kill is not None:
            service.expect(None)
            tried = start.sync("whole", 2)
        if tried is None or tried.tries[-1].error:
            raise RuntimeError(f"the sync that nobody kills has failed: {tried}")
        return sorted(first, key=str), sorted(service.steps[len(first) :], key=str)


def _trial(start: Start, name: str, kills: Sequence[Kill]) -> Trial:
    service = start.service(name)
    wrong: list[str] = []
    missed: list[Kill] = []
    with start.running.talking_to(service):
        for number, kill in enumerate(kills, 1):
            tried = start.sync(name, number, started=service.expect(kill))
            if tried is not None:
                missed.append(kill)
                wrong += _wrong_tries(start, tried)
        service.expect(None)
        before = records_of(service)
        last = start.sync(name, len(kills) + 1)
        after = records_of(service)
    if last is None:
        wrong.append("the last try was killed as well")
    else:
        wrong += _wrong_tries(start, last)
        wrong += wrong_documents(after, start.corpus, start.collections)
        wrong += wrong_accounts(before, after, last.tries, start.corpus)
    cut_off = start.concurrency * len(kills) if start.may_leave_files else 0
    if len(after.unattached) > cut_off:
        wrong.append(f"{len(after.unattached)} files stay that no document refers to: {after.unattached[0]}")
    wrong += [f"a key is in {each}" for each in keys_in(start.running.folder / f"{start.name}-{name}")]
    wrong += [f"nobody was killed {kill}" for kill in missed if kill.step.endpoint not in _MAY_NOT_COME]
    ended = "done before this call came" if missed else f"done by try {len(kills) + 1}"
    way = "" if start.way == "in one task" else f", {start.way}"
    again = ", in the second try" if len(kills) > 1 else ""
    return Trial(
        f"{kills[-1].moment} {kills[-1].step.endpoint}{way}{again}",
        f"{start.name}: {', then '.join(map(str, kills))}",
        "wrong" if wrong else ended,
        tuple(wrong),
    )


def _wrong_tries(start: Start, tried: Tried) -> Iterator[str]:
    yield from (f"a try failed: {each.error}" for each in tried.tries if each.error)
    yield from wrong_process(tried, len(start.corpus.hashes))
