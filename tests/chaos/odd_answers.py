"""Waits and lists over answers that nobody has promised not to give."""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from airflow.providers.common.compat.sdk import TaskDeferred

from airflow_provider_xai_collections.api import flows
from airflow_provider_xai_collections.api.documents import Document, DocumentStatus
from airflow_provider_xai_collections.api.endpoints import LIST_DOCUMENTS
from airflow_provider_xai_collections.api.polling import Poller, WaitResult, WaitRules
from airflow_provider_xai_collections.api.protocol import Flow
from airflow_provider_xai_collections.exceptions import XAIIncompleteListError
from airflow_provider_xai_collections.hooks.collections import XAICollectionsHook
from airflow_provider_xai_collections.operators.documents import XAIAddDocumentsOperator
from airflow_provider_xai_collections.sensors.documents import XAIDocumentsProcessedSensor
from tests.chaos.endpoint_faults import warm_up
from tests.chaos.given import NAMES, Given
from tests.chaos.leaks import capturing, open_now, shown_keys, still_open, without_collector
from tests.chaos.report import Size, Trial
from tests.chaos.server import OddEmulator, Script, Server, connected, server
from tests.operators.stage import finish, run

T = TypeVar("T")
Ask: TypeAlias = Callable[[str, Given], Any]

_PROCESSING, _PROCESSED = DocumentStatus.PROCESSING, DocumentStatus.PROCESSED
_UNDER_WAY = tuple(status for status in DocumentStatus if status not in (_PROCESSED, DocumentStatus.FAILED))
_UNKNOWN: tuple[str | int, ...] = (
    "DOCUMENT_STATUS_QUANTISED",
    "document_status_processed",
    "PROCESSED",
    "",
    "\N{SPOUTING WHALE}",
    "DOCUMENT_STATUS_\x1b[2J\nWARNING: all is well",
    "DOCUMENT_STATUS_" + "X" * 100_000,
    9,
)


@dataclass(frozen=True, slots=True)
class Waited:
    """The end of a wait: why, and for how many documents in which way."""

    end: str
    processed: int = 0
    failed: int = 0
    missing: int = 0
    pending: int = 0


_WELL = Waited("settled", processed=len(NAMES))


@dataclass(frozen=True, slots=True)
class Way:
    """One way to wait.

    :param wait: takes the connection's id, what is given, and the seconds to wait at most.
    :param missing: the error that it ends with when documents are missing; "" if it returns.
    :param late: the same when time has run out.
    :param patience: of Airflow's own sensor, which goes by a clock that nobody turns forward.
    """

    name: str
    wait: Callable[..., Waited]
    missing: str = ""
    late: str = ""
    patience: float = 3600.0


def _by_hook(conn_id: str, given: Given, timeout: float, *, whole: bool = False) -> Waited:
    with XAICollectionsHook(conn_id) as hook:
        ids = None if whole else given.file_ids
        return _told(hook.wait_for_documents(collection_id=given.collection_id, file_ids=ids, timeout=timeout))


def _on_the_loop(conn_id: str, given: Given, timeout: float) -> Waited:
    poller = Poller(given.file_ids, WaitRules(deadline=time.time() + timeout))
    return _told(_run_on_the_loop(XAICollectionsHook(conn_id), flows.wait_for_documents(given.collection_id, poller)))


def _run_on_the_loop(hook: XAICollectionsHook, flow: Flow[T]) -> T:
    async def work() -> T:
        try:
            return await hook.arun(flow)
        finally:
            await hook.aclose()

    return asyncio.run(work())


def _told(result: WaitResult) -> Waited:
    counts = (len(ids) for ids in (result.processed, result.failed, result.missing, result.pending))
    return Waited(str(result.end), *counts)


def _by_task(kind: Callable[..., Any], conn_id: str, given: Given, timeout: float, **more: Any) -> Waited:
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
    summary = result.get("wait", result)
    return Waited(summary["end"], *(summary[name] for name in ("processed", "failed", "missing", "pending")))


