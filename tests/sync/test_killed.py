"""A run that is killed at any of its requests: the next one finishes it, and nothing was ever missing from searches."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from airflow_provider_xai_collections.exceptions import XAIError
from airflow_provider_xai_collections.sync import ways
from airflow_provider_xai_collections.sync.options import SyncOptions
from airflow_provider_xai_collections.sync.shards import Shards
from tests.sync.test_equivalence import WAYS, Way, plain
from tests.sync.world import Killed, World

OPTIONS = SyncOptions(scope="s", overlap=1.0, poll_interval=10.0, concurrency=2, prune=True, max_prune=None)


def changed_world(seed: int = 0) -> World:
    """Some documents are in the collection, one has failed, and then the source has changed in every way."""
    world = World(seed)
    world.behave(fail_names=("bad*",))
    for name in ("kept", "touched", "changed", "removed", "bad", "moved"):
        world.folder.write(name)
    plain(world, SyncOptions(scope="s", overlap=1.0, poll_interval=10.0, max_failed=None), None, lambda: None)
    world.behave()
    world.clock.now += 10
    world.folder.write("changed")
    world.folder.touch("touched")
    world.folder.remove("removed")
    world.folder.rename("moved", "elsewhere")
    world.folder.write("new")
    world.asked = 0
    world.requests.clear()
    world.watch()
    return world


def requests_of(way: Way, folder: Path) -> int:
    world = changed_world()
    way(world, OPTIONS, folder, lambda: None)
    assert world.held().total() == len(world.folder.hashes)
    return world.asked


@pytest.mark.parametrize("name", WAYS)
def test_the_next_run_finishes_what_was_killed(name: str, tmp_path: Path) -> None:
    way = WAYS[name]
    for at in range(1, requests_of(way, tmp_path / "whole") + 1):
        world = changed_world(seed=at)
        world.kill_at = at
        with pytest.raises(Killed):
            way(world, OPTIONS, tmp_path / f"{at}", lambda: None)
        world.kill_at = None
        told = way(world, OPTIONS, tmp_path / f"{at} again", lambda: None)
        assert told.error == "", at
        assert {(uri, content) for uri, content, _ in world.held()} == set(world.folder.hashes.items()), at
        assert world.held().total() == len(world.folder.hashes), f"something is twice after {at}"
        assert world.orphans == 0, at
        assert not world.hidden, at


@pytest.mark.parametrize("victim", [0, 1])
def test_a_part_of_a_group_that_dies_is_counted_and_the_others_are_finished(victim: int, tmp_path: Path) -> None:
    world = changed_world()
    first = world.engine(OPTIONS)
    plan = first.plan()
    before = first.begin(plan)
    work = [row for row in plan.rows if row.action.uploads]
    shards = Shards(before=before, folder=str(tmp_path), count=2)
    parts = [work[0::2], work[1::2]]
    shards.write_rows(parts)
    for number in range(2):
        part = world.engine(OPTIONS)
        world.kill_at = world.asked + 1 if number == victim else None
        kill_or_not = pytest.raises(Killed) if number == victim else _nothing()
        with kill_or_not:
            ways.place_part(part, shards.rows(number), again=False)
            shards.write_result(number, part.handover(ways.part_of(shards, 2)), part.rows.values())
    world.kill_at = None
    last = world.engine(OPTIONS)
    plan = last.plan(again=True)
    manifest, error = ways.conclude(last, plan, ways.gather(last, plan, shards))
    assert manifest.untried + manifest.failed == len(parts[victim])
    assert isinstance(error, XAIError)
    assert "has died" in str(error)
    assert not world.hidden
    told = plain(world, OPTIONS, None, lambda: None)
    assert told.error == ""
    assert {(uri, content) for uri, content, _ in world.held()} == set(world.folder.hashes.items())


class _nothing:  # noqa: N801  # stands where a context manager would
    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


def interleaved(world: World, one: Callable[[], object], another: Callable[[], object]) -> None:
    """Let another run go from beginning to end in the middle of one."""
    exchange, asked = world.exchange, 0

    def exchange_and_run(request):  # type: ignore[no-untyped-def]
        nonlocal asked
        asked += 1
        if asked == 4:
            another()
        return exchange(request)

    world.exchange = exchange_and_run  # type: ignore[method-assign]
    one()


def test_two_runs_side_by_side_double_and_lose_nothing() -> None:
    world = changed_world()

    def run() -> None:
        plain(world, OPTIONS, None, lambda: None)

    interleaved(world, run, run)
    run()
    assert {(uri, content) for uri, content, _ in world.held()} == set(world.folder.hashes.items())
    assert world.held().total() == len(world.folder.hashes)
    assert not world.hidden
