"""Who looks when, of many that wait for documents of one collection. Times are given, so nothing waits."""

from __future__ import annotations

from math import ceil

from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_xai_collections.api.flows import BATCH_SIZE
from airflow_provider_xai_collections.api.poll_schedule import POLL_SIZE, Poll, PollSchedule, Waiter
from airflow_provider_xai_collections.api.polling import Poller, WaitRules

Crew = PollSchedule[Waiter]


def watcher(*file_ids: str, deadline: float | None = None) -> Waiter:
    return Waiter(Poller(file_ids, WaitRules(deadline=deadline)))


def crew(count: int, *, each: int = 1) -> list[Waiter]:
    """So many watchers, each of so many documents that no other watches."""
    return [watcher(*(f"{number}.{part}" for part in range(each))) for number in range(count)]


def taken(look: Poll[Waiter] | None) -> list[Waiter]:
    assert look is not None
    return list(look.watchers)


def test_nobody_looks_before_it_is_due() -> None:
    lookout = Crew()
    assert lookout.due is None
    assert lookout.take(0.0) is None
    one = watcher("a")
    lookout.rest(one, 0.0, 10.0)
    assert lookout.due == 10.0
    assert lookout.take(9.9) is None
    assert taken(lookout.take(10.0)) == [one]
    assert lookout.take(99.0) is None, "it rests no more"


def test_who_would_look_soon_looks_along_and_who_has_just_looked_does_not() -> None:
    lookout = Crew()
    due, soon, late = watcher("due"), watcher("soon"), watcher("late")
    lookout.rest(due, 0.0, 10.0)
    lookout.rest(soon, 4.0, 12.0)  # half of its pause is over at 10
    lookout.rest(late, 4.1, 12.0)
    look = lookout.take(10.0)
    assert taken(look) == [due, soon]
    assert look is not None
    assert look.file_ids == ["due", "soon"]
    assert lookout.due == 16.1


def test_looking_along_costs_no_request() -> None:
    lookout = Crew()
    *due, soon, too_many = crew(BATCH_SIZE + 1)
    for each in due:
        lookout.rest(each, 0.0, 10.0)
    lookout.rest(soon, 0.0, 10.1)
    lookout.rest(too_many, 0.0, 10.2)
    first = lookout.take(10.0)
    assert first is not None
    assert taken(first) == [*due, soon]
    assert lookout.due == 10.2


def test_those_that_have_to_look_may_need_several_requests_in_looks_that_are_not_too_long() -> None:
    lookout = Crew()
    for each in crew(POLL_SIZE + 1):
        lookout.rest(each, 0.0, 10.0)
    sizes = []
    while (look := lookout.take(10.0)) is not None:
        sizes.append(len(look.file_ids))
    assert sizes == [POLL_SIZE, 1]


def test_one_with_more_documents_than_a_look_takes_has_one_of_its_own() -> None:
    lookout = Crew()
    [large], [small] = crew(1, each=POLL_SIZE + 3), [watcher("small")]
    lookout.rest(large, 0.0, 10.0)
    lookout.rest(small, 0.0, 10.0)
    assert taken(lookout.take(10.0)) == [large]
    assert taken(lookout.take(10.0)) == [small]


def test_documents_that_several_watch_are_asked_for_once() -> None:
    lookout = Crew()
    for _ in range(3):
        lookout.rest(watcher("a", "b"), 0.0, 10.0)
    look = lookout.take(10.0)
    assert len(taken(look)) == 3
    assert look is not None
    assert look.file_ids == ["a", "b"]


def test_who_has_left_is_not_looked_for() -> None:
    lookout = Crew()
    first, second = crew(2)
    lookout.rest(first, 0.0, 1.0)
    lookout.rest(second, 0.0, 5.0)
    lookout.leave(first)
    assert lookout.due == 5.0
    assert lookout.take(1.0) is None
    assert taken(lookout.take(5.0)) == [second]


def test_those_whose_time_is_nearly_up_look_apart() -> None:
    """No retry starts after the earliest deadline of a look: that must not cut short what others may try."""
    lookout = Crew()
    soon, later, never = watcher("a", deadline=1012.0), watcher("b", deadline=5000.0), watcher("c")
    for each, left in ((soon, 12.0), (later, 4000.0), (never, None)):
        lookout.rest(each, 0.0, 10.0, time_left=left)
    looks = [lookout.take(10.0), lookout.take(10.0)]
    assert [taken(look) for look in looks] == [[soon], [later, never]]


@given(
    starts=st.lists(st.floats(0, 10, allow_nan=False), min_size=1, max_size=170),
    pauses=st.lists(st.floats(8, 10, allow_nan=False), min_size=1, max_size=7),
)
def test_whenever_they_began_they_fill_their_requests_and_none_looks_more_rarely(
    starts: list[float], pauses: list[float]
) -> None:
    lookout = Crew()
    last = dict(zip(crew(len(starts)), starts, strict=True))
    for each, start in last.items():
        lookout.rest(each, start, 0.0)
    requests = looks = 0
    while (now := lookout.due) is not None and now < 100:
        look = lookout.take(now)
        assert look is not None
        requests += ceil(len(look.file_ids) / BATCH_SIZE)
        for each in look.watchers:
            assert now - last[each] <= 10 + 1e-6
            last[each] = now
            lookout.rest(each, now, pauses[looks % len(pauses)])
            looks += 1
    # The first looks, each when its wait began, share nothing. After that a request that is not full has taken all
    # whose pause was half over, and the next is sent after the other half.
    room_left = 100 / 4
    assert requests <= len(starts) + looks / BATCH_SIZE + room_left


def test_a_thousand_waits_cost_what_their_documents_fill() -> None:
    lookout = Crew()
    for number, each in enumerate(crew(1000)):
        lookout.rest(each, number / 100, 10.0)
    requests = 0
    while (now := lookout.due) is not None and now < 1010:
        look = lookout.take(now)
        assert look is not None
        requests += ceil(len(look.file_ids) / BATCH_SIZE)
        for each in look.watchers:
            lookout.rest(each, now, 10.0)
    polls = 1000 / 10
    assert requests <= polls * (1000 / BATCH_SIZE) * 1.02