def _tasks(kind: Callable[..., Any], missing: str, late: str, patience: float = 3600.0, **more: Any) -> list[Way]:
    """Return the task that waits in its worker, with this patience, and the one that waits in the triggerer."""
    wait = partial(_by_task, kind, **more)
    return [
        Way(kind.__name__, partial(wait, deferrable=False), missing, late, patience),
        Way(f"{kind.__name__}, deferred", partial(wait, deferrable=True), missing, late),
    ]


WAYS: tuple[Way, ...] = (
    Way("hook", _by_hook),
    Way("hook, the whole collection", partial(_by_hook, whole=True)),
    Way("hook on the event loop", _on_the_loop),
    *_tasks(XAIAddDocumentsOperator, "XAIIndexingError", "XAITimeoutError"),
    *_tasks(XAIDocumentsProcessedSensor, "XAIFailException", "AirflowSensorTimeout", 0.5, poke_interval=10),
)

#: How often all kinds are tried, and with how many of the ways to wait.
_ROUNDS = {Size.SMALL: 1, Size.MEDIUM: 2, Size.FULL: 6}
_WAYS = {Size.SMALL: 3, Size.MEDIUM: len(WAYS), Size.FULL: len(WAYS)}


def odd_answers(size: Size, seed: int) -> Generator[Trial, None, None]:
    """A wait ends when its documents do, whatever status they had on the way; a list ends, whatever its tokens say."""
    die = random.Random(seed)  # a die for trials, not a secret
    with server() as running, tempfile.TemporaryDirectory() as folder:
        warm_up(running, Path(folder))
        for _ in range(_ROUNDS[size]):
            for kind in KINDS:
                for way in die.sample(WAYS, _WAYS[size]):
                    yield _wait(running, Path(folder), kind, way, die)
            for end in ("absent", "empty", "always", "repeat", "circle"):
                for name in LISTS:
                    yield _list(running, Path(folder), end, name, die)


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of odd behaviour.

    :param script: of one document, which begins under way.
    :param expected: how the wait should end. If it is not well, only one document follows the script, and the others
        are processed soon.
    """

    name: str
    script: Callable[[random.Random], Script]
    expected: Waited = _WELL

    def expected_of(self, way: Way) -> Waited | str:
        error = way.late if self.expected.pending else way.missing if self.expected.missing else ""
        return error or self.expected


def _returns(die: random.Random) -> Script:
    away = [None] * die.randint(1, 2)
    return [_PROCESSING, *away, die.choice(_UNDER_WAY), *away, _PROCESSED]


def _jumps(die: random.Random) -> Script:
    return [_PROCESSING, *die.choices(_UNDER_WAY, k=2), DocumentStatus.WRITING, _PROCESSING, _PROCESSED]


KINDS: tuple[Kind, ...] = (
    Kind("status words nobody knows", lambda die: [_PROCESSING, *die.sample(_UNKNOWN, 3), _PROCESSED]),
    Kind("documents that jump back", _jumps),
    Kind("documents that vanish and return", _returns),
    Kind(
        "a document that vanishes for ever",
        lambda die: [_PROCESSING, *die.choices(_UNDER_WAY, k=2), None],
        Waited("settled", processed=len(NAMES) - 1, missing=1),
    ),
    Kind(
        "a status that nobody knows for ever",
        lambda die: [_PROCESSING, die.choice(_UNKNOWN)],
        Waited("timed_out", processed=len(NAMES) - 1, pending=1),
    ),
)


@without_collector()
def _tried(running: Server, folder: Path, emulator: OddEmulator, ask: Ask) -> tuple[Any, tuple[str, ...]]:
    """Let somebody ask this service; return what came of it, or the error, and what was given away or left open."""
    before = open_now()
    with running.serving(emulator) as relays:
        given = Given.prepare(emulator, folder)
        running.clock.pauses.clear()
        with capturing() as said, connected(relays) as conn_id:
            error: Exception | None = None
            try:
                ended = ask(conn_id, given)
            except Exception as raised:
                ended = error = raised
    return ended, (*shown_keys(said.text, error), *still_open(before))


def _wait(running: Server, folder: Path, kind: Kind, way: Way, die: random.Random) -> Trial:
    emulator = OddEmulator(stuck=("*.md",))

    def wait(conn_id: str, given: Given) -> Waited:
        soon: Script = [_PROCESSING, _PROCESSED]
        emulator.scripts = {
            file_id: kind.script(die) if kind.expected == _WELL or not number else soon
            for number, file_id in enumerate(given.file_ids)
        }
        return way.wait(conn_id, given, way.patience if kind.expected.pending else 3600.0)

    ended, wrong = _tried(running, folder, emulator, wait)
    expected = kind.expected_of(way)
    if expected not in (ended, type(ended).__name__):
        wrong = (f"it ended with {ended!r}, not {expected}", *wrong)
    how = ended.end if isinstance(ended, Waited) else type(ended).__name__
    return Trial(kind.name, f"{way.name}, {_shown(emulator.scripts.values())}", how, wrong)


def _shown(scripts: Any) -> str:
    words = [[str(word).removeprefix("DOCUMENT_STATUS_")[:12] for word in script] for script in scripts]
    return "; ".join(" ".join(ascii(word)[1:-1] for word in script) for script in words)


#: By name: a walk through all pages, which gives ids.
LISTS: dict[str, Callable[[XAICollectionsHook, Given], Sequence[str]]] = {
    "list_collections": lambda hook, given: [each.collection_id for each in hook.list_collections(limit=1)],
    "list_documents": lambda hook, given: _ids(hook.list_documents(**_pages(given))),
    "iter_documents": lambda hook, given: _ids(hook.iter_documents(**_pages(given))),
    "list_documents on the event loop": lambda hook, given: _ids(
        _run_on_the_loop(hook, flows.list_all(LIST_DOCUMENTS, **_pages(given)))
    ),
    "list_files": lambda hook, given: [each.id for each in hook.list_files(limit=1)],
}


def _pages(given: Given) -> dict[str, Any]:
    return {"collection_id": given.collection_id, "limit": 1}


def _ids(documents: Iterable[Document]) -> list[str]:
    return [document.file_id for document in documents]


def _list(running: Server, folder: Path, end: str, name: str, die: random.Random) -> Trial:
    """Walk through a list that ends as xAI's lists may: complete, and each item once, or an error.

    :param end: ``circle``: there is no end but ours, for the service does not heed tokens, and gives the same ones
        again. Each page is the first one, and the second shows it.
    """
    is_circle, empty = end == "circle", die.choice(("list", "null", "absent"))
    ends = {} if is_circle else {"pagination_end": end, "files_pagination_end": end}
    emulator = OddEmulator(empty_arrays=empty, **ends)

    def walk(conn_id: str, given: Given) -> str:
        there = {*given.file_ids, *([given.spare_id] if name == "list_files" else [])}
        if name == "list_collections":
            there = {each.collection_id for each in given.collections()}
        emulator.reset_log()
        emulator.circle = [f"token {number}" for number in range(die.randint(1, 4))] if is_circle else ()
        with XAICollectionsHook(conn_id) as hook:
            found = LISTS[name](hook, given)
        return "complete" if sorted(found) == sorted(there) else f"{found} of {there}"

    found, wrong = _tried(running, folder, emulator, walk)
    ended = found if isinstance(found, str) else type(found).__name__
    # All pages are full, so a token seen before leaves open whether there are more.
    expected = XAIIncompleteListError.__name__ if end in ("repeat", "circle") else "complete"
    if ended != expected:
        wrong = (f"it ended with {found!r}, not {expected}", *wrong)
    if is_circle and (requests := len(emulator.log)) != 2:
        wrong = (f"it made {requests} requests, and the second page has nothing new", *wrong)
    return Trial(f"last page: token {end}", f"{name}, empty arrays: {empty}", ended, wrong)
