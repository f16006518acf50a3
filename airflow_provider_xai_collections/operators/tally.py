"""What a sync has done so far: counts, the lines of its report, and a line in the log now and then."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from tempfile import TemporaryFile
from typing import Any

from airflow_provider_xai_collections.airflow_errors import FINAL
from airflow_provider_xai_collections.api.polling import NAMED as MOST_NAMED
from airflow_provider_xai_collections.api.printable import printable
from airflow_provider_xai_collections.api.sync_flows import Brought
from airflow_provider_xai_collections.api.sync_plan import SyncAction
from airflow_provider_xai_collections.api.sync_work import Done, Happened, SyncOutcome
from airflow_provider_xai_collections.durations import in_words
from airflow_provider_xai_collections.exceptions import XAIError, XAIOutcomeUnknownError, XAIRateLimitError
from airflow_provider_xai_collections.hooks.progress import NAMED, NowAndThen
from airflow_provider_xai_collections.manifests.base import CAP, NAME
from airflow_provider_xai_collections.manifests.sync import LOST, Problem, SyncLine, SyncManifest, first_problems
from airflow_provider_xai_collections.manifests.waits import WaitSummary

#: What a step that uploaded counts as.
UPLOADED = {SyncAction.ADD: "added", SyncAction.REPLACE: "replaced", SyncAction.REPAIR: "repaired"}
#: What an outcome counts as, whatever the step.
OUTCOMES = {
    SyncOutcome.SKIPPED: "skipped",
    SyncOutcome.FAILED: "failed",
    SyncOutcome.ERROR: "errors",
    SyncOutcome.UNTRIED: "untried",
    SyncOutcome.IN_PROGRESS: "in_progress",
}
#: What is still done after the documents are in place.
_AFTERWARDS = ("left", "removed", "superseded", "files_kept", "errors")


def name_and_id(done: Done) -> str:
    """How messages name a document that may be looked up; short enough for the id to be told whole."""
    return f"{printable(done.step.name, NAME)} [{done.file_id}]"


class Problems:
    """The first documents that are not as wanted; not all, as there may be very many."""

    def __init__(self) -> None:
        self._kept: list[Problem] = []
        self._counts: Counter[SyncOutcome] = Counter()

    def add(self, line: SyncLine) -> None:
        """Keep the problem of a document, if it has one and there is room."""
        if (problem := line.problem) is not None and self._counts[problem.outcome] < CAP:
            self._counts[problem.outcome] += 1
            self._kept.append(problem)

    def first(self, *others: Problem) -> tuple[Problem, ...]:
        """Those that a manifest has room for, after ``others``."""
        return first_problems((*others, *self._kept))


class Tally:
    """Counts the steps of a sync as they end.

    :param to_do: how many steps ask for anything.
    :param keep_lines: whether there will be a report. Its lines wait in a file: there may be very many.
    """

    def __init__(self, log: Any, collection_id: str, to_do: int, *, keep_lines: bool) -> None:
        self._log = log
        self.collection_id = collection_id
        self._lines = TemporaryFile("w+", encoding="utf-8") if keep_lines else None  # noqa: SIM115  # closed by close
        self._began = time.monotonic()
        self._line = NowAndThen()
        self.to_do = to_do
        self.counts: Counter[str] = Counter()
        self._problems = Problems()
        self._error: XAIError | None = None
        self._all_final = True
        self._limited = False
        self._warned = 0
        self.pending: list[str] = []
        #: The first of those, for messages: names and ids.
        self.in_progress: list[str] = []
        self.placed = 0
        self.finished = 0
        self.rivals = 0

    def happened(self, what: Happened) -> None:
        """Take in a request that is over, and say how far it all is."""
        if isinstance(what, Brought) and what.placed is not None:
            self.placed += 1
        if self._line.is_due():
            rate = self.finished / (time.monotonic() - self._began)
            left = in_words((self.to_do - self.finished) / rate) if rate else "an unknown time"
            self._log.info(
                "%s: %d of %d documents done, %d uploaded, %d failed; %.1f a second, about %s to go",
                *(self.collection_id, self.finished, self.to_do, self.placed),
                *(self.counts["failed"] + self.counts["errors"], rate, left),
            )

    def done(self, done: Done) -> None:
        """Count a step that is over."""
        action, placed = done.step.action, done.placed
        self.finished += done.step.asks
        if placed is not None and placed.added:
            self.counts[UPLOADED[action]] += 1
            self.counts["bytes"] += done.step.size
        elif placed is not None:
            self.rivals += 1
        if action is SyncAction.REINDEX and done.outcome not in LOST:
            self.counts["repaired"] += 1
        if isinstance(done.error, XAIOutcomeUnknownError):
            self.counts["possible_orphans"] += 1
        if action in (SyncAction.KEEP, SyncAction.AWAIT) or (placed is not None and not placed.added):
            self.counts["kept"] += 1
        if placed is not None:
            self.counts["possible_orphans"] += placed.possible_orphans
        self.counts["removed" if action is SyncAction.REMOVE else "superseded"] += len(done.removed)
        self.counts["files_kept"] += done.files_kept
        if action is SyncAction.REMOVE and done.outcome is SyncOutcome.UNTRIED:
            self.counts["left"] += len(done.step.stale)
        elif done.outcome in OUTCOMES:
            self.counts[OUTCOMES[done.outcome]] += 1
        for doubt in done.doubts:
            self.counts["altered" if doubt.altered else "doubtful"] += 1
            self._warn(done.step.name, doubt.reason)
        if placed is not None and placed.warning:
            self._warn(done.step.name, placed.warning)
        if done.outcome is SyncOutcome.IN_PROGRESS:
            self.pending.append(done.file_id)
            if len(self.in_progress) < MOST_NAMED:
                self.in_progress.append(name_and_id(done))
        if done.error is not None:
            self._failed(done.error)
        if self._lines is None and done.outcome in (SyncOutcome.PROCESSED, SyncOutcome.REMOVED):
            return  # of very many documents, most have nothing to tell
        line = SyncLine.of(done)
        self._problems.add(line)
        if self._lines is not None:
            self._lines.write(line.model_dump_json() + "\n")

    def lines(self) -> Iterator[SyncLine]:
        """The lines of the report so far."""
        if self._lines is not None:
            self._lines.seek(0)
            for text in self._lines:
                yield SyncLine.model_validate_json(text)

    def into(self, manifest: SyncManifest) -> SyncManifest:
        """The manifest with the counts."""
        counts = {name: getattr(manifest, name) + count for name, count in self.counts.items()}
        problems = self._problems.first(*manifest.problems)
        return manifest.model_copy(update={**counts, "problems": problems})

    def finishing(self, before: SyncManifest, wait: WaitSummary) -> SyncManifest:
        """The manifest of what was done before a wait, with the counts of what came after it."""
        sums = {name: getattr(before, name) + self.counts[name] for name in _AFTERWARDS}
        sums["errors"] += wait.missing
        # What the last look shows, of all documents: not what was known before, and more.
        now = {name: self.counts[name] for name in ("failed", "in_progress", "doubtful", "altered")}
        passing = (SyncOutcome.FAILED, SyncOutcome.IN_PROGRESS)
        earlier = (problem for problem in before.problems if problem.outcome not in passing)
        gone = (
            Problem(name=file_id, outcome=SyncOutcome.ERROR, reason="it is no longer in the collection")
            for file_id in wait.missing_ids
        )
        problems = self._problems.first(*earlier, *gone)
        return before.model_copy(update={**sums, **now, "problems": problems})

    def trouble(self) -> XAIError | None:
        """The errors as one: final if a retry can mend none of them."""
        if self._error is None:
            return None
        kind = type(self._error) if self._all_final else XAIRateLimitError if self._limited else XAIError
        return kind(str(self._error))

    def _warn(self, name: str, why: str) -> None:
        """Warn of a document, up to :data:`NAMED` of them."""
        self._warned += 1
        if self._warned <= NAMED:
            self._log.warning("%s: %s", printable(name), printable(why))
        elif self._warned == NAMED + 1:
            where = "the report has each" if self._lines is not None else "with report=… a file has each"
            self._log.warning("There are more documents like that: %s", where)

    def _failed(self, error: XAIError) -> None:
        # The first one stands for all: each holds on to the frames it came through, and there may be very many.
        self._error = self._error or error
        self._all_final = self._all_final and isinstance(error, FINAL)
        self._limited = self._limited or isinstance(error, XAIRateLimitError)

    def close(self) -> None:
        if self._lines is not None:
            self._lines.close()
