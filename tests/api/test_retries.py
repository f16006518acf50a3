"""A single call against a service that fails: the test plays HTTP, so it answers with bare responses."""

from __future__ import annotations

import pickle
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from unittest.mock import ANY

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_xai_collections.api.endpoints import (
    CREATE_COLLECTION,
    DELETE_FILE,
    GET_COLLECTION,
    UPLOAD_FILE,
)
from airflow_provider_xai_collections.api.errors import error_from
from airflow_provider_xai_collections.api.protocol import Now, Request, Response, Sleep, Step, Upload
from airflow_provider_xai_collections.api.retries import (
    RetryPolicy,
    concerns_every_call,
    is_transient,
    retrying,
)
from airflow_provider_xai_collections.exceptions import (
    XAIAuthError,
    XAIConflictError,
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
    XAIUnroutableError,
)
from tests.support.driving import a_collection, play

READ = GET_COLLECTION.request(collection_id="c")
WRITE = CREATE_COLLECTION.request(collection_name="docs")
DELETE = DELETE_FILE.request(file_id="f")
UPLOAD = UPLOAD_FILE.request(upload=Upload("a.txt", open, 1))  # type: ignore[arg-type]  # nobody opens it
FINE = Response(200, {}, b'{"collection_id": "c", "collection_name": "docs"}')
GARBLED = Response(200, {}, b"<html>")
FIRST_PAUSE, SLOW_PAUSE = Sleep(0.25, jitter=0.25), Sleep(0.5, jitter=0.5)
SENT = XAITransportError("cut")
UNSENT = XAITransportError("refused", sent=False)
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def status(number: int, retry_after: str | None = None) -> Response:
    return Response(number, {} if retry_after is None else {"retry-after": retry_after}, b"")


def after(failure: Any, pause: Sleep = FIRST_PAUSE, *, request: Request[Any] = READ) -> list[tuple[Step, Any]]:
    """A try that fails, and what is done about it."""
    return [(request, failure), (Now(), 0.0), (pause, None)]


def test_a_good_answer_is_decoded_and_no_time_is_asked() -> None:
    assert play(retrying(READ, RetryPolicy()), (READ, FINE)) == a_collection()


@pytest.mark.parametrize("failure", [*map(status, (408, 409, 500, 502, 503, 504, 529)), SENT, UNSENT, GARBLED])
def test_a_read_is_repeated_after_whatever_may_pass(failure: Any) -> None:
    assert play(retrying(READ, RetryPolicy()), *after(failure), (READ, FINE)) == a_collection()


@pytest.mark.parametrize("final", [301, 400, 401, 402, 403, 404, 405, 413, 414, 422])
def test_a_final_word_is_raised_at_once(final: int) -> None:
    with pytest.raises(XAIStatusError) as caught:
        play(retrying(READ, RetryPolicy()), (READ, status(final)), (Now(), 0.0))
    assert caught.value.status == final


@pytest.mark.parametrize(("failure", "pause"), [(status(429), SLOW_PAUSE), (UNSENT, FIRST_PAUSE)])
def test_a_write_is_repeated_if_the_service_cannot_have_acted(failure: Any, pause: Sleep) -> None:
    script = after(failure, pause, request=WRITE)
    assert play(retrying(WRITE, RetryPolicy()), *script, (WRITE, FINE)) == a_collection()


@pytest.mark.parametrize("failure", [*map(status, (408, 500, 503, 504, 529)), SENT, GARBLED])
def test_a_write_that_may_have_been_done_is_not_repeated(failure: Any) -> None:
    with pytest.raises(XAIOutcomeUnknownError, match=r"\. It may have been done all the same: check before") as caught:
        play(retrying(WRITE, RetryPolicy()), (WRITE, failure), (Now(), 0.0))
    assert isinstance(caught.value.__cause__, XAIServerError | XAITransportError | XAIResponseError)


REFUSED_TWICE = [*after(status(429), SLOW_PAUSE, request=DELETE), *after(UNSENT, SLOW_PAUSE, request=DELETE)]


@pytest.mark.parametrize(
    ("before", "in_doubt"),
    [(REFUSED_TWICE, False), *((after(each, request=DELETE), True) for each in (status(500), SENT, GARBLED))],
)
def test_a_404_may_come_from_the_same_call_only_after_a_lost_answer(before: list[Any], in_doubt: bool) -> None:
    with pytest.raises(XAINotFoundError) as caught:
        play(retrying(DELETE, RetryPolicy()), *before, (DELETE, status(404)), (Now(), 1.0))
    assert caught.value.after_doubt is in_doubt
    assert pickle.loads(pickle.dumps(caught.value)).after_doubt is in_doubt


