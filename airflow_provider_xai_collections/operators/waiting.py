"""What the operators that bring documents into a collection share: the wait at the end."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, ClassVar, TypeVar

from airflow.providers.common.compat.sdk import Context, conf, get_current_context

from airflow_provider_xai_collections.airflow_errors import FINAL, for_operator
from airflow_provider_xai_collections.api.flows import batch_get_documents
from airflow_provider_xai_collections.api.polling import WaitRules
from airflow_provider_xai_collections.api.protocol import Flow
from airflow_provider_xai_collections.arguments import whole_number
from airflow_provider_xai_collections.assets.collections import emit
from airflow_provider_xai_collections.deferring import WaitInParts, Watch, fits_a_trigger
from airflow_provider_xai_collections.durations import Duration, in_words, seconds
from airflow_provider_xai_collections.exceptions import (
    XAIAuthError,
    XAICredentialError,
    XAIError,
    XAIRateLimitError,
)
from airflow_provider_xai_collections.hooks.progress import EVERY
from airflow_provider_xai_collections.manifests import CAP, DocumentsManifest, WaitEvent, WaitSummary
from airflow_provider_xai_collections.operators.base import XAICollectionsBaseOperator
from airflow_provider_xai_collections.tables import batch_name, document_table
from airflow_provider_xai_collections.triggers.documents import XAIDocumentsProcessedTrigger
from airflow_provider_xai_collections.verdicts import NAMED, OnFailed, check_policy, judge, judge_event, summary_of

T = TypeVar("T")

#: The name of a mapped task in the UI. A task that is not mapped needs none.
MAP_INDEX_TEMPLATE = "{{ task.batch_name if ti.map_index >= 0 else '' }}"


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
    :param team_id: the team to act for; by default the connection's, else the key's own. (templated)
    :param conn_id: the connection. (templated)
    """

    #: The argument that says which documents.
    names_itself_after: ClassVar[str] = "file_ids"

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
        return batch_name(getattr(self, self.names_itself_after, ""))

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
        whole_number("concurrency", self.concurrency, at_least=1)

    def run_each(self, names: Sequence[str], flows: Iterable[Flow[T]]) -> list[T]:
        """Run one flow per document, ``concurrency`` at a time; their values, in order.

        One document's failure does not stop the others, but a refused key does.

        :raises XAIError: naming the documents that failed; of the failures' own class if a retry cannot mend any, else
            of a rate limit's if there was one.
        """
        values: dict[int, T] = {}
        failures: dict[int, XAIError] = {}
        refused: list[XAIError] = []

        def until_refused() -> Iterator[Flow[T]]:
            # Those that run come to their end: stopped between upload and attach, they would leave files behind.
            for flow in flows:
                if refused:
                    return
                yield flow

        next_line = time.monotonic() + EVERY
        for position, outcome in self.hook.run_many(until_refused(), concurrency=self.concurrency):
            if isinstance(outcome, XAIAuthError | XAICredentialError):
                refused.append(outcome)
            elif isinstance(outcome, XAIError):
                failures[position] = outcome
            else:
                values[position] = outcome
            if time.monotonic() >= next_line:
                next_line = time.monotonic() + EVERY
                self.log.info("%d of %d documents done, %d failed", len(values), len(names), len(failures))
        if refused:
            raise refused[0]
        if failures:
            raise _together(names, failures)
        return [values[position] for position in sorted(values)]

    def finish(self, manifest: DocumentsManifest, file_ids: Sequence[str]) -> dict[str, Any]:
        """Wait for the documents, here or in the triggerer, and return the manifest."""
        manifest = manifest.model_copy(update={"file_ids": tuple(file_ids) if len(file_ids) <= CAP else ()})
        if not self.wait_for_completion:
            return self._told(manifest)
        rules = self._rules()
        if self.deferrable:
            deadline = time.time() + seconds("timeout", self.timeout)
            if fits_a_trigger(file_ids):
                return self._defer(manifest, Watch(tuple(file_ids), deadline), "execute_complete")
            return self._go_on(manifest, self._parts(get_current_context()).begin(file_ids, deadline))
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

    def execute_part_complete(self, context: Context, event: Any = None) -> dict[str, Any]:
        """Resume after the trigger that watched one part of very many documents."""
        with for_operator(), self.hook:
            told = WaitEvent.parse(event)
            next_or_end = self._parts(context).resume(summary_of(told))
            return self._go_on(DocumentsManifest.parse(told.manifest), next_or_end)

    def _parts(self, context: Context) -> WaitInParts:
        return WaitInParts(context["ti"], self.hook, self.collection_id, self.team)

    def _go_on(self, manifest: DocumentsManifest, next_or_end: Watch | WaitSummary) -> dict[str, Any]:
        if isinstance(next_or_end, Watch):
            return self._defer(manifest, next_or_end, "execute_part_complete")
        summary = judge(
            next_or_end, self.collection_id, on_failed=self.on_failed, max_failed=self.max_failed, log=self.log
        )
        return self._report(manifest, summary)

    def _defer(self, manifest: DocumentsManifest, watch: Watch, method_name: str) -> dict[str, Any]:
        rules = self._rules()
        return self.defer(
            trigger=XAIDocumentsProcessedTrigger(
                collection_id=self.collection_id,
                file_ids=watch.file_ids,
                team_id=self.team,
                conn_id=self.conn_id,
                deadline=watch.deadline,
                poll_interval=rules.poll_interval,
                stall_timeout=rules.stall_after,
                manifest=manifest.dump(),
            ),
            method_name=method_name,
            timeout=watch.patience,
        )

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
        return self._told(manifest.model_copy(update={"wait": summary}))

    def _told(self, manifest: DocumentsManifest) -> dict[str, Any]:
        """The manifest as the task's result; its counts for those who wait for the collection.

        Not in ``post_execute``: Airflow 3.3 does not give it the result.
        """
        result = manifest.dump()
        if self.outlets:
            counts = {name: value for name, value in result.items() if isinstance(value, int)}
            emit(get_current_context(), self.outlets, self.collection_id, counts)
        return result

    def _rules(self) -> WaitRules:
        return WaitRules(
            deadline=time.time() + seconds("timeout", self.timeout),
            poll_interval=seconds("poll_interval", self.poll_interval),
            stall_after=None if self.stall_timeout is None else seconds("stall_timeout", self.stall_timeout),
        )


def _together(names: Sequence[str], failures: Mapping[int, XAIError]) -> XAIError:
    listed = "; ".join(f"{names[position]}: {failures[position]}" for position in sorted(failures)[:NAMED])
    more = f"; and {len(failures) - NAMED} more" if len(failures) > NAMED else ""
    final = all(isinstance(error, FINAL) for error in failures.values())
    limited = any(isinstance(error, XAIRateLimitError) for error in failures.values())
    hint = "" if final else ". The others are in place, and a retry does only what is missing"
    kind = type(next(iter(failures.values()))) if final else XAIRateLimitError if limited else XAIError
    return kind(f"{len(failures)} of {len(names)} documents failed: {listed}{more}{hint}")
