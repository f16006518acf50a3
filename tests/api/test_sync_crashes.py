"""Syncs that are cut off at any request, or run side by side: what they leave, and what the next one makes of it.

At every moment the world checks that a search finds all that it has found, of what the source still has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_xai_collections.api.identity import CONTENT_HASH, SCOPE, SOURCE_URI, VERSION_KEY
from airflow_provider_xai_collections.api.polling import WaitEnd
from airflow_provider_xai_collections.api.sync_plan import SyncAction
from airflow_provider_xai_collections.api.sync_work import SyncOutcome
from airflow_provider_xai_collections.api.upload_method import UploadMethod
from tests.api.syncing_run import SCOPE_OF_RUNS, Run, Wishes
from tests.api.syncing_source import ROOT
from tests.api.syncing_world import Faults, World

NAMES = ["a.txt", "b.txt", "c.txt", "d.txt", "bad.txt"]


def add_strangers(world: World) -> dict[str, dict[str, str]]:
    """Documents that are no matter of the syncs: of nobody, of another scope, and in the scope but from elsewhere."""
    caller, strange = world.caller, {CONTENT_HASH: "aa", VERSION_KEY: "k1"}
    for fields in (
        {"year": "2024"},
        {**strange, SCOPE: "file:///docs2", SOURCE_URI: ROOT + "a.txt"},
        {**strange, SCOPE: SCOPE_OF_RUNS, SOURCE_URI: "file:///elsewhere/a.txt", VERSION_KEY: "k2"},
    ):
        caller.attach(world.collection_id, caller.file("strange.txt"), **fields)
    return world.others()


def add_double(world: World, name: str) -> None:
    """A second document of a version, such as a service might take that does not heed what is unique."""
    fields = dict(world.ours()[ROOT + name][0].fields)
    del fields[VERSION_KEY]
    world.caller.attach(world.collection_id, world.caller.file(name, world.source.content(name)), **fields)


def a_world(wishes: Wishes, seed: int = 0, **other: Any) -> World:
    """Some documents are in the collection, one has failed, one is there twice, and then the source has changed."""
    world = World(seed, **other, fail_names=("bad*",))
    for name in NAMES:
        world.source.write(name)
    world.run(wishes)
    world.settle(**other)
    add_double(world, "c.txt")
    world.clock.now += 10
    world.source.write("a.txt")
    world.source.remove("b.txt")
    world.source.write("e.txt")
    world.source.touch("d.txt")
    return world


def check_recovery(world: World, wishes: Wishes) -> None:
    run = world.run(wishes)
    if failed := [done for done in run.told if done.outcome is SyncOutcome.FAILED]:
        # They were in progress when the sync was cut off, and bound to fail.
        assert {done.step.action for done in failed} == {SyncAction.AWAIT}
        run = world.run(wishes)
    assert run.failed is None
    assert run.end is WaitEnd.SETTLED
    world.check_equal(wishes)
    again = world.run(wishes)
    assert again.plan is not None
    assert again.plan.to_do == 0
    assert set(again.plan.counts) <= {SyncAction.KEEP}
    # A service that sends a token with the last page is asked for one more.
    pages = 1 if world.settings.pagination_end in ("absent", "empty") else 2
    assert again.requests == {"list_documents": pages}


# At every request of one sync


@pytest.mark.parametrize("done", [False, True], ids=["not sent", "answer lost"])
@pytest.mark.parametrize(
    "wishes",
    [Wishes(), Wishes(method=UploadMethod.DIRECT), Wishes(delete_files=False, concurrency=1), Wishes(wait=False)],
    ids=["files", "direct", "one by one", "unwatched"],
)
def test_wherever_a_sync_is_cut_off_the_next_one_goes_on(wishes: Wishes, done: bool) -> None:
    end = replace(wishes, wait=True)
    requests = 0
    while True:
        world = a_world(end)
        strangers = add_strangers(world)
        run = world.run(wishes, crash_at=(requests, done))
        check_recovery(world, end)
        assert world.others() == strangers
        if run.requests.total() <= requests:
            break
        requests += 1
    assert requests > 8  # all were cut off but the last


def test_a_sync_that_is_left_alone_leaves_no_file_and_asks_no_more_than_it_must() -> None:
    world = a_world(Wishes())
    run = world.run(Wishes())
    world.check_equal()
    assert len(world.files()) == len(world.records())
    assert run.plan is not None
    assert str(run.plan) == "1 to add, 1 to replace, 1 to repair, 2 to keep, 1 to remove"
    del run.requests["batch_get_documents"]
    assert run.requests.total() == 1 + run.plan.requests(each_upload=2, each_removal=2)
    assert {done.step.uri: done.outcome for done in run.told} == {
        **dict.fromkeys(world.source.hashes, SyncOutcome.PROCESSED),
        ROOT + "b.txt": SyncOutcome.REMOVED,
    }


# Any source, any service, any trouble

EDITS = st.lists(
    st.tuples(st.sampled_from(["write", "write", "touch", "remove"]), st.sampled_from([*NAMES, "e.txt", "f.txt"])),
    max_size=8,
)
SERVICES: Any = st.fixed_dictionaries(
    {
        "indexing": st.sampled_from(["instant", "seconds:4", "reads:2"]),
        "delete_attached_file": st.sampled_from(["detach", "refuse"]),
        "attach_twice": st.sampled_from(["conflict", "ok"]),
        "unique_violation_status": st.sampled_from([400, 409, 422]),
        "batch_get_unknown": st.sampled_from(["omit", "error"]),
        "direct_upload_answer": st.sampled_from(["document", "empty"]),
        "pagination_end": st.sampled_from(["absent", "empty", "always", "repeat"]),
    }
)
SHARES = st.sampled_from([0.0, 0.0, 0.05, 0.2])
FAULTS = st.builds(Faults, refused=SHARES, unreachable=SHARES, lost=SHARES)
CRASHES = st.none() | st.tuples(st.integers(0, 40), st.booleans())
WISHES = st.builds(
    Wishes,
    concurrency=st.integers(1, 4),
    method=st.sampled_from(UploadMethod),
    delete_files=st.booleans(),
    prune=st.just(True),
)


def change(world: World, edits: Sequence[tuple[str, str]], *, slyly: bool = False) -> None:
    for what, name in edits:
        if what == "write":
            world.source.write(name, slyly=slyly)
        elif what == "remove":
            world.source.remove(name)
        elif name in world.source.names:
            world.source.touch(name)


@settings(max_examples=60)
@given(
    seed=st.integers(0, 2**32),
    service=SERVICES,
    wishes=WISHES,
    faults=FAULTS,
    rounds=st.lists(st.tuples(EDITS, CRASHES, st.booleans()), min_size=1, max_size=4),
    verify=st.booleans(),
)
def test_after_any_trouble_one_sync_makes_the_collection_equal_to_the_source(
    seed: int, service: Any, wishes: Wishes, faults: Faults, rounds: list[Any], verify: bool
) -> None:
    world = World(seed, **service)
    strangers = add_strangers(world)
    world.faults = faults
    for edits, crash_at, failing in rounds:
        change(world, edits, slyly=verify)
        world.settle(**service, fail_names=("bad*", "a*") if failing else ())
        world.run(replace(wishes, verify=verify), crash_at=crash_at)
    world.faults = Faults()
    world.settle(**service)
    check_recovery(world, replace(wishes, verify=verify))
    assert world.others() == strangers


@settings(max_examples=30)
@given(
    seed=st.integers(0, 2**32),
    rounds=st.lists(
        st.tuples(st.sampled_from([{}, {"year": "1"}, {"year": "2"}]), st.booleans(), EDITS, CRASHES),
        min_size=1,
        max_size=4,
    ),
    fields=st.sampled_from([{}, {"year": "1"}]),
)
def test_metadata_may_change_with_every_sync(seed: int, rounds: list[Any], fields: dict[str, str]) -> None:
    world = World(seed)
    for theirs, update, edits, crash_at in rounds:
        change(world, [("write", "a.txt"), *edits][bool(world.source.names) :])
        world.run(Wishes(fields=theirs, update_fields=update), crash_at=crash_at)
    check_recovery(world, Wishes(fields=fields, update_fields=True))


@settings(max_examples=60)
@given(
    seed=st.integers(0, 2**32),
    service=SERVICES,
    wishes=st.lists(WISHES, min_size=2, max_size=3),
    before=EDITS,
    after=EDITS,
    crashes=st.lists(CRASHES, min_size=3, max_size=3),
    faults=FAULTS,
    meanwhile=st.lists(st.tuples(st.integers(1, 300), EDITS), max_size=3),
)
def test_rivals_in_one_scope_harm_nothing(
    seed: int,
    service: Any,
    wishes: list[Wishes],
    before: Any,
    after: Any,
    crashes: Any,
    faults: Faults,
    meanwhile: Any,
) -> None:
    world = World(seed, **service, fail_names=("bad*",))
    strangers = add_strangers(world)
    change(world, [("write", name) for name in NAMES] + before)
    world.run(wishes[0])
    world.settle(**service)
    change(world, after)
    world.faults = faults
    steps = 0
    # What a sync has found gone, and is about to remove, must not come back under its hands.
    gone = {uri.removeprefix(ROOT) for uri in world.ours()} - set(world.source.names)

    def between() -> None:
        nonlocal steps
        steps += 1
        for edit in (edit for when, edits in meanwhile if when == steps for edit in edits if edit[1] not in gone):
            change(world, [edit])
            gone.update({edit[1]} if edit[0] == "remove" else ())

    world.play([Run(world, each, crash) for each, crash in zip(wishes, crashes, strict=False)], between)
    world.faults = Faults()
    for uri, records in world.ours().items():
        versions = [record.fields[VERSION_KEY] for record in records]
        assert len(versions) == len(set(versions)), f"{uri} is there twice in one version"
    check_recovery(world, wishes[0])
    assert world.others() == strangers
