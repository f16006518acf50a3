"""Two runs compared: the same scene played twice, and what an observer could tell of each."""

from __future__ import annotations

import asyncio
import json
import os
import re
import time
from collections.abc import Callable, Mapping
from contextlib import closing, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pendulum
import pytest
from airflow.providers.common.compat.sdk import DAG, AirflowException, TaskDeferred
from airflow.triggers.base import BaseTrigger

from airflow_provider_xai_collections.api.endpoints import ADD_DOCUMENT
from airflow_provider_xai_collections.api.protocol import Host
from airflow_provider_xai_collections.decorators.ingest import Content, XAIIngestDecoratedOperator, xai_ingest_task
from airflow_provider_xai_collections.emulator import HttpReply, HttpRequest, Settings
from airflow_provider_xai_collections.exceptions import XAIError
from airflow_provider_xai_collections.operators.sync import XAISyncCollectionOperator
from airflow_provider_xai_collections.operators.sync_group import xai_sync_group
from tests.conftest import Connect, RecordingEmulator, Stage
from tests.operators.stage import Crowd, FlyingTime, fire, run, write
from tests.support.caller import Caller, key_of

#: Where the clock stands when a scene begins; only pauses move it on.
NOON = 1_800_000_000.0


@dataclass(frozen=True, slots=True)
class Scene:
    """The things that are there before a task runs.

    :param whales: a collection of that name with a field ``year`` and two documents, ``good.md`` and ``bad.md``.
    :param other: an empty collection, called ``other``.
    :param attached: the files of those documents.
    :param loose: two files that no collection has.
    :param folder: on disk, with ``good.md`` and ``bad.txt``.
    """

    whales: str
    other: str
    attached: list[str]
    loose: list[str]
    folder: Path

    def names(self) -> dict[str, str]:
        """Name each id, which is another in every scene, for an outcome."""
        ids = [self.whales, self.other, *self.attached, *self.loose]
        return dict(zip(ids, ("whales", "other", "attached 0", "attached 1", "loose 0", "loose 1"), strict=True))


@dataclass(frozen=True, slots=True)
class Case:
    """An argument, and two values that must not come to the same. A function makes the value of the scene.

    :param given: other arguments that this one needs to matter.
    :param xai: how xAI behaves, as settings of the emulator.
    :param busy: xAI takes its time, so that requests meet if they may.
    :param before: the arguments of a sync of the folder into ``whales`` that goes before.
    :param meanwhile: what happens to the folder between the two.
    """

    one: Any
    another: Any
    given: Mapping[str, Any] = field(default_factory=dict)
    xai: Mapping[str, Any] = field(default_factory=dict)
    busy: bool = False
    before: Mapping[str, Any] | None = None
    meanwhile: Callable[[Path], Any] = lambda folder: None


@dataclass(frozen=True, slots=True)
class Outcome:
    """Everything that can be told of a run from outside.

    :param error: the class of the error that ended it. Its words do not count: they may just repeat the argument.
    """

    requests: tuple[str, ...]
    pauses: tuple[float, ...]
    side_by_side: bool
    xcoms: str = ""
    result: str = ""
    deferred: str = ""
    error: str = ""


class Watched(RecordingEmulator):
    """The emulator, which notices requests that come side by side."""

    def __init__(self, settings: Settings, *, busy: bool) -> None:
        # Its clock is a little behind ours, so that what it has made is some age at once.
        super().__init__(settings, clock=lambda: time.time() - 100)
        self.crowd = Crowd(moment=0.1)
        self._busy = busy

    def handle(self, request: HttpRequest) -> HttpReply:
        with self.crowd.joined() if self._busy else nullcontext():
            return super().handle(request)


@dataclass(frozen=True)
class Theatre:
    """Plays scenes, each in an xAI of its own."""

    stage: Stage
    clock: FlyingTime
    folder: Path

    def play(self, kind: Any, given: Mapping[str, Any], case: Case) -> Outcome:
        """Run a task (or trigger) with these arguments, and tell what happened."""
        with closing(Watched(Settings(**case.xai), busy=case.busy)) as emulator:
            return self._play(emulator, kind, given, case)

    def _play(self, emulator: Watched, kind: Any, given: Mapping[str, Any], case: Case) -> Outcome:
        scene = set_up(emulator, self.folder)
        self.stage.playing = emulator
        self.clock.pauses.clear()
        if case.before is not None:
            before = {"source": scene.folder, "collection_id": scene.whales, "concurrency": 1, **case.before}
            run(make(XAISyncCollectionOperator, arguments_of(scene, before)))
            case.meanwhile(self.folder)
        task, xcoms = make(kind, arguments_of(scene, given)), dict[str, str]()
        self.clock.pauses.clear()
        emulator.requests.clear()
        how: dict[str, str] = {}
        try:
            how["result"] = json.dumps(_ran(task, xcoms))
        except TaskDeferred as deferred:
            how["deferred"] = json.dumps([deferred.trigger.serialize(), deferred.method_name, str(deferred.timeout)])
        except (XAIError, AirflowException) as error:
            how["error"] = type(error).__name__
        how["xcoms"] = json.dumps(xcoms)
        names = scene.names()
        return Outcome(
            requests=tuple(anonymous(told(request), names) for request in emulator.requests),
            pauses=tuple(round(pause, 6) for pause in self.clock.pauses),
            side_by_side=emulator.crowd.most > 1,
            **{name: anonymous(text, names) for name, text in how.items()},
        )


