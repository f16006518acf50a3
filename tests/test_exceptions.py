from __future__ import annotations

import copy
import inspect
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from airflow_provider_xai_collections import exceptions
from airflow_provider_xai_collections.exceptions import (
    XAIArgumentError,
    XAIAuthError,
    XAIError,
    XAIStatusError,
    XAITransportError,
)

ALL = [kind for _, kind in inspect.getmembers(exceptions, inspect.isclass) if issubclass(kind, XAIError)]
WITH_STATUS = [kind for kind in ALL if issubclass(kind, XAIStatusError)]
TRAVELS: list[Callable[[Any], Any]] = [
    *(lambda error, protocol=protocol: pickle.loads(pickle.dumps(error, protocol)) for protocol in range(2, 6)),
    copy.copy,
    copy.deepcopy,
]


@pytest.mark.parametrize("travel", TRAVELS)
@pytest.mark.parametrize("kind", ALL)
def test_every_error_survives_the_way_to_another_process(kind: type[XAIError], travel: Callable[[Any], Any]) -> None:
    arrived = travel(kind("what happened"))
    assert type(arrived) is kind
    assert str(arrived) == "what happened"


@pytest.mark.parametrize("travel", TRAVELS)
@pytest.mark.parametrize("kind", WITH_STATUS)
def test_a_status_error_keeps_what_callers_decide_on(kind: type[XAIStatusError], travel: Callable[[Any], Any]) -> None:
    arrived = travel(
        kind("what happened", status=429, code="slow", reason="a:b:c", request_id="req_7", retry_after="7")
    )
    assert (str(arrived), arrived.status, arrived.code) == ("what happened", 429, "slow")
    assert (arrived.reason, arrived.request_id, arrived.retry_after) == ("a:b:c", "req_7", "7")


@pytest.mark.parametrize("travel", TRAVELS)
@pytest.mark.parametrize("sent", [True, False])
def test_a_transport_error_keeps_whether_the_request_was_sent(sent: bool, travel: Callable[[Any], Any]) -> None:
    assert travel(XAITransportError("cut", sent=sent)).sent is sent


def test_a_transport_error_is_careful_unless_told_otherwise() -> None:
    assert XAITransportError("cut").sent is True


def test_a_refused_argument_is_a_value_error_for_those_who_do_not_know_us() -> None:
    with pytest.raises(ValueError, match="bad"):
        raise XAIArgumentError("bad")


def test_all_statuses_can_be_caught_at_once() -> None:
    assert XAIAuthError in WITH_STATUS
    assert len(WITH_STATUS) == 10


@pytest.mark.parametrize("kind", ALL)
def test_every_error_says_when_it_happens(kind: type[XAIError]) -> None:
    assert kind.__doc__
