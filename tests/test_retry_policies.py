"""The retry policy, on the classes of Airflow 3.3 that apply it; before that, what says so."""

from __future__ import annotations

import importlib
import json
from datetime import timedelta

import pytest
from airflow.providers.common.compat.sdk import AirflowOptionalProviderFeatureException

from airflow_provider_xai_collections import exceptions
from airflow_provider_xai_collections.airflow_errors import FINAL
from airflow_provider_xai_collections.exceptions import (
    XAIArgumentError,
    XAIAuthError,
    XAICreditsError,
    XAIError,
    XAIInvalidRequestError,
    XAIRateLimitError,
    XAIUnroutableError,
)
from airflow_provider_xai_collections.retry_policies import xai_retry_policy

try:
    from airflow.sdk import ExceptionRetryPolicy, RetryAction
except ImportError:
    HAS_POLICIES = False
else:
    HAS_POLICIES = True

newer = pytest.mark.skipif(not HAS_POLICIES, reason="Airflow has retry policies from 3.3 on")
ALL = [kind for kind in vars(exceptions).values() if isinstance(kind, type) and issubclass(kind, XAIError)]


def test_it_is_importable_and_where_airflow_has_none_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.import_module("airflow.sdk") if HAS_POLICIES else None
    if real is not None:
        monkeypatch.setitem(vars(real), "ExceptionRetryPolicy", None)
        monkeypatch.setitem(__import__("sys").modules, "airflow.sdk", None)
    with pytest.raises(AirflowOptionalProviderFeatureException, match=r"retry_policy needs Airflow 3\.3.*retry_delay"):
        xai_retry_policy()


@newer
@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_rate_limits_wait_what_is_final_fails_and_the_rest_is_the_tasks(kind: type[XAIError]) -> None:
    decision = xai_retry_policy().evaluate(kind("what happened"), try_number=1, max_tries=3)
    if kind is XAIRateLimitError:
        assert (decision.action, decision.retry_delay) == (RetryAction.RETRY, timedelta(minutes=5))
        assert decision.reason == "xAI asked to slow down"
    elif kind in FINAL:
        assert (decision.action, decision.retry_delay) == (RetryAction.FAIL, None)
        assert decision.reason == "the same request would meet the same answer"
    else:
        assert (decision.action, decision.retry_delay) == (RetryAction.DEFAULT, None)


@newer
def test_auth_and_bad_input_are_among_what_fails_at_once() -> None:
    for kind in (XAIAuthError, XAIArgumentError, XAIInvalidRequestError, XAICreditsError, XAIUnroutableError):
        assert xai_retry_policy().evaluate(kind("no"), try_number=1, max_tries=3).action is RetryAction.FAIL


@newer
@pytest.mark.parametrize("delay", [90, timedelta(seconds=90)])
def test_the_pause_after_a_rate_limit_is_an_argument(delay: float | timedelta) -> None:
    policy = xai_retry_policy(rate_limit_delay=delay)
    assert policy.evaluate(XAIRateLimitError("429"), 1, 3).retry_delay == timedelta(seconds=90)


@newer
def test_a_pause_that_is_none_is_refused() -> None:
    with pytest.raises(XAIArgumentError, match="rate_limit_delay is 0; it must be"):
        xai_retry_policy(rate_limit_delay=0)


@newer
def test_it_survives_the_serialization_of_dags() -> None:
    policy = xai_retry_policy()
    twin = ExceptionRetryPolicy.deserialize(json.loads(json.dumps(policy.serialize())))
    for kind in ALL:
        assert twin.evaluate(kind("x"), 1, 3) == policy.evaluate(kind("x"), 1, 3)
