"""Waits, and the flows that list the documents of a whole collection."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_xai_collections.api.documents import Document, DocumentStatus
from airflow_provider_xai_collections.api.endpoints import (
    BATCH_GET_DOCUMENTS,
    GET_COLLECTION,
    GET_DOCUMENT,
    LIST_DOCUMENTS,
)
from airflow_provider_xai_collections.api.flows import (
    all_documents,
    documents_to_reindex,
    wait_for_documents,
    watched_collection,
)
from airflow_provider_xai_collections.api.polling import Poller, WaitEnd, WaitResult, WaitRules
from airflow_provider_xai_collections.api.protocol import Now, Request, Sleep
from airflow_provider_xai_collections.exceptions import (
    XAIIncompleteListError,
    XAIInvalidRequestError,
    XAINotFoundError,
    XAIServerError,
)
from tests.support.driving import FlowDriver, Turn, a_collection, a_document, holding, play, some_documents

NOT_FOUND = XAINotFoundError("does not exist", status=404)
BUSY = XAIServerError("busy", status=503)


# A whole collection

UNPROCESSED = "status:!DOCUMENT_STATUS_PROCESSED"
NARROW = 'fields.year:"2024"'
PATIENT = WaitRules(deadline=60.0, poll_interval=10.0, max_failures=2)
AGAIN: list[Turn] = [(Now(), 0.0), (Sleep(8.0, jitter=2.0), None)]


def listing(*documents: Document, filter: str | None = None) -> Turn:
    return LIST_DOCUMENTS.request(collection_id="c", filter=filter, limit=100), some_documents(*documents)


def test_a_wait_for_a_collection_watches_what_is_not_processed() -> None:
    documents = (a_document("a"), a_document("b", DocumentStatus.FAILED), a_document("c", "DREAMING"))
    poller = play(watched_collection("c", WaitRules()), listing(*documents, filter=UNPROCESSED), (Now(), 0.0))
    assert poller.pending == ("c",)
    ended = poller.handle_poll(1.0, [a_document("c")])
    assert ended is not None
    assert (ended.processed, [each.file_id for each in ended.failed]) == (("c",), ["b"])


@pytest.mark.parametrize("ids", ["abc", ""])
def test_where_all_of_a_collection_is_processed_all_of_it_counts(ids: str) -> None:
    script = [listing(filter=UNPROCESSED), holding(len(ids)), listing(*map(a_document, ids)), (Now(), 0.0)]
    ended = play(watched_collection("c", WaitRules()), *script).handle_poll(0.0, [])
    assert ended is not None
    assert (ended.end, ended.processed) == (WaitEnd.SETTLED, tuple(ids))


def test_a_list_that_shows_less_than_there_is_ends_no_wait() -> None:
    lagging = [listing(filter=UNPROCESSED), holding(2), listing(), (Sleep(1.0), None), holding(2)]
    found = listing(a_document("a"), a_document("b", "DREAMING"))
    assert play(watched_collection("c", WaitRules()), *lagging, found, (Now(), 0.0)).pending == ("b",)
    one = listing(a_document("a"))
    with pytest.raises(XAIIncompleteListError, match="says that it has 2 documents, and its list shows 1"):
        play(all_documents("c"), *lagging[1:], one, (Sleep(2.0), None), holding(2), one)


def test_a_filter_that_matches_nothing_is_believed_after_some_tries() -> None:
    unfinished, nothing = listing(filter=f"{NARROW} AND {UNPROCESSED}"), [holding(2), listing(filter=NARROW)]
    thrice = [*nothing, (Sleep(1.0), None), *nothing, (Sleep(2.0), None), *nothing]
    watch = partial(watched_collection, "c", WaitRules(), filter=NARROW)
    assert play(watch(), unfinished, *thrice, (Now(), 0.0)).pending == ()
    late = listing(a_document("a"), filter=NARROW)
    assert play(watch(), unfinished, holding(2), late, (Now(), 0.0)).processed_count == 1
    assert play(all_documents("c", filter=NARROW), holding(0), listing(filter=NARROW)) == []


def test_a_first_poll_that_fails_is_repeated_as_the_rules_say() -> None:
    found = listing(a_document("b", "DREAMING"), filter=UNPROCESSED)
    assert play(watched_collection("c", PATIENT), (found[0], BUSY), *AGAIN, found, (Now(), 2.0)).pending == ("b",)
    for rules, error in (
        (replace(PATIENT, max_failures=0), BUSY),
        (replace(PATIENT, deadline=0.0), BUSY),
        (PATIENT, NOT_FOUND),
    ):
        with pytest.raises(type(error)):
            play(watched_collection("c", rules), (found[0], error), (Now(), 0.0))


def test_a_first_poll_that_cannot_read_the_chunking_is_repeated_too() -> None:
    book = a_document("a", "DREAMING", chunk_count=100, file_metadata={"name": "a.pdf"})
    asked = LIST_DOCUMENTS.request(collection_id="c", filter=UNPROCESSED, limit=100, team_id="t")
    found, exists = (asked, some_documents(book)), GET_COLLECTION.request(collection_id="c", team_id="t")
    script = [found, (exists, BUSY), *AGAIN, found, (exists, a_collection()), (Now(), 2.0)]
    poller = play(watched_collection("c", PATIENT, team_id="t"), *script)
    assert poller.pending == ("a",)
    assert poller.chunking is not None


def test_a_list_that_is_read_again_says_why() -> None:
    driver = FlowDriver(lambda request: holding(2)[1] if request.endpoint is GET_COLLECTION else some_documents())
    assert driver.run(all_documents("c", filter="f")) == []
    with pytest.raises(XAIIncompleteListError):
        driver.run(all_documents("c"))
    reasons = ["this one shows no match of the filter"] * 2 + ["this one shows 0 of 2 documents"] * 2
    assert [(pause.then, pause.reason) for pause in driver.pauses] == [("the next list", each) for each in reasons]


# Waiting


def test_a_wait_without_documents_is_over_at_once() -> None:
    assert play(wait_for_documents("c", Poller([])), (Now(), 0.0)) == WaitResult(WaitEnd.SETTLED)


def test_a_wait_tells_how_far_it_is_after_each_poll() -> None:
    shown = iter([["a"], ["b"]])
    heard: list[int] = []
    driver = FlowDriver(lambda request: some_documents(*map(a_document, next(shown))))
    poller = Poller(["a", "b"])
    driver.run(wait_for_documents("c", poller, on_progress=lambda poller: heard.append(poller.processed_count)))
    assert heard == [1, 2]


WORDS = st.sampled_from(["PROCESSING", "CHUNKED", "EMBEDDING", "WRITING", "UNKNOWN", "DREAMING", "absent"])
ENDINGS = st.sampled_from(["PROCESSED", "FAILED", "absent", "PROCESSING"])
HISTORIES = st.dictionaries(
    st.integers(0, 120).map(str), st.builds(lambda words, end: [*words, end], st.lists(WORDS, max_size=6), ENDINGS)
)


@given(
    histories=HISTORIES,
    outages=st.sets(st.integers(0, 12)),
    rules=st.builds(
        WaitRules,
        deadline=st.floats(1_000.0, 1_500.0),
        poll_interval=st.floats(0.5, 100),
        grace=st.floats(0, 100),
        max_failures=st.just(20),
    ),
    die=st.floats(0, 1),
)
@settings(max_examples=150)
def test_a_wait_ends_in_time_with_each_document_in_one_group(
    histories: dict[str, list[str]], outages: set[int], rules: WaitRules, die: float
) -> None:
    poller = Poller(list(histories), rules)
    turn = -1
    settled: set[str] = set()

    def answer(request: Request[Any]) -> Any:
        nonlocal turn
        asked = [value for name, value in request.query if name == "file_ids"]
        assert request.endpoint is BATCH_GET_DOCUMENTS
        assert settled.isdisjoint(asked)
        if asked[0] == poller.pending[0]:
            turn += 1
        if turn in outages:
            raise XAIServerError("503")
        words = {file_id: histories[file_id][min(turn, len(histories[file_id]) - 1)] for file_id in asked}
        return some_documents(
            *(a_document(file_id, f"DOCUMENT_STATUS_{word}") for file_id, word in words.items() if word != "absent")
        )

    def note(told: Poller) -> None:
        settled.update(histories.keys() - set(told.pending))

    assert rules.deadline is not None
    driver = FlowDriver(answer, now=1_000.0, die=die)
    result = driver.run(wait_for_documents("c", poller, on_progress=note))

    groups = [*result.processed, *(failed.file_id for failed in result.failed), *result.missing, *result.pending]
    assert sorted(groups) == sorted(histories)
    assert result.total == len(histories)
    assert driver.now <= rules.deadline + 1e-6
    assert (result.end is WaitEnd.SETTLED) == (not result.pending)
    assert result.end is not WaitEnd.TIMED_OUT or driver.now >= rules.deadline
    for file_id in result.processed:
        assert "PROCESSED" in histories[file_id]
    for failed in result.failed:
        assert "FAILED" in histories[failed.file_id]
    for file_id in result.missing:
        assert "absent" in histories[file_id]


BOOK = {"name": "b.pdf", "size_bytes": "32000", "content_type": "application/pdf"}
BYTES = {"bytes_configuration": {"max_chunk_size_bytes": 4000, "chunk_overlap_bytes": 800}}


@pytest.mark.parametrize("chunks", [10, 4])
def test_the_chunking_is_asked_for_once_and_only_if_it_tells_and_again_if_that_fails(chunks: int) -> None:
    busy = iter([XAIServerError("busy", status=503)])

    def answer(request: Request[Any]) -> Any:
        if request.endpoint is not GET_COLLECTION:
            return some_documents(a_document("b", file_metadata=BOOK, chunk_count=chunks))
        if (error := next(busy, None)) is not None:
            raise error
        return a_collection(chunk_configuration=BYTES)

    driver = FlowDriver(answer)
    result = driver.run(wait_for_documents("c", Poller(["b"])))
    assert (result.end, [doubt.file_id for doubt in result.doubts]) == (WaitEnd.SETTLED, ["b"] * (chunks == 10))
    assert [each.endpoint for each in driver.requests].count(GET_COLLECTION) == 2 * (chunks == 10)


def test_no_request_of_a_wait_is_retried_past_its_deadline() -> None:
    """Requests are the batch, those that stand in for it, and the one for the chunking."""

    def answer(request: Request[Any]) -> Any:
        if request.endpoint is GET_COLLECTION:
            return a_collection()
        if request.endpoint is GET_DOCUMENT:
            return a_document("b", file_metadata=BOOK, chunk_count=10)
        raise XAIInvalidRequestError("400", status=400)

    driver = FlowDriver(answer)
    driver.run(wait_for_documents("c", Poller(["b"], WaitRules(deadline=77.0))))
    asked = [BATCH_GET_DOCUMENTS, GET_COLLECTION, GET_DOCUMENT, GET_COLLECTION]
    assert [(request.endpoint, request.deadline) for request in driver.requests] == [(each, 77.0) for each in asked]


# Documents to index again


def test_all_or_only_failed_documents_are_reindexed_each_once_although_the_service_may_list_more() -> None:
    shown = some_documents(a_document("a"), a_document("b", DocumentStatus.FAILED), a_document("a"))
    everything, _ = listing()
    assert play(documents_to_reindex("c"), holding(2), (everything, shown)) == ["a", "b"]
    failed, _ = listing(filter="status:DOCUMENT_STATUS_FAILED")
    assert play(documents_to_reindex("c", failed=True), (failed, shown)) == ["b"]
