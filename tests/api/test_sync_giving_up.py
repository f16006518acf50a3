"""When a sync gives up, and what it tells whatever happens."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_xai_collections.api.sync_plan import SyncAction
from airflow_provider_xai_collections.api.sync_work import BYTES_AT_ONCE, GIVE_UP_AFTER, SyncOutcome
from airflow_provider_xai_collections.exceptions import (
    XAIArgumentError,
    XAICredentialError,
    XAICreditsError,
    XAIError,
    XAIInvalidRequestError,
    XAIServerError,
    XAISourceError,
)
from tests.api.sync_desk import BUSY, REFUSED, Desk, a_step, adding


def test_a_look_may_fail_a_few_times_in_a_row() -> None:
    desk = Desk([*adding("a"), a_step("remove", "x", "x")])
    desk.take()
    desk.bring("a")
    for _ in range(2):
        for _ in range(5):
            assert desk.look(error=BUSY, seconds=1.0) == ["look a"]
        assert desk.look(a="WRITING", seconds=1.0) == ["look a"]
    for _ in range(5):
        desk.look(error=BUSY, seconds=1.0)
    assert desk.look(error=BUSY, seconds=1.0) == []
    assert desk.over
    assert desk.work.fatal is BUSY
    assert desk.outcomes == {"a": "in_progress", "x": "untried"}


@pytest.mark.parametrize("error", [REFUSED, XAICredentialError("no key"), XAICreditsError("none left", status=429)])
def test_a_refused_key_or_a_team_without_credits_ends_all_at_once(error: XAIError) -> None:
    steps = [*adding("a", "b"), a_step("replace", "c", "old"), a_step("keep", "d", "old"), a_step("await", "e", "old")]
    steps += [a_step("keep", "f"), a_step("skip", "g"), a_step("repair", "h"), a_step("remove", "x", "x")]
    desk = Desk(steps)
    assert desk.take() == ["bring a", "bring b"]
    assert desk.bring("a", error) == []  # nothing more begins
    assert desk.bring("b") == []
    assert desk.over
    assert desk.work.fatal is error
    assert desk.outcomes == {
        "a": "error",
        "b": "in_progress",
        "c": "untried",
        "d": "processed",
        "e": "in_progress",
        "f": "processed",
        "g": "skipped",
        "h": "untried",
        "x": "untried",
    }
    assert not any(done.removed for done in desk.told)


def test_what_is_watched_when_all_ends_is_watched_no_longer_and_not_cleared_up() -> None:
    desk = Desk([*adding("a"), a_step("replace", "b", "old"), *adding("c", "d")])
    desk.take()
    desk.bring("a")
    desk.bring("b")
    desk.look(a="WRITING")
    assert desk.look(a="WRITING") == ["look a"]  # b is processed, and there is no room to clear up
    assert desk.bring("c", REFUSED) == []
    assert desk.bring("d", BUSY) == []
    assert not desk.over  # a look is on its way
    assert desk.look() == []
    assert desk.over
    assert desk.work.fatal is REFUSED
    assert desk.outcomes == {"a": "processed", "b": "processed", "c": "error", "d": "error"}


def names(count: int) -> list[str]:
    return [f"n{number}" for number in range(count)]


def test_a_service_that_takes_nothing_is_not_asked_for_ever() -> None:
    desk = Desk(adding(*names(GIVE_UP_AFTER + 9)), concurrency=3)
    desk.take()
    for name in names(GIVE_UP_AFTER - 1):
        assert desk.bring(name, BUSY)
    assert desk.bring(names(99)[GIVE_UP_AFTER - 1], BUSY) == []
    assert not desk.over  # two are on their way
    assert type(desk.work.fatal) is type(BUSY)
    assert str(desk.work.fatal) == f"{GIVE_UP_AFTER} documents in a row failed, the last one because: {BUSY}"
    for name in names(GIVE_UP_AFTER + 2)[-2:]:
        desk.bring(name, BUSY)
    assert desk.over
    assert Counter(desk.outcomes.values()) == {"error": GIVE_UP_AFTER + 2, "untried": 7}


def test_a_service_that_refuses_documents_is_there_all_the_same_and_pruning_makes_room() -> None:
    full = XAIInvalidRequestError("no room", status=400)
    steps = [a_step("add", "a"), *adding(*names(GIVE_UP_AFTER + 9)), a_step("remove", "x", "x")]
    desk = Desk(steps, concurrency=1)
    desk.take()
    desk.bring("a")
    for name in names(GIVE_UP_AFTER - 1):
        assert desk.bring(name, full)
    assert desk.bring(names(GIVE_UP_AFTER)[-1], full) == []  # a look is on its way
    assert desk.look() == ["clear x"]
    assert desk.clear("x") == []
    assert desk.over
    assert desk.work.fatal is None
    assert type(desk.work.refused) is XAIInvalidRequestError
    assert str(desk.work.refused) == f"{GIVE_UP_AFTER} documents in a row failed, the last one because: no room"
    assert Counter(desk.outcomes.values()) == {"processed": 1, "removed": 1, "error": GIVE_UP_AFTER, "untried": 9}


def test_removals_that_are_refused_as_well_end_it() -> None:
    full = XAIInvalidRequestError("no", status=400)
    many = names(GIVE_UP_AFTER + 1)
    desk = Desk([*adding(*many), *(a_step("remove", f"x{name}", name) for name in many)], concurrency=1)
    desk.take()
    for name in names(GIVE_UP_AFTER):
        desk.bring(name, full)
    for name in names(GIVE_UP_AFTER):
        desk.clear(f"x{name}", full)
    assert desk.over
    assert type(desk.work.fatal) is XAIInvalidRequestError
    assert Counter(desk.outcomes.values()) == {"error": 2 * GIVE_UP_AFTER, "untried": 2}


@pytest.mark.parametrize("error", [BUSY, XAIArgumentError("fields(…) raised")])
def test_one_success_is_enough_to_go_on(error: XAIError) -> None:
    desk = Desk(adding(*names(3 * GIVE_UP_AFTER)), wait=None, concurrency=1)
    desk.take()
    for number, name in enumerate(names(3 * GIVE_UP_AFTER)):
        desk.bring(name, None if number % GIVE_UP_AFTER == GIVE_UP_AFTER - 1 else error)
    assert desk.over
    assert desk.work.fatal is None


def test_documents_that_cannot_be_read_say_nothing_about_the_service() -> None:
    several = names(2 * GIVE_UP_AFTER)
    desk = Desk(adding(*several), wait=None, concurrency=1)
    desk.take()
    for name in several:
        desk.bring(name, XAISourceError("permission denied"))
    assert desk.over
    assert desk.work.fatal is None


def test_a_service_that_lets_nothing_go_is_not_asked_for_ever_either() -> None:
    desk = Desk([a_step("remove", name, name) for name in names(GIVE_UP_AFTER + 5)], concurrency=1)
    desk.take()
    for name in names(GIVE_UP_AFTER):
        desk.clear(name, BUSY)
    assert desk.over
    assert type(desk.work.fatal) is XAIServerError
    assert Counter(desk.outcomes.values()) == {"error": GIVE_UP_AFTER, "untried": 5}


# Whatever happens

ACTIONS = st.sampled_from([str(action) for action in SyncAction])
ERRORS: Any = st.sampled_from([None, None, None, None, BUSY, XAISourceError("gone"), XAIInvalidRequestError("bad")])
WORDS = st.sampled_from(["PROCESSED", "PROCESSED", "FAILED", "WRITING", "GONE"])


@given(data=st.data(), concurrency=st.integers(1, 4), waits=st.booleans(), uploads=st.booleans())
def test_every_step_is_told_once_and_never_too_much_is_done_at_once(
    data: st.DataObject, concurrency: int, waits: bool, uploads: bool
) -> None:
    drawn = data.draw(
        st.lists(st.tuples(ACTIONS, st.integers(0, 2), st.sampled_from([0, 3, BYTES_AT_ONCE])), max_size=9)
    )
    steps = []
    for number, (action, stale, size) in enumerate(drawn):
        old = [f"{number}-old{each}" for each in range(max(stale, action == "remove"))]
        steps.append(a_step(action, f"n{number}", *(() if action in ("add", "skip") else old), size=size))
    wait = {"stall_after": 50.0, "grace": 20.0} if waits else None
    desk = Desk(steps, concurrency=concurrency, wait=wait, uploads=uploads)
    desk.take()
    processed: set[str] = {step.uri for step in steps if step.action is SyncAction.KEEP}
    while not desk.over:
        assert desk.open, "it waits for nothing"
        looks = [label for label in desk.open if label.startswith("look")]
        assert len(looks) <= 1
        assert len(desk.open) - len(looks) <= concurrency
        brought = [about["step"] for label, about in desk.open.items() if label.startswith("bring")]
        bytes_at_once = [step.size for step in brought if step.action.uploads]
        assert sum(bytes_at_once) <= BYTES_AT_ONCE or sum(size > 0 for size in bytes_at_once) == 1
        label = data.draw(st.sampled_from(sorted(desk.open)))
        kind, _, name = label.partition(" ")
        if kind == "bring":
            desk.bring(name, data.draw(ERRORS))
        elif kind == "clear":
            step = desk.open[label]["step"]
            assert step.uri in processed or step.action is SyncAction.REMOVE
            desk.clear(name, data.draw(ERRORS | st.just(REFUSED)))
        else:
            words: Any = {each.rstrip("-"): data.draw(WORDS) for each in name.split()}
            processed |= {f"file:///{each}" for each, word in words.items() if word == "PROCESSED"}
            desk.look(error=data.draw(st.sampled_from([None, None, None, BUSY])), **words)
    assert sorted(done.step.uri for done in desk.told) == sorted(step.uri for step in steps)
    assert not desk.open
    for done in desk.told:
        assert (done.outcome is SyncOutcome.ERROR) == (done.error is not None)
