"""The stage of these tests: xAI with things in it, folders of documents, tasks that are run, time that flies."""

from __future__ import annotations

import copy
import inspect
import json
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import BaseOperator, TaskDeferred
from airflow.triggers.base import BaseTrigger

from airflow_provider_xai_collections.api.collections import Collection
from airflow_provider_xai_collections.api.documents import Document
from airflow_provider_xai_collections.api.endpoints import ADD_DOCUMENT, UPLOAD_FILE
from airflow_provider_xai_collections.api.protocol import Request, call
from airflow_provider_xai_collections.emulator import HttpReply, HttpRequest
from airflow_provider_xai_collections.emulator.routes import find_route
from airflow_provider_xai_collections.hooks.collections import XAICollectionsHook
from tests.conftest import API_KEY, MANAGEMENT_KEY, RecordingEmulator
from tests.support.caller import encode, upload
from tests.support.clock import FlyingTime as FlyingTime

try:
    from airflow.sdk.execution_time.context import set_current_context
except ImportError:  # Airflow 2
    from airflow.models.taskinstance import set_current_context  # type: ignore[attr-defined, no-redef, unused-ignore]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FlyingTime:
    """Waiting takes no time, but the clock shows that it happened. The die for jitter always shows the least."""
    clock = FlyingTime()
    clock.install(monkeypatch.setattr)
    return clock


@dataclass
class Xai:
    """The state of xAI, written and read over the wire. Count requests before reading: reading is logged as well."""

    hook: XAICollectionsHook
    emulator: RecordingEmulator

    def collection(self, name: str = "whales", **settings: Any) -> str:
        """A new collection; the request log begins after it."""
        collection_id = self.hook.create_collection(collection_name=name, **settings).collection_id
        self.forget()
        return collection_id

    def file(self, name: str = "moby.md", content: str = "Call me Ishmael.") -> str:
        """A new file; the request log begins after it."""
        file_id = self.hook.run(call(UPLOAD_FILE.request(upload=upload(name, content.encode())))).id
        self.forget()
        return file_id

    def files(self, count: int, name: str = "good") -> list[str]:
        """Many new files, handed over without a socket in between; the request log begins after them."""
        requests = (UPLOAD_FILE.request(upload=upload(f"{name}{number}.md", b"a whale")) for number in range(count))
        return [made["id"] for made in self._hand_over(requests, API_KEY)]

    def attach(self, collection_id: str, file_ids: Iterable[str]) -> None:
        """Attach many files, in the same way."""
        requests = (ADD_DOCUMENT.request(collection_id=collection_id, file_id=file_id) for file_id in file_ids)
        self._hand_over(requests, MANAGEMENT_KEY)

    def _hand_over(self, requests: Iterable[Request[Any]], key: str) -> list[Any]:
        encoded = map(encode, requests)
        keyed = (replace(each, headers={**each.headers, "authorization": f"Bearer {key}"}) for each in encoded)
        answers = [self.emulator.handle(each).json() for each in keyed]
        self.forget()
        return answers

    def document(self, collection_id: str, name: str = "moby.md", content: str = "Call me Ishmael.") -> str:
        """A new file, attached; the request log begins after it."""
        file_id = self.file(name, content)
        self.hook.add_document(collection_id=collection_id, file_id=file_id)
        self.forget()
        return file_id

    def forget(self) -> None:
        self.emulator.reset_log()
        self.emulator.requests.clear()

    def describe(self, collection_id: str) -> Collection:
        return self.hook.get_collection(collection_id=collection_id)

    def documents(self, collection_id: str) -> list[Document]:
        return sorted(self.hook.iter_documents(collection_id=collection_id), key=lambda document: document.name)

    def names(self, collection_id: str) -> list[str]:
        """Names of the documents, each as often as it is there."""
        return [document.name for document in self.documents(collection_id)]

    def unattached(self, collection_id: str) -> list[str]:
        """Names of the files that no document of the collection refers to: each would be billed for nothing."""
        attached = {document.file_id for document in self.documents(collection_id)}
        return [file.filename for file in self.hook.list_files() if file.id not in attached]

    def bodies(self, endpoint: str) -> list[Any]:
        """The JSON that came with the calls of an endpoint."""
        return [json.loads(request.body) for request in self._asked(endpoint)]

    def queries(self, endpoint: str) -> list[dict[str, str]]:
        """The parameters in the URLs of the calls of an endpoint."""
        return [dict(request.query) for request in self._asked(endpoint)]

    def _asked(self, endpoint: str) -> list[HttpRequest]:
        return [request for request in self.emulator.requests if find_route(request).endpoint.name == endpoint]


@pytest.fixture
def xai(emulator: RecordingEmulator, connection: str) -> Iterator[Xai]:
    """The emulator behind the default connection."""
    with XAICollectionsHook(connection) as hook:
        yield Xai(hook, emulator)


@dataclass
class Crowd:
    """A count of the requests that the emulator worked on at once.

    :param moment: seconds that each takes, so that they meet.
    """

    moment: float = 0.02
    now: int = 0
    most: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def joined(self) -> Iterator[None]:
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
        threading.Event().wait(self.moment)
        yield
        with self.lock:
            self.now -= 1


