"""Fault rules: which calls fail, how, and what work is done all the same."""

from __future__ import annotations

import pytest

from airflow_provider_xai_collections.api import endpoints
from airflow_provider_xai_collections.emulator import Emulator, FaultRule, Settings
from airflow_provider_xai_collections.emulator.faults import parse_faults
from tests.support.caller import Caller

DATE = "Wed, 21 Oct 2026 07:28:00 GMT"


def playing(*rules: FaultRule, seed: int = 0, settings: Settings | None = None) -> Caller:
    return Caller(Emulator(settings, faults=rules, seed=seed))


def statuses(caller: Caller, calls: int = 6) -> list[int]:
    return [caller.send(endpoints.LIST_COLLECTIONS).status for _ in range(calls)]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (FaultRule(status=503), [503] * 6),
        (FaultRule(status=503, endpoint="list_collections", nth=(1, 3)), [503, 200, 503, 200, 200, 200]),
        (FaultRule(status=503, every=3), [200, 200, 503, 200, 200, 503]),
        (FaultRule(status=503, times=2), [503, 503, 200, 200, 200, 200]),
        (FaultRule(status=503, endpoint="get_collection"), [200] * 6),
        (FaultRule(status=503, path="/v1/files*"), [200] * 6),
        (FaultRule(status=503, probability=0), [200] * 6),
        (FaultRule(status=503, probability=1), [503] * 6),
    ],
)
def test_which_calls(rule: FaultRule, expected: list[int]) -> None:
    assert statuses(playing(rule)) == expected


def test_chance_is_the_same_with_the_same_seed() -> None:
    rule = FaultRule(status=503, probability=0.5)
    one, two = statuses(playing(rule, seed=7), 20), statuses(playing(rule, seed=7), 20)
    assert one == two
    assert set(one) == {200, 503}
    assert statuses(playing(rule, seed=8), 20) != one


def test_the_first_rule_that_fires_has_the_call() -> None:
    caller = playing(FaultRule(status=500, nth=(2,)), FaultRule(status=503, times=2))
    assert statuses(caller, 4) == [503, 500, 503, 200]


def test_an_error_status_replaces_the_work() -> None:
    caller = playing(FaultRule(endpoint="create_collection", status=503, times=1))
    assert caller.send(endpoints.CREATE_COLLECTION, collection_name="a").status == 503
    assert caller.call(endpoints.LIST_COLLECTIONS).collections == ()


def test_work_may_be_done_and_an_error_answered() -> None:
    caller = playing(FaultRule(endpoint="create_collection", status=503, after=True))
    assert caller.send(endpoints.CREATE_COLLECTION, collection_name="a").status == 503
    assert len(caller.call(endpoints.LIST_COLLECTIONS).collections) == 1


def test_cuts_are_asked_of_the_carrier() -> None:
    done = {}
    for cut in ("before", "after", "partial"):
        caller = playing(FaultRule(endpoint="create_collection", cut=cut))
        reply = caller.send(endpoints.CREATE_COLLECTION, collection_name="a")
        assert reply.cut == cut
        assert reply.status == (0 if cut == "before" else 200)
        done[cut] = len(caller.call(endpoints.LIST_COLLECTIONS).collections)
    assert done == {"before": 0, "after": 1, "partial": 1}


def test_a_delay_is_asked_of_the_carrier() -> None:
    reply = playing(FaultRule(delay=1.5)).send(endpoints.LIST_COLLECTIONS)
    assert (reply.status, reply.delay) == (200, 1.5)


def test_a_page_of_a_proxy_may_come_with_200() -> None:
    reply = playing(FaultRule(body=b"<html>login", times=1)).send(endpoints.LIST_COLLECTIONS)
    assert (reply.status, reply.headers["content-type"], reply.body) == (200, "text/html", b"<html>login")


@pytest.mark.parametrize(
    ("rule", "settings", "expected"),
    [
        (FaultRule(status=429), Settings(), "1"),
        (FaultRule(status=429, retry_after="7"), Settings(), "7"),
        (FaultRule(status=429), Settings(retry_after_on_429=False), None),
        (
            FaultRule(status=503, retry_after="Wed, 21 Oct 2026 07:28:00 GMT"),
            Settings(),
            "Wed, 21 Oct 2026 07:28:00 GMT",
        ),
        (FaultRule(status=503), Settings(), None),
    ],
)
def test_when_to_come_back(rule: FaultRule, settings: Settings, expected: str | None) -> None:
    reply = playing(rule, settings=settings).send(endpoints.LIST_COLLECTIONS)
    assert reply.headers.get("retry-after") == expected


def test_new_rules_take_the_place_of_old() -> None:
    caller = playing(FaultRule(status=503))
    caller.emulator.set_faults()
    assert statuses(caller, 1) == [200]


def test_the_log_says_what_a_fault_did() -> None:
    caller = playing(FaultRule(endpoint="list_collections", nth=(1,), status=503))
    statuses(caller, 2)
    first, second = caller.emulator.log
    assert first.fault == "endpoint=list_collections, nth=(1,), status=503"
    assert second.fault is None


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ((), True),
        ((FaultRule(status=503),), False),
        ((FaultRule(status=503, after=True),), True),
        ((FaultRule(cut="before"),), False),
        ((FaultRule(cut="after"),), True),
        ((FaultRule(delay=1),), True),
    ],
)
def test_the_log_says_what_was_done_whatever_the_answer(rules: tuple[FaultRule, ...], expected: bool) -> None:
    caller = playing(*rules)
    caller.send(endpoints.CREATE_COLLECTION, collection_name="a")
    assert [entry.done for entry in caller.emulator.log] == [expected]


def test_what_is_refused_was_not_done() -> None:
    caller = playing()
    caller.send(endpoints.GET_COLLECTION, collection_id="none")
    caller.raw("GET", "/v1/nowhere")
    assert [entry.done for entry in caller.emulator.log] == [False, False]


def test_rules_are_read_from_json() -> None:
    text = '[{"endpoint": "upload_file", "nth": [1], "body": "é", "cut": "after"}, {"status": 429}]'
    assert parse_faults(text) == (
        FaultRule(endpoint="upload_file", nth=(1,), body="é".encode(), cut="after"),
        FaultRule(status=429),
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "Invalid JSON"),
        ('[{"statos": 503}]', "0.statos: Unexpected keyword argument"),
        ('[{"status": 99}]', "0.status: Input should be greater than or equal to 200"),
        ('[{"status": 503}, {"cut": "maybe"}]', "1.cut: Input should be 'before', 'after' or 'partial'"),
        ('[{"endpoint": "upload", "status": 503}]', "no endpoint is called 'upload'; known are add_document"),
        ("[{}]", "nothing would go wrong"),
    ],
)
def test_wrong_rules_are_named(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_faults(text)
