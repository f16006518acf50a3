"""What a finished wait means for the task: go on, fail, or fail with a list of what is wrong."""

from __future__ import annotations

import logging
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider_xai_collections import exceptions
from airflow_provider_xai_collections.api.doubts import Doubt
from airflow_provider_xai_collections.api.polling import NAMED, FailedDocument, WaitEnd, WaitResult
from airflow_provider_xai_collections.exceptions import (
    XAIArgumentError,
    XAIAuthError,
    XAIError,
    XAIIndexingError,
    XAITimeoutError,
)
from airflow_provider_xai_collections.manifests.waits import WaitEvent, WaitSummary
from airflow_provider_xai_collections.waits.tolerance import OnFailed, check_policy
from airflow_provider_xai_collections.waits.verdicts import judge, some_of, summary_of

LOG = logging.getLogger("test")


def summary(
    *,
    processed: int = 0,
    failed: int = 0,
    missing: int = 0,
    pending: int = 0,
    end: WaitEnd = WaitEnd.SETTLED,
    doubts: tuple[Doubt, ...] = (),
) -> WaitSummary:
    def ids(kind: str, count: int) -> tuple[str, ...]:
        return tuple(f"file_{kind}{number}" for number in range(count))

    return WaitSummary.of(
        WaitResult(
            end,
            processed=ids("p", processed),
            failed=tuple(FailedDocument(one, f"{one}.txt", "no text in it") for one in ids("f", failed)),
            missing=ids("m", missing),
            pending=ids("w", pending),
            doubts=doubts,
            names={"file_w0": "w0.txt"},
        )
    )


LIMITS: dict[str, timedelta | float | None] = {
    "timeout": timedelta(hours=1),
    "stall_timeout": 90.0,
    "execution_timeout": None,
}


def verdict(told: WaitSummary, on_failed: str = "fail", max_failed: float = 0) -> WaitSummary:
    task = SimpleNamespace(collection_id="collection_1", on_failed=on_failed, max_failed=max_failed, log=LOG, **LIMITS)
    return judge(task, told)


def test_all_processed_means_go_on(caplog: pytest.LogCaptureFixture) -> None:
    told = summary(processed=3)
    assert verdict(told) is told
    assert not caplog.messages


@pytest.mark.parametrize(("failed", "missing"), [(1, 0), (0, 1)])
def test_one_lost_document_fails_the_task(failed: int, missing: int) -> None:
    with pytest.raises(XAIIndexingError, match="collection_1: 1 of 4 documents are not processed"):
        verdict(summary(processed=3, failed=failed, missing=missing))


def test_the_error_names_the_documents_and_their_reasons() -> None:
    with pytest.raises(XAIIndexingError) as caught:
        verdict(summary(processed=2, failed=2, missing=1))
    assert str(caught.value) == (
        "collection_1: 3 of 5 documents are not processed. "
        "2 failed: file_f0.txt (file_f0): no text in it; file_f1.txt (file_f1): no text in it. "
        "1 are no longer in the collection (file_m0). An ingestion replaces failed documents when it runs again; "
        "XAIReindexDocumentsOperator(which='failed') indexes them anew"
    )


def test_a_long_list_is_cut_and_counted() -> None:
    with pytest.raises(XAIIndexingError) as caught:
        verdict(summary(failed=1000, missing=1000))
    message = str(caught.value)
    assert f"file_f{NAMED - 1}.txt" in message
    assert f"file_f{NAMED}.txt" not in message
    assert f"; and {1000 - NAMED} more. 1000 are no longer" in message
    assert f"file_m{NAMED - 1}, …)" in message
    assert len(message) < 2000


def test_what_a_summary_had_no_room_for_is_counted_too() -> None:
    whole = summary(failed=8, missing=8)
    cut = whole.model_copy(update={"failures": whole.failures[:3], "missing_ids": whole.missing_ids[:2]})
    with pytest.raises(
        XAIIndexingError, match=r"; and 5 more. 8 are no longer in the collection \(file_m0, file_m1, …"
    ):
        verdict(cut)


@pytest.mark.parametrize(
    ("max_failed", "lost", "passes"),
    [
        (0, 1, False),
        (3, 3, True),
        (3, 4, False),
        (0.1, 10, True),  # a share of 100 documents
        (0.1, 11, False),
        (0.999, 99, True),
        (1, 1, True),  # a count
        (1, 2, False),
        (1.0, 2, True),  # all of them
    ],
)
def test_a_threshold_is_a_count_or_a_share(
    max_failed: float, lost: int, passes: bool, caplog: pytest.LogCaptureFixture
) -> None:
    told = summary(processed=100 - lost, failed=lost)
    if passes:
        assert verdict(told, "threshold", max_failed) is told
        assert f"Tolerated by on_failed='threshold', max_failed={max_failed}" in caplog.text
    else:
        with pytest.raises(XAIIndexingError):
            verdict(told, "threshold", max_failed)


