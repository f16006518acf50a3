"""Waits and lists over answers that nobody has promised not to give."""

from __future__ import annotations

import asyncio
import random
import tempfile
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from airflow_provider_xai_collections.api import flows
from airflow_provider_xai_collections.api.documents import DocumentStatus
from airflow_provider_xai_collections.api.endpoints import LIST_DOCUMENTS
from airflow_provider_xai_collections.api.protocol import Host
from airflow_provider_xai_collections.exceptions import XAIIncompleteListError
from airflow_provider_xai_collections.hooks.collections import XAICollectionsHook
from chaos.hosts import Place, connected, open_place
from chaos.hurry import HurriedHook
from chaos.leftovers import held, shown_keys, still_held, warm_up, without_collector
from chaos.memory import weighed
from chaos.odd import OddEmulator, Script
from chaos.overhearing import overhearing
from chaos.scenes import NAMES, Scene
from chaos.trials import Size, Trial
from chaos.waits import WAYS, Waited, Way
from chaos.wire import Wire

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


def odd_statuses(size: Size, seed: int) -> Generator[Trial, None, None]:
    """A wait ends when its documents do, whatever they were called on the way; a list ends, whatever its tokens say."""
    die = random.Random(seed)  # noqa: S311  # a die for trials, not a secret
    with open_place() as place, tempfile.TemporaryDirectory() as folder:
        warm_up(place)
        rounds = (_round(place, Path(folder), _WAYS[size], die) for _ in range(_ROUNDS[size]))
        yield from weighed(chain.from_iterable(rounds))


def _round(place: Place, folder: Path, ways: int, die: random.Random) -> Iterator[Trial]:
    """All kinds once, the waits in so many ways."""
    for kind in KINDS:
        for way in die.sample(WAYS, ways):
            if way.hurries or not kind.takes_long:
                yield _wait(place, folder, kind, way, die)
    for end in ("absent", "empty", "always", "repeat"):
        for name in LISTS:
            yield _list_to(place, folder, end, name, die)
    for name in LISTS:
        yield _list_in_a_circle(place, folder, name, die)


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of odd behaviour.

    :param script: of one document, which begins under way.
    :param expected: how the wait should end.
    :param timeout: seconds to wait, by the clock of the wait.
    :param speed: of that clock. What is away may be so for a minute of it, which is longer than any busy machine needs.
    :param takes_long: the time would be too long if it went by as usual.
    :param all_documents: all follow such scripts; otherwise one does, and the others are processed soon.
    """

    name: str
    script: Callable[[random.Random], Script]
    expected: Waited
    timeout: float = 3600.0
    speed: float = 20.0
    takes_long: bool = False
    all_documents: bool = True


def _unknown_words(die: random.Random) -> Script:
    return [_PROCESSING, *die.sample(_UNKNOWN, 3), _PROCESSED]


def _jumps(die: random.Random) -> Script:
    return [_PROCESSING, *die.choices(_UNDER_WAY, k=2), DocumentStatus.WRITING, _PROCESSING, _PROCESSED]


def _returns(die: random.Random) -> Script:
    away = [None] * die.randint(1, 3)
    return [_PROCESSING, *away, die.choice(_UNDER_WAY), *away, _PROCESSED]


def _leaves(die: random.Random) -> Script:
    return [_PROCESSING, *die.choices(_UNDER_WAY, k=2), None]


def _stays_unknown(die: random.Random) -> Script:
    return [_PROCESSING, die.choice(_UNKNOWN)]


KINDS: tuple[Kind, ...] = (
    Kind("status words nobody knows", _unknown_words, _WELL),
    Kind("documents that jump back", _jumps, _WELL),
    Kind("documents that vanish and return", _returns, _WELL),
    Kind(
        "a document that vanishes for ever",
        _leaves,
        Waited("settled", processed=len(NAMES) - 1, missing=1),
        speed=1000.0,
        takes_long=True,
        all_documents=False,
    ),
    Kind(
        "a status that nobody knows for ever",
        _stays_unknown,
        Waited("timed_out", processed=len(NAMES) - 1, pending=1),
        timeout=1.5,
        speed=1.0,
        all_documents=False,
    ),
)


@without_collector()
def _wait(place: Place, folder: Path, kind: Kind, way: Way, die: random.Random) -> Trial:
    before = held()
    emulator = OddEmulator(stuck=("*.md",))
    with place.playing(emulator), place.ways() as wires:
        scene = Scene.set_in(emulator, folder)
        soon: Script = [_PROCESSING, _PROCESSED]
        emulator.scripts = {
            file_id: kind.script(die) if kind.all_documents or not number else soon
            for number, file_id in enumerate(scene.file_ids)
        }
        with overhearing() as heard, connected(wires) as conn_id:
            ended: Waited | Exception
            try:
                ended = way.wait(conn_id, scene, kind.timeout, kind.speed)
            except Exception as error:
                ended = error
    expected = _expected(kind, way)
    return Trial(
        group=kind.name,
        what=f"{way.name}, {_shown(emulator.scripts.values())}",
        ended=ended.end if isinstance(ended, Waited) else type(ended).__name__,
        wrong=(
            *([] if expected in (ended, type(ended).__name__) else [f"it ended with {ended!r}, not {expected}"]),
            *_wrong_lines(heard.text),
            *shown_keys(heard.text, ended if isinstance(ended, Exception) else None),
            *still_held(before),
        ),
    )


def _expected(kind: Kind, way: Way) -> Waited | str:
    if kind.expected.pending:
        return way.late or kind.expected
    return (way.gone if kind.expected.missing else "") or kind.expected


def _shown(scripts: Any) -> str:
    words = [[str(word).removeprefix("DOCUMENT_STATUS_")[:12] for word in script] for script in scripts]
    return "; ".join(" ".join(ascii(word)[1:-1] for word in script) for script in words)


def _wrong_lines(said: str) -> Iterator[str]:
    """What the service says must neither pass for a line of ours, nor reach a terminal, nor fill a log."""
    if any(line.startswith("WARNING: all is well") for line in said.splitlines()):
        yield "a status has made a line of its own in the log"
    if "\x1b[2J" in said:
        yield "a status has sent a command to the terminal"
    if "X" * 10_000 in said:
        yield "a status has filled the log"


def _list_on_the_loop(hook: XAICollectionsHook, scene: Scene) -> Sequence[str]:
    async def walk() -> list[Any]:
        try:
            return await hook.arun(flows.list_all(LIST_DOCUMENTS, collection_id=scene.collection_id, limit=1))
        finally:
            await hook.aclose()

    return [document.file_id for document in asyncio.run(walk())]


#: By name: a walk through all pages, which gives ids.
LISTS: dict[str, Callable[[XAICollectionsHook, Scene], Sequence[str]]] = {
    "list_collections": lambda hook, scene: [each.collection_id for each in hook.list_collections(limit=1)],
    "list_documents": lambda hook, scene: [
        each.file_id for each in hook.list_documents(collection_id=scene.collection_id, limit=1)
    ],
    "iter_documents": lambda hook, scene: [
        each.file_id for each in hook.iter_documents(collection_id=scene.collection_id, limit=1)
    ],
    "list_documents on the event loop": _list_on_the_loop,
    "list_files": lambda hook, scene: [each.id for each in hook.list_files(limit=1)],
}


def _ids_of(scene: Scene, name: str) -> set[str]:
    if name == "list_collections":
        return {each.collection_id for each in scene.collections()}
    return {*scene.file_ids, *([scene.spare_id] if name == "list_files" else [])}


@without_collector()
def _list_to(place: Place, folder: Path, end: str, name: str, die: random.Random) -> Trial:
    """A list that ends as xAI's lists may: complete, and each item once, or an error."""
    before = held()
    empty = die.choice(("list", "null", "absent"))
    emulator = OddEmulator(pagination_end=end, files_pagination_end=end, empty_arrays=empty)
    with place.playing(emulator), place.ways() as wires:
        listed = _listed(Scene.set_in(emulator, folder), wires, name)
    # All pages are full, so a token seen before leaves open whether there are more.
    expected = "XAIIncompleteListError" if end == "repeat" else "complete"
    wrong = [] if listed.ended == expected else [f"it found {listed.found}, and there are {listed.wanted}"]
    wrong += [*shown_keys(listed.said, listed.error), *still_held(before)]
    return Trial(f"last page: token {end}", f"{name}, empty arrays: {empty}", listed.ended, tuple(wrong))