@pytest.fixture
def crowd(emulator: RecordingEmulator, monkeypatch: pytest.MonkeyPatch) -> Crowd:
    """Counts those who ask the emulator at once, the helpers of the stage included: they come one by one."""
    crowd, handle = Crowd(), emulator.handle

    def counted(request: HttpRequest) -> HttpReply:
        with crowd.joined():
            return handle(request)

    monkeypatch.setattr(emulator, "handle", counted)
    return crowd


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three documents, one of them in a folder below."""
    return write(tmp_path / "library", {"a.md": "alpha", "b.txt": "beta", "deep/c.md": "gamma"})


def write(folder: Path, documents: Mapping[str, str | bytes]) -> Path:
    for name, content in documents.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


@dataclass
class TaskInstance:
    """The part of a task instance that operators use. XComs are kept as in the database, for all tries."""

    try_number: int = 1
    xcoms: dict[str, str] = field(default_factory=dict)
    task_id: str = "task"
    dag_id: str = "library"
    run_id: str = "manual__2026-01-01T00:00:00+00:00"
    map_index: int = -1
    max_tries: int = 3
    start_date: datetime | None = None

    def xcom_push(self, key: str, value: Any) -> None:
        self.xcoms[key] = json.dumps(value)

    def xcom_pull(self, *, task_ids: str, key: str, map_indexes: int) -> Any:
        assert (task_ids, map_indexes) == (self.task_id, self.map_index)
        return json.loads(self.xcoms.get(key, "null"))


@pytest.fixture
def dying(emulator: RecordingEmulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, Any], Any]]:
    """``with dying(endpoint, how):`` calls ``how`` as a signal handler when the first such request has been answered,
    in the main thread, where Airflow's signals arrive. What it may raise is the test's to expect."""
    before, handle = signal.getsignal(signal.SIGUSR1), emulator.handle

    @contextmanager
    def dying(endpoint: str, how: Callable[[], Any]) -> Iterator[None]:
        def handle_and_signal(request: HttpRequest) -> HttpReply:
            reply = handle(request)
            if find_route(request).endpoint.name == endpoint:
                monkeypatch.setattr(emulator, "handle", handle)
                signal.raise_signal(signal.SIGUSR1)
            return reply

        signal.signal(signal.SIGUSR1, lambda *_: how())
        monkeypatch.setattr(emulator, "handle", handle_and_signal)
        yield

    yield dying
    signal.signal(signal.SIGUSR1, before)


AIRFLOW_2 = find_spec("airflow.sdk") is None
#: Bytes of a row of Airflow's database.
MOST = 16 * 1024


def accessors() -> Any:
    """Airflow's own collector of events, wherever this release keeps it."""
    module = "airflow.utils.context" if AIRFLOW_2 else "airflow.sdk.execution_time.context"
    return import_module(module).OutletEventAccessors()


def context(
    *,
    try_number: int = 1,
    began: datetime | None = None,
    xcoms: dict[str, str] | None = None,
    outlet_events: Any = None,
    **of_task_instance: Any,
) -> Any:
    """The part of a task's context that operators use."""
    return {
        "outlet_events": accessors() if outlet_events is None else outlet_events,
        "ti": TaskInstance(try_number, {} if xcoms is None else xcoms, **of_task_instance),
        "dag_run": SimpleNamespace(start_date=began or datetime.now(UTC)),
    }


def run(task: BaseOperator, **of_context: Any) -> Any:
    """Run the task as a worker does, without Airflow's check that a worker does it."""
    current = context(**of_context)
    with set_current_context(current):
        return inspect.unwrap(type(task).execute)(task, current)


@contextmanager
def deferring() -> Iterator[list[TaskDeferred]]:
    """Expects the task inside to defer; the list receives how."""
    caught: list[TaskDeferred] = []
    with pytest.raises(TaskDeferred) as raised:
        yield caught
    caught.append(raised.value)


async def fire(trigger: BaseTrigger) -> Any:
    """Rebuild the trigger from what the database keeps, run it, and return what the task is told."""
    path, kwargs = trigger.serialize()
    module, _, name = path.rpartition(".")
    rebuilt = getattr(import_module(module), name)(**json.loads(json.dumps(kwargs)))
    events = [event async for event in rebuilt.run()]
    assert len(events) == 1
    return json.loads(json.dumps(events[0].payload))


async def finish(deferred: TaskDeferred, task: Any, **of_context: Any) -> Any:
    """Run the trigger, then go on with ``task``: an object that knows nothing of the one that deferred."""
    return getattr(task, deferred.method_name)(context(**of_context), event=await fire(deferred.trigger))


async def to_the_end(task: Any, deferrals: list[TaskDeferred], **of_context: Any) -> Any:
    """Run a task through all its waits in the triggerer; ``deferrals`` receives how it deferred.

    After each, another object goes on, and no row of Airflow's database is large.
    """
    fresh, xcoms = copy.deepcopy(task), of_context.setdefault("xcoms", {})
    with deferring() as first:
        run(task, **of_context)
    deferrals.append(first[0])
    while True:
        last = deferrals[-1]
        rows = [json.dumps(last.trigger.serialize()), json.dumps(last.kwargs), *xcoms.values()]
        assert max(map(len, rows)) < MOST
        try:
            result = await finish(last, copy.deepcopy(fresh), **of_context)
        except TaskDeferred as deferred:
            deferrals.append(deferred)
        else:
            assert len(json.dumps(result)) < MOST
            return result