def test_failed_documents_may_be_ignored_but_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    told = summary(failed=3)
    assert verdict(told, "ignore") is told
    assert "collection_1: 3 of 3 documents are not processed. 3 failed: file_f0.txt" in caplog.text


@pytest.mark.parametrize("on_failed", OnFailed)
@pytest.mark.parametrize(
    ("end", "why"),
    [
        (WaitEnd.TIMED_OUT, "time ran out (timeout is 1 hour)"),
        (WaitEnd.STALLED, "no document moved for too long (stall_timeout is 1 minute 30 seconds)"),
        (WaitEnd.EXECUTION_TIMED_OUT, "time ran out (execution_timeout)"),
    ],
)
def test_a_wait_that_did_not_settle_fails_whatever_the_policy(on_failed: str, end: WaitEnd, why: str) -> None:
    with pytest.raises(XAITimeoutError) as caught:
        verdict(summary(processed=1, failed=1, pending=2, end=end), on_failed, 1000)
    assert str(caught.value) == (
        f"collection_1: {why}; 2 of 4 documents are still in progress (w0.txt [file_w0], file_w1). "
        "1 failed: file_f0.txt (file_f0): no text in it. "
        "Indexing goes on at xAI: a retry finds what is there and waits on"
    )


@pytest.mark.parametrize(
    ("names", "count", "text"),
    [
        ([], None, ""),
        ([], 3, ""),
        (["a"], None, " (a)"),
        (["a"], 3, " (a, …)"),
        (["a"] * (NAMED + 1), None, f" ({'a, ' * NAMED}…)"),
    ],
)
def test_some_are_named_if_any_can_be(names: list[str], count: int | None, text: str) -> None:
    assert some_of(names, count) == text


def test_documents_that_are_strange_are_warned_of_and_the_rest_counted(caplog: pytest.LogCaptureFixture) -> None:
    odd = Doubt("file_1", "100% whales.docx", "xAI keeps it as something else")
    summary_of(WaitEvent(version=1, summary=summary(processed=1, doubts=(odd,))), LOG)
    assert caplog.messages == ["100% whales.docx (file_1): xAI keeps it as something else"]
    caplog.clear()
    many = summary(processed=99, doubts=(Doubt("file_1", "w.docx", "why " * 99, altered=True),) * 99)
    summary_of(WaitEvent(version=1, summary=many), LOG)
    *named, last = caplog.messages
    assert 0 < len(named) < 20
    assert last == f"{99 - len(named)} more documents like that, which the manifest counts and does not name"


@pytest.mark.parametrize("on_failed", ["FAIL", "", "never", None])
def test_an_unknown_policy_is_refused_with_the_known_ones(on_failed: Any) -> None:
    with pytest.raises(XAIArgumentError, match=r"on_failed is .*; choose one of fail, threshold, ignore"):
        check_policy(on_failed, 0)


@pytest.mark.parametrize("max_failed", [-1, -0.1, float("nan"), True, "3", None])
def test_a_threshold_that_is_none_is_refused(max_failed: Any) -> None:
    with pytest.raises(XAIArgumentError, match=r"max_failed is .*; it is a count, or a share between 0 and 1"):
        check_policy("threshold", max_failed)


def hear(event: WaitEvent) -> WaitSummary:
    return verdict(summary_of(event, LOG))


def test_a_summary_from_a_trigger_is_judged_like_any_other() -> None:
    assert hear(WaitEvent(version=1, summary=summary(processed=1))).processed == 1
    with pytest.raises(XAIIndexingError):
        hear(WaitEvent(version=1, summary=summary(failed=1)))


def test_the_error_of_a_trigger_is_raised_as_what_it_was() -> None:
    with pytest.raises(XAIAuthError, match="the key was refused"):
        hear(WaitEvent(version=1, error="the key was refused", error_type="XAIAuthError"))


KINDS = [kind for kind in vars(exceptions).values() if isinstance(kind, type) and issubclass(kind, XAIError)]


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_of_ours_comes_back_from_a_trigger(kind: type[XAIError]) -> None:
    with pytest.raises(XAIError) as caught:
        hear(WaitEvent(version=1, error="what happened", error_type=kind.__name__))
    assert (type(caught.value), str(caught.value)) == (kind, "what happened")


@pytest.mark.parametrize("error_type", [None, "ZeroDivisionError", "Path"])
def test_an_error_of_another_kind_is_one_of_ours_then(error_type: str | None) -> None:
    with pytest.raises(XAIError, match="broke") as caught:
        hear(WaitEvent(version=1, error="broke", error_type=error_type))
    assert type(caught.value) is XAIError


def test_a_trigger_that_says_nothing_is_an_error() -> None:
    with pytest.raises(XAIError, match="the trigger ended without a reason: see the triggerer's log"):
        hear(WaitEvent(version=1))
