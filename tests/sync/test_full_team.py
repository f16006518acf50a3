"""A team that has no room for more files: replacing goes in rounds, and everything else is done all the same."""

from __future__ import annotations

import pytest

from airflow_provider_xai_collections.sync import ways
from airflow_provider_xai_collections.sync.options import SyncOptions
from airflow_provider_xai_collections.sync.place import GIVE_UP_AFTER
from tests.sync.world import World

MANY = 3 * GIVE_UP_AFTER


def a_full_world(free: int) -> World:
    world = World()
    for number in range(MANY):
        world.folder.write(f"{number}")
    world.folder.write("7", "of a size of its own, so that it cannot be any other under a new name")
    world.run()
    world.behave(max_files=MANY + free)
    world.requests.clear()
    return world


def test_all_is_replaced_in_rounds_of_what_was_freed() -> None:
    world = a_full_world(free=20)
    for number in range(MANY):
        world.folder.write(f"{number}")
    world.watch()
    manifest, error = world.run()
    assert error == ""
    assert (manifest.replaced, manifest.outdated_removed, manifest.lost) == (MANY, MANY, 0)
    assert not world.hidden
    assert world.requests["upload_document"] < 2 * MANY, "only the first round meets refusals"


def test_with_no_room_at_all_the_refusal_comes_last() -> None:
    world = a_full_world(free=0)
    for number in range(MANY):
        world.folder.write(f"{number}")
    world.folder.remove("7")
    manifest, error = world.run()
    assert (manifest.replaced, manifest.removed) == (0, 1), "what is missing goes, and makes room for the next run"
    assert f"{GIVE_UP_AFTER} documents in a row failed" in error
    assert manifest.lost == MANY - 1


@pytest.mark.parametrize("tolerated", [0, None])
def test_new_documents_get_what_room_there_is(tolerated: float | None) -> None:
    world = a_full_world(free=10)
    for number in range(MANY):
        world.folder.write(f"new {number}")
    manifest, error = world.run(max_failed=tolerated)
    assert (manifest.added, manifest.kept, manifest.lost) == (10, MANY, MANY - 10)
    assert "in a row failed" in error, "a refusal is no failure of documents"
    world.behave()
    manifest, error = world.run()
    assert (manifest.added, error) == (MANY - 10, "")


def test_a_refusal_before_a_wait_elsewhere_is_the_error_after_it() -> None:
    world, options = a_full_world(free=0), SyncOptions(scope="s", max_failed=None)
    for number in range(MANY):
        world.folder.write(f"new {number}")
    first, later = world.engine(options), world.engine(options)
    before = first.begin(first.plan())
    first.place(wait=False)
    _, error = ways.conclude(later, later.plan(again=True), first.handover(before))
    assert "in a row failed" in str(error)
