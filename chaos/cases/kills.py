"""The process of a sync is killed at each of its requests, before the service does what it asks, and after."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import tempfile
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import closing
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property, partial
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from airflow_provider_xai_collections.api.endpoints import CREATE_COLLECTION
from airflow_provider_xai_collections.api.protocol import call
from airflow_provider_xai_collections.emulator import HttpReply, Store
from airflow_provider_xai_collections.emulator.control import PREFIX
from chaos.accounts import wrong_counts
from chaos.checks import Held, held, wrong_documents, wrong_inventory, wrong_process
from chaos.clock import FastClock
from chaos.corpus import Corpus
from chaos.hosts import inside
from chaos.jobs import Tried
from chaos.processes import Workers, workers
from chaos.service import Step, WatchedEmulator, drawn, keys_in, serving
from chaos.trials import Size, Trial

DOCUMENTS = {Size.SMALL: 12, Size.MEDIUM: 24, Size.FULL: 50}
#: How many of the steps are tried; ``None``: all, each at both moments.
TRIALS: dict[Size, int | None] = {Size.SMALL: 8, Size.MEDIUM: 48, Size.FULL: None}
#: Seconds in one of the world's.
SPEED = 100.0
COLLECTION = "kills"
#: Documents of the sync that is killed twice.
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
    """When the process dies: the service has received the request and not begun, or has done it and not answered."""

    BEFORE = "before"
    AFTER = "after"


@dataclass(frozen=True, slots=True)
class Death:
    """The step at which the process dies that asks for it."""

    step: Step
    moment: Moment

    def __str__(self) -> str:
        return f"{self.moment} {self.step}"


class DeadlyEmulator(WatchedEmulator):
    """The emulator, which kills its client at a step: :meth:`expect` says when, and whom."""

    def __init__(self, store: Store, clock: FastClock, **settings: Any) -> None:
        super().__init__(store, clock, indexing="seconds:5", **settings)
        self._death: Death | None = None
        self._victim: Future[int] = Future()

    def expect(self, death: Death | None) -> Callable[[int], None]:
        """Let the next process die there, ``None``: nowhere; to be told its id."""
        self._death, self._victim = death, Future()
        return self._victim.set_result

    def meet(self, step: Step, work: Callable[[], HttpReply]) -> HttpReply:
        if (death := self._death) is None or step != death.step:
            return work()
        if death.moment is Moment.AFTER:
            work()
        os.kill(self._victim.result(_PATIENCE), signal.SIGKILL)
        return HttpReply(0, cut="before")


@dataclass(frozen=True)
class Scene:
    """What each trial begins with: a service that holds what the source was, and the source as it is.

    :param folder: for all scenes.
    :param concurrency: of the syncs. With 1, what has been done before a step is the same each time.
    :param method: their way of uploading.
    :param settings: switches of the emulator.
    """

    folder: Path
    name: str
    workers: Workers
    clock: FastClock
    seed: int
    concurrency: int = 4
    method: str = "auto"
    settings: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def corpus(self) -> Corpus:
        return Corpus(self.folder / self.name / "source", self.seed)

    @property
    def may_leave_files(self) -> bool:
        """Tell whether it uploads in two calls, between which a death leaves a file."""
        return self.method == "files" or bool(self.settings)

    @property
    def database(self) -> Path:
        """What the service holds; each trial gets a copy."""
        return self.folder / f"{self.name}.db"

    def service(self, name: str) -> tuple[Store, DeadlyEmulator]:
        copied = self.folder / f"{self.name}-{name}.db"
        with closing(sqlite3.connect(self.database)) as source, closing(sqlite3.connect(copied)) as target:
            source.backup(target)
        store = Store(copied)
        return store, DeadlyEmulator(store, self.clock, **self.settings)

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
            collection=COLLECTION,
            prune=True,
            max_prune=0.5,
            concurrency=self.concurrency,
            upload_method=self.method,
            timeout=86_400.0,
            **more,
        )


_Deaths: TypeAlias = tuple[Scene, tuple[Death, ...]]


def kill_9_at_every_step(size: Size, seed: int) -> Generator[Trial, None, None]:
    """Kill a sync that adds, replaces, repairs and prunes; then run it again. Kill some of these again."""
    clock = FastClock.started(SPEED)
    with tempfile.TemporaryDirectory(prefix="xai-chaos-") as folder, workers(clock, Path(folder, "airflow")) as running:
        scene = partial(Scene, Path(folder), workers=running, clock=clock, seed=seed)
        deaths = [
            *_once_each(_with_changes(scene("changes"), DOCUMENTS[size])),
            *_once_each(_with_nothing(scene("nothing"))),
            *_once_each(_with_a_bare_collection(scene("bare")), "update_collection"),
            *_once_each(_with_nothing(scene("unroutable", settings=_NO_ROUTE)), *_UPLOADS),
            *_once_each(_with_changes(scene("two-calls", method="files"), DOCUMENTS[size]), *_UPLOADS),
            *_twice_each(_with_changes(scene("twice", concurrency=1), _FEW), "upload_document", Moment.AFTER),
            *_twice_each(
                _with_changes(scene("twice-in-two-calls", concurrency=1, method="files"), _FEW),
                "add_document",
                Moment.BEFORE,
            ),
        ]
        if (most := TRIALS[size]) is not None:
            # One step more or less, as looks at documents are, leaves the choice among the others as it is.
            by_lot = sorted(deaths, key=lambda each: drawn(seed, each[0].name, *each[1]))
            deaths = _some_of_each_scene(by_lot, most)
        for number, (of, planned) in enumerate(deaths):
            yield _trial(of, f"{number:04}", planned)


def _some_of_each_scene(deaths: Sequence[_Deaths], most: int) -> list[_Deaths]:
    """The first of each scene, and then as they come."""
    first = list({scene.name: (scene, steps) for scene, steps in reversed(deaths)}.values())
    return [*first, *(each for each in deaths if each not in first)][:most]


def _with_changes(scene: Scene, documents: int) -> Scene:
    """Sync what the source was, of which one document fails; then change it, to as many documents as are wanted."""
    corpus = scene.corpus
    corpus.add(documents * 4 // 5)
    failing = min(corpus.hashes)
    corpus.untouched.add(failing)
    service = DeadlyEmulator(Store(scene.database), scene.clock, fail_names=(failing,))
    with serving(service) as connection:
        began = scene.sync(f"{scene.name}-before", connection, 1, scene.clock.time(), on_failed="ignore")
    if began is None or began.tries[-1].error:
        raise RuntimeError(f"the sync before all others has failed: {began}")
    corpus.remove(documents // 6)
    corpus.replace(documents // 4)
    corpus.add(documents - len(corpus.hashes))
    return scene


def _with_nothing(scene: Scene) -> Scene:
    """There is no collection yet."""
    scene.corpus.add(2)
    Store(scene.database).close()
    return scene


def _with_a_bare_collection(scene: Scene) -> Scene:
    """Somebody has made a collection by hand: our fields are not declared on it."""
    scene.corpus.add(2)
    emulator = DeadlyEmulator(Store(scene.database), scene.clock)
    inside(emulator).run(call(CREATE_COLLECTION.request(collection_name=COLLECTION)))
    emulator.close()
    return scene


def _once_each(scene: Scene, *endpoints: str) -> Iterator[_Deaths]:
    """A death at each call of a sync that nobody kills, or at each to these endpoints."""
    steps, _ = _steps(scene, None)
    for step in steps:
        if step.endpoint in endpoints or not endpoints:
            yield from ((scene, (Death(step, moment),)) for moment in Moment)


def _twice_each(scene: Scene, endpoint: str, moment: Moment) -> Iterator[_Deaths]:
    """A death that leaves an upload behind of which nobody has heard, and another one while the second try is at work:
    at each call that deletes a file, and at one call of each other kind.

    :param endpoint: where the first death is, and ``moment``: when.
    """
    steps, _ = _steps(scene, None)
    first = Death(next(step for step in steps if step.endpoint == endpoint), moment)
    _, of_retry = _steps(scene, first)
    seen: set[str] = set()
    for step in of_retry:
        if step.endpoint == "delete_file" or step.endpoint not in seen:
            yield from ((scene, (first, Death(step, when))) for when in Moment)
        seen.add(step.endpoint)


def _steps(scene: Scene, death: Death | None) -> tuple[list[Step], list[Step]]:
    """Every call of a sync that dies there, or does not die; and of its retry, if it does."""
    _, service = scene.service(f"whole-{death}".replace("/", "-"))
    with serving(service) as connection:
        began = scene.clock.time()
        tried = scene.sync(f"{scene.name}-whole", connection, 1, began, started=service.expect(death))
        _let_pass(connection)
        first = list(service.steps)
        if death is not None:
            service.expect(None)
            tried = scene.sync(f"{scene.name}-whole", connection, 2, began)
    if tried is None or tried.tries[-1].error:
        raise RuntimeError(f"the sync that nobody kills has failed: {tried}")
    return sorted(first, key=str), sorted(service.steps[len(first) :], key=str)


def _trial(scene: Scene, name: str, deaths: Sequence[Death]) -> Trial:
    store, service = scene.service(name)
    folder = f"{scene.name}-{name}"
    wrong: list[str] = []
    with serving(service) as connection:
        began = scene.clock.time()
        missed: list[Death] = []
        for number, death in enumerate(deaths, 1):
            tried = scene.sync(folder, connection, number, began, started=service.expect(death))
            _let_pass(connection)
            if tried is not None:
                missed.append(death)
                wrong += _wrong_try(scene, tried)
        service.expect(None)
        before = held(store, service)
        last = scene.sync(folder, connection, len(deaths) + 1, began)
        after = held(store, service)
        wrong += ["the last try was killed as well"] if last is None else _wrong(scene, last, before, after)
        wrong += wrong_inventory(after, service)
        cut_off = scene.concurrency * len(deaths) if scene.may_leave_files else 0
        if len(after.unattached) > cut_off:
            wrong.append(f"{len(after.unattached)} files stay that no document refers to: {after.unattached[0]}")
        wrong += [f"a key is in {each}" for each in keys_in(scene.folder / folder)]
    # How often documents in progress are looked at depends on how busy the machine is. All else has to come.
    wrong += [f"nobody was killed {death}" for death in missed if death.step.endpoint not in _MAY_NOT_COME]
    ended = "done before this call came" if missed else f"done by try {len(deaths) + 1}"
    last_death = deaths[-1]
    again = ", in the second try" if len(deaths) > 1 else ""
    return Trial(
        f"{last_death.moment} {last_death.step.endpoint}{again}",
        f"{scene.name}: {', then '.join(map(str, deaths))}",
        "wrong" if wrong else ended,
        tuple(wrong),
    )


def _let_pass(connection: str) -> None:
    """Return when the requests are over that were on their way when their process died: each gets its turn."""
    for _ in range(2):
        asked = HTTPConnection(urlsplit(json.loads(connection)["host"]).netloc)
        asked.request("GET", f"{PREFIX}health")
        asked.getresponse().read()
        asked.close()


def _wrong(scene: Scene, last: Tried, before: Held, after: Held) -> Iterator[str]:
    yield from _wrong_try(scene, last)
    yield from wrong_documents(after, scene.corpus)
    yield from wrong_counts(before, after, last.tries, scene.corpus)


def _wrong_try(scene: Scene, tried: Tried) -> Iterator[str]:
    yield from (f"a try failed: {each.error}" for each in tried.tries if each.error)
    yield from wrong_process(tried, len(scene.corpus.hashes))
