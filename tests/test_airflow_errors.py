"""Which of our errors end a task at once, and which Airflow may retry."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager

import pytest
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException, AirflowSensorTimeout

from airflow_provider_xai_collections import exceptions
from airflow_provider_xai_collections.airflow_errors import FINAL, XAIFailException, for_operator, for_sensor
from airflow_provider_xai_collections.exceptions import (
    XAIAuthError,
    XAICreditsError,
    XAIError,
    XAIIncompleteListError,
    XAIIndexingError,
    XAIInterruptedError,
    XAIInvalidRequestError,
    XAIOutcomeUnknownError,
    XAIRateLimitError,
    XAIResponseError,
    XAIServerError,
    XAISourceError,
    XAIStatusError,
    XAITimeoutError,
    XAITransportError,
    XAIUnroutableError,
)

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
BASES = {XAIError, XAIStatusError}
ALL = {kind for kind in vars(exceptions).values() if isinstance(kind, type) and issubclass(kind, XAIError)}


def by_name(kinds: Iterable[type[XAIError]]) -> list[type[XAIError]]:
    """In an order that is the same in every process that runs tests."""
    return sorted(kinds, key=lambda kind: kind.__name__)


def test_every_error_is_either_final_or_worth_a_retry() -> None:
    assert set(FINAL) | RETRIED | BASES == ALL
    assert not set(FINAL) & RETRIED


@pytest.mark.parametrize("kind", FINAL)
def test_an_operator_fails_at_once_on_what_is_final(kind: type[XAIError]) -> None:
    with pytest.raises(AirflowFailException, match=r"^what happened$") as caught, for_operator():
        raise kind("what happened")
    assert type(caught.value.__cause__) is kind


@pytest.mark.parametrize("kind", by_name(RETRIED | BASES), ids=lambda kind: kind.__name__)
def test_an_operator_lets_the_rest_through(kind: type[XAIError]) -> None:
    with pytest.raises(kind) as caught, for_operator():
        raise kind("what happened")
    assert type(caught.value) is kind
    assert not isinstance(caught.value, AirflowFailException)


@pytest.mark.parametrize("kind", by_name(ALL - {XAIInterruptedError}), ids=lambda kind: kind.__name__)
def test_a_sensor_raises_what_soft_fail_looks_for(kind: type[XAIError]) -> None:
    with pytest.raises(AirflowException, match=r"^what happened$") as caught, for_sensor():
        raise kind("what happened")
    assert caught.value.__cause__ is not None


def test_a_sensor_that_was_told_to_end_is_not_skipped() -> None:
    with pytest.raises(XAIInterruptedError) as caught, for_sensor():
        raise XAIInterruptedError("what happened")
    assert not isinstance(caught.value, AirflowException)


@pytest.mark.parametrize(
    ("kind", "becomes"),
    [
        (XAITimeoutError, AirflowSensorTimeout),
        (XAIIndexingError, XAIFailException),  # the sensor only looks: looking again shows the same
        (XAIAuthError, XAIFailException),
        (XAIInvalidRequestError, XAIFailException),
        (XAICreditsError, XAIFailException),
        (XAIUnroutableError, XAIFailException),
        (XAIIncompleteListError, AirflowException),
        (XAIServerError, AirflowException),
        (XAIError, AirflowException),
    ],
)
def test_a_sensor_tells_its_time_out_and_final_errors_apart(
    kind: type[XAIError], becomes: type[AirflowException]
) -> None:
    with pytest.raises(AirflowException) as caught, for_sensor():
        raise kind("what happened")
    assert type(caught.value) is becomes


@pytest.mark.parametrize("translate", [for_operator, for_sensor])
def test_errors_that_are_not_ours_and_values_pass(translate: Callable[[], AbstractContextManager[None]]) -> None:
    with pytest.raises(ZeroDivisionError), translate():
        raise ZeroDivisionError
    with translate():
        pass


def test_a_final_error_crosses_processes() -> None:
    error = pickle.loads(pickle.dumps(XAIFailException("what happened")))
    assert isinstance(error, XAIFailException)
    assert str(error) == "what happened"
