"""All ways through the same worlds: in one task, deferred, in a group; and an ingestion where nothing is to replace."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_xai_collections.api.flows import wait_for_documents
from airflow_provider_xai_collections.api.polling import Poller, WaitRules
from airflow_provider_xai_collections.exceptions import XAIError
from airflow_provider_xai_collections.sync import place, ways
from airflow_provider_xai_collections.sync.manifest import Handover, SyncManifest
from airflow_provider_xai_collections.sync.options import SyncOptions
from airflow_provider_xai_collections.sync.report import ReportLine, merged
from airflow_provider_xai_collections.sync.shards import Shards
from tests.sync.world import ROOT, Killed, Runner, World

NAMES = ["a", "b", "c", "d", "e", "f"]
#: Bytes of JSON that may cross between processes.
MOST = 16_000

#: What happens to a file: the method of the folder, and what it takes.
Edit: TypeAlias = tuple[str, ...]


@dataclass(frozen=True)
class Drawn:
    """A world, and what happens in it.

    :param before: names that an earlier run has uploaded, and ``edits`` what became of them since.
    :param during: what becomes of the source while the run is at work.
    :param room: how many more files the team may have; ``None``: any number.
    :param kill: the number of the request at which the first process dies.
    """

    seed: int = 0
    before: Sequence[str] = ()
    edits: Sequence[Edit] = ()
    failing: Sequence[str] = ()
    unfit: Sequence[str] = ()
    unreadable: Sequence[str] = ()
    during: Sequence[Edit] = ()
    room: int | None = None
    kill: int | None = None
    options: dict[str, Any] = field(default_factory=dict)


@dataclass
class Ended:
    """The end of a run."""

    manifest: SyncManifest | None = None
    error: str = ""
    report: dict[str, tuple[Any, ...]] = field(default_factory=dict)


def some(most: int) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(NAMES), max_size=most, unique=True)


edit = st.one_of(
    st.tuples(st.sampled_from(["write", "touch", "remove"]), st.sampled_from(NAMES)),
    st.tuples(st.just("rename"), st.sampled_from(NAMES), st.sampled_from(["x", "y"])),
)

worlds = st.builds(
    Drawn,
    seed=st.integers(0, 9),
    before=some(6),
    edits=st.lists(edit, max_size=6),
    failing=some(1),
    unfit=some(1),
    unreadable=some(1),
    during=st.lists(edit, max_size=2),
    room=st.sampled_from([None, None, 0, 1, 4]),
    kill=st.sampled_from([None, None, None, *range(1, 60)]),
    options=st.fixed_dictionaries(
        {
            "prune": st.booleans(),
            "max_prune": st.sampled_from([None, 0.25]),
            "max_failed": st.sampled_from([0, None]),
            "delete_files": st.booleans(),
        }
    ),
)


def made(drawn: Drawn) -> World:
    world = World(drawn.seed)
    for name in drawn.before:
        world.folder.write(name)
    if drawn.before:
        world.run(**{**drawn.options, "max_failed": None, "prune": False, "concurrency": 3})
    for each in drawn.edits:
        change(world, each)
    world.folder.unfit, world.folder.unreadable = frozenset(drawn.unfit), frozenset(drawn.unreadable)
    free = {} if drawn.room is None else {"max_files": max(1, world.store.count_files() + drawn.room)}
    world.behave(fail_names=tuple(drawn.failing), **free)
    world.watch()
    world.asked = 0
    return world


def options_of(drawn: Drawn, **changes: Any) -> SyncOptions:
    usual = {"scope": "s", "overlap": 1.0, "poll_interval": 10.0, "concurrency": 3}
    return SyncOptions(**{**usual, **drawn.options, **changes})


def change(world: World, edit: Edit) -> None:
    kind, *names = edit
    getattr(world.folder, kind)(*names)


Way: TypeAlias = Callable[[World, SyncOptions, Path | None, Callable[[], None]], Ended]


def plain(world: World, options: SyncOptions, folder: Path | None, during: Callable[[], None]) -> Ended:
    engine = world.engine(options)
    plan = engine.plan()
    before = engine.begin(plan)
    engine.place(wait=True)
    during()
    return ended(*ways.conclude(engine, plan, before), map(ReportLine.of, engine.rows.values()))


def deferred(world: World, options: SyncOptions, folder: Path | None, during: Callable[[], None]) -> Ended:
    first = world.engine(options)
    before = first.begin(first.plan())
    first.place(wait=False)
    lines = list(map(ReportLine.of, first.rows.values()))
    handover = carried(first.handover(before))
    during()
    poller = Poller((row.file_id for row in first.in_progress), WaitRules(world.clock.now + 3600, 1.0))
    result = Runner(world).run(wait_for_documents(world.collection_id, poller)) if poller.pending else None
    engine = world.engine(options)
    plan = engine.plan(again=True)
    ways.go_on(engine, result.missing if result else ())
    told = ways.conclude(engine, plan, handover)
    return ended(*told, merged(lines, engine.rows.values()))


def group(world: World, options: SyncOptions, folder: Path | None, during: Callable[[], None]) -> Ended:
    assert folder is not None
    first = world.engine(options)
    plan = first.plan()
    before, parts = ways.share_out(first, plan, first.begin(plan), 2)
    shards = Shards(
        before=carried(before), began=0.0, folder=str(folder), count=len(parts), documents=sum(map(len, parts))
    )
    shards.write_rows(parts)
    for number in range(shards.count):
        part = world.engine(options)
        ways.place_part(part, shards.rows(number), again=False)
        empty = Handover(manifest=part.known(plan))
        shards.write_result(number, part.handover(empty), part.rows.values())
    during()
    last = world.engine(options)
    plan = last.plan(again=True)
    handover = ways.gather(last, plan, shards)
    told = ways.conclude(last, plan, handover)
    earlier = [line for number in range(shards.count) for line in shards.report(number)]
    return ended(*told, merged([*map(ReportLine.of, first.rows.values()), *earlier], last.rows.values()))


def carried(handover: Handover) -> Handover:
    """The handover, as it arrives in another process."""
    text = json.dumps(handover.dump())
    assert len(text) < MOST
    return Handover.parse(json.loads(text))


def ended(manifest: SyncManifest, error: XAIError | None, lines: Any) -> Ended:
    rows = {
        line.uri: (line.action, line.outcome, without_ids(line.reason), len(line.removed), line.bytes) for line in lines
    }
    return Ended(manifest, type(error).__name__ if error else "", rows)


WAYS: dict[str, Way] = {"plain": plain, "deferred": deferred, "group": group}


@dataclass
class Played:
    world: World
    first: Ended
    held: Any
    orphans: int


def play(drawn: Drawn, way: Way, folder: Path, **changes: Any) -> Played:
    world = made(drawn)
    over: list[bool] = []

    def during() -> None:
        if not over:
            over.append(True)
            for each in drawn.during:
                change(world, each)

    world.kill_at = drawn.kill
    options = options_of(drawn, **changes)
    try:
        first = way(world, options, folder, during)
    except Killed:
        first = Ended(error="killed")
    except XAIError as error:
        first = Ended(error=type(error).__name__)
    world.kill_at = None
    held, orphans = world.held(), world.orphans
    world.clock.now += 100
    during()
    return Played(world, first, held, orphans)


def settled(played: Played, drawn: Drawn, way: Way, folder: Path) -> Any:
    """Return what the collection holds after some undisturbed runs."""
    played.world.behave(fail_names=tuple(drawn.failing))
    for number in range(3):
        try:
            way(played.world, options_of(drawn, max_failed=None), folder / str(number), lambda: None)
        except XAIError:
            continue
    return played.world.held()


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few refusals in a row are enough to give up."""
    monkeypatch.setattr(place, "GIVE_UP_AFTER", 3)


