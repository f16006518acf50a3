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
    ADD_DOCUMENT,
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
    outcome_is_unknown,
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
from tests.api.driving import a_collection, play

READ = GET_COLLECTION.request(collection_id="c")
WRITE = CREATE_COLLECTION.request(collection_name="docs")
DELETE = DELETE_FILE.request(file_id="f")
UPLOAD = UPLOAD_FILE.request(upload=Upload("a.txt", open, 1))  # type: ignore[arg-type]  # nobody opens it
FINE = Response(200, {}, b'{"collection_id": "c", "collection_name": "docs"}')
GARBLED = Response(200, {}, b"<html>")
FIRST_PAUSE = Sleep(0.25, jitter=0.25)
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


@pytest.mark.parametrize(("failure", "pause"), [(status(429), Sleep(0.5, jitter=0.5)), (UNSENT, FIRST_PAUSE)])
def test_a_write_is_repeated_if_the_service_cannot_have_acted(failure: Any, pause: Sleep) -> None:
    script = after(failure, pause, request=WRITE)
    assert play(retrying(WRITE, RetryPolicy()), *script, (WRITE, FINE)) == a_collection()


@pytest.mark.parametrize("failure", [*map(status, (408, 500, 503, 504, 529)), SENT, GARBLED])
def test_a_write_that_may_have_been_done_is_not_repeated(failure: Any) -> None:
    with pytest.raises(XAIOutcomeUnknownError, match=r"\. It may have been done all the same: check before") as caught:
        play(retrying(WRITE, RetryPolicy()), (WRITE, failure), (Now(), 0.0))
    assert isinstance(caught.value.__cause__, XAIServerError | XAITransportError | XAIResponseError)


@pytest.mark.parametrize("failure", [*map(status, (500, 504)), SENT, GARBLED])
def test_a_404_after_a_lost_answer_may_come_from_the_same_call(failure: Any) -> None:
    with pytest.raises(XAINotFoundError) as caught:
        play(retrying(DELETE, RetryPolicy()), *after(failure, request=DELETE), (DELETE, status(404)), (Now(), 1.0))
    assert caught.value.after_doubt
    assert pickle.loads(pickle.dumps(caught.value)).after_doubt


def test_a_404_after_a_refusal_does_not_come_from_the_same_call() -> None:
    script = [
        *after(status(429), Sleep(0.5, jitter=0.5), request=DELETE),
        *after(UNSENT, Sleep(0.5, jitter=0.5), request=DELETE),
    ]
    with pytest.raises(XAINotFoundError) as caught:
        play(retrying(DELETE, RetryPolicy()), *script, (DELETE, status(404)), (Now(), 1.0))
    assert not caught.value.after_doubt


def test_an_upload_with_a_lost_answer_tells_of_the_orphan() -> None:
    with pytest.raises(XAIOutcomeUnknownError, match=r"^cut\. The file may be stored all the same: an orphan, billed"):
        play(retrying(UPLOAD, RetryPolicy()), (UPLOAD, SENT), (Now(), 0.0))


def test_a_conflict_is_final_for_a_write() -> None:
    with pytest.raises(XAIConflictError):
        play(retrying(WRITE, RetryPolicy()), (WRITE, status(409)), (Now(), 0.0))


def test_a_write_refused_to_the_last_did_not_happen() -> None:
    policy = RetryPolicy(attempts=2)
    script = after(status(429), Sleep(0.5, jitter=0.5), request=WRITE)
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


def test_what_is_wrong_on_our_side_passes_through() -> None:
    with pytest.raises(XAICredentialError):
        play(retrying(READ, RetryPolicy()), (READ, XAICredentialError("no key")))


def test_pauses_double_up_to_the_longest_and_tries_are_counted() -> None:
    pauses = [Sleep(s, jitter=s) for s in (0.25, 0.5, 1.0, 2.0, 4.0, 4.0)]
    script = [step for pause in pauses for step in after(status(503), pause)]
    with pytest.raises(XAIServerError):
        play(retrying(READ, RetryPolicy(attempts=7)), *script, (READ, status(503)), (Now(), 0.0))


def test_a_rate_limit_that_names_no_time_starts_slower_and_goes_further() -> None:
    pauses = [Sleep(s, jitter=s) for s in (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0)]
    script = [step for pause in pauses for step in after(status(429), pause)]
    assert play(retrying(READ, RetryPolicy(attempts=8)), *script, (READ, FINE)) == a_collection()


def test_thousands_of_tries_are_no_obstacle() -> None:
    policy = RetryPolicy(attempts=10_000)
    for error, longest in ((SENT, policy.longest), (XAIRateLimitError("429"), policy.longest_rate_limit)):
        assert policy.delay(9_999, error, idempotent=True, now=0.0) == Sleep(longest / 2, jitter=longest / 2)


def test_one_attempt_never_repeats() -> None:
    with pytest.raises(XAIServerError):
        play(retrying(READ, RetryPolicy(attempts=1)), (READ, status(503)), (Now(), 0.0))


@pytest.mark.parametrize("failing", [429, 503, 409])
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
    ],
)
def test_the_service_says_how_long_to_wait_in_seconds_or_as_a_date(failing: int, text: str, seconds: float) -> None:
    script: list[tuple[Step, Any]] = [(READ, status(failing, text)), (Now(), NOON.timestamp())]
    script += [(Sleep(seconds, jitter=0.5), None), (READ, FINE)]
    assert play(retrying(READ, RetryPolicy()), *script) == a_collection()


