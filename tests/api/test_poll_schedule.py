"""The schedule of polls of many waits for documents of one collection. Times are given, so nothing waits."""

from __future__ import annotations

from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_xai_collections.api.flows import BATCH_SIZE
from airflow_provider_xai_collections.api.poll_schedule import POLL_SIZE, Poll, PollSchedule, Waiter
from airflow_provider_xai_collections.api.polling import Poller, WaitRules

Schedule = PollSchedule[Waiter]


def waiter(*file_ids: str, deadline: float | None = None) -> Waiter:
    return Waiter(Poller(file_ids, WaitRules(deadline=deadline)))


def waiters(count: int, *, each: int = 1) -> list[Waiter]:
    """Return so many waiters, each for so many documents of its own."""
    return [waiter(*(f"{number}.{part}" for part in range(each))) for number in range(count)]


def taken(poll: Poll[Waiter] | None) -> list[Waiter]:
    assert poll is not None
    return list(poll.waiters)


def scheduled(*waiters: Waiter, due: float = 10.0) -> PollSchedule[Waiter]:
    """Return a schedule of waiters that are all due then."""
    schedule = Schedule()
    for each in waiters:
        schedule.add(each, 0.0, due)
    return schedule


def test_no_waiter_polls_before_it_is_due() -> None:
    schedule = Schedule()
    assert schedule.due is None
    assert schedule.next_poll(0.0) is None
    one = waiter("a")
    schedule.add(one, 0.0, 10.0)
    assert schedule.due == 10.0
    assert schedule.next_poll(9.9) is None
    assert taken(schedule.next_poll(10.0)) == [one]
    assert schedule.next_poll(99.0) is None, "it has polled"


def test_a_waiter_that_is_due_soon_joins_a_poll_and_one_that_has_just_polled_does_not() -> None:
    schedule = Schedule()
    due, soon, late = waiter("due"), waiter("soon"), waiter("late")
    schedule.add(due, 0.0, 10.0)
    schedule.add(soon, 4.0, 12.0)  # half of its pause is over at 10
    schedule.add(late, 4.1, 12.0)
    poll = schedule.next_poll(10.0)
    assert taken(poll) == [due, soon]
    assert poll is not None
    assert poll.file_ids == ["due", "soon"]
    assert schedule.due == 16.1


def test_joining_a_poll_costs_no_request() -> None:
    *due, soon, too_many = waiters(BATCH_SIZE + 1)
    schedule = scheduled(*due)
    schedule.add(soon, 0.0, 10.1)
    schedule.add(too_many, 0.0, 10.2)
    assert taken(schedule.next_poll(10.0)) == [*due, soon]
    assert schedule.due == 10.2


@pytest.mark.parametrize(
    ("waiting", "polls"),
    [
        pytest.param(waiters(POLL_SIZE + 1), [POLL_SIZE, 1], id="not too long"),
        pytest.param(
            [*waiters(1, each=POLL_SIZE + 3), waiter("small")], [POLL_SIZE + 3, 1], id="one larger than a poll"
        ),
        pytest.param([waiter("a", "b") for _ in range(3)], [2], id="the same documents"),
    ],
)
def test_waiters_that_are_due_share_polls(waiting: list[Waiter], polls: list[int]) -> None:
    schedule = scheduled(*waiting)
    sizes = []
    while (poll := schedule.next_poll(10.0)) is not None:
        sizes.append(len(poll.file_ids))
    assert sizes == polls


def test_a_waiter_that_has_left_polls_no_more() -> None:
    first, second = waiters(2)
    schedule = scheduled(first, due=1.0)
    schedule.add(second, 0.0, 5.0)
    schedule.remove(first)
    assert schedule.due == 5.0
    assert schedule.next_poll(1.0) is None
    assert taken(schedule.next_poll(5.0)) == [second]


def test_waiters_close_to_their_deadline_poll_apart() -> None:
    """No retry starts after the earliest deadline of a poll, and that must not shorten the retries of others."""
    schedule = Schedule()
    soon, later, never = waiter("a", deadline=1012.0), waiter("b", deadline=5000.0), waiter("c")
    for each, left in ((soon, 12.0), (later, 4000.0), (never, None)):
        schedule.add(each, 0.0, 10.0, time_left=left)
    polls = [schedule.next_poll(10.0), schedule.next_poll(10.0)]
    assert [taken(poll) for poll in polls] == [[soon], [later, never]]


@given(
    starts=st.lists(st.floats(0, 10, allow_nan=False), min_size=1, max_size=170),
    pauses=st.lists(st.floats(8, 10, allow_nan=False), min_size=1, max_size=7),
)
def test_whenever_waits_began_they_fill_their_requests_and_none_polls_more_rarely(
    starts: list[float], pauses: list[float]
) -> None:
    schedule = Schedule()
    last = dict(zip(waiters(len(starts)), starts, strict=True))
    for each, start in last.items():
        schedule.add(each, start, 0.0)
    requests = polls = 0
    while (now := schedule.due) is not None and now < 100:
        poll = schedule.next_poll(now)
        assert poll is not None
        requests += ceil(len(poll.file_ids) / BATCH_SIZE)
        for each in poll.waiters:
            assert now - last[each] <= 10 + 1e-6
            last[each] = now
            schedule.add(each, now, pauses[polls % len(pauses)])
            polls += 1
    # The first polls, each when its wait began, share nothing. After that a request that is not full has taken all
    # whose pause was half over, and the next is sent after the other half.
    room_left = 100 / 4
    assert requests <= len(starts) + polls / BATCH_SIZE + room_left