def test_an_upload_with_a_lost_answer_tells_of_the_orphan() -> None:
    with pytest.raises(XAIOutcomeUnknownError, match=r"^cut\. The file may be stored all the same: an orphan, billed"):
        play(retrying(UPLOAD, RetryPolicy()), (UPLOAD, SENT), (Now(), 0.0))


def test_a_conflict_is_final_for_a_write() -> None:
    with pytest.raises(XAIConflictError):
        play(retrying(WRITE, RetryPolicy()), (WRITE, status(409)), (Now(), 0.0))


def test_a_write_refused_to_the_last_did_not_happen() -> None:
    policy = RetryPolicy(attempts=2)
    script = after(status(429), SLOW_PAUSE, request=WRITE)
    with pytest.raises(XAIRateLimitError):
        play(retrying(WRITE, policy), *script, (WRITE, status(429)), (Now(), 1.0))


OUT_OF_CREDITS = b'{"code": 8, "message": "Your team t has either used all available credits or reached its limit"}'
CITY = b'header key "cf-ipcity" contains value with non-printable ASCII characters'


@pytest.mark.parametrize("request_", [READ, WRITE, DELETE, UPLOAD])
@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Response(429, {"retry-after": "1"}, OUT_OF_CREDITS), XAICreditsError),
        (Response(403, {}, OUT_OF_CREDITS), XAICreditsError),
        (Response(402, {}, b""), XAICreditsError),
        (Response(405, {}, b""), XAIUnroutableError),
        (Response(500, {}, CITY), XAIUnroutableError),
    ],
)
def test_what_no_repeat_helps_with_is_asked_once_and_leaves_no_doubt(
    answer: Response, kind: type[XAIStatusError], request_: Request[Any]
) -> None:
    with pytest.raises(XAIStatusError) as caught:
        play(retrying(request_, RetryPolicy()), (request_, answer), (Now(), 0.0))
    assert type(caught.value) is kind


@pytest.mark.parametrize(
    ("failing", "pauses"),
    [(503, (0.25, 0.5, 1.0, 2.0, 4.0, 4.0)), (429, (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0))],
)
def test_pauses_double_up_to_the_longest_and_tries_are_counted(failing: int, pauses: tuple[float, ...]) -> None:
    """Pauses of a rate limit that names no time start longer and go further."""
    policy = RetryPolicy(attempts=len(pauses) + 1)
    script = [step for pause in pauses for step in after(status(failing), Sleep(pause, jitter=pause))]
    assert play(retrying(READ, policy), *script, (READ, FINE)) == a_collection()
    with pytest.raises(XAIStatusError):
        play(retrying(READ, policy), *script, (READ, status(failing)), (Now(), 0.0))


def test_thousands_of_tries_are_no_obstacle() -> None:
    policy = RetryPolicy(attempts=10_000)
    for error, longest in ((SENT, policy.longest), (XAIRateLimitError("429"), policy.longest_rate_limit)):
        assert policy.delay(9_999, error, idempotent=True, now=0.0) == Sleep(longest / 2, jitter=longest / 2)


@pytest.mark.parametrize("failing", [503, 429, 409])
@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7.0),
        ("0", 0.0),
        ("1.5", 1.5),
        (" 3 ", 3.0),
        ("86400", 60.0),
        ("inf", 60.0),
        ("-5", 0.0),
        ("-inf", 0.0),
        ("Thu, 01 Jan 2026 12:00:09 GMT", 9.0),
        ("Thursday, 01-Jan-26 12:00:09 GMT", 9.0),
        ("Thu Jan  1 12:00:09 2026", 9.0),
        ("Thu, 01 Jan 2026 11:00:00 GMT", 0.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 60.0),
        ("", None),
        ("soon", None),
        ("nan", None),
        ("12 o'clock", None),
        ("Mon, 01 Jan 99999999999999999999 00:00:00 GMT", None),
        ("Mon, 41 Jan 2026 00:00:00 GMT", None),
    ],
)
def test_the_service_says_how_long_to_wait_in_seconds_or_as_a_date(
    failing: int, text: str, seconds: float | None
) -> None:
    """A time that nobody understands is as none."""
    otherwise = SLOW_PAUSE if failing == 429 else FIRST_PAUSE
    pause = otherwise if seconds is None else Sleep(seconds, jitter=0.5)
    script: list[tuple[Step, Any]] = [(READ, status(failing, text)), (Now(), NOON.timestamp()), (pause, None)]
    assert play(retrying(READ, RetryPolicy()), *script, (READ, FINE)) == a_collection()


