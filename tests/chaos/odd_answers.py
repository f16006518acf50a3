"""Waits and lists over answers that nobody has promised not to give."""

from __future__ import annotations

import asyncio
import random
import tempfile
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from airflow_provider_xai_collections.api import flows
from airflow_provider_xai_collections.api.documents import DocumentStatus
from airflow_provider_xai_collections.api.endpoints import LIST_DOCUMENTS
from airflow_provider_xai_collections.exceptions import XAIIncompleteListError
from airflow_provider_xai_collections.hooks.collections import XAICollectionsHook
from tests.chaos.endpoint_faults import warm_up
from tests.chaos.given import NAMES, Given
from tests.chaos.leaks import capturing, open_now, shown_keys, still_open, without_collector
from tests.chaos.report import Size, Trial
from tests.chaos.server import OddEmulator, Script, Server, connected, server
from tests.chaos.waits import WAYS, Waited, Way

#: How often all kinds are tried, and with how many of the ways to wait.
_ROUNDS = {Size.SMALL: 1, Size.MEDIUM: 2, Size.FULL: 6}
_WAYS = {Size.SMALL: 3, Size.MEDIUM: len(WAYS), Size.FULL: len(WAYS)}

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
_WELL = Waited("settled", processed=len(NAMES))


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
    :param expected: how the wait should end.
    :param all_documents: all follow such scripts; otherwise one does, and the others are processed soon.
    """

    name: str
    script: Callable[[random.Random], Script]
    expected: Waited = _WELL
    all_documents: bool = True

    def expected_of(self, way: Way) -> Waited | str:
        if self.expected.pending:
            return way.late or self.expected
        return (way.missing if self.expected.missing else "") or self.expected


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
        all_documents=False,
    ),
    Kind(
        "a status that nobody knows for ever",
        lambda die: [_PROCESSING, die.choice(_UNKNOWN)],
        Waited("timed_out", processed=len(NAMES) - 1, pending=1),
        all_documents=False,
    ),
)


@without_collector()
def _wait(running: Server, folder: Path, kind: Kind, way: Way, die: random.Random) -> Trial:
    before = open_now()
    emulator = OddEmulator(stuck=("*.md",))
    with running.serving(emulator) as relays:
        given = Given.prepare(emulator, folder)
        running.clock.pauses.clear()
        soon: Script = [_PROCESSING, _PROCESSED]
        emulator.scripts = {
            file_id: kind.script(die) if kind.all_documents or not number else soon
            for number, file_id in enumerate(given.file_ids)
        }
        with capturing() as said, connected(relays) as conn_id:
            ended: Waited | Exception
            try:
                ended = way.wait(conn_id, given, way.patience)
            except Exception as error:
                ended = error
    expected = kind.expected_of(way)
    return Trial(
        group=kind.name,
        what=f"{way.name}, {_shown(emulator.scripts.values())}",
        ended=ended.end if isinstance(ended, Waited) else type(ended).__name__,
        wrong=(
            *([] if expected in (ended, type(ended).__name__) else [f"it ended with {ended!r}, not {expected}"]),
            *_wrong_lines(said.text),
            *shown_keys(said.text, ended if isinstance(ended, Exception) else None),
            *still_open(before),
        ),
    )


def _shown(scripts: Any) -> str:
    words = [[str(word).removeprefix("DOCUMENT_STATUS_")[:12] for word in script] for script in scripts]
    return "; ".join(" ".join(ascii(word)[1:-1] for word in script) for script in words)


def _wrong_lines(said: str) -> Iterator[str]:
    """Words of the service must neither pass for a line of ours, nor reach a terminal, nor fill a log."""
    if any(line.startswith("WARNING: all is well") for line in said.splitlines()):
        yield "a status has made a line of its own in the log"
    if "\x1b[2J" in said:
        yield "a status has sent a command to the terminal"
    if "X" * 10_000 in said:
        yield "a status has filled the log"


def _list_on_the_loop(hook: XAICollectionsHook, given: Given) -> Sequence[str]:
    async def walk() -> list[Any]:
        try:
            return await hook.arun(flows.list_all(LIST_DOCUMENTS, collection_id=given.collection_id, limit=1))
        finally:
            await hook.aclose()

    return [document.file_id for document in asyncio.run(walk())]


#: By name: a walk through all pages, which gives ids.
LISTS: dict[str, Callable[[XAICollectionsHook, Given], Sequence[str]]] = {
    "list_collections": lambda hook, given: [each.collection_id for each in hook.list_collections(limit=1)],
    "list_documents": lambda hook, given: [
        each.file_id for each in hook.list_documents(collection_id=given.collection_id, limit=1)
    ],
    "iter_documents": lambda hook, given: [
        each.file_id for each in hook.iter_documents(collection_id=given.collection_id, limit=1)
    ],
    "list_documents on the event loop": _list_on_the_loop,
    "list_files": lambda hook, given: [each.id for each in hook.list_files(limit=1)],
}


@without_collector()
def _list(running: Server, folder: Path, end: str, name: str, die: random.Random) -> Trial:
    """Walk through a list that ends as xAI's lists may: complete, and each item once, or an error.

    :param end: ``circle``: there is no end but ours, for the service does not heed tokens, and gives the same ones
        again. Each page is the first one, and the second shows it.
    """
    before, is_circle = open_now(), end == "circle"
    empty = die.choice(("list", "null", "absent"))
    ends = {} if is_circle else {"pagination_end": end, "files_pagination_end": end}
    emulator = OddEmulator(empty_arrays=empty, **ends)
    found: Sequence[str] = ()
    failed: Exception | None = None
    with running.serving(emulator) as relays:
        given = Given.prepare(emulator, folder)
        there = {*given.file_ids, *([given.spare_id] if name == "list_files" else [])}
        if name == "list_collections":
            there = {each.collection_id for each in given.collections()}
        emulator.reset_log()
        emulator.circle = [f"token {number}" for number in range(die.randint(1, 4))] if is_circle else ()
        with capturing() as said, connected(relays) as conn_id, XAICollectionsHook(conn_id) as hook:
            try:
                found = LISTS[name](hook, given)
            except Exception as error:
                failed = error
        requests = len(emulator.log)
    ended = "complete" if failed is None and sorted(found) == sorted(there) else type(failed).__name__
    # All pages are full, so a token seen before leaves open whether there are more.
    expected = XAIIncompleteListError.__name__ if end in ("repeat", "circle") else "complete"
    wrong = [] if ended == expected else [f"it found {found}, and there are {there}; {failed!r}"]
    if is_circle and requests != 2:
        wrong.append(f"it made {requests} requests, and the second page has nothing new")
    wrong += [*shown_keys(said.text, failed), *still_open(before)]
    return Trial(f"last page: token {end}", f"{name}, empty arrays: {empty}", ended, tuple(wrong))
