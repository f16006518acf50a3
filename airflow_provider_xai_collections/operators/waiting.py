"""Base of the operators that work on documents by their ids, and wait for them at the end."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from airflow.providers.common.compat.sdk import AirflowTaskTimeout, Context

from airflow_provider_xai_collections.arguments import count_or_share, whole_number
from airflow_provider_xai_collections.durations import Duration, in_words, seconds
from airflow_provider_xai_collections.on_kill import FINDS, cancelled_between, cancelled_while_waiting
from airflow_provider_xai_collections.operators.base import XAICollectionOperator
from airflow_provider_xai_collections.operators.mapped import NamedAfterItems
from airflow_provider_xai_collections.text import counted

if TYPE_CHECKING:
    from airflow_provider_xai_collections.api.polling import Poller, WaitResult
    from airflow_provider_xai_collections.api.protocol import Flow
    from airflow_provider_xai_collections.manifests.progress import Stage
    from airflow_provider_xai_collections.manifests.results import DocumentsManifest

T = TypeVar("T")


class XAIWaitingOperator(NamedAfterItems, XAICollectionOperator, ABC):
    """Works on documents, then waits until they are processed."""

    concurrency: int
    wait_for_completion: bool
    timeout: Duration
    poll_interval: Duration
    max_failed: float | None
    deferrable: bool
    #: What the task does if it runs again.
    does_again: ClassVar[str] = FINDS

    _working: str = ""
    _waiting_for: int = 0
    _poller: Poller | None = None

    @abstractmethod
    def work(self, collection_id: str) -> DocumentsManifest:
        """Do all that comes before the wait."""

    @abstractmethod
    def ids_to_wait_for(self, collection_id: str) -> Sequence[str] | None:
        """Return the documents to wait for; ``None``: those of the collection that are not processed."""

    def read_arguments(self) -> None:
        """Refuse numbers that are out of range, beside the other arguments."""
        super().read_arguments()
        whole_number("concurrency", self.concurrency, at_least=1)
        seconds("timeout", self.timeout)
        seconds("poll_interval", self.poll_interval)
        if self.max_failed is not None:
            count_or_share("max_failed", self.max_failed)

    def execute(self, context: Context) -> Any:
        """Work on the documents, and wait for them here or in the triggerer."""
        with self.at_work(context):
            self.progress.collection_id = collection_id = self.existing_id()
            self.manifest = manifest = self.work(collection_id)
            if not (self.wait_for_completion and manifest.total):
                return self.tell(context, manifest)
            self._waiting_for = manifest.total
            if self.deferrable:
                return self._poll_or_defer(context, manifest, began_with=None)
            return self._conclude(context, manifest, self._wait(collection_id))

    def execute_complete(self, context: Context, event: Any = None) -> Any:
        """Go on after the wait in the triggerer, which may have watched a part of the documents."""
        from airflow_provider_xai_collections.manifests.results import DocumentsManifest
        from airflow_provider_xai_collections.manifests.waits import WaitEvent

        with self.at_work(context):
            told = WaitEvent.parse(event)
            handed_over = told.manifest or {}
            self.manifest = manifest = DocumentsManifest.parse(handed_over.get("manifest"))
            self.progress.collection_id = manifest.collection_id
            told.summary_or_error()
            return self._poll_or_defer(context, manifest, began_with=handed_over.get("deadline"))

    def run_each(self, names: Sequence[str], flows: Iterable[Flow[T]], *, what: str, stage: Stage) -> list[T]:
        """Run one flow per document, ``concurrency`` at a time, and return their values in order.

        :param what: what has become of a document when its flow is over, and ``stage`` the work itself.
        """
        from airflow_provider_xai_collections.operators.concurrency import run_concurrently

        self._working = what
        return run_concurrently(
            *(self.hook, names, flows),
            concurrency=self.concurrency,
            what=what,
            progress=self.progress,
            stage=stage,
        )

    def _wait(self, collection_id: str) -> WaitResult:
        from airflow_provider_xai_collections.api.polling import WaitRules
        from airflow_provider_xai_collections.waits.outcome import naming_unfinished

        timeout = seconds("timeout", self.timeout)
        self.log.info("%s: waiting up to %s", self.collection_label, in_words(timeout))
        rules = WaitRules(time.time() + timeout, seconds("poll_interval", self.poll_interval))
        ids = self.ids_to_wait_for(collection_id)
        try:
            return self.hook.run(
                self.hook.waiting(
                    collection_id, ids, rules, team_id=self.team, progress=self.progress, on_progress=self._note
                )
            )
        except AirflowTaskTimeout as error:
            raise naming_unfinished(error, self, self._poller) from error

    def _note(self, poller: Poller) -> None:
        self._poller = poller

    def _poll_or_defer(self, context: Context, manifest: DocumentsManifest, *, began_with: float | None) -> Any:
        from airflow_provider_xai_collections.hooks.progress import warn_of_doubts
        from airflow_provider_xai_collections.waits.deferral import poll_or_defer

        result = poll_or_defer(
            self,
            context,
            manifest.collection_id,
            self.ids_to_wait_for(manifest.collection_id),
            timeout=seconds("timeout", self.timeout),
            poll_interval=seconds("poll_interval", self.poll_interval),
            began_with=began_with,
            manifest=manifest.dump(),
        )
        warn_of_doubts(self.log, result.doubts, len(result.doubts))
        return self._conclude(context, manifest, result)

    def _conclude(self, context: Context, manifest: DocumentsManifest, result: WaitResult) -> dict[str, Any]:
        """Return the manifest, or raise what the end of the wait means for the task."""
        from airflow_provider_xai_collections.manifests.waits import WaitSummary
        from airflow_provider_xai_collections.waits.outcome import check_outcome

        summary = WaitSummary.of(result)
        self.manifest = manifest = manifest.model_copy(update={"wait": summary})
        check_outcome(self, summary, documents=manifest.total)
        self.log.info(
            "%s: %s, %d added, %d there before; %d processed, %d failed",
            self.collection_label,
            counted(manifest.total, "document"),
            manifest.added,
            manifest.already_there,
            summary.processed,
            summary.failed,
        )
        return self.tell(context, manifest)

    def on_kill_message(self) -> str:
        """Tell how far the work is."""
        if self._waiting_for:
            documents = counted(self._waiting_for, "document")
            return cancelled_while_waiting(self.collection_label, documents, self.does_again)
        if self._working:
            done = self.progress.documents - self.progress.failed
            return cancelled_between(self.collection_label, done, self.progress.total, self._working, self.does_again)
        return super().on_kill_message()