def test_no_repeat_starts_after_the_budget() -> None:
    """Seconds count from the first failure; those for which a repeat was held back do not."""
    policy, noon = RetryPolicy(budget=10.0), NOON.timestamp()
    delayed = [Response(503, {}, b"", held=seconds) for seconds in (1000.0, 100.0)]
    script: list[tuple[Step, Any]] = [(READ, delayed[0]), (Now(), noon), (FIRST_PAUSE, None), (READ, delayed[1])]
    in_time: list[tuple[Step, Any]] = [(Now(), noon + 109.0), (SLOW_PAUSE, None), (READ, FINE)]
    assert play(retrying(READ, policy), *script, *in_time) == a_collection()
    with pytest.raises(XAIServerError):
        play(retrying(READ, policy), *script, (Now(), noon + 109.1))


def test_no_repeat_starts_after_the_deadline_of_the_request() -> None:
    request = Request(GET_COLLECTION, READ.path, deadline=100.0)
    in_time: list[tuple[Step, Any]] = [(request, status(503)), (Now(), 99.0), (FIRST_PAUSE, None)]
    with pytest.raises(XAIServerError):
        play(retrying(request, RetryPolicy()), *in_time, (request, status(503)), (Now(), 99.5))


DATES = st.timedeltas(timedelta(days=-9999), timedelta(days=9999)).map(
    lambda ago: format_datetime(NOON + ago, usegmt=True)
)
NUMBERS = (st.integers() | st.floats()).map(str)
RETRY_AFTERS = st.none() | NUMBERS | DATES | st.text() | st.from_regex(r"\w{3}, \d+ Jan \d+ \d+:\d+:\d+ [+-]\d+")
STATUSES = st.sampled_from([301, 400, 401, 404, 408, 409, 413, 429, 500, 502, 503, 529])
POLICIES = st.builds(
    RetryPolicy,
    attempts=st.integers(1, 5000),
    first=st.floats(0, 10),
    longest=st.floats(0, 100),
    first_rate_limit=st.floats(0, 10),
    longest_rate_limit=st.floats(0, 100),
    longest_retry_after=st.floats(0, 100),
)


@given(
    POLICIES, st.integers(1, 6000), st.sampled_from([SENT, UNSENT]) | st.tuples(STATUSES, RETRY_AFTERS), st.booleans()
)
def test_no_pause_is_longer_than_its_cap(policy: RetryPolicy, attempt: int, failure: Any, idempotent: bool) -> None:
    error: Any = error_from(READ, status(*failure)) if isinstance(failure, tuple) else failure
    pause = policy.delay(attempt, error, idempotent=idempotent, now=NOON.timestamp())
    if pause is not None:
        assert attempt < policy.attempts
        assert 0 <= pause.seconds <= max(policy.longest, policy.longest_rate_limit, policy.longest_retry_after)
        if getattr(error, "retry_after", None) is None:
            longest = policy.longest_rate_limit if isinstance(error, XAIRateLimitError) else policy.longest
            assert pause.seconds + pause.jitter <= longest
        else:
            assert pause.jitter <= max(policy.first, policy.longest, policy.longest_rate_limit)


def test_errors_say_if_a_later_try_or_another_call_may_do_better() -> None:
    """The first may pass, the second are about one request, the third concern every call."""
    passing: list[XAIError] = [SENT, UNSENT, XAIResponseError(""), XAIRateLimitError(""), XAIServerError("")]
    passing.append(XAIIncompleteListError(""))
    one: list[XAIError] = [XAINotFoundError(""), XAIConflictError(""), XAIUnroutableError("")]
    every: list[XAIError] = [XAIAuthError(""), XAICredentialError(""), XAICreditsError("")]
    assert [each for each in (*passing, *one, *every) if is_transient(each)] == passing
    assert [each for each in (*passing, *one, *every) if concerns_every_call(each)] == every


def test_a_read_that_fails_twice_says_so() -> None:
    again = replace(FIRST_PAUSE, then="try 2 of 2", reason=ANY)
    twice: list[Any] = [(READ, status(503)), (Now(), 1.0), (again, None), (READ, status(503)), (Now(), 2.5)]
    with pytest.raises(XAIServerError, match=r"It failed 2 times in 1\.5 s"):
        play(retrying(READ, RetryPolicy(attempts=2)), *twice)
