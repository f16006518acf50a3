"""The process of a sync is killed at each of its requests, before the service does what it asks, and after."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import tempfile
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from airflow_provider_xai_collections.emulator import HttpReply, Store
from airflow_provider_xai_collections.emulator.control import PREFIX
from chaos.accounts import wrong_counts
from chaos.checks import Held, held, wrong_documents, wrong_process
from chaos.clock import FastClock
from chaos.corpus import Corpus
from chaos.jobs import Tried
from chaos.processes import Workers, workers
from chaos.service import Step, WatchedEmulator, drawn, keys_in, serving
from chaos.trials import Size, Trial

DOCUMENTS = {Size.SMALL: 12, Size.MEDIUM: 24, Size.FULL: 50}
#: How many of the steps are tried; ``None``: all, each at both moments.
TRIALS: dict[Size, int | None] = {Size.SMALL: 6, Size.MEDIUM: 40, Size.FULL: None}
#: Seconds in one of the world's.
SPEED = 100.0
#: How old a file must be that no document refers to, in seconds.
ORPHAN_AGE = 1.0
#: Seconds in which a process starts.
_PATIENCE = 60.0


class Moment(StrEnum):
    """When the process dies: the service has received the request and not begun, or has done it and not answered."""

    BEFORE = "before"
    AFTER = "after"


class DeadlyEmulator(WatchedEmulator):
    """The emulator, which kills its client at a step.

    :param fatal: the step; ``None`` kills nobody.
    :ivar victim: the id of the process, as soon as it is known.
    """

    def __init__(self, store: Store, clock: FastClock, fatal: Step | None, moment: Moment, **settings: Any) -> None:
        super().__init__(store, clock, indexing="seconds:5", **settings)
        self._fatal = fatal
        self._moment = moment
        self.victim: Future[int] = Future()

    def meet(self, step: Step, work: Callable[[], HttpReply]) -> HttpReply:
        if step != self._fatal:
            return work()
        if self._moment is Moment.AFTER:
            work()
        os.kill(self.victim.result(_PATIENCE), signal.SIGKILL)
        return HttpReply(0, cut="before")


@dataclass(frozen=True, slots=True)
class Scene:
    """What each trial begins with: a service that holds what the source was, and the source as it is.

    :param database: what the service holds; each trial gets a copy.
    """

    folder: Path
    corpus: Corpus
    database: Path
    workers: Workers
    clock: FastClock
    seed: int

    def service(
        self, name: str, fatal: Step | None = None, moment: Moment = Moment.BEFORE
    ) -> tuple[Store, DeadlyEmulator]:
        copied = self.folder / f"{name}.db"
        with closing(sqlite3.connect(self.database)) as source, closing(sqlite3.connect(copied)) as target:
            source.backup(target)
        store = Store(copied)
        return store, DeadlyEmulator(store, self.clock, fatal, moment)

    def sync(self, name: str, connection: str, number: int, began: float, **more: Any) -> Tried | None:
        """One try of the task, in a process of its own."""
        return self.workers.sync(
            self.folder / name,
            connection=connection,
            began=began,
            seed=self.seed,
            tries=[number],
            retry_delay=0.0,
            source=str(self.corpus.folder),
            collection="kills",
            prune=True,
            max_prune=0.5,
            orphan_age=ORPHAN_AGE,
            concurrency=4,
            timeout=86_400.0,
            **more,
        )


def kill_9_at_every_step(size: Size, seed: int) -> Generator[Trial, None, None]:
    """Kill a sync that adds, replaces, repairs and prunes; then run it again."""
    clock = FastClock.started(SPEED)
    with tempfile.TemporaryDirectory(prefix="xai-chaos-") as folder, workers(clock, Path(folder, "airflow")) as running:
        corpus = Corpus(Path(folder, "source"), seed)
        scene = Scene(Path(folder), corpus, Path(folder, "before.db"), running, clock, seed)
        _set(scene, DOCUMENTS[size])
        deaths = [(step, moment) for step in _steps(scene) for moment in Moment]
        if (most := TRIALS[size]) is not None:
            # One step more or less, as looks at documents are, leaves the choice among the others as it is.
            deaths = sorted(deaths, key=lambda death: drawn(seed, *death))[:most]
        for number, (step, moment) in enumerate(deaths):
            yield _trial(scene, f"{number:04}", step, moment)


def _set(scene: Scene, documents: int) -> None:
    """Sync what the source was, of which one document fails; then change it, to as many documents as are wanted."""
    corpus = scene.corpus
    corpus.add(documents * 4 // 5)
    failing = min(corpus.hashes)
    corpus.untouched.add(failing)
    store = Store(scene.database)
    service = DeadlyEmulator(store, scene.clock, None, Moment.BEFORE, fail_names=(failing,))
    with serving(service) as connection:
        began = scene.sync("before", connection, 1, scene.clock.time(), on_failed="ignore")
    if began is None or began.tries[-1].error:
        raise RuntimeError(f"the sync before all others has failed: {began}")
    corpus.remove(documents // 6)
    corpus.replace(documents // 4)
    corpus.add(documents - len(corpus.hashes))


def _steps(scene: Scene) -> list[Step]:
    """Every call of the sync that nobody kills."""
    _, service = scene.service("whole")
    with serving(service) as connection:
        tried = scene.sync("whole", connection, 1, scene.clock.time())
    if tried is None or tried.tries[-1].error:
        raise RuntimeError(f"the sync that nobody kills has failed: {tried}")
    return sorted(service.steps, key=str)


def _trial(scene: Scene, name: str, step: Step, moment: Moment) -> Trial:
    store, service = scene.service(name, step, moment)
    with serving(service) as connection:
        began = scene.clock.time()
        first = scene.sync(name, connection, 1, began, started=service.victim.set_result)
        _let_pass(connection)
        scene.clock.sleep(ORPHAN_AGE + 1)  # a file tells whole seconds
        before = held(store, service)
        second = scene.sync(name, connection, 2, began)
        after = held(store, service)
        wrong = list(_wrong(scene, first, second, before, after))
        wrong += [f"a key is in {each}" for each in keys_in(scene.folder / name)]
    ended = "done by the retry" if first is None else "done before this call came"
    if wrong:
        ended = "wrong"
    return Trial(f"{moment} {step.endpoint}", f"{moment} {step}", ended, tuple(wrong))


def _let_pass(connection: str) -> None:
    """Return when the requests are over that were on their way when their process died: each gets its turn."""
    for _ in range(2):
        asked = HTTPConnection(urlsplit(json.loads(connection)["host"]).netloc)
        asked.request("GET", f"{PREFIX}health")
        asked.getresponse().read()
        asked.close()


def _wrong(scene: Scene, first: Tried | None, second: Tried | None, before: Held, after: Held) -> Iterator[str]:
    if second is None:
        yield "the retry was killed as well"
        return
    for tried in filter(None, (first, second)):
        yield from (f"a try failed: {each.error}" for each in tried.tries if each.error)
        yield from wrong_process(tried, len(scene.corpus.hashes))
    yield from wrong_documents(after, scene.corpus)
    yield from wrong_counts(before, after, second.tries, scene.corpus)
    if after.unattached:
        yield f"{len(after.unattached)} files stay that no document refers to: {after.unattached[0]}"
