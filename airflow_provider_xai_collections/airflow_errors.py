"""Translation of our errors into Airflow's: the one place that decides what a retry of the task could fix."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException, AirflowSensorTimeout

from airflow_provider_xai_collections.exceptions import (
    MAX_MESSAGE,
    XAIAmbiguousNameError,
    XAIArgumentError,
    XAIAuthError,
    XAIConflictError,
    XAICredentialError,
    XAICreditsError,
    XAIError,
    XAIIndexingError,
    XAIInterruptedError,
    XAIInvalidRequestError,
    XAINotFoundError,
    XAITimeoutError,
    XAITooLargeError,
    XAIUnfitDocumentError,
    XAIUnroutableError,
)
from airflow_provider_xai_collections.text import printable

#: The same request would meet the same answer.
FINAL = (
    XAIAmbiguousNameError,
    XAIArgumentError,
    XAIAuthError,
    XAIConflictError,
    XAICredentialError,
    XAICreditsError,
    XAIInvalidRequestError,
    XAINotFoundError,
    XAITooLargeError,
    XAIUnfitDocumentError,
    XAIUnroutableError,
)


class XAIFailException(AirflowFailException):
    """An error that fails the task at once, as a retry would not help. Its message is printable, without keys."""

    def __init__(self, message: str = "") -> None:
        super().__init__(printable(message, MAX_MESSAGE))


@contextmanager
def for_operator() -> Iterator[None]:
    """Fail at once what a retry cannot fix; let all else through, so that Airflow retries."""
    try:
        yield
    except FINAL as error:
        raise XAIFailException(str(error)) from error


@contextmanager
def for_sensor() -> Iterator[None]:
    """Translate as :func:`for_operator`, into the classes by which ``soft_fail`` and ``never_fail`` work."""
    try:
        with for_operator():
            yield
    except XAIInterruptedError:
        raise  # a cancelled wait is not to be skipped
    except XAITimeoutError as error:
        raise AirflowSensorTimeout(str(error)) from error
    except XAIIndexingError as error:
        raise XAIFailException(str(error)) from error
    except XAIError as error:
        raise AirflowException(str(error)) from error