@without_collector()
def _list_in_a_circle(place: Place, folder: Path, name: str, die: random.Random) -> Trial:
    """A service that does not heed tokens, and gives the same ones again: there is no end but ours."""
    before = held()
    circle = tuple(f"token {number}" for number in range(die.randint(1, 4)))
    emulator = OddEmulator()
    with place.playing(emulator), place.ways() as wires:
        scene = Scene.set_in(emulator, folder)
        wanted = _ids_of(scene, name)
        emulator.reset_log()
        emulator.circle = circle
        listed = _listed(scene, wires, name, wanted)
        requests = len(emulator.log)
    wrong = [*shown_keys(listed.said, listed.error), *still_held(before)]
    # Each page is the first one, and the second shows it.
    if requests != 2:
        wrong.append(f"it made {requests} requests, and the second page has nothing new")
    if not isinstance(listed.error, XAIIncompleteListError):
        wrong.append(f"it found {listed.found}, of {listed.wanted}, and {listed.error!r}")
    return Trial("repeated page token", f"{name}, {len(circle)} tokens in a circle", listed.ended, tuple(wrong))


@dataclass(frozen=True, slots=True)
class Listed:
    """What a list came to.

    :param found: the ids, in the order in which they came.
    :param wanted: those that are there.
    """

    found: Sequence[str]
    wanted: Sequence[str]
    error: Exception | None
    said: str

    @property
    def ended(self) -> str:
        if self.error is not None:
            return type(self.error).__name__
        if sorted(self.found) == sorted(self.wanted):
            return "complete"
        return "with a part of it" if set(self.found) < set(self.wanted) else "with something else"


def _listed(scene: Scene, wires: Mapping[Host, Wire], name: str, wanted: Iterable[str] | None = None) -> Listed:
    """:param wanted: the ids that are there, if to ask for them now would be part of the trial."""
    there = sorted(_ids_of(scene, name) if wanted is None else wanted)
    found: Sequence[str] = ()
    failed: Exception | None = None
    with overhearing() as heard, connected(wires) as conn_id, HurriedHook(conn_id) as hook:
        try:
            found = LISTS[name](hook, scene)
        except Exception as error:
            failed = error
    return Listed(found, there, failed, heard.text)