def _ran(task: Any, xcoms: dict[str, str]) -> Any:
    if isinstance(task, BaseTrigger):
        return asyncio.run(fire(task))
    return task.run(xcoms) if isinstance(task, Group) else run(task, xcoms=xcoms)


@pytest.fixture
def theatre(
    stage: tuple[Stage, Any], connect: Connect, clock: FlyingTime, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Theatre:
    """Scenes on the server of all tests, under a clock that stands still between pauses."""
    connect(password=key_of(Host.MANAGEMENT), api_key=key_of(Host.API))
    monkeypatch.setattr("time.time", lambda: NOON + sum(clock.pauses))
    monkeypatch.setattr("airflow_provider_xai_collections.client.clock.monotonic", lambda: sum(clock.pauses))
    return Theatre(stage[0], clock, tmp_path / "library")


def arguments_of(scene: Scene, given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value(scene) if callable(value) else value for name, value in given.items()}


def set_up(emulator: Watched, folder: Path) -> Scene:
    for path in write(folder, {"good.md": "a good whale", "bad.txt": "a bad whale"}).iterdir():
        os.utime(path, (NOON, NOON))
    caller = Caller(emulator)
    whales = caller.collection("whales", field_definitions=[{"key": "year"}])
    attached = [caller.file(name, f"a {name} of a whale".encode()) for name in ("good.md", "bad.md")]
    for file_id in attached:
        caller.call(ADD_DOCUMENT, collection_id=whales, file_id=file_id)
    loose = [caller.file(name, f"a loose {name}".encode()) for name in ("good loose.md", "bad loose.md")]
    return Scene(whales, caller.collection("other"), attached, loose, folder)


def told(request: HttpRequest) -> str:
    """A request in one line."""
    query = "&".join(f"{name}={value}" for name, value in request.query)
    boundary = request.headers.get("content-type", "").partition("boundary=")[2]
    body = request.body.decode(errors="replace")
    return f"{request.method} {request.path}?{query} {body.replace(boundary, '') if boundary else body}"


def anonymous(text: str, names: Mapping[str, str]) -> str:
    """The text without what is another in every scene."""
    for unique, name in names.items():
        text = text.replace(unique, name)
    text = re.sub(r"(?<=pagination_token=)[^&]+", "a token ", text)
    return re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|(?<=/)[0-9a-f]{32}", "an id", text)


def make(kind: Any, arguments: Mapping[str, Any]) -> Any:
    """Make a task of the kind, or a trigger. The decorated one is made by its decorator, as in a DAG."""
    if kind is xai_sync_group:
        return Group(arguments)
    if issubclass(kind, BaseTrigger):
        return kind(**arguments)
    if kind is not XAIIngestDecoratedOperator:
        return kind(task_id="task", **arguments)
    others = {**arguments}
    function = others.pop("python_callable")
    op_args, op_kwargs = others.pop("op_args", ()), others.pop("op_kwargs", {})
    with DAG("library", schedule=None, start_date=pendulum.datetime(2026, 1, 1, tz="UTC")) as dag:
        xai_ingest_task(task_id="task", **others)(function)(*op_args, **op_kwargs)
    return dag.tasks[0]


class Group:
    """The three tasks of a group, run one after the other as if they were one."""

    def __init__(self, arguments: Mapping[str, Any]) -> None:
        with DAG("library", schedule=None, start_date=pendulum.datetime(2026, 1, 1, tz="UTC")) as dag:
            xai_sync_group(**arguments)
        self.plan: Any
        self.plan, self.apply, self.finish = dag.tasks

    def run(self, xcoms: dict[str, str]) -> Any:
        for shard in run(self.plan, xcoms=xcoms, task_id=self.plan.task_id):
            run(self._with_plan(self.apply.unmap({"shard": shard}), xcoms))
        return run(self._with_plan(self.finish, xcoms))

    def _with_plan(self, task: Any, xcoms: Mapping[str, str]) -> Any:
        task.planned = json.loads(xcoms["planned"])
        return task


def write_two() -> list[Content]:
    """Return two documents, as a decorated function."""
    return [Content(name="good.md", data="a good whale"), Content(name="bad.txt", data="a bad whale")]
