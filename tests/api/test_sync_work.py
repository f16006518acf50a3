"""The order of a sync's work: what goes side by side, what comes before what, and when waiting is over."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_xai_collections.api.uploading import Placed
from airflow_provider_xai_collections.api.polling import WaitEnd
from airflow_provider_xai_collections.api.sync_flows import Brought
from airflow_provider_xai_collections.api.sync_work import BYTES_AT_ONCE, Done, SyncOutcome
from airflow_provider_xai_collections.exceptions import XAISourceError
from tests.api.sync_desk import BUSY, REFUSED, Desk, a_step, adding

# Side by side


def test_nothing_to_do_is_over_at_once() -> None:
    desk = Desk([])
    assert desk.take() == []
    assert desk.over
    assert desk.work.end is WaitEnd.SETTLED


def test_as_many_documents_as_allowed_and_one_look_on_top() -> None:
    desk = Desk(adding("a", "b", "c", "d"))
    assert desk.take() == ["bring a", "bring b"]
    assert desk.bring("a") == ["bring c", "look a"]
    assert desk.bring("b") == ["bring d"]
    assert desk.bring("c") == []
    assert desk.look() == ["look b c"]
    assert desk.bring("d") == []
    assert desk.look() == ["look d"]
    assert desk.look() == []
    assert desk.over
    assert desk.outcomes == dict.fromkeys("abcd", "processed")


def test_what_needs_no_request_is_told_at_once() -> None:
    desk = Desk(
        [
            a_step("keep", "a"),
            a_step("skip", "b", reason="it is empty"),
            a_step("unread", "c", reason="permission denied"),
        ]
    )
    assert desk.take() == []
    assert desk.over
    assert [(done.outcome, done.file_id, done.reason) for done in desk.told] == [
        (SyncOutcome.PROCESSED, "a-", ""),
        (SyncOutcome.SKIPPED, "", "it is empty"),
        (SyncOutcome.ERROR, "", "permission denied"),
    ]
    assert isinstance(desk.told[2].error, XAISourceError)


def test_a_document_is_told_with_all_that_is_known_of_it() -> None:
    (step,) = steps = adding("a")
    desk = Desk(steps)
    desk.take()
    desk.bring("a", seconds=2.0)
    desk.look(a="CHUNKED", seconds=5.0)
    desk.look(seconds=5.0)
    placed = Placed("a", added=True)
    assert desk.told == [Done(step, SyncOutcome.PROCESSED, "a", placed, seconds=12.0)]


def test_what_made_room_is_told_with_what_took_its_place() -> None:
    (step,) = steps = [a_step("repair", "a", "old")]
    desk = Desk(steps)
    assert desk.take() == ["bring a"]
    desk.open.clear()
    placed = Placed("a", added=True)
    desk.work.happened(Brought(step, 1002.0, 2.0, placed, file_ids=("a-broken",), files_kept=1))
    desk.take()
    assert desk.look() == ["clear a"]
    desk.clear("a")
    (done,) = desk.told
    assert (done.removed, done.files_kept) == (("a-broken", "old"), 1)


def test_documents_that_fit_go_together_and_a_large_one_alone() -> None:
    half = BYTES_AT_ONCE // 2
    sizes = {"a": half, "b": half, "c": 1, "d": BYTES_AT_ONCE + 1, "e": 1}
    desk = Desk([a_step("add", name, size=size) for name, size in sizes.items()], concurrency=9, wait=None)
    assert desk.take() == ["bring a", "bring b"]
    assert desk.bring("a") == ["bring c"]
    assert desk.bring("c") == []
    assert desk.bring("b") == ["bring d"]
    assert desk.bring("d") == ["bring e"]
    assert desk.bring("e") == []
    assert desk.over


def test_what_needs_no_bytes_waits_for_no_room() -> None:
    steps = [a_step("add", "a", size=BYTES_AT_ONCE), a_step("keep", "b", "old", size=9), a_step("await", "c", size=9)]
    desk = Desk(steps, concurrency=9)
    assert desk.take() == ["bring a", "clear b", "look c-"]


# Old versions


def test_an_old_version_goes_only_once_the_new_one_is_processed_and_before_anything_new_begins() -> None:
    desk = Desk([a_step("replace", "a", "old"), *adding("b", "c", "d")])
    assert desk.take() == ["bring a", "bring b"]
    assert desk.bring("a") == ["bring c", "look a"]
    assert desk.look(a="WRITING") == ["look a"]
    assert desk.look() == []  # there is no room
    assert desk.bring("b") == ["clear a", "look b"]
    assert desk.outcomes == {}
    assert desk.clear("a") == ["bring d"]
    assert [(done.step.name, done.removed) for done in desk.told] == [("a", ("old",))]


@pytest.mark.parametrize("word", ["FAILED", "GONE"])
def test_an_old_version_stays_if_the_new_one_fails_or_vanishes(word: str) -> None:
    desk = Desk([a_step("replace", "a", "old")], wait={"grace": 0.0})
    desk.take()
    desk.bring("a")
    assert desk.look(a=word) == []
    assert desk.over
    assert desk.told[0].removed == ()


def test_an_old_version_stays_if_the_new_one_cannot_be_brought_in() -> None:
    desk = Desk([a_step("replace", "a", "old")])
    desk.take()
    assert desk.bring("a", BUSY) == []
    assert desk.over
    assert (desk.told[0].outcome, desk.told[0].reason, desk.told[0].error) == (SyncOutcome.ERROR, "busy", BUSY)


def test_what_is_kept_or_awaited_clears_up_as_well() -> None:
    desk = Desk([a_step("keep", "a", "x", "y"), a_step("await", "b", "z")])
    assert desk.take() == ["clear a", "look b-"]
    assert desk.look() == ["clear b"]
    assert desk.clear("b") == []
    assert desk.clear("a") == []
    assert {done.step.name: done.removed for done in desk.told} == {"a": ("x", "y"), "b": ("z",)}


def test_an_old_version_that_cannot_be_removed_is_an_error_of_its_document() -> None:
    desk = Desk([a_step("keep", "a", "x")])
    desk.take()
    desk.clear("a", BUSY)
    (done,) = desk.told
    assert (done.outcome, done.file_id, done.error) == (SyncOutcome.ERROR, "a-", BUSY)
    assert done.reason == "an old version could not be removed: busy"


def test_a_document_that_turns_out_to_hold_the_version_itself_is_never_removed() -> None:
    desk = Desk([a_step("replace", "a", "x", "y")])
    desk.take()
    desk.bring("a", file_id="x")
    assert desk.look() == ["clear a"]
    desk.clear("a")
    assert desk.told[0].removed == ("y",)


# Pruning


def test_what_is_gone_goes_last_and_side_by_side() -> None:
    desk = Desk([*(a_step("remove", name, name) for name in "xyz"), *adding("a")])
    assert desk.take() == ["bring a"]
    assert desk.bring("a") == ["look a"]
    assert desk.look() == ["clear x", "clear y"]
    assert desk.clear("x") == ["clear z"]
    desk.clear("y")
    assert desk.clear("z", BUSY) == []
    assert desk.over
    assert desk.outcomes == {"a": "processed", "x": "removed", "y": "removed", "z": "error"}
    assert desk.told[1].seconds == 1.0
    assert desk.told[3].reason == "it could not be removed: busy"


def test_pruning_does_not_mind_documents_that_failed() -> None:
    desk = Desk([*adding("a", "b"), a_step("remove", "x", "x")])
    desk.take()
    desk.bring("a", BUSY)
    desk.bring("b")
    assert desk.look(b="FAILED") == ["clear x"]


@pytest.mark.parametrize("end", [{"seconds": 101.0}, {"error": REFUSED}])
def test_nothing_is_pruned_after_a_wait_that_ended_badly(end: Any) -> None:
    desk = Desk([*adding("a"), a_step("remove", "x", "x")])
    desk.take()
    desk.bring("a")
    assert desk.look(**end, a="WRITING") == []
    assert desk.over
    assert desk.outcomes == {"a": "in_progress", "x": "untried"}


def test_pruning_ends_at_an_error_that_ends_all() -> None:
    desk = Desk([a_step("remove", name, name) for name in "xyz"], concurrency=1)
    assert desk.take() == ["clear x"]
    assert desk.clear("x", REFUSED) == []
    assert desk.over
    assert desk.outcomes == {"x": "error", "y": "untried", "z": "untried"}
    assert desk.work.fatal is REFUSED


# Waiting


def test_without_waiting_what_is_placed_is_done_and_old_versions_stay() -> None:
    desk = Desk([a_step("replace", "a", "old"), a_step("await", "b", "old"), a_step("keep", "c", "old")], wait=None)
    assert desk.take() == ["bring a", "clear c"]
    desk.bring("a")
    desk.clear("c")
    assert desk.over
    assert desk.outcomes == {"a": "in_progress", "b": "in_progress", "c": "processed"}
    assert [done.step.name for done in desk.told if done.removed] == ["c"]


def test_patience_begins_with_the_last_document_that_is_placed() -> None:
    desk = Desk(adding("a", "b", "c"), wait={"stall_after": 60.0})
    desk.take()
    desk.bring("a")
    desk.look(a="CHUNKED", seconds=5000.0)
    desk.bring("b", seconds=5000.0)
    desk.look(a="CHUNKED", b="CHUNKED", seconds=5000.0)
    assert not desk.over
    desk.bring("c")
    desk.look(a="CHUNKED", b="CHUNKED", c="CHUNKED", seconds=30.0)
    assert desk.look(a="WRITING", b="CHUNKED", c="CHUNKED", seconds=30.0) == ["look a b c"]
    assert desk.open["look a b c"]["deadline"] == desk.now - 60.0 + 100.0
    desk.look(a="WRITING", b="CHUNKED", c="CHUNKED", seconds=39.0)
    desk.look(a="WRITING", b="CHUNKED", seconds=1.0)
    assert desk.over
    assert desk.work.end is WaitEnd.TIMED_OUT
    assert desk.outcomes == {"a": "in_progress", "b": "in_progress", "c": "processed"}


def test_looks_slow_down_only_when_all_is_placed() -> None:
    desk = Desk(adding("a", "b"), timeout=5000.0)
    desk.take()
    desk.bring("a")
    first = desk.open["look a"]["pause"]
    for _ in range(5):
        desk.look(a="WRITING", seconds=1.0)
    assert desk.open["look a"]["pause"] == first
    desk.bring("b")
    for _ in range(5):
        desk.look(a="WRITING", b="WRITING", seconds=1.0)
    assert desk.open["look a b"]["pause"].seconds > first.seconds


def test_patience_begins_at_once_if_nothing_is_to_be_placed() -> None:
    desk = Desk([a_step("await", "a"), a_step("keep", "b", "old")])
    assert desk.take() == ["clear b", "look a-"]
    assert desk.open["look a-"]["deadline"] == 1100.0


def test_documents_that_do_not_move_are_a_stall() -> None:
    desk = Desk(adding("a", "b"), wait={"stall_after": 60.0})
    desk.take()
    desk.bring("a")
    desk.bring("b")
    desk.look(a="CHUNKED", b="CHUNKED", seconds=1.0)
    desk.look(a="CHUNKED", seconds=1.0)
    assert desk.look(a="CHUNKED", seconds=59.0) == ["look a"]
    assert desk.look(a="CHUNKED", seconds=1.0) == []
    assert desk.over
    assert desk.work.end is WaitEnd.STALLED
    assert desk.outcomes == {"a": "in_progress", "b": "processed"}


def test_what_is_processed_when_time_is_up_is_cleared_up_all_the_same() -> None:
    desk = Desk([a_step("replace", "a", "old"), *adding("b")])
    desk.take()
    desk.bring("a")
    desk.bring("b")
    desk.look(a="WRITING", seconds=1.0)
    assert desk.look(b="WRITING", seconds=101.0) == ["clear a"]
    assert desk.outcomes == {"b": "in_progress"}
    desk.clear("a")
    assert desk.over
    assert (desk.work.end, desk.told[1].removed) == (WaitEnd.TIMED_OUT, ("old",))


def test_a_document_that_is_gone_is_missing_after_a_while() -> None:
    desk = Desk([a_step("await", "a"), *adding("b")])
    desk.take()
    desk.bring("b")
    desk.look(a="GONE", b="GONE", seconds=1.0)
    assert desk.look(a="GONE", b="WRITING", seconds=59.0) != []
    assert desk.outcomes == {}
    desk.look(a="GONE", seconds=1.0)
    assert desk.over
    assert desk.outcomes == {"a": "error", "b": "processed"}
    assert desk.told[1].reason == "the document a- is no longer in the collection"


# Only clearing up


def test_without_uploads_only_what_is_superfluous_goes() -> None:
    steps = [
        a_step("keep", "a", "old"),
        a_step("repair", "b", "old", reason="no text"),
        a_step("await", "c", "old"),
        a_step("add", "d"),
        a_step("replace", "e", "old"),
        a_step("remove", "x", "x"),
    ]
    desk = Desk(steps, uploads=False, wait=None)
    assert desk.take() == ["clear a"]
    assert desk.clear("a") == ["clear x"]
    desk.clear("x")
    assert desk.over
    assert desk.outcomes == {
        "a": "processed",
        "b": "failed",
        "c": "in_progress",
        "d": "untried",
        "e": "untried",
        "x": "removed",
    }
    (failed,) = (done for done in desk.told if done.step.name == "b")
    assert (failed.file_id, failed.reason) == ("b-broken", "no text")
