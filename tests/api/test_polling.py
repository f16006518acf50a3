from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_xai_collections.api.polling import FailedDocument, Poller, WaitEnd, WaitResult, WaitRules
from airflow_provider_xai_collections.api.protocol import Sleep
from airflow_provider_xai_collections.exceptions import (
    XAIArgumentError,
    XAINotFoundError,
    XAIRateLimitError,
    XAIServerError,
)
from tests.support.driving import a_document

PROCESSING = "DOCUMENT_STATUS_PROCESSING"
FAILED = "DOCUMENT_STATUS_FAILED"
OUTAGE = XAIServerError("503", status=503)


def poller(*file_ids: str, **rules: Any) -> Poller:
    return Poller(file_ids, WaitRules(**rules))


def test_processed_documents_end_the_wait() -> None:
    watched = poller("a", "b")
    assert watched.handle_poll(0.0, [a_document("a")]) is None
    assert (watched.pending, watched.processed_count) == (("b",), 1)
    assert watched.handle_poll(1.0, [a_document("b")]) == WaitResult(WaitEnd.SETTLED, processed=("a", "b"))


def test_failed_documents_end_the_wait_with_their_reasons() -> None:
    documents = [a_document("a", FAILED, error_message="no text"), a_document("b", FAILED)]
    failed = (FailedDocument("a", "a.txt", "no text"), FailedDocument("b", "b.txt", "the service gave no reason"))
    assert poller("a", "b").handle_poll(0.0, documents) == WaitResult(WaitEnd.SETTLED, failed=failed)


@pytest.mark.parametrize(
    ("word", "unknown"),
    [
        ("DOCUMENT_STATUS_UNKNOWN", set()),
        (PROCESSING, set()),
        ("DOCUMENT_STATUS_CHUNKED", set()),
        ("DREAMING", {"DREAMING"}),
        ("", {""}),
    ],
)
def test_every_other_word_means_in_progress(word: str, unknown: set[str]) -> None:
    watched = poller("a")
    assert watched.handle_poll(0.0, [a_document("a", word)]) is None
    assert (watched.pending, watched.unknown_words) == (("a",), unknown)


def test_other_documents_and_ids_that_are_given_twice_change_nothing() -> None:
    watched = poller("a", "a")
    assert watched.pending == ("a",)
    assert watched.handle_poll(0.0, [a_document("x"), a_document("a")]) == WaitResult(WaitEnd.SETTLED, processed=("a",))


@pytest.mark.parametrize("grace", [60.0, 0.0])
def test_an_absent_document_is_missing_after_the_grace_period(grace: float) -> None:
    watched = poller("a", grace=grace)
    if grace:
        assert watched.handle_poll(100.0, []) is None
        assert watched.handle_poll(159.0, []) is None
    assert watched.handle_poll(100.0 + grace, []) == WaitResult(WaitEnd.SETTLED, missing=("a",))


def test_a_document_that_returns_gets_a_new_grace_period() -> None:
    watched = poller("a", grace=60.0)
    watched.handle_poll(0.0, [])
    watched.handle_poll(59.0, [a_document("a", PROCESSING)])
    assert watched.handle_poll(61.0, []) is None
    assert watched.handle_poll(120.0, []) is None
    assert watched.handle_poll(121.0, []) == WaitResult(WaitEnd.SETTLED, missing=("a",))


def test_documents_may_join_while_others_are_watched() -> None:
    watched = poller()
    watched.watch("a")
    assert watched.handle_poll(0.0, [a_document("a", PROCESSING)]) is None
    watched.watch("b")
    watched.watch("a")  # it is watched already, and keeps what is known of it
    assert watched.pending == ("a", "b")
    assert watched.handle_poll(1.0, [a_document("a"), a_document("b")]) == WaitResult(
        WaitEnd.SETTLED, processed=("a", "b")
    )


def test_the_deadline_ends_the_wait_with_what_is_pending() -> None:
    watched = poller("a", "b", deadline=100.0)
    assert watched.handle_poll(99.0, [a_document("a")]) is None
    late = watched.handle_poll(100.0, [a_document("b", PROCESSING)])
    assert late == WaitResult(WaitEnd.TIMED_OUT, processed=("a",), pending=("b",))
    assert late.total == 2
    settled = WaitResult(WaitEnd.SETTLED, processed=("a",))
    assert poller("a", deadline=100.0).handle_poll(200.0, [a_document("a")]) == settled


