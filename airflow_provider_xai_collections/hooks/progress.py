"""Progress of long work, for the log and for whoever listens; and documents that may not be as they should."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from airflow_provider_xai_collections.api.doubts import Doubt
from airflow_provider_xai_collections.api.polling import Poller
from airflow_provider_xai_collections.client.clock import Clock
from airflow_provider_xai_collections.manifests.progress import Stage, TaskProgress
from airflow_provider_xai_collections.manifests.waits import Doubtful
from airflow_provider_xai_collections.text import counted, printable

#: Seconds between two lines about the same work.
LOG_INTERVAL = 10.0
#: Doubtful documents of which the log warns one by one.
MAX_WARNINGS = 50
#: Characters of an unknown status.
MAX_STATUS = 60


def warn_of_doubts(log: Any, doubts: Sequence[Doubt | Doubtful], count: int) -> None:
    """Warn of the first documents that may not be as they should, of ``count`` in all."""
    for doubt in doubts[:MAX_WARNINGS]:
        log.warning("%s (%s): %s", printable(doubt.name), doubt.file_id, printable(doubt.reason))
    if (more := count - min(len(doubts), MAX_WARNINGS)) > 0:
        log.warning("%s like that, which the manifest counts and does not name", counted(more, "more document"))


class LogTimer:
    """A timer for what is told about long work."""

    __slots__ = ("_next",)

    def __init__(self, *, begins: float) -> None:
        self._next = begins

    def is_due(self, now: float) -> bool:
        """Tell whether it is time to tell something: once every few seconds."""
        if now < self._next:
            return False
        self._next = now + LOG_INTERVAL
        return True

    def put_off(self, now: float) -> None:
        """Tell nothing for a while: something else has just been told."""
        self._next = max(self._next, now + LOG_INTERVAL)


class ProgressMeter:
    """Measure long work, stage by stage, and tell how far it is: in the log and to a listener, every few seconds.

    :param name: begins each line of the log.
    :param stage: the stage that begins now.
    :param listener: gets the progress when a stage begins and as the work goes on, each time if it is due.
    :ivar stages: seconds of each stage that is over.
    """

    def __init__(
        self,
        log: Any,
        name: str,
        *,
        stage: Stage = Stage.LISTING,
        collection_id: str = "",
        collection_name: str = "",
        listener: Callable[[TaskProgress], None] | None = None,
    ) -> None:
        self.collection_id = collection_id
        self.collection_name = collection_name
        self.listener = listener
        self.stage = stage
        self.documents = self.total = self.failed = self.bytes = self.bytes_total = 0
        self.stages: defaultdict[Stage, float] = defaultdict(float)
        self._log = log
        self._name = printable(name)
        self._noun = "document"
        self._clock = Clock()
        self.began = self._since = self._clock()
        self._failed_before = 0
        self._is_used = False
        self._lines, self._snapshots = LogTimer(begins=0.0), LogTimer(begins=0.0)
        self._logged: tuple[int, int] | None = None
        self._unknown: set[str] = set()

    def enter(self, stage: Stage, total: int = 0, *, documents: int = 0, noun: str = "document") -> None:
        """Begin a stage.

        :param total: how many documents it has, and ``documents``: with how many of them it is through.
        :param noun: what is counted, if not documents.
        """
        now = self._clock()
        self._change(stage, now)
        self.documents, self.total, self._noun = documents, total, noun
        self._failed_before = self.failed
        if self._is_used:
            self._lines.put_off(now)
        self._is_used = True
        if self._snapshots.is_due(now):
            self._tell_listener()

    def step(self, *, failed: bool = False, uploaded: int = 0) -> None:
        """Count one more document that the stage is through with.

        :param uploaded: bytes that were.
        """
        self.documents += 1
        self.failed += failed
        self.bytes += uploaded
        self._tell()

    def reach(self, documents: int, total: int) -> None:
        """Take in with how many documents the stage is through, and how many it has."""
        self.documents, self.total = documents, total
        self._tell()

    def polled(self, poller: Poller) -> None:
        """Take in how far a wait is after a poll."""
        if self.stage is not Stage.INDEXING:
            self.enter(Stage.INDEXING)
        if new := poller.unknown_words - self._unknown:
            self._unknown |= new
            words = ", ".join(printable(word, MAX_STATUS) for word in sorted(new))
            self._log.warning("xAI reports a status this provider does not know (%s): still waiting", words)
        self.failed = self._failed_before + poller.failed_count
        self.reach(poller.total - len(poller.pending), poller.total)

    def snapshot(self) -> TaskProgress:
        """Return the progress now."""
        now, is_over = self._clock(), self.stage in (Stage.DONE, Stage.FAILED)
        took = now - (self.began if is_over else self._since)
        rate = self.documents / took if took > 0 else 0.0
        left = max(0, self.total - self.documents) / rate if rate and self.total and not is_over else None
        return TaskProgress(
            stage=self.stage,
            documents=self.documents,
            total=self.total,
            failed=self.failed,
            bytes=self.bytes,
            bytes_total=self.bytes_total,
            rate=round(rate, 3),
            seconds_left=None if left is None else round(left, 1),
            updated=now,
            collection_id=self.collection_id,
            collection_name=self.collection_name,
            began=self.began,
        )

    def end(self, stage: Stage) -> None:
        """End with this stage, and tell the listener, whenever it was told last, of work that has stages."""
        if not self._is_used:
            self.stage = stage
            return
        if stage is not self.stage:
            self._change(stage, self._clock())
        self._tell_listener()

    def take_stages(self) -> dict[Stage, float]:
        """Return the seconds of each stage that ended since the last call."""
        taken, self.stages = self.stages, defaultdict(float)
        return dict(taken)

    def _change(self, stage: Stage, now: float) -> None:
        self.stages[self.stage] += now - self._since
        self.stage, self._since = stage, now

    def _tell_listener(self) -> None:
        if self.listener is not None:
            with suppress(ValueError):  # of a snapshot that is none: the work goes on
                self.listener(self.snapshot())

    def _tell(self) -> None:
        self._is_used = True
        now = self._clock()
        if self._snapshots.is_due(now):
            self._tell_listener()
        state = (self.documents, self.total)
        if state != self._logged and self._lines.is_due(now):
            self._logged = state
            self._log.info("%s: %s", self._name, self.snapshot().line(self._noun))
