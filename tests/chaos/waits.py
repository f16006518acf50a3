"""The ways in which users wait for documents, each told in the same words."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from airflow.providers.common.compat.sdk import TaskDeferred

from airflow_provider_xai_collections.api.flows import wait_for_documents
from airflow_provider_xai_collections.api.polling import Poller, WaitResult, WaitRules
from airflow_provider_xai_collections.hooks.collections import XAICollectionsHook
from airflow_provider_xai_collections.operators.documents import XAIAddDocumentsOperator
from airflow_provider_xai_collections.sensors.documents import XAIDocumentsProcessedSensor
from tests.chaos.given import Given
from tests.operators.stage import finish, run


@dataclass(frozen=True, slots=True)
class Waited:
    """The end of a wait: why, and for how many documents in which way."""

    end: str
    processed: int = 0
    failed: int = 0
    missing: int = 0
    pending: int = 0


@dataclass(frozen=True, slots=True)
class Way:
    """One way to wait.

    :param wait: takes the connection's id, what is given, and the seconds to wait at most.
    :param missing: the error that it ends with when documents are missing; "" if it returns.
    :param late: the same when time has run out.
    :param patience: of Airflow's own sensor, which goes by a clock that nobody turns forward.
    """

    name: str
    wait: Callable[[str, Given, float], Waited]
    missing: str = ""
    late: str = ""
    patience: float = 3600.0


def _by_hook(whole: bool) -> Callable[[str, Given, float], Waited]:
    def wait(conn_id: str, given: Given, timeout: float) -> Waited:
        with XAICollectionsHook(conn_id) as hook:
            ids = None if whole else given.file_ids
            return _told(hook.wait_for_documents(collection_id=given.collection_id, file_ids=ids, timeout=timeout))

    return wait


def _on_the_loop(conn_id: str, given: Given, timeout: float) -> Waited:
    async def wait() -> WaitResult:
        hook = XAICollectionsHook(conn_id)
        try:
            poller = Poller(given.file_ids, WaitRules(deadline=time.time() + timeout))
            return await hook.arun(wait_for_documents(given.collection_id, poller))
        finally:
            await hook.aclose()

    return _told(asyncio.run(wait()))


def _told(result: WaitResult) -> Waited:
    counts = (len(ids) for ids in (result.processed, result.failed, result.missing, result.pending))
    return Waited(str(result.end), *counts)


def _by_task(
    kind: Callable[..., Any], told: Callable[[Any], Mapping[str, Any]], **more: Any
) -> Callable[[str, Given, float], Waited]:
    def wait(conn_id: str, given: Given, timeout: float) -> Waited:
        task = kind(
            task_id="wait",
            collection_id=given.collection_id,
            file_ids=list(given.file_ids),
            conn_id=conn_id,
            timeout=timeout,
            **more,
        )
        try:
            result = run(task)
        except TaskDeferred as deferred:
            result = asyncio.run(finish(deferred, task))
        summary = told(result)
        return Waited(summary["end"], *(summary[name] for name in ("processed", "failed", "missing", "pending")))

    return wait


def _operator(name: str, *, deferrable: bool) -> Way:
    wait = _by_task(XAIAddDocumentsOperator, lambda result: result["wait"], deferrable=deferrable)
    return Way(name, wait, missing="XAIIndexingError", late="XAITimeoutError")


def _sensor(name: str, *, deferrable: bool, patience: float = 3600.0) -> Way:
    wait = _by_task(XAIDocumentsProcessedSensor, lambda result: result, poke_interval=10, deferrable=deferrable)
    return Way(name, wait, missing="XAIFailException", late="AirflowSensorTimeout", patience=patience)


WAYS: tuple[Way, ...] = (
    Way("hook", _by_hook(whole=False)),
    Way("hook, the whole collection", _by_hook(whole=True)),
    Way("hook on the event loop", _on_the_loop),
    _operator("XAIAddDocumentsOperator", deferrable=False),
    _operator("XAIAddDocumentsOperator, deferred", deferrable=True),
    _sensor("XAIDocumentsProcessedSensor", deferrable=False, patience=0.5),
    _sensor("XAIDocumentsProcessedSensor, deferred", deferrable=True),
)