def test_the_deadline_holds_without_a_poll_and_while_polls_fail() -> None:
    watched, late = poller("a", deadline=100.0), WaitResult(WaitEnd.TIMED_OUT, pending=("a",))
    assert watched.ended(99.0) is watched.handle_error(99.0, OUTAGE) is None
    assert watched.ended(100.0) == watched.handle_error(100.0, OUTAGE) == late
    assert poller().ended(0.0) == WaitResult(WaitEnd.SETTLED)


def test_a_wait_that_another_limit_ends_tells_how_far_it_is() -> None:
    watched = poller("a", "b", "c")
    watched.handle_poll(0.0, [a_document("a"), a_document("b", FAILED), a_document("c", PROCESSING)])
    result = watched.result_now(WaitEnd.EXECUTION_TIMED_OUT)
    assert (result.end, result.end.limit) == (WaitEnd.EXECUTION_TIMED_OUT, "execution_timeout")
    assert (result.processed, [each.file_id for each in result.failed], result.pending) == (("a",), ["b"], ("c",))
    assert result.names == {"c": "c.txt"}


def test_a_poll_may_fail_a_few_times_in_a_row() -> None:
    watched = poller("a", max_failures=2)
    for _ in range(3):
        assert watched.handle_error(0.0, OUTAGE) is None
        assert watched.handle_error(0.0, XAIRateLimitError("429")) is None
        assert watched.handle_poll(0.0, [a_document("a", PROCESSING)]) is None
    watched.handle_error(0.0, OUTAGE)
    watched.handle_error(0.0, OUTAGE)
    with pytest.raises(XAIServerError):
        watched.handle_error(0.0, OUTAGE)


def test_a_final_error_ends_the_wait_at_once() -> None:
    with pytest.raises(XAINotFoundError):
        poller("a").handle_error(0.0, XAINotFoundError("404"))


def test_doubts_about_processed_documents_are_told() -> None:
    odd = {"content_type": "application/octet-stream"}
    documents = [
        a_document("a", file_metadata=odd),
        a_document("b", FAILED, file_metadata=odd),
        a_document("c", file_metadata={"content_type": "text/plain"}),
    ]
    result = poller("a", "b", "c").handle_poll(0.0, documents)
    assert result is not None
    assert [(doubt.file_id, doubt.name, doubt.altered) for doubt in result.doubts] == [("a", "a.txt", False)]


def longest(pause: Sleep) -> float:
    return round(pause.seconds + pause.jitter, 6)


def test_a_pause_is_a_quarter_of_the_time_waited() -> None:
    watched = poller("a", poll_interval=10.0)
    assert longest(watched.pause(1000.0)) == 0.5, "a twentieth of the interval at least"
    for waited, seconds in ((1.0, 0.5), (4.0, 1.0), (20.0, 5.0), (40.0, 10.0), (400.0, 10.0)):
        watched.handle_poll(1000.0 + waited, [a_document("a", PROCESSING)])
        assert longest(watched.pause(1000.0 + waited)) == seconds


def test_after_polls_that_failed_a_pause_is_the_whole_interval() -> None:
    watched = poller("a", poll_interval=10.0)
    watched.handle_error(0.0, OUTAGE)
    assert longest(watched.pause(0.0)) == 10.0
    watched.handle_poll(1.0, [])
    assert longest(watched.pause(1.0)) == 0.5


def test_the_last_pause_ends_at_the_deadline() -> None:
    watched = poller("a", poll_interval=10.0, deadline=100.0)
    watched.handle_poll(99.5, [a_document("a", PROCESSING)])
    assert watched.pause(99.5) == Sleep(0.5)
    assert watched.pause(101.0) == Sleep(0.0)


@given(waited=st.floats(0, 1e9), interval=st.floats(0.01, 1e6), left=st.none() | st.floats(-10, 1e6))
def test_no_pause_is_longer_than_the_interval_or_passes_the_deadline(
    waited: float, interval: float, left: float | None
) -> None:
    watched = poller("a", poll_interval=interval, deadline=left)
    watched.handle_poll(-waited, [])
    pause = watched.pause(0.0)
    assert 0 <= pause.seconds <= pause.seconds + pause.jitter <= interval * 1.000001
    if left is not None:
        assert pause.seconds + pause.jitter <= max(0.0, left)


@pytest.mark.parametrize(
    "rules",
    [
        *({"poll_interval": interval} for interval in (0.0, -1.0, float("nan"))),
        *({"grace": grace} for grace in (-1.0, float("nan"))),
        {"max_failures": -1},
    ],
    ids=str,
)
def test_rules_that_make_no_sense_are_refused_and_named(rules: dict[str, Any]) -> None:
    with pytest.raises(XAIArgumentError, match=next(iter(rules))):
        WaitRules(**rules)
