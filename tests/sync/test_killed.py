"""A run that is killed at any of its requests: the next one finishes it, and nothing was ever missing from searches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from airflow_provider_xai_collections.api.protocol import Request, Response
from airflow_provider_xai_collections.sync.options import SyncOptions
from tests.sync.test_equivalence import WAYS
from tests.sync.world import Killed, World

OPTIONS = SyncOptions(scope="s", overlap=1.0, poll_interval=10.0, concurrency=2, prune=True, max_prune=None)


def changed_world(seed: int = 0) -> World:
    """Some documents are in the collection, one has failed, and then the source has changed in every way."""
    world = World(seed)
    world.behave(fail_names=("bad*",))
    for name in ("kept", "touched", "changed", "removed", "bad", "moved"):
        world.folder.write(name)
    world.run(max_failed=None)
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


def assert_is_finished(world: World) -> None:
    """The collection holds each document of the source once, nothing else, and none was missing from searches."""
    assert {(uri, content) for uri, content, _ in world.held()} == set(world.folder.hashes.items())
    assert world.held().total() == len(world.folder.hashes), "something is twice"
    assert world.orphans == 0
    assert not world.hidden


@pytest.mark.parametrize("name", WAYS)
def test_the_next_run_finishes_what_was_killed(name: str, tmp_path: Path) -> None:
    way, undisturbed = WAYS[name], changed_world()
    way(undisturbed, OPTIONS, tmp_path / "whole", lambda: None)
    assert_is_finished(undisturbed)
    for at in range(1, undisturbed.asked + 1):
        world = changed_world(seed=at)
        world.kill_at = at
        with pytest.raises(Killed):
            way(world, OPTIONS, tmp_path / f"{at}", lambda: None)
        world.kill_at = None
        told = way(world, OPTIONS, tmp_path / f"{at} again", lambda: None)
        assert told.error == "", f"after request {at}"
        assert_is_finished(world)


def test_two_runs_side_by_side_double_and_lose_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """One goes from beginning to end in the middle of the other."""
    world = changed_world()
    exchange = world.exchange

    def exchange_and_run(request: Request[Any]) -> Response:
        if world.asked == 3:
            monkeypatch.setattr(world, "exchange", exchange)
            world.run()
        return exchange(request)

    monkeypatch.setattr(world, "exchange", exchange_and_run)
    for _ in range(2):
        world.run()
    assert_is_finished(world)
