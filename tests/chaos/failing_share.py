"""Any request may fail, in any way, while documents are synced, replaced and pruned."""

from __future__ import annotations

from collections.abc import Callable, Generator

from airflow_provider_xai_collections.emulator import FaultRule, HttpReply
from tests.chaos.checks import records_of, wrong_accounts, wrong_documents, wrong_process
from tests.chaos.corpus import Corpus
from tests.chaos.processes import Workers, workers
from tests.chaos.report import Size, Trial
from tests.chaos.server import keys_in
from tests.chaos.watched import Step, WatchedEmulator, drawn
from tests.chaos.worker import Try

#: The share of requests that fail, and the way of uploading: the default one, and once the two calls.
SHARES = ((0.05, "auto"), (0.2, "auto"), (0.2, "files"), (0.4, "auto"))
DOCUMENTS = {Size.SMALL: 60, Size.MEDIUM: 500, Size.FULL: 5000}
#: Tries that the task has.
TRIES = 12
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


class FailingEmulator(WatchedEmulator):
    """The emulator, a share of whose answers fails.

    Whether a call fails, and how, follows from the seed and its name alone: not from the order in which calls that run
    side by side happen to arrive.

    :ivar failed: how many calls have.
    """

    def __init__(self, *, seed: int, share: float) -> None:
        super().__init__(indexing="reads:1")
        self._seed = seed
        self.share = share
        self.failed = 0

    def meet(self, step: Step, work: Callable[[], HttpReply]) -> HttpReply:
        number, fault = divmod(drawn(self._seed, step), len(FAULTS))
        if number % 1_000_000 >= self.share * 1_000_000:
            return work()
        self.failed += 1
        return FAULTS[fault].play(work, self.settings.error_shape)


def share_of_failing_requests(size: Size, seed: int) -> Generator[Trial, None, None]:
    """Sync documents, replace a third, remove a third, with a share of all requests failing at random."""
    documents = DOCUMENTS[size]
    with workers() as running:
        for share, method in SHARES:
            service = FailingEmulator(seed=seed, share=share)
            corpus = Corpus(running.folder / f"{share} {method}" / "source", seed)
            with running.talking_to(service):
                corpus.add(documents)
                yield _trial(running, service, corpus, method, f"{documents:,} new documents")
                corpus.replace(documents // 3)
                yield _trial(running, service, corpus, method, f"{documents // 3:,} of them replaced")
                corpus.remove(documents // 3)
                yield _trial(running, service, corpus, method, f"{documents // 3:,} of them removed")


def _trial(running: Workers, service: FailingEmulator, corpus: Corpus, method: str, what: str) -> Trial:
    """Run the task until it succeeds, and once more without faults: as if somebody had cleared it."""
    share, name = service.share, f"{service.share} {method}/{what}"
    calls, failed = len(service.steps), service.failed
    tries: list[Try] = []
    wrong: list[str] = []

    def sync(*numbers: int) -> None:
        earlier = records_of(service)
        source = str(corpus.folder)
        tried = running.sync(name, tries=numbers, seed=1, source=source, upload_method=method)
        if tried is None:
            raise RuntimeError("somebody has killed the task")
        tries.extend(tried.tries)
        wrong.extend(wrong_accounts(earlier, records_of(service), tried.tries, corpus))
        wrong.extend(wrong_process(tried, len(corpus.hashes)))

    sync(*range(1, TRIES + 1))
    number, error = len(tries), tries[-1].error
    wrong += [f"not done in {number} tries: {error}"] if error else []
    now = records_of(service)
    wrong += wrong_documents(now, corpus)
    calls, failed = len(service.steps) - calls, service.failed - failed
    service.share = 0.0
    sync(number + 1)
    after = records_of(service)
    wrong += wrong_documents(after, corpus)
    service.share = share
    if after.unattached and method != "files":
        wrong.append(f"{len(after.unattached)} files stay that no document refers to: {after.unattached[0]}")
    if any(after.done[name] != now.done[name] for name in ("add_document", "upload_document")):
        wrong.append("one try more found something to do")
    wrong += [f"a key is in {each}" for each in keys_in(running.folder / name)]
    ended = "given up" if error else f"done by try {number}"
    met = f"{failed:,} of {calls:,} requests failed"
    return Trial(f"{share:.0%} of all requests, by {method}, {what}", met, ended, tuple(wrong))