@pytest.mark.usefixtures("soon")
class TestAllWays:
    @settings(max_examples=60)
    @given(worlds)
    def test_they_do_and_tell_the_same(self, tmp_path_factory: pytest.TempPathFactory, drawn: Drawn) -> None:
        drawn = replace(drawn, during=(), kill=None, room=None)
        played = {name: play(drawn, way, tmp_path_factory.mktemp(name)) for name, way in WAYS.items()}
        one = played.pop("plain")
        for name, other in played.items():
            assert_alike(other, one, name)
            assert other.orphans == one.orphans, name
            assert not other.world.hidden, name
        assert not one.world.hidden

    @settings(max_examples=60)
    @given(worlds)
    def test_killed_and_disturbed_they_come_to_the_same(
        self, tmp_path_factory: pytest.TempPathFactory, drawn: Drawn
    ) -> None:
        options = {**drawn.options, "prune": True, "max_prune": None}
        drawn = replace(drawn, room=None, options=options)
        held = {}
        for name, way in WAYS.items():
            folder = tmp_path_factory.mktemp(name)
            played = play(drawn, way, folder)
            held[name] = settled(played, drawn, way, folder)
            assert not played.world.hidden, name
            # While a new version fails, the old one stays beside it.
            others = (*drawn.unfit, *drawn.unreadable, *drawn.failing)
            readable = played.world.folder.hashes.keys() - {ROOT + each for each in others}
            wanted = {uri: played.world.folder.hashes[uri] for uri in readable}
            there = [(uri, content) for uri, content, _ in held[name].elements() if uri in readable]
            assert sorted(there) == sorted(wanted.items()), name
        assert held["deferred"] == held["plain"]
        assert held["group"] == held["plain"]

    @settings(max_examples=40)
    @given(worlds, st.sampled_from([0, 1, 2, 4]))
    def test_on_a_full_team_replacing_makes_room(
        self, tmp_path_factory: pytest.TempPathFactory, drawn: Drawn, room: int
    ) -> None:
        options = {**drawn.options, "delete_files": True, "max_failed": None}
        drawn = replace(drawn, during=(), kill=None, room=room, unfit=(), unreadable=(), options=options)
        sizes = {}
        for name in ("plain", "deferred"):
            played = play(drawn, WAYS[name], tmp_path_factory.mktemp(name))
            sizes[name] = (played.held.total(), played.first.error)
            assert not played.world.hidden, name
        assert sizes["deferred"] == sizes["plain"]

    @settings(max_examples=40)
    @given(worlds)
    def test_an_ingestion_is_a_sync_that_has_nothing_to_replace(
        self, tmp_path_factory: pytest.TempPathFactory, drawn: Drawn
    ) -> None:
        new = [each for each in drawn.edits if each[0] == "write" and each[1] not in drawn.before]
        edits = [*new, *(each for each in drawn.edits if each[0] == "touch")]
        options = {**drawn.options, "prune": False, "delete_files": True}
        drawn = replace(drawn, edits=edits, during=(), kill=None, room=None, options=options)
        folder = tmp_path_factory.mktemp("run")
        one = play(drawn, plain, folder)
        for name, way in (("plain", plain), ("deferred", deferred)):
            other = play(drawn, way, folder, replace=False)
            assert_alike(other, one, name)


def assert_alike(other: Played, one: Played, name: str) -> None:
    """Two runs hold and tell the same."""
    assert other.held == one.held, name
    assert other.first.error == one.first.error, name
    assert comparable(other.first.manifest) == comparable(one.first.manifest), name
    assert other.first.report == one.first.report, name


def without_ids(text: str) -> str:
    return re.sub(r"file_[0-9a-f-]+", "file_…", text)


def comparable(manifest: SyncManifest | None) -> Any:
    if manifest is None:
        return None
    problems = sorted((each.name, each.outcome, without_ids(each.reason)) for each in manifest.problems)
    return manifest.model_copy(update={"collection_id": "", "file_ids": (), "problems": ()}), problems