@pytest.mark.parametrize(
    "text",
    ["soon", "", "nan", "12 o'clock", "Mon, 01 Jan 99999999999999999999 00:00:00 GMT", "Mon, 41 Jan 2026 00:00:00 GMT"],
)
def test_a_wait_nobody_understands_is_as_none(text: str) -> None:
    assert play(retrying(READ, RetryPolicy()), *after(status(503, text)), (READ, FINE)) == a_collection()


def test_no_repeat_starts_after_the_budget() -> None:
    policy = RetryPolicy(budget=10.0)
    late: list[tuple[Step, Any]] = [(READ, status(503)), (Now(), 9.1)]
    with pytest.raises(XAIServerError):
        play(retrying(READ, policy), *after(status(503)), *late)


def test_time_for_which_a_request_was_delayed_is_not_of_the_budget() -> None:
    """Only repeats are counted: before the first try, there is no budget yet."""
    policy = RetryPolicy(budget=10.0)
    delayed = [Response(503, {}, b"", held=seconds) for seconds in (1000.0, 100.0)]
    script: list[tuple[Step, Any]] = [(READ, delayed[0]), (Now(), 0.0), (FIRST_PAUSE, None)]
    again: list[tuple[Step, Any]] = [(READ, delayed[1]), (Now(), 109.0), (Sleep(0.5, jitter=0.5), None)]
    assert play(retrying(READ, policy), *script, *again, (READ, FINE)) == a_collection()
    with pytest.raises(XAIServerError):
        play(retrying(READ, policy), *script, (READ, delayed[1]), (Now(), 109.1))


def test_the_budget_counts_from_the_first_failure_not_from_the_epoch() -> None:
    late = NOON.timestamp()
    script: list[tuple[Step, Any]] = [(READ, status(503)), (Now(), late), (FIRST_PAUSE, None), (READ, FINE)]
    assert play(retrying(READ, RetryPolicy(budget=1.0)), *script) == a_collection()


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


@st.composite
def failures(draw: st.DrawFn) -> XAIError:
    if draw(st.booleans()):
        return draw(st.sampled_from([SENT, UNSENT, XAIResponseError("garbled")]))
    found = error_from(READ, status(draw(STATUSES), draw(RETRY_AFTERS)))
    assert found is not None
    return found


@given(POLICIES, st.integers(1, 6000), failures(), st.booleans())
def test_no_pause_is_longer_than_its_cap(policy: RetryPolicy, attempt: int, error: XAIError, idempotent: bool) -> None:
    pause = policy.delay(attempt, error, idempotent=idempotent, now=NOON.timestamp())
    if pause is not None:
        assert attempt < policy.attempts
        assert 0 <= pause.seconds <= max(policy.longest, policy.longest_rate_limit, policy.longest_retry_after)
        if getattr(error, "retry_after", None) is None:
            longest = policy.longest_rate_limit if isinstance(error, XAIRateLimitError) else policy.longest
            assert pause.seconds + pause.jitter <= longest
        else:
            assert pause.jitter <= max(policy.first, policy.longest, policy.longest_rate_limit)


@given(st.lists(failures(), max_size=8), st.sampled_from([WRITE, ADD_DOCUMENT.request(collection_id="c", file_id="f")]))
def test_a_write_goes_on_only_past_refusals_and_unsent_requests(met: list[XAIError], request: Request[Any]) -> None:
    flow = retrying(request, RetryPolicy())
    next(flow)
    for error in met:
        if isinstance(error, XAIStatusError):
            asked = flow.send(status(error.status, error.retry_after))
        else:
            asked = flow.throw(error)
        assert asked == Now()
        try:
            asked = flow.send(0.0)
        except XAIOutcomeUnknownError:
            assert outcome_is_unknown(error)
            break
        except XAIError:
            assert not outcome_is_unknown(error)
            break
        assert isinstance(asked, Sleep)
        assert isinstance(error, XAIRateLimitError) or error is UNSENT
        assert flow.send(None) == request


def test_only_what_may_pass_is_transient() -> None:
    passing: list[XAIError] = [SENT, UNSENT, XAIResponseError(""), XAIRateLimitError(""), XAIServerError("")]
    passing.append(XAIIncompleteListError(""))
    lasting: list[XAIError] = [XAINotFoundError(""), XAIAuthError(""), XAIConflictError(""), XAICredentialError("")]
    lasting += [XAICreditsError(""), XAIUnroutableError("")]
    assert all(map(is_transient, passing))
    assert not any(map(is_transient, lasting))


def test_a_refused_key_and_a_team_without_credits_concern_every_call() -> None:
    every: list[XAIError] = [XAIAuthError(""), XAICredentialError(""), XAICreditsError("")]
    one: list[XAIError] = [XAINotFoundError(""), XAIRateLimitError(""), XAIUnroutableError(""), SENT]
    assert all(map(concerns_every_call, every))
    assert not any(map(concerns_every_call, one))


def test_a_read_that_fails_twice_says_so() -> None:
    again = replace(FIRST_PAUSE, then="try 2 of 2", reason=ANY)
    twice: list[tuple[Step, Any]] = [
        (READ, status(503)),
        (Now(), 1.0),
        (again, None),
        (READ, status(503)),
        (Now(), 2.5),
    ]
    with pytest.raises(XAIServerError, match=r"It failed 2 times in 1\.5 s"):
        play(retrying(READ, RetryPolicy(attempts=2)), *twice)
