"""The end of a wait: the task goes on, or fails and names the documents that are not as wanted."""

from __future__ import annotations

import logging
from datetime import timedelta
from types import SimpleNamespace

import pytest

from airflow_provider_xai_collections import exceptions
from airflow_provider_xai_collections.api.polling import FailedDocument, WaitEnd, WaitResult
from airflow_provider_xai_collections.exceptions import XAIError, XAIIndexingError, XAITimeoutError
from airflow_provider_xai_collections.manifests.waits import WaitEvent, WaitSummary
from airflow_provider_xai_collections.text import NAMED
from airflow_provider_xai_collections.waits.outcome import check_outcome

LOG = logging.getLogger("test")


def summary(
    *, processed: int = 0, failed: int = 0, missing: int = 0, pending: int = 0, end: WaitEnd = WaitEnd.SETTLED
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
            names={"file_w0": "w0.txt"},
        )
    )


def judged(told: WaitSummary, max_failed: float | None = 0, documents: int | None = None) -> None:
    task = SimpleNamespace(
        collection_label="whales", max_failed=max_failed, log=LOG, timeout=timedelta(hours=1), execution_timeout=None
    )
    check_outcome(task, told, documents=documents)


@pytest.mark.parametrize(("failed", "missing"), [(1, 0), (0, 1)])
def test_one_lost_document_fails_the_task(failed: int, missing: int) -> None:
    with pytest.raises(XAIIndexingError, match="whales: 1 of 4 documents"):
        judged(summary(processed=3, failed=failed, missing=missing))


def test_the_error_names_the_documents_and_their_reasons_and_the_next_step() -> None:
    with pytest.raises(XAIIndexingError) as caught:
        judged(summary(processed=2, failed=2, missing=1))
    assert "3 of 5 documents" in (message := str(caught.value))
    assert "2 failed: file_f0.txt (file_f0): no text in it; file_f1.txt (file_f1): no text in it. " in message
    assert "(file_m0)" in message
    assert "XAIReindexDocumentsOperator(which='failed') indexes them again" in message


def test_a_long_list_is_cut_and_counted() -> None:
    with pytest.raises(XAIIndexingError) as caught:
        judged(summary(failed=1000, missing=1000))
    message = str(caught.value)
    assert f"file_f{NAMED - 1}.txt" in message
    assert f"file_f{NAMED}.txt" not in message
    assert f"; and {1000 - NAMED} more. 1000 no longer" in message
    assert f"file_m{NAMED - 1}, …)" in message
    assert len(message) < 2000


@pytest.mark.parametrize(
    ("max_failed", "lost", "passes"),
    [
        (0, 1, False),
        (3, 3, True),
        (3, 4, False),
        (0.1, 10, True),  # a share of 100 documents
        (0.1, 11, False),
        (1, 1, True),  # a count
        (1, 2, False),
        (1.0, 100, True),  # all of them
        (None, 100, True),
    ],
)
def test_max_failed_is_a_count_or_a_share(
    max_failed: float | None, lost: int, passes: bool, caplog: pytest.LogCaptureFixture
) -> None:
    told = summary(processed=100 - lost, failed=lost)
    if passes:
        judged(told, max_failed)
        assert f"Tolerated by max_failed={max_failed}" in caplog.text
        assert "failed: file_f0.txt" in caplog.text
    else:
        with pytest.raises(XAIIndexingError):
            judged(told, max_failed)


def test_a_share_may_be_of_more_documents_than_were_waited_for() -> None:
    judged(summary(failed=1), 0.1, documents=10)
    with pytest.raises(XAIIndexingError, match="1 of 9 documents"):
        judged(summary(failed=1), 0.1, documents=9)


@pytest.mark.parametrize("max_failed", [0, 1000, None])
@pytest.mark.parametrize(
    ("end", "why"),
    [
        (WaitEnd.TIMED_OUT, "time ran out (timeout is 1 hour)"),
        (WaitEnd.EXECUTION_TIMED_OUT, "time ran out"),
    ],
)
def test_a_wait_that_ran_out_of_time_fails_whatever_is_tolerated(
    max_failed: float | None, end: WaitEnd, why: str
) -> None:
    with pytest.raises(XAITimeoutError) as caught:
        judged(summary(processed=1, failed=1, pending=2, end=end), max_failed)
    assert str(caught.value) == (
        f"whales: {why}; 2 of 4 documents still in progress (w0.txt [file_w0], file_w1). "
        "1 failed: file_f0.txt (file_f0): no text in it. "
        "Indexing goes on at xAI: a retry finds what is there and waits on"
    )


# The event of a trigger.


def test_a_summary_comes_back_from_a_trigger() -> None:
    assert WaitEvent(version=1, summary=summary(processed=1)).summary_or_error().processed == 1


KINDS = [kind for kind in vars(exceptions).values() if isinstance(kind, type) and issubclass(kind, XAIError)]


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_of_ours_comes_back_from_a_trigger_as_what_it_was(kind: type[XAIError]) -> None:
    with pytest.raises(XAIError) as caught:
        WaitEvent(version=1, error="the key was refused", error_type=kind.__name__).summary_or_error()
    assert (type(caught.value), str(caught.value)) == (kind, "the key was refused")


@pytest.mark.parametrize("error_type", [None, "ZeroDivisionError", "Path"])
def test_an_error_of_another_kind_is_one_of_ours_then(error_type: str | None) -> None:
    with pytest.raises(XAIError, match="broke") as caught:
        WaitEvent(version=1, error="broke", error_type=error_type).summary_or_error()
    assert type(caught.value) is XAIError


def test_a_trigger_that_says_nothing_is_an_error() -> None:
    with pytest.raises(XAIError, match="the trigger ended without a reason: see the triggerer's log"):
        WaitEvent(version=1).summary_or_error()
