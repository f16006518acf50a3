"""Removing outdated documents: one request each and one look for many, whatever the service answers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from airflow_provider_xai_collections.api.protocol import Request, Response
from airflow_provider_xai_collections.sync import ways
from airflow_provider_xai_collections.sync.options import SyncOptions
from tests.sync.world import World


@pytest.fixture
def world() -> World:
    """Sixty documents, of which half are missing from the source now."""
    world = World()
    for number in range(60):
        world.folder.write(f"{number}")
    world.run()
    for number in range(30):
        world.folder.remove(f"{number}")
    world.requests.clear()
    return world


def answered(world: World, endpoint: str, status: int, body: bytes = b'{"code": 9, "message": "no"}') -> None:
    """Let one endpoint answer so, and do nothing."""
    exchange = world.exchange

    def exchange_or_refuse(request: Request[Any]) -> Response:
        if request.endpoint.name == endpoint:
            world.requests[endpoint] += 1
            return Response(status, {}, body)
        return exchange(request)

    world.exchange = exchange_or_refuse  # type: ignore[method-assign]


def test_a_removal_is_one_request_and_one_look_is_for_many(world: World) -> None:
    manifest, error = world.run()
    assert (manifest.removed, manifest.kept, error) == (30, 30, "")
    assert world.requests == {"list_documents": 1, "delete_file": 30, "batch_get_documents": 1}
    assert (world.held().total(), world.orphans) == (30, 0)


def test_a_service_that_deletes_no_attached_file_is_heeded_from_then_on(world: World) -> None:
    world.behave(delete_attached_file="refuse")
    manifest, error = world.run(concurrency=1)
    assert (manifest.removed, error, world.held().total(), world.orphans) == (30, "", 30, 0)
    # Refused in all its tries, as a conflict may pass; then each goes after its document.
    assert world.requests["delete_file"] == 3 + 30


def test_a_document_that_stays_without_its_file_is_detached(world: World) -> None:
    answered(world, "delete_file", 200, b'{"id": "file_1", "deleted": true}')
    manifest, error = world.run()
    assert (manifest.removed, error, world.held().total()) == (30, "", 30)
    assert world.requests["remove_document"] == 30


def test_files_stay_if_they_are_to_stay(world: World) -> None:
    manifest, _ = world.run(delete_files=False)
    assert (manifest.removed, world.orphans, world.requests["delete_file"]) == (30, 30, 0)
    assert world.requests["remove_document"] == 30


def test_what_cannot_be_removed_is_an_error_and_is_tried_again_by_the_next_run(world: World) -> None:
    exchange = world.exchange
    answered(world, "delete_file", 403)
    manifest, error = world.run()
    assert (manifest.removed, manifest.errors, manifest.left) == (0, 30, 30)
    assert "could not be removed" in error
    world.exchange = exchange  # type: ignore[method-assign]
    assert world.run()[0].removed == 30


def test_what_the_source_has_again_by_then_stays(world: World) -> None:
    manifest, _ = world.run(meanwhile=lambda: world.folder.write("0", "of a size of its own"))
    assert (manifest.removed, manifest.left) == (29, 1)


@pytest.fixture
def edited() -> World:
    """One document, which has changed since it was uploaded."""
    world = World()
    world.folder.write("a")
    world.run()
    world.folder.write("a")
    return world


def timed(world: World, **options: Any) -> tuple[int, float]:
    """Return how many old versions a run removes, and the seconds that it takes."""
    began = world.clock.now
    return world.run(**options)[0].outdated_removed, world.clock.now - began


def test_old_versions_stay_for_the_overlap_after_the_new_ones_are_processed(edited: World) -> None:
    removed, seconds = timed(edited, overlap=100.0)
    assert removed == 1
    assert seconds > 100
    assert timed(edited, overlap=100.0)[1] < 1, "nothing was replaced"


def test_an_old_version_stays_as_long_if_an_earlier_try_has_placed_the_new_one(edited: World) -> None:
    edited.run(wait=False)
    removed, seconds = timed(edited, overlap=100.0)
    assert removed == 1
    assert seconds > 100


def test_without_an_overlap_they_go_at_once(edited: World) -> None:
    removed, seconds = timed(edited, overlap=0.0)
    assert removed == 1
    assert seconds < 10


def test_without_a_wait_old_versions_stay_until_a_run_finds_the_new_ones_processed(edited: World) -> None:
    manifest, error = edited.run(wait=False)
    assert (manifest.in_progress, manifest.outdated_removed, error) == (1, 0, "")
    edited.clock.now += 10
    assert edited.run(wait=False)[0].outdated_removed == 1


@pytest.mark.parametrize(("prunes", "removed"), [(False, 0), (True, 30)])
def test_a_run_that_was_not_to_prune_when_it_began_has_approved_nothing(
    world: World, prunes: bool, removed: int
) -> None:
    options = SyncOptions(scope="s", prune=prunes, max_prune=0.5)
    begun = world.engine(options)
    before = begun.begin(begun.plan())
    # The DAG was changed during the wait.
    later = world.engine(replace(options, prune=True, max_prune=0.25))
    manifest, error = ways.conclude(later, later.plan(again=True), before)
    assert manifest.removed == removed
    assert ("max_prune is 0.25" in str(error)) is not prunes
    assert prunes or str(error).endswith(". All else is done")


def test_documents_of_other_scopes_that_the_filter_shows_are_left_alone(world: World) -> None:
    exchange = world.exchange

    def unfiltered(request: Request[Any]) -> Response:
        return exchange(replace(request, query=tuple(each for each in request.query if each[0] != "filter")))

    world.exchange = unfiltered  # type: ignore[method-assign]
    manifest, error = world.run(scope="another")
    assert (manifest.added, manifest.removed, error, world.held().total()) == (30, 0, "", 90)
