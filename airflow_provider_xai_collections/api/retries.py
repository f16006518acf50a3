"""Retries of single calls: when to try again, and after how long."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC
from email.utils import parsedate_to_datetime
from math import inf, isnan
from typing import Any

from airflow_provider_xai_collections.api.errors import error_from
from airflow_provider_xai_collections.api.protocol import A, Flow, Now, Request, Response, Sleep
from airflow_provider_xai_collections.exceptions import (
    XAIAuthError,
    XAICredentialError,
    XAICreditsError,
    XAIError,
    XAIIncompleteListError,
    XAINotFoundError,
    XAIOutcomeUnknownError,
    XAIRateLimitError,
    XAIResponseError,
    XAIServerError,
    XAIStatusError,
    XAITransportError,
)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Limits of the retries of a single call. Times are in seconds.

    :param attempts: tries in all, the first included; 1 never repeats.
    :param first: pause before the first retry; doubles with each, up to ``longest``.
    :param first_rate_limit: as ``first``, for a 429 without ``Retry-After``; ``longest_rate_limit`` likewise.
    :param longest_retry_after: cap on what ``Retry-After`` may ask for.
    :param budget: no retry starts later than this after the first failure, the time aside for which the driver held
        the call back.
    """

    attempts: int = 6
    first: float = 0.5
    longest: float = 8.0
    first_rate_limit: float = 1.0
    longest_rate_limit: float = 30.0
    longest_retry_after: float = 60.0
    budget: float = 300.0

    def delay(self, attempt: int, error: XAIError, *, idempotent: bool, now: float) -> Sleep | None:
        """Return the pause after failed try number ``attempt``, or ``None`` if the error is final.

        A read is repeated after anything that may pass; a write only if it was refused (429), or never received.
        """
        if attempt >= self.attempts or not _may_pass(error, idempotent=idempotent):
            return None
        text = error.retry_after if isinstance(error, XAIStatusError) else None
        if (asked := seconds_asked(text, now)) is not None:
            return Sleep(min(asked, self.longest_retry_after), jitter=self.first)
        doubled = 2 ** min(attempt - 1, 60)  # bounded, or a float overflows
        if isinstance(error, XAIRateLimitError):
            pause = min(self.first_rate_limit * doubled, self.longest_rate_limit)
        else:
            pause = min(self.first * doubled, self.longest)
        return Sleep(pause / 2, jitter=pause / 2)


def retrying(request: Request[A], policy: RetryPolicy) -> Flow[A]:
    """Exchange ``request`` for its answer, trying again as ``policy`` says; raise the error of the last try.

    Resumed with a :class:`Response`, or with :class:`XAITransportError` thrown in. A write that may have been done all
    the same ends with :class:`XAIOutcomeUnknownError`.
    """
    attempt = 0
    in_doubt = False
    first_failure: float | None = None
    held_back = 0.0
    while True:
        attempt += 1
        error: XAIError | None
        try:
            response: Response = yield request
            if first_failure is not None:
                held_back += response.held
            if (error := error_from(request, response)) is None:
                return request.endpoint.decode(response)
        except (XAITransportError, XAIResponseError) as caught:
            error = caught
        if isinstance(error, XAINotFoundError):
            error.after_doubt = in_doubt
        in_doubt = in_doubt or outcome_is_unknown(error)
        now: float = yield Now()
        first_failure = now if first_failure is None else first_failure
        budget_ends = first_failure + policy.budget + held_back
        give_up_at = min(budget_ends, inf if request.deadline is None else request.deadline)
        pause = policy.delay(attempt, error, idempotent=request.endpoint.idempotent, now=now)
        if pause is None or now + pause.seconds + pause.jitter > give_up_at:
            if attempt > 1 and is_transient(error):
                error.args = (f"{error}. It failed {attempt} times in {now - first_failure:.1f} s",)
            raise _final(request, error)
        yield replace(pause, then=f"try {attempt + 1} of {policy.attempts}", reason=str(error))


def _final(request: Request[Any], error: XAIError) -> XAIError:
    if request.endpoint.idempotent or not outcome_is_unknown(error):
        return error
    advice = "It may have been done all the same: check before repeating it"
    if request.endpoint.name == "upload_file":
        advice = "The file may be stored all the same: an orphan, billed until it is deleted"
    unknown = XAIOutcomeUnknownError(f"{error}. {advice}")
    unknown.__cause__ = error
    return unknown


def is_transient(error: XAIError) -> bool:
    """Tell whether a later try may work: the service or the way to it failed, not the request."""
    return isinstance(
        error, XAIRateLimitError | XAIServerError | XAITransportError | XAIResponseError | XAIIncompleteListError
    )


def concerns_every_call(error: XAIError) -> bool:
    """Tell whether all other calls would meet the error too, so that work on many documents ends with it."""
    return isinstance(error, XAIAuthError | XAICredentialError | XAICreditsError)


def outcome_is_unknown(error: XAIError) -> bool:
    """Tell whether a write that failed like this may have been done all the same."""
    if isinstance(error, XAITransportError):
        return error.sent
    return isinstance(error, XAIServerError | XAIResponseError)


def _may_pass(error: XAIError, *, idempotent: bool) -> bool:
    if not idempotent and outcome_is_unknown(error):
        return False
    # Reads meet 409 while the service settles; for a write it is the final word.
    conflict = idempotent and isinstance(error, XAIStatusError) and error.status == 409
    return is_transient(error) or conflict


def seconds_asked(text: str | None, now: float) -> float | None:
    """Return the seconds that ``Retry-After`` asks to wait: a number or an HTTP date (RFC 9110, 10.2.3)."""
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        try:
            moment = parsedate_to_datetime(text)
        except (ValueError, OverflowError):
            return None
        seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - now
    return None if isnan(seconds) else max(0.0, seconds)
