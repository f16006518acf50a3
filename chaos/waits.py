"""The ways in which users wait for documents, each told in the same words."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from types import SimpleNamespace
from typing import Any

from airflow.providers.common.compat.sdk import TaskDeferred

from airflow_provider_xai_collections.api.flows import wait_for_documents
from airflow_provider_xai_collections.api.polling import Poller, WaitResult, WaitRules
from airflow_provider_xai_collections.operators.documents import XAIAddDocumentsOperator
from airflow_provider_xai_collections.sensors.documents import XAIDocumentsProcessedSensor
from chaos.hurry import HurriedHook
from chaos.scenes import Scene


@dataclass(frozen=True, slots=True)
class Waited:
    """How a wait ended: why, and for how many documents in which way."""

    end: str
    processed: int = 0
    failed: int = 0
    missing: int = 0
    pending: int = 0


@dataclass(frozen=True, slots=True)
class Way:
    """One way to wait.

    :param wait: takes the connection's id, the scene, the seconds to wait at most and the speed of time.
    :param hurries: its time can be made to go faster.
    :param gone: the error that it ends with when documents are gone; "" if it returns.
    :param late: the same when time has run out.
    """

    name: str
    wait: Callable[[str, Scene, float, float], Waited]
    hurries: bool = True
    gone: str = ""
    late: str = ""


def _by_hook(whole: bool) -> Callable[[str, Scene, float, float], Waited]:
    def wait(conn_id: str, scene: Scene, timeout: float, speed: float) -> Waited:
        with HurriedHook(conn_id, speed=speed) as hook:
            return _told(
                hook.wait_for_documents(
                    collection_id=scene.collection_id,
                    file_ids=None if whole else scene.file_ids,
                    timeout=timeout,
                    poll_interval=1.0,
                )
            )

    return wait


def _on_the_loop(conn_id: str, scene: Scene, timeout: float, speed: float) -> Waited:
    async def wait() -> WaitResult:
        hook = HurriedHook(conn_id, speed=speed)
        rules = WaitRules(deadline=datetime.now(UTC).timestamp() + timeout, poll_interval=1.0)
        try:
            return await hook.arun(wait_for_documents(scene.collection_id, Poller(scene.file_ids, rules)))
        finally:
            await hook.aclose()

    return _told(asyncio.run(wait()))


def _told(result: WaitResult) -> Waited:
    counts = (len(ids) for ids in (result.processed, result.failed, result.missing, result.pending))
    return Waited(str(result.end), *counts)


def _by_operator(deferrable: bool) -> Callable[[str, Scene, float, float], Waited]:
    def wait(conn_id: str, scene: Scene, timeout: float, speed: float) -> Waited:
        task = XAIAddDocumentsOperator(
            task_id="add",
            collection_id=scene.collection_id,
            file_ids=list(scene.file_ids),
            conn_id=conn_id,
            timeout=timeout,
            poll_interval=0.05 if deferrable else 1.0,
            deferrable=deferrable,
        )
        task.__dict__["hook"] = HurriedHook(conn_id, speed=speed)
        return _summary(_run(task)["wait"])

    return wait


def _by_sensor(deferrable: bool) -> Callable[[str, Scene, float, float], Waited]:
    def wait(conn_id: str, scene: Scene, timeout: float, speed: float) -> Waited:
        task = XAIDocumentsProcessedSensor(
            task_id="wait",
            collection_id=scene.collection_id,
            file_ids=list(scene.file_ids),
            conn_id=conn_id,
            timeout=timeout,
            poke_interval=0.01,
            deferrable=deferrable,
        )
        return _summary(_run(task))

    return wait


def _summary(wait: Mapping[str, Any]) -> Waited:
    return Waited(wait["end"], *(wait[name] for name in ("processed", "failed", "missing", "pending")))


def _run(task: Any) -> Any:
    """As a worker does, and a triggerer if the task defers."""
    began = datetime.now(UTC)
    instance = SimpleNamespace(try_number=1, max_tries=1, start_date=began)
    context = {"ti": instance, "dag_run": SimpleNamespace(start_date=began)}
    try:
        return inspect.unwrap(type(task).execute)(task, context)
    except TaskDeferred as deferred:
        event = asyncio.run(_fire(*deferred.trigger.serialize()))
        return getattr(task, deferred.method_name)(context, event=event)


async def _fire(path: str, kwargs: Mapping[str, Any]) -> Any:
    """Rebuild the trigger from what the database keeps, and run it."""
    module, _, name = path.rpartition(".")
    trigger = getattr(import_module(module), name)(**json.loads(json.dumps(kwargs)))
    (event,) = [event async for event in trigger.run()]
    return json.loads(json.dumps(event.payload))


def _of_operator(name: str, *, deferrable: bool) -> Way:
    return Way(name, _by_operator(deferrable), hurries=not deferrable, gone="XAIIndexingError", late="XAITimeoutError")


def _of_sensor(name: str, *, deferrable: bool) -> Way:
    return Way(name, _by_sensor(deferrable), hurries=False, gone="XAIFailException", late="AirflowSensorTimeout")


WAYS: tuple[Way, ...] = (
    Way("hook", _by_hook(whole=False)),
    Way("hook, the whole collection", _by_hook(whole=True)),
    Way("hook on the event loop", _on_the_loop),
    _of_operator("XAIAddDocumentsOperator", deferrable=False),
    _of_operator("XAIAddDocumentsOperator, deferred", deferrable=True),
    _of_sensor("XAIDocumentsProcessedSensor", deferrable=False),
    _of_sensor("XAIDocumentsProcessedSensor, deferred", deferrable=True),
)
