"""Decide when a wait for documents is over: one pure poller for worker, triggerer and test."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice

from airflow_provider_xai_collections.api.chunking import ChunkConfiguration
from airflow_provider_xai_collections.api.documents import Document, DocumentStatus
from airflow_provider_xai_collections.api.doubts import Doubt, doubts_about, reason_of_failure
from airflow_provider_xai_collections.api.protocol import Sleep
from airflow_provider_xai_collections.api.retries import is_transient
from airflow_provider_xai_collections.exceptions import XAIArgumentError, XAIError
from airflow_provider_xai_collections.text import NAMED

#: Seconds for which a document may be absent from the answers before it counts as missing.
GRACE = 60.0


class WaitEnd(StrEnum):
    """The reason why a wait ended: all is settled, or a limit was reached."""

    SETTLED = "settled"
    TIMED_OUT = "timed_out"
    EXECUTION_TIMED_OUT = "execution_timed_out"

    @property
    def limit(self) -> str:
        """The argument of a task that names the limit."""
        return _LIMITS.get(self, "")


_LIMITS = {
    WaitEnd.TIMED_OUT: "timeout",
    WaitEnd.EXECUTION_TIMED_OUT: "execution_timeout",
}


@dataclass(frozen=True, slots=True)
class FailedDocument:
    """A document the service could not index, and its reason."""

    file_id: str
    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class WaitResult:
    """The end of a wait, with every document in exactly one of four groups.

    :param missing: ids that the service no longer lists; ``pending``: those in progress when time ran out.
    :param doubts: about those that are processed.
    :param names: of the first of ``pending``, by id, as far as they are known.
    """

    end: WaitEnd
    processed: tuple[str, ...] = ()
    failed: tuple[FailedDocument, ...] = ()
    missing: tuple[str, ...] = ()
    pending: tuple[str, ...] = ()
    doubts: tuple[Doubt, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict, compare=False)

    @property
    def total(self) -> int:
        return len(self.processed) + len(self.failed) + len(self.missing) + len(self.pending)


@dataclass(frozen=True, slots=True)
class WaitRules:
    """Limits of a wait, in seconds.

    :param deadline: wall-clock time (since the epoch) at which the wait gives up; ``None`` never does.
    :param poll_interval: the longest pause between two polls.
    :param grace: how long an id may be absent from the answers before it counts as missing.
    :param max_failures: polls that may fail in a row, each already retried, before the error is raised.
    :param at_deadline: the end of a wait that reaches the deadline.
    """

    deadline: float | None = None
    poll_interval: float = 15.0
    grace: float = GRACE
    max_failures: int = 5
    at_deadline: WaitEnd = WaitEnd.TIMED_OUT

    def __post_init__(self) -> None:
        if not self.poll_interval > 0:
            raise XAIArgumentError(f"poll_interval is {self.poll_interval}; it must be above 0 seconds")
        if not (self.grace >= 0 and self.max_failures >= 0):
            raise XAIArgumentError("grace and max_failures must not be negative")


@dataclass(slots=True)
class Poller:
    """Decide, poll by poll, which documents are processed, failed or missing, and when the wait for them is over.

    :param chunking: of the collection, by which chunks of raw bytes are noticed; ``None`` as long as it is not known.
    """

    file_ids: Iterable[str]
    rules: WaitRules = field(default_factory=WaitRules)
    unknown_words: set[str] = field(default_factory=set)
    chunking: ChunkConfiguration | None = None
    _open: dict[str, None] = field(init=False)
    _absent_since: dict[str, float] = field(init=False, default_factory=dict)
    _processed: list[str] = field(init=False, default_factory=list)
    _failed: list[FailedDocument] = field(init=False, default_factory=list)
    _doubts: list[Doubt] = field(init=False, default_factory=list)
    _missing: list[str] = field(init=False, default_factory=list)
    _names: dict[str, str] = field(init=False, default_factory=dict)
    _began: float | None = field(init=False, default=None)
    _failures: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        self._open = dict.fromkeys(self.file_ids)

    @property
    def pending(self) -> tuple[str, ...]:
        """The ids that are not settled yet."""
        return tuple(self._open)

    @property
    def processed_count(self) -> int:
        return len(self._processed)

    @property
    def failed_count(self) -> int:
        """Documents that failed or are missing."""
        return len(self._failed) + len(self._missing)

    @property
    def total(self) -> int:
        return len(self._open) + len(self._processed) + self.failed_count

    def watch(self, file_id: str) -> None:
        """Watch one more document."""
        self._open.setdefault(file_id)

    def handle_poll(self, now: float, documents: Iterable[Document]) -> WaitResult | None:
        """Take in what a poll has found; return the result if the wait is over."""
        self._failures = 0
        seen = {document.file_id: document for document in documents}
        for file_id in self.pending:
            if (document := seen.get(file_id)) is None:
                self._absent(now, file_id)
            else:
                self._absent_since.pop(file_id, None)
                self._present(document)
        self._names |= {file_id: seen[file_id].name for file_id in islice(self._open, NAMED) if file_id in seen}
        return self.ended(now)

    def handle_error(self, now: float, error: XAIError) -> WaitResult | None:
        """Take in that a poll has failed. Raises ``error`` if it is final, or the last of too many in a row."""
        self._failures += 1
        if self._failures > self.rules.max_failures or not is_transient(error):
            raise error
        return self.ended(now)

    def pause(self, now: float) -> Sleep:
        """Return the pause before the next poll.

        It is a quarter of the time waited, between a twentieth of ``poll_interval`` and all of it: so no wait is a
        quarter too long, however slow indexing is. After a failed poll it is all of it, and never past the deadline.
        """
        longest = self.rules.poll_interval
        waited = now - self._start(now)
        seconds = longest if self._failures else min(longest, max(longest / 20, waited / 4))
        if self.rules.deadline is not None and self.rules.deadline - now <= seconds:
            return Sleep(max(0.0, self.rules.deadline - now))
        return Sleep(seconds * 0.8, jitter=seconds * 0.2)

    def _present(self, document: Document) -> None:
        match document.status:
            case DocumentStatus.PROCESSED:
                self._close(document.file_id)
                self._processed.append(document.file_id)
                self._doubts.extend(doubts_about(document, self.chunking))
            case DocumentStatus.FAILED:
                self._close(document.file_id)
                self._failed.append(FailedDocument(document.file_id, document.name, reason_of_failure(document)))
            case status:
                if not isinstance(status, DocumentStatus):
                    self.unknown_words.add(status)

    def _absent(self, now: float, file_id: str) -> None:
        since = self._absent_since.setdefault(file_id, now)
        if now - since >= self.rules.grace:
            self._close(file_id)
            self._missing.append(file_id)

    def _close(self, file_id: str) -> None:
        del self._open[file_id]
        self._names.pop(file_id, None)

    def ended(self, now: float) -> WaitResult | None:
        """Return the result if the wait is over by now, without a poll."""
        if not self._open:
            return self.result_now(WaitEnd.SETTLED)
        if self.rules.deadline is not None and now >= self.rules.deadline:
            return self.result_now(self.rules.at_deadline)
        self._start(now)
        return None

    def _start(self, now: float) -> float:
        if self._began is None:
            self._began = now
        return self._began

    def result_now(self, end: WaitEnd) -> WaitResult:
        """Return the result of a wait that ends now, for this reason."""
        return WaitResult(
            end,
            processed=tuple(self._processed),
            failed=tuple(self._failed),
            missing=tuple(self._missing),
            doubts=tuple(self._doubts),
            pending=self.pending,
            names={file_id: self._names[file_id] for file_id in islice(self._open, NAMED) if file_id in self._names},
        )
