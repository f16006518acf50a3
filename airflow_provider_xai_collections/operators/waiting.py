"""What the operators that bring documents into a collection share: the wait at the end."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, TypeVar

from airflow.providers.common.compat.sdk import Context, conf

from airflow_provider_xai_collections.airflow_errors import FINAL, for_operator
from airflow_provider_xai_collections.api.flows import batch_get_documents
from airflow_provider_xai_collections.api.polling import WaitRules
from airflow_provider_xai_collections.api.protocol import Flow
from airflow_provider_xai_collections.durations import Duration, in_words, seconds
from airflow_provider_xai_collections.exceptions import XAIArgumentError, XAIAuthError, XAICredentialError, XAIError
from airflow_provider_xai_collections.hooks.progress import EVERY
from airflow_provider_xai_collections.manifests import CAP, DocumentsManifest, WaitEvent, WaitSummary
from airflow_provider_xai_collections.operators.base import XAICollectionsBaseOperator
from airflow_provider_xai_collections.tables import document_table
from airflow_provider_xai_collections.triggers.documents import XAIDocumentsProcessedTrigger
from airflow_provider_xai_collections.verdicts import NAMED, OnFailed, check_policy, judge, judge_event

T = TypeVar("T")

#: Seconds between the trigger's own deadline and Airflow's, which gives no reason.
BACKSTOP = 120.0


class XAIDocumentsBaseOperator(XAICollectionsBaseOperator):
    """Brings documents into a collection, then waits until they are processed.

    :param collection_id: the collection. (templated)
    :param concurrency: how many documents are worked on at once, at least 1.
    :param wait_for_completion: wait until the documents are processed; ``False`` leaves that to a sensor.
    :param timeout: how long to wait, as a ``timedelta`` or in seconds.
    :param stall_timeout: give up earlier if no document moves for so long; ``None`` never does.
    :param poll_interval: the pause between two looks, as a ``timedelta`` or in seconds; shorter at first.
    :param on_failed: ``"fail"``, ``"threshold"`` (more than ``max_failed`` documents) or ``"ignore"``.
    :param max_failed: with ``"threshold"``: a count, or a share of the documents between 0 and 1.
    :param deferrable: wait in the triggerer instead of a worker slot.
    :param team_id: the team to act for, if neither key nor connection says. (templated)
    :param conn_id: the connection. (templated)
    """

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

    def check_arguments(self) -> None:
        """Refuse what cannot work before anything is sent."""
        check_policy(self.on_failed, self.max_failed)
        self._rules()
        if isinstance(self.concurrency, bool) or not isinstance(self.concurrency, int) or self.concurrency < 1:
            raise XAIArgumentError(f"concurrency is {self.concurrency!r}; it must be a whole number of at least 1")

    def run_each(self, names: Sequence[str], flows: Iterable[Flow[T]]) -> list[T]:
        """Run one flow per document, ``concurrency`` at a time; their values, in order.

        One document's failure does not stop the others, but a refused key does.

        :raises XAIError: naming the documents that failed; of the failures' own class if a retry cannot mend any.
        """
        values: dict[int, T] = {}
        failures: dict[int, XAIError] = {}
        next_line = time.monotonic() + EVERY
        for position, outcome in self.hook.run_many(flows, concurrency=self.concurrency):
            if isinstance(outcome, XAIAuthError | XAICredentialError):
                raise outcome
            if isinstance(outcome, XAIError):
                failures[position] = outcome
            else:
                values[position] = outcome
            if time.monotonic() >= next_line:
                next_line = time.monotonic() + EVERY
                self.log.info("%d of %d documents done, %d failed", len(values), len(names), len(failures))
        if failures:
            raise _together(names, failures)
        return [values[position] for position in sorted(values)]

    def finish(self, manifest: DocumentsManifest, file_ids: Sequence[str]) -> dict[str, Any]:
        """Wait for the documents, here or in the triggerer, and return the manifest."""
        manifest = manifest.model_copy(update={"file_ids": tuple(file_ids) if len(file_ids) <= CAP else ()})
        if not self.wait_for_completion:
            return manifest.dump()
        rules = self._rules()
        if self.deferrable:
            return self.defer(
                trigger=XAIDocumentsProcessedTrigger(
                    collection_id=self.collection_id,
                    file_ids=file_ids,
                    team_id=self.team,
                    conn_id=self.conn_id,
                    deadline=rules.deadline,
                    poll_interval=rules.poll_interval,
                    stall_timeout=rules.stall_after,
                    manifest=manifest.dump(),
                ),
                method_name="execute_complete",
                timeout=timedelta(seconds=seconds("timeout", self.timeout) + BACKSTOP),
            )
        self.log.info("Waiting up to %s for %d documents", in_words(seconds("timeout", self.timeout)), len(file_ids))
        result = self.hook.run(self.hook.waiting(self.collection_id, file_ids, rules, team_id=self.team))
        summary = judge(
            WaitSummary.of(result),
            self.collection_id,
            on_failed=self.on_failed,
            max_failed=self.max_failed,
            log=self.log,
        )
        return self._report(manifest, summary)

    def execute_complete(self, context: Context, event: Any = None) -> dict[str, Any]:
        """Resume after the trigger."""
        with for_operator(), self.hook:
            told = WaitEvent.parse(event)
            summary = judge_event(
                told, self.collection_id, on_failed=self.on_failed, max_failed=self.max_failed, log=self.log
            )
            return self._report(DocumentsManifest.parse(told.manifest), summary)

    def _report(self, manifest: DocumentsManifest, summary: WaitSummary) -> dict[str, Any]:
        if manifest.file_ids:
            documents = self.hook.run(batch_get_documents(self.collection_id, manifest.file_ids, team_id=self.team))
            self.log.info("%s\n%s", self.collection_id, document_table(documents))
        self.log.info(
            "%s: %d documents, %d added, %d already there; %d processed, %d failed",
            self.collection_id,
            manifest.total,
            manifest.added,
            manifest.already_there,
            summary.processed,
            summary.failed,
        )
        return manifest.model_copy(update={"wait": summary}).dump()

    def _rules(self) -> WaitRules:
        return WaitRules(
            deadline=time.time() + seconds("timeout", self.timeout),
            poll_interval=seconds("poll_interval", self.poll_interval),
            stall_after=None if self.stall_timeout is None else seconds("stall_timeout", self.stall_timeout),
        )


def _together(names: Sequence[str], failures: Mapping[int, XAIError]) -> XAIError:
    listed = "; ".join(f"{names[position]}: {failures[position]}" for position in sorted(failures)[:NAMED])
    more = f"; and {len(failures) - NAMED} more" if len(failures) > NAMED else ""
    final = next(iter(failures.values())) if all(isinstance(error, FINAL) for error in failures.values()) else None
    hint = "" if final else ". The others are in place, and a retry does only what is missing"
    kind = type(final) if final else XAIError
    return kind(f"{len(failures)} of {len(names)} documents failed: {listed}{more}{hint}")
