"""Any request may fail, in any way, while documents are synced, replaced and pruned."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

from airflow_provider_xai_collections.emulator import FaultRule, HttpReply, Store
from chaos.accounts import wrong_counts
from chaos.checks import held, wrong_documents, wrong_inventory, wrong_process
from chaos.clock import FastClock
from chaos.corpus import Corpus
from chaos.jobs import Try
from chaos.processes import Workers, workers
from chaos.service import Step, WatchedEmulator, drawn, keys_in, serving
from chaos.trials import Size, Trial

#: The share of requests that fail, and the way of uploading: the default one, and once the two calls.
SKIES = ((0.05, "auto"), (0.2, "auto"), (0.2, "files"), (0.4, "auto"))
DOCUMENTS = {Size.SMALL: 60, Size.MEDIUM: 500, Size.FULL: 5000}
#: Tries that the task has, and seconds between them.
TRIES, RETRY_DELAY = 12, 60.0
#: Seconds in one of the world's.
SPEED = 100.0
_HTML = b"<html><body><h1>Bad gateway</h1></body></html>"

#: What may happen to a request, each as likely as the others.
FAULTS = (
    FaultRule(status=429),
    FaultRule(status=429, retry_after="0"),
    FaultRule(status=429, retry_after="2"),
    FaultRule(status=500),
    FaultRule(status=500, after=True),
    FaultRule(status=502, body=_HTML),
    FaultRule(status=503),
    FaultRule(status=503, retry_after="1"),
    FaultRule(status=504),
    FaultRule(status=504, after=True),
    FaultRule(cut="before"),
    FaultRule(cut="after"),
    FaultRule(cut="partial"),
    FaultRule(body=_HTML),
)


class Weather(WatchedEmulator):
    """The emulator under a sky from which a share of all requests is struck.

    Whether a call is struck, and how, follows from the seed and its name alone: not from the order in which calls that
    run side by side happen to arrive.

    :ivar share: of the calls that are struck.
    """

    def __init__(self, store: Store, clock: FastClock, *, seed: int, share: float) -> None:
        super().__init__(store, clock, indexing="seconds:20")
        self._seed = seed
        self.share = share
        self.struck = 0

    def meet(self, step: Step, work: Callable[[], HttpReply]) -> HttpReply:
        die, face = divmod(drawn(self._seed, step), len(FAULTS))
        if die % 1_000_000 >= self.share * 1_000_000:
            return work()
        self.struck += 1
        return FAULTS[face].play(work, self.settings.error_shape)


@dataclass(frozen=True, slots=True)
class Place:
    """Where one share is tried out.

    :param method: the way of uploading.
    """

    folder: Path
    corpus: Corpus
    store: Store
    service: Weather
    connection: str
    workers: Workers
    clock: FastClock
    seed: int
    method: str


def mixed_weather(size: Size, seed: int) -> Generator[Trial, None, None]:
    """Sync documents, replace a third, remove a third, with a share of all requests failing at random."""
    clock = FastClock.started(SPEED)
    with tempfile.TemporaryDirectory(prefix="xai-chaos-") as folder, workers(clock, Path(folder, "airflow")) as running:
        for share, method in SKIES:
            store = Store()
            service = Weather(store, clock, seed=seed, share=share)
            at = Path(folder, f"{share} {method}")
            with serving(service) as connection:
                corpus = Corpus(at / "source", seed)
                place = Place(at, corpus, store, service, connection, running, clock, seed, method)
                yield from _stages(place, DOCUMENTS[size])


def _stages(place: Place, documents: int) -> Iterator[Trial]:
    place.corpus.add(documents)
    yield _trial(place, f"{documents:,} new documents")
    place.corpus.replace(documents // 3)
    yield _trial(place, f"{documents // 3:,} of them replaced")
    place.corpus.remove(documents // 3)
    yield _trial(place, f"{documents // 3:,} of them removed")


def _trial(place: Place, what: str) -> Trial:
    """Run the task until it succeeds, and once more when the sky has cleared: as if somebody had cleared it."""
    share, began = place.service.share, place.clock.time()
    calls, struck = len(place.service.steps), place.service.struck
    at = place.folder / what.replace(" ", "-")
    tries: list[Try] = []
    wrong: list[str] = []

    def sync(*numbers: int) -> bool:
        """Whether it has succeeded; what is wrong is noted."""
        earlier = held(place.store, place.service)
        tried = place.workers.sync(
            at,
            connection=place.connection,
            began=began,
            seed=place.seed,
            tries=numbers,
            retry_delay=RETRY_DELAY,
            source=str(place.corpus.folder),
            collection="weather",
            upload_method=place.method,
            prune=True,
            max_prune=0.5,
            timeout=86_400.0,
        )
        if tried is None:
            raise RuntimeError("somebody has killed the task")
        tries.extend(tried.tries)
        wrong.extend(wrong_counts(earlier, held(place.store, place.service), tried.tries, place.corpus))
        wrong.extend(wrong_process(tried, len(place.corpus.hashes)))
        return not tried.tries[-1].error

    succeeded = sync(*range(1, TRIES + 1))
    number = len(tries)
    wrong += [] if succeeded else [f"not done in {number} tries: {tries[-1].error}"]
    now = held(place.store, place.service)
    wrong += wrong_documents(now, place.corpus)
    calls, struck = len(place.service.steps) - calls, place.service.struck - struck
    place.service.share = 0.0
    sync(number + 1)
    after = held(place.store, place.service)
    wrong += wrong_documents(after, place.corpus)
    wrong += wrong_inventory(after, place.service)
    place.service.share = share
    if after.unattached and place.method != "files":
        wrong.append(f"{len(after.unattached)} files stay that no document refers to: {after.unattached[0]}")
    if any(after.done[name] != now.done[name] for name in ("add_document", "upload_document")):
        wrong.append("one try more found something to do")
    wrong += [f"a key is in {name}" for name in keys_in(at)]
    met = f"{struck:,} of {calls:,} requests failed"
    ended = f"done by try {number}" if succeeded else "given up"
    return Trial(f"{share:.0%} of all requests, by {place.method}, {what}", met, ended, tuple(wrong))
