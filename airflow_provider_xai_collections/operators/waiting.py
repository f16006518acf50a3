"""What the operators that bring documents into a collection share: the wait at the end."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from airflow.providers.common.compat.sdk import AirflowTaskTimeout, Context, conf

from airflow_provider_xai_collections.arguments import text_of, whole_number
from airflow_provider_xai_collections.durations import Duration, in_words, optional_seconds, seconds
from airflow_provider_xai_collections.exceptions import XAIError, XAIIndexingError, XAITimeoutError
from airflow_provider_xai_collections.last_words import FINDS, between_documents, while_waiting
from airflow_provider_xai_collections.later import later
from airflow_provider_xai_collections.operators.deferral import XAIDeferrableBaseOperator
from airflow_provider_xai_collections.waits.tolerance import OnFailed, check_policy

if TYPE_CHECKING:
    from airflow_provider_xai_collections import tables
    from airflow_provider_xai_collections.api import flows as api_flows
    from airflow_provider_xai_collections.api import polling
    from airflow_provider_xai_collections.api.protocol import Flow
    from airflow_provider_xai_collections.manifests import base as manifests_base
    from airflow_provider_xai_collections.manifests import results
    from airflow_provider_xai_collections.manifests import waits as wait_manifests
    from airflow_provider_xai_collections.operators import concurrency as concurrent_work
    from airflow_provider_xai_collections.waits import resuming, verdicts
else:
    api_flows = later("api.flows")
    polling = later("api.polling")
    manifests_base = later("manifests.base")
    results = later("manifests.results")
    wait_manifests = later("manifests.waits")
    concurrent_work = later("operators.concurrency")
    resuming = later("waits.resuming")
    tables = later("tables")
    verdicts = later("waits.verdicts")

T = TypeVar("T")

#: The name of a mapped task in the UI. A task that is not mapped needs none.
MAP_INDEX_TEMPLATE = "{{ task.batch_name if ti.map_index >= 0 else '' }}"


class XAIDocumentsBaseOperator(XAIDeferrableBaseOperator, ABC):
    """Brings documents into a collection, then waits until they are processed.

    If a try is killed while it waits, the next one resumes the wait on Airflow 3.3 and repeats no work; before that it
    looks at the collection again.

    :param collection_id: the collection. (templated)
    :param concurrency: how many documents are worked on at once, at least 1.
    :param wait_for_completion: wait until the documents are processed; ``False`` leaves that to a sensor.
    :param timeout: how long to wait, as a ``timedelta`` or in seconds. Each try has it anew, as it has
        ``execution_timeout``, which ends a deferred wait as well.
    :param stall_timeout: give up earlier if no document moves for so long; ``None`` never does.
    :param poll_interval: the pause between two looks, as a ``timedelta`` or in seconds; shorter at first.
    :param on_failed: ``"fail"``, ``"threshold"`` (more than ``max_failed`` documents) or ``"ignore"``.
    :param max_failed: with ``"threshold"``: a count (1), or a share of the documents (0.05; 1.0 is all).
    :param deferrable: wait in the triggerer instead of a worker slot.
    :param team_id: the team to act for; by default the connection's, else the key's own. (templated)
    :param conn_id: the connection. (templated)
    """

    #: The argument that says which documents.
    names_itself_after: ClassVar[str] = "file_ids"
    #: What the task does if it runs again.
    does_again: ClassVar[str] = FINDS

    @classmethod
    def partial(cls, **kwargs: Any) -> Any:
        """As Airflow's, and a mapped task is called after its documents unless ``map_index_template`` says otherwise.

        A mapped task takes that from here alone, before there is an operator that could have a default of its own.
        """
        mapped = super().partial(**kwargs)
        if mapped.kwargs.get("map_index_template") is None:
            mapped.kwargs["map_index_template"] = MAP_INDEX_TEMPLATE
        return mapped

    @property
    def batch_name(self) -> str:
        """What a mapped task is called in the UI."""
        return tables.batch_name(getattr(self, self.names_itself_after, ""))

    def __init__(
        self,
        *,
        collection_id: str,
        concurrency: int = 8,
        wait_for_completion: bool = True,
        timeout: Duration = timedelta(hours=1),
        stall_timeout: Duration | None = None,
        poll_interval: Duration = 15.0,
        on_failed: str = OnFailed.FAIL,
        max_failed: float = 0,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.collection_id = collection_id
        self.concurrency = concurrency
        self.wait_for_completion = wait_for_completion
        self.timeout = timeout
        self.stall_timeout = stall_timeout
        self.poll_interval = poll_interval
        self.on_failed = on_failed
        self.max_failed = max_failed
        self.deferrable = deferrable
        self._remembered = False
        self._each: tuple[int, int, str] | None = None
        self._poller: polling.Poller | None = None

    def read_arguments(self) -> None:
        super().read_arguments()
        self.collection_id = text_of("collection_id", self.collection_id)

    def check_arguments(self) -> None:
        """Refuse what cannot work before anything is sent."""
        check_policy(self.on_failed, self.max_failed)
        self.wait_rules()
        whole_number("concurrency", self.concurrency, at_least=1)

    @abstractmethod
    def bring(self, context: Context) -> tuple[results.DocumentsManifest, list[str]]:
        """All that comes before the wait: what was done, and the documents to wait for."""

    def execute(self, context: Context) -> dict[str, Any]:
        with self.at_work():
            self.check_arguments()
            memory = resuming.WaitMemory.of(self, context)
            if (cut_off := memory.find()) is not None:
                self.log.info("%s: an earlier try was cut off while it waited: waiting on", self.collection_id)
                self._remembered = True
                return self._wait(context, *cut_off)
            manifest, file_ids = self.bring(context)
            manifest = manifest.model_copy(update={"file_ids": manifests_base.all_or_none(file_ids)})
            if self.wait_for_completion and file_ids:
                self._remembered = memory.keep(manifest, file_ids)
            return self._wait(context, manifest, file_ids)

    def last_words(self) -> str:
        # A signal may come while a module is imported: it must not be asked for anything then.
        if self.so_far is not None and isinstance(self.so_far, results.DocumentsManifest) and self.so_far.wait is None:
            documents = f"{self.so_far.total} documents ({self.so_far.added} of them new)"
            return while_waiting(self.collection_id, documents, self.does_again, remembered=self._remembered)
        if self._each is not None:
            return between_documents(self.collection_id, *self._each, self.does_again)
        return super().last_words()

    def run_each(self, names: Sequence[str], flows: Iterable[Flow[T]], *, what: str) -> list[T]:
        """Run one flow per document, ``concurrency`` at a time, and return their values in order."""

        def done(count: int) -> None:
            self._each = count, len(names), what

        return concurrent_work.run_concurrently(
            self.hook, names, flows, concurrency=self.concurrency, what=what, log=self.log, done=done
        )

    def _wait(self, context: Context, manifest: results.DocumentsManifest, file_ids: Sequence[str]) -> dict[str, Any]:
        """Wait for the documents, here or in the triggerer, and return the manifest."""
        self.so_far = manifest
        if not (self.wait_for_completion and file_ids):
            return self.tell(context, manifest)
        if self.deferrable:
            return self.wait_in_triggerer(context, manifest, file_ids)
        self.log.info("Waiting up to %s for %d documents", in_words(seconds("timeout", self.timeout)), len(file_ids))
        rules = self.wait_rules()
        wait = self.hook.waiting(self.collection_id, file_ids, rules, team_id=self.team, tell=self._note)
        try:
            result = self.hook.run(wait)
        except AirflowTaskTimeout as error:
            raise verdicts.naming(error, self.collection_id, self._poller, verdicts.limits_of(self)) from error
        return self.after_wait(context, manifest, wait_manifests.WaitSummary.of(result))

    def _note(self, poller: polling.Poller) -> None:
        self._poller = poller

    def read_manifest(self, data: Any) -> results.DocumentsManifest:
        return results.DocumentsManifest.parse(data)

    def after_wait(
        self, context: Context, manifest: results.DocumentsManifest, summary: wait_manifests.WaitSummary
    ) -> dict[str, Any]:
        """What the end of the wait means for the task; should it fail for that, its report is there all the same."""
        self.so_far = manifest = manifest.model_copy(update={"wait": summary})
        memory = resuming.WaitMemory.of(self, context)
        try:
            verdicts.judge(self, summary)
        except (XAIIndexingError, XAITimeoutError):
            # What is merely slow is waited for again. What failed, vanished or stands still is work for the next try.
            settled_or_stalled = (polling.WaitEnd.SETTLED, polling.WaitEnd.STALLED)
            if summary.end in settled_or_stalled or summary.failed or summary.missing:
                memory.forget()
            raise
        self._show(manifest.file_ids)
        self.log.info(
            "%s: %d documents, %d added, %d already there; %d processed, %d failed",
            self.collection_id,
            manifest.total,
            manifest.added,
            manifest.already_there,
            summary.processed,
            summary.failed,
        )
        result = self.tell(context, manifest)
        memory.forget()
        return result

    def _show(self, file_ids: Sequence[str]) -> None:
        """The documents, in the log. The work is done by now, and must not fail for want of a table."""
        if not file_ids:
            return
        try:
            documents = self.hook.run(api_flows.batch_get_documents(self.collection_id, file_ids, team_id=self.team))
        except XAIError as error:
            self.log.warning("The log cannot show the documents: %s", error)
        else:
            self.log.info("%s\n%s", self.collection_id, tables.document_table(documents))

    def wait_rules(self) -> polling.WaitRules:
        return polling.WaitRules(
            deadline=time.time() + seconds("timeout", self.timeout),
            poll_interval=seconds("poll_interval", self.poll_interval),
            stall_after=optional_seconds("stall_timeout", self.stall_timeout),
        )
