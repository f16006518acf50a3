"""Scheduling of a sync's work: which flow may run next. Performs no I/O.

New versions are uploaded, attached and watched side by side, while one look after the other asks how far indexing is.
An old version goes once the new one is processed, and what the source has no longer goes last.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeAlias

from airflow_provider_xai_collections.api.doubts import Doubt
from airflow_provider_xai_collections.api.files import MEGABYTE
from airflow_provider_xai_collections.api.ingestion import Placed
from airflow_provider_xai_collections.api.polling import Poller, WaitEnd, WaitRules
from airflow_provider_xai_collections.api.protocol import Flow, Sleep
from airflow_provider_xai_collections.api.retries import concerns_every_call, is_transient
from airflow_provider_xai_collections.api.sync_flows import (
    Brought,
    Cleared,
    Looked,
    Rested,
    SyncTools,
    bring,
    clear,
    look,
    rest,
)
from airflow_provider_xai_collections.api.sync_plan import SyncAction, SyncStep
from airflow_provider_xai_collections.exceptions import (
    XAIArgumentError,
    XAIError,
    XAISourceError,
    XAIStatusError,
    XAIUnfitDocumentError,
)

#: Bytes of the documents that are read or uploaded at the same time; one that is larger goes alone.
BYTES_AT_ONCE = 256 * MEGABYTE
#: Documents in a row that the service does not take, or does not let go, after which no more are tried: a collection
#: that is full, or a service that is down.
GIVE_UP_AFTER = 50

#: Seconds for which an old version stays when the new one is processed: a search may find that a few seconds later.
SEARCH_LAG = 5.0

Happened: TypeAlias = Brought | Cleared | Looked | Rested


class SyncOutcome(StrEnum):
    """What became of a document: ``PROCESSED`` and ``REMOVED`` are as wanted; ``IN_PROGRESS`` is not waited for, or no
    longer; ``FAILED`` could not be indexed; ``ERROR`` did not get there; ``SKIPPED`` was not meant to; ``UNTRIED`` was
    given up before its turn.
    """

    PROCESSED = "processed"
    IN_PROGRESS = "in_progress"
    FAILED = "failed"
    ERROR = "error"
    REMOVED = "removed"
    SKIPPED = "skipped"
    UNTRIED = "untried"


@dataclass(frozen=True, slots=True)
class Done:
    """A step that is over.

    :param placed: what was uploaded and attached for it.
    :param removed: documents that are gone for it.
    :param files_kept: files that the service did not delete.
    :param seconds: from its first request until it was settled; the time to remove what it replaces comes on top.
    :param reason: why it is not as wanted.
    :param error: the same as an error, if it is one.
    :param doubts: why it may not be as it should, although it is processed.
    """

    step: SyncStep
    outcome: SyncOutcome
    file_id: str = ""
    placed: Placed | None = None
    removed: tuple[str, ...] = ()
    files_kept: int = 0
    seconds: float = 0.0
    reason: str = ""
    error: XAIError | None = None
    doubts: tuple[Doubt, ...] = ()


class SyncWork(Iterator["Flow[Happened] | None"]):
    """Hands out flows, and is told with :meth:`happened` what came of them.

    ``None`` in the place of a flow means: not before one of those that run is over.

    :param concurrency: documents that are worked on at once; a look at documents in progress comes on top of it.
    :param wait: how to wait for indexing; its deadline is not heeded, but ``timeout``. ``None``: not at all.
    :param timeout: how long to wait after the last document is placed, in seconds.
    :param uploads: whether to bring in what is missing; otherwise only what is superfluous goes.
    :param now: in seconds since the epoch.
    :param lag: seconds for which an old version stays when the new one is processed.
    :param may_prune: is asked when all the rest is over.
    :param done: is told of each step that is over.
    """

    def __init__(
        self,
        steps: Iterable[SyncStep],
        tools: SyncTools,
        *,
        concurrency: int,
        wait: WaitRules | None,
        timeout: float = 0.0,
        uploads: bool = True,
        now: float,
        lag: float = SEARCH_LAG,
        may_prune: Callable[[], bool] = lambda: True,
        done: Callable[[Done], None],
    ) -> None:
        several = list(steps)
        self._steps = deque(step for step in several if step.action is not SyncAction.REMOVE)
        self._prunes = deque(step for step in several if step.action is SyncAction.REMOVE)
        #: Each with the moment from which on its old versions may go.
        self._to_clear: deque[tuple[float, Done]] = deque()
        self._watched: dict[str, Done] = {}
        self._began: dict[str, float] = {}
        self._clearing: dict[str, Done] = {}
        self._tools = tools
        self._concurrency = concurrency
        self._wait = wait
        self._timeout = timeout
        self._uploads = uploads
        self._done = done
        self._lag = lag
        self._may_prune = may_prune
        self._prune = True
        self._poller = Poller(
            (), replace(wait or WaitRules(), deadline=None, stall_after=None), chunking=tools.chunking
        )
        self._running = 0
        self._bringing = 0
        self._bytes = 0
        self._looking = False
        self._why_again = ""
        self._all_placed = False
        self._failures_in_a_row = 0
        self._now = now
        self.end = WaitEnd.SETTLED
        #: What ended the work before it was done.
        self.fatal: XAIError | None = None
        #: Why no more is uploaded, although the service is there: a collection that is full, for one. Then the rest is
        #: done all the same.
        self.refused: XAIError | None = None

    def __next__(self) -> Flow[Happened] | None:
        if flow := self._work():
            return flow
        if not (self._all_placed or self._steps or self._bringing):
            self._all_placed = True
            if self._wait is not None:
                self._poller.begin(self._now, replace(self._wait, deadline=self._now + self._timeout))
        if flow := self._look():
            return flow
        if self._running or self._looking:
            return None
        if self._to_clear and self.fatal is None:
            self._looking = True  # there is nothing to do but to wait
            return rest(Sleep(self._to_clear[0][0] - self._now))
        if not self._prunes:
            raise StopIteration
        # Only when all the rest is over: what is gone here may have come back elsewhere.
        self._steps, self._prunes = self._prunes, deque()
        self._prune = self._may_prune()
        return next(self)

    def _work(self) -> Flow[Happened] | None:
        """What is due next for any document, if there is room for it."""
        while self._running < self._concurrency:
            if self._to_clear and self.fatal is None and self._to_clear[0][0] <= self._now:
                return self._clear(self._to_clear.popleft()[1])
            if not self._steps or not self._has_room_for(self._steps[0]):
                break
            if flow := self._begin(self._steps.popleft()):
                return flow
        return None

    def happened(self, what: Happened) -> None:
        """Take in what came of a flow."""
        self._now = what.at
        match what:
            case Brought():
                self._running -= 1
                self._bringing -= 1
                self._bytes -= _bytes_of(what.step)
                self._note(what.error)
                self._brought(what)
            case Cleared():
                self._running -= 1
                self._note(what.error)
                self._cleared(what)
            case Rested():
                self._looking = False
            case _:
                self._looking = False
                self._looked(what)

    @property
    def in_progress(self) -> list[Done]:
        """The steps whose documents are being indexed, with the ids of these."""
        return list(self._watched.values())

    def _has_room_for(self, step: SyncStep) -> bool:
        return not (step.action.uploads and self._bytes) or self._bytes + step.size <= BYTES_AT_ONCE

    def _begin(self, step: SyncStep) -> Flow[Happened] | None:
        """The first flow of a step, or ``None`` if it needs none."""
        match step.action:
            case SyncAction.SKIP:
                self._done(Done(step, SyncOutcome.SKIPPED, reason=step.reason))
            case SyncAction.UNREAD:
                self._done(
                    Done(step, SyncOutcome.ERROR, reason=step.reason, error=step.error or XAISourceError(step.reason))
                )
            case SyncAction.KEEP:
                self._processed(Done(step, SyncOutcome.PROCESSED, step.file_id, doubts=step.doubts))
            case SyncAction.AWAIT:
                self._watch(Done(step, SyncOutcome.IN_PROGRESS, step.file_id))
            case SyncAction.REMOVE if self._prune and self.fatal is None and self.end is WaitEnd.SETTLED:
                return self._clear(Done(step, SyncOutcome.REMOVED))
            case SyncAction.REMOVE:
                self._done(Done(step, SyncOutcome.UNTRIED))
            case SyncAction.REINDEX if self.fatal or not self._uploads:
                self._done(Done(step, SyncOutcome.IN_PROGRESS, step.file_id))
            case _ if not self._uploads and step.action is SyncAction.REPAIR:
                self._done(Done(step, SyncOutcome.FAILED, step.broken[0], reason=step.reason))
            case _ if self.fatal or not self._uploads or (self.refused and step.action.uploads):
                self._done(Done(step, SyncOutcome.UNTRIED))
            case _:
                self._running += 1
                self._bringing += 1
                self._bytes += _bytes_of(step)
                return bring(self._tools, step)
        return None

    def _note(self, error: XAIError | None) -> None:
        """Whether to go on after what became of a document."""
        if error is None:
            self._failures_in_a_row = 0
        elif concerns_every_call(error):
            self.fatal = self.fatal or error
        elif not isinstance(error, XAISourceError | XAIArgumentError):  # those do not come from the service
            self._failures_in_a_row += 1
            if self._failures_in_a_row >= GIVE_UP_AFTER and self.fatal is None:
                self._give_up(error)

    def _give_up(self, error: XAIError) -> None:
        # Of the same kind, so that it is final if the last one is.
        why = type(error)(f"{GIVE_UP_AFTER} documents in a row failed, the last one because: {error}")
        if self.refused is None and isinstance(error, XAIStatusError) and not is_transient(error):
            self.refused = why
            self._failures_in_a_row = 0
        else:
            self.fatal = why

    def _brought(self, what: Brought) -> None:
        done = Done(
            what.step,
            SyncOutcome.IN_PROGRESS,
            removed=what.file_ids,
            files_kept=what.files_kept,
            seconds=what.seconds,
        )
        if isinstance(what.error, XAIUnfitDocumentError):  # by its bytes, or since it was listed
            self._done(replace(done, outcome=SyncOutcome.SKIPPED, reason=str(what.error)))
        elif what.error is not None:
            self._done(replace(done, outcome=SyncOutcome.ERROR, reason=str(what.error), error=what.error))
        elif what.placed is None:
            self._watch(replace(done, file_id=what.step.file_id))
        else:
            self._watch(replace(done, file_id=what.placed.file_id, placed=what.placed))

    def _watch(self, done: Done) -> None:
        if self._wait is None:
            self._done(done)
            return
        self._watched[done.file_id] = done
        self._began[done.file_id] = self._now - done.seconds
        self._poller.watch(done.file_id)

    def _look(self) -> Flow[Happened] | None:
        if self._looking:
            return None
        if self.fatal is not None:
            self._stop_waiting()
        if not self._poller.pending:
            return None
        self._looking = True
        poller = self._poller
        # One that slept for long would keep all waiting when the last document is in place.
        pause = poller.pause(self._now, more_to_come=not self._all_placed)
        pause = replace(pause, then="the next look", reason=self._why_again)
        return look(self._tools.target, poller.pending, pause, poller.rules.deadline)

    def _looked(self, what: Looked) -> None:
        poller = self._poller
        self._why_again = str(what.error or "")
        try:
            if what.error is None:
                end = poller.observe(what.at, what.documents, asked=what.asked)
            else:
                end = poller.failed(what.at, what.error)
        except XAIError as error:
            self.fatal = self.fatal or error
            return
        news = poller.settled()
        doubts = defaultdict[str, list[Doubt]](list)
        for doubt in news.doubts:
            doubts[doubt.file_id].append(doubt)
        for file_id in news.processed:
            done = replace(self._settled(file_id), outcome=SyncOutcome.PROCESSED, doubts=tuple(doubts[file_id]))
            self._processed(done)
        for failed in news.failed:
            self._done(replace(self._settled(failed.file_id), outcome=SyncOutcome.FAILED, reason=failed.reason))
        for file_id in news.missing:
            why = f"the document {file_id} is no longer in the collection"
            self._done(replace(self._settled(file_id), outcome=SyncOutcome.ERROR, reason=why, error=XAIError(why)))
        if end is not None and end.end is not WaitEnd.SETTLED:
            self.end = end.end
            self._stop_waiting()

    def _settled(self, file_id: str) -> Done:
        done = self._watched.pop(file_id)
        return replace(done, seconds=self._now - self._began.pop(file_id))

    def _stop_waiting(self) -> None:
        for file_id in list(self._watched):
            self._done(self._settled(file_id))
        if self.fatal is not None:
            while self._to_clear:
                self._done(self._to_clear.popleft()[1])
        self._poller = Poller((), self._poller.rules)
        self._wait = None

    def _processed(self, done: Done) -> None:
        if done.step.stale:
            self._to_clear.append((self._now + self._lag, done))
        else:
            self._done(done)

    def _clear(self, done: Done) -> Flow[Happened]:
        self._running += 1
        self._clearing[done.step.uri] = done
        return clear(self._tools, done.step, done.file_id)

    def _cleared(self, what: Cleared) -> None:
        done = self._clearing.pop(what.step.uri)
        if what.error is not None:
            old = "it" if what.step.action is SyncAction.REMOVE else "an old version"
            why = f"{old} could not be removed: {what.error}"
            done = replace(done, outcome=SyncOutcome.ERROR, reason=why, error=what.error)
        self._done(
            replace(
                done,
                removed=(*done.removed, *what.file_ids),
                files_kept=done.files_kept + what.files_kept,
                seconds=done.seconds + what.seconds,
            )
        )


def _bytes_of(step: SyncStep) -> int:
    return step.size if step.action.uploads else 0
