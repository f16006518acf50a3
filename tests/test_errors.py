"""Our errors: they cross processes whole, end a task at once or are worth a retry, and a retry policy says so."""

from __future__ import annotations

import copy
import importlib
import json
import pickle
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import (
    AirflowException,
    AirflowFailException,
    AirflowOptionalProviderFeatureException,
    AirflowSensorTimeout,
)

from airflow_provider_xai_collections import exceptions
from airflow_provider_xai_collections.airflow_errors import FINAL, XAIFailException, for_operator, for_sensor
from airflow_provider_xai_collections.exceptions import (
    XAIArgumentError,
    XAIAuthError,
    XAIError,
    XAIIncompleteListError,
    XAIIndexingError,
    XAIInterruptedError,
    XAIOutcomeUnknownError,
    XAIRateLimitError,
    XAIResponseError,
    XAIServerError,
    XAISourceError,
    XAIStatusError,
    XAITimeoutError,
    XAITransportError,
)
from airflow_provider_xai_collections.retry_policies import xai_retry_policy

try:
    from airflow.sdk import ExceptionRetryPolicy, RetryAction
except ImportError:
    HAS_POLICIES = False
else:
    HAS_POLICIES = True

ALL = [kind for kind in vars(exceptions).values() if isinstance(kind, type) and issubclass(kind, XAIError)]
WITH_STATUS = [kind for kind in ALL if issubclass(kind, XAIStatusError)]
#: A retry of the task may well end otherwise.
RETRIED = {
    XAIIncompleteListError,
    XAIIndexingError,
    XAIInterruptedError,
    XAIOutcomeUnknownError,
    XAIRateLimitError,
    XAIResponseError,
    XAIServerError,
    XAISourceError,
    XAITimeoutError,
    XAITransportError,
}
TOLD: dict[str, Any] = {"status": 429, "code": "slow", "reason": "a:b:c", "request_id": "req_7", "retry_after": "7"}
ERRORS = [
    *(kind("what happened") for kind in ALL),
    *(kind("what happened", **TOLD) for kind in WITH_STATUS),
    *(XAITransportError("cut", sent=sent) for sent in (True, False)),
    XAIFailException("what happened"),
]
each_kind = pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
newer = pytest.mark.skipif(not HAS_POLICIES, reason="Airflow has retry policies from 3.3 on")


@pytest.mark.parametrize("error", ERRORS, ids=repr)
def test_every_error_survives_the_way_to_another_process_with_what_callers_decide_on(error: Exception) -> None:
    pickled = [pickle.loads(pickle.dumps(error, protocol)) for protocol in range(2, 6)]
    for arrived in (*pickled, copy.copy(error), copy.deepcopy(error)):
        assert type(arrived) is type(error)
        assert (str(arrived), vars(arrived)) == (str(error), vars(error))


def test_a_status_error_tells_what_it_was_told_and_a_transport_error_is_careful() -> None:
    error = XAIStatusError("what happened", **TOLD)
    assert {name: getattr(error, name) for name in TOLD} == TOLD
    assert XAITransportError("cut").sent is True
    assert XAITransportError("cut", sent=False).sent is False


def test_errors_can_be_caught_by_those_who_do_not_know_them() -> None:
    assert issubclass(XAIArgumentError, ValueError)
    assert XAIAuthError in WITH_STATUS
    assert len(WITH_STATUS) == 10


def test_every_error_says_when_it_happens_and_is_either_final_or_worth_a_retry() -> None:
    assert [kind for kind in ALL if not kind.__doc__] == []
    assert {*FINAL, *RETRIED, XAIError, XAIStatusError} == set(ALL)
    assert not set(FINAL) & RETRIED


# In a task.


@each_kind
def test_an_operator_fails_at_once_on_what_is_final_and_lets_the_rest_through(kind: type[XAIError]) -> None:
    with pytest.raises((kind, XAIFailException), match=r"^what happened$") as caught, for_operator():
        raise kind("what happened")
    assert type(caught.value) is (XAIFailException if kind in FINAL else kind)
    assert isinstance(caught.value, AirflowFailException) == (kind in FINAL)
    assert type(caught.value.__cause__) is (kind if kind in FINAL else type(None))


@each_kind
def test_a_sensor_raises_what_soft_fail_looks_for_and_tells_its_time_out_and_final_errors_apart(
    kind: type[XAIError],
) -> None:
    becomes: type[Exception] = AirflowException
    if kind is XAIInterruptedError:  # a sensor that is cancelled is not skipped
        becomes = kind
    elif kind is XAITimeoutError:
        becomes = AirflowSensorTimeout
    elif kind in FINAL or kind is XAIIndexingError:  # the sensor only looks: looking again shows the same
        becomes = XAIFailException
    with pytest.raises(becomes, match=r"^what happened$") as caught, for_sensor():
        raise kind("what happened")
    assert type(caught.value) is becomes
    assert isinstance(caught.value, AirflowException) == (becomes is not kind)


@pytest.mark.parametrize("translate", [for_operator, for_sensor])
def test_errors_that_are_not_ours_and_values_pass(translate: Callable[[], AbstractContextManager[None]]) -> None:
    with pytest.raises(ZeroDivisionError), translate():
        raise ZeroDivisionError
    with translate():
        pass


# The retry policy, on the classes of Airflow 3.3 that apply it; before that, what says so.


def test_where_airflow_has_no_policies_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    if HAS_POLICIES:
        monkeypatch.setitem(vars(importlib.import_module("airflow.sdk")), "ExceptionRetryPolicy", None)
        monkeypatch.setitem(sys.modules, "airflow.sdk", None)
    with pytest.raises(AirflowOptionalProviderFeatureException, match=r"retry_policy needs Airflow 3\.3.*retry_delay"):
        xai_retry_policy()


@newer
@each_kind
def test_rate_limits_wait_what_is_final_fails_and_the_rest_is_the_tasks(kind: type[XAIError]) -> None:
    policy = xai_retry_policy()
    decision = policy.evaluate(kind("what happened"), try_number=1, max_tries=3)
    told = (decision.action, decision.retry_delay, decision.reason)
    if kind is XAIRateLimitError:
        assert told == (RetryAction.RETRY, timedelta(minutes=5), "xAI asked to slow down")
    elif kind in FINAL:
        assert told == (RetryAction.FAIL, None, "the same request would meet the same answer")
    else:
        assert told[:2] == (RetryAction.DEFAULT, None)
    twin = ExceptionRetryPolicy.deserialize(json.loads(json.dumps(policy.serialize())))
    assert twin.evaluate(kind("what happened"), 1, 3) == decision, "it survives the serialization of DAGs"


@newer
@pytest.mark.parametrize("delay", [90, timedelta(seconds=90)])
def test_the_pause_after_a_rate_limit_is_an_argument(delay: float | timedelta) -> None:
    policy = xai_retry_policy(rate_limit_delay=delay)
    assert policy.evaluate(XAIRateLimitError("429"), 1, 3).retry_delay == timedelta(seconds=90)
    with pytest.raises(XAIArgumentError, match="rate_limit_delay is 0; it must be"):
        xai_retry_policy(rate_limit_delay=0)
