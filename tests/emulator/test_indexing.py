"""The way from PROCESSING to PROCESSED or FAILED, by reads, by the clock, and with lags."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from airflow_provider_xai_collections.api import endpoints
from airflow_provider_xai_collections.emulator import Emulator, Settings
from tests.support.caller import Caller, Clock


def playing(clock: Clock | None = None, **settings: Any) -> Caller:
    return Caller(Emulator(Settings(**settings), clock=clock or Clock()))


def attached(caller: Caller, *files: tuple[str, bytes]) -> tuple[str, list[str]]:
    collection_id = caller.collection()
    file_ids = [caller.file(name, content) for name, content in files or (("moby.txt", b"whales"),)]
    for file_id in file_ids:
        caller.attach(collection_id, file_id)
    return collection_id, file_ids


def test_every_read_moves_a_document_on() -> None:
    caller = playing(indexing="reads:2")
    collection_id, (file_id,) = attached(caller)
    seen = [caller.status(collection_id, file_id) for _ in range(10)]
    steps = ["PROCESSING", "CHUNKED", "EMBEDDING", "WRITING", "PROCESSED"]
    assert seen == [step for step in steps for _ in range(2)]


def test_lists_and_batches_are_reads_whatever_they_filter() -> None:
    caller = playing(indexing="reads:1")
    collection_id, (file_id,) = attached(caller)
    for _ in range(2):
        caller.call(endpoints.BATCH_GET_DOCUMENTS, collection_id=collection_id, file_ids=[file_id])
        wanted = "status:DOCUMENT_STATUS_PROCESSED"
        assert caller.call(endpoints.LIST_DOCUMENTS, collection_id=collection_id, filter=wanted).documents == ()
    assert caller.status(collection_id, file_id) == "PROCESSED"


def test_by_the_clock(clock: Clock) -> None:
    caller = playing(clock, indexing="seconds:4")
    collection_id, (file_id,) = attached(caller)
    seen = []
    for _ in range(6):
        seen.append(caller.status(collection_id, file_id))
        clock.now += 1
    assert seen == ["PROCESSING", "CHUNKED", "EMBEDDING", "WRITING", "PROCESSED", "PROCESSED"]
    document = caller.document(collection_id, file_id)
    assert document.last_indexed_at is not None
    assert document.last_indexed_at.timestamp() == 1_700_000_004


def test_a_document_has_no_chunks_before_it_is_embedded() -> None:
    caller = playing(indexing="reads:1", unknown_status_word="DOCUMENT_STATUS_PONDERING")
    chunking = {"chars_configuration": {"max_chunk_size_chars": 1, "chunk_overlap_chars": 0}}
    collection_id, file_id = caller.collection(chunk_configuration=chunking), caller.file(content=b"1234567890")
    caller.attach(collection_id, file_id)
    documents = [caller.document(collection_id, file_id) for _ in range(6)]
    assert [(document.chunk_count, document.chunks_processed_count) for document in documents] == [
        *[(0, 0)] * 3,
        (10, 6),
        (10, 8),
        (10, 10),
    ]


def test_progress_is_counted_in_chunks(clock: Clock) -> None:
    caller = playing(clock, indexing="seconds:4")
    chunking = {"chars_configuration": {"max_chunk_size_chars": 1, "chunk_overlap_chars": 0}}
    collection_id, file_id = caller.collection(chunk_configuration=chunking), caller.file(content=b"12345678")
    caller.attach(collection_id, file_id)
    clock.now += 2
    document = caller.document(collection_id, file_id)
    assert (document.chunk_count, document.chunks_processed_count) == (8, 4)
    assert document.last_indexed_at is None


def test_a_word_nobody_knows() -> None:
    caller = playing(indexing="reads:1", unknown_status_word="DOCUMENT_STATUS_PONDERING")
    collection_id, (file_id,) = attached(caller)
    assert [caller.status(collection_id, file_id) for _ in range(3)] == ["PROCESSING", "PONDERING", "CHUNKED"]


def test_some_never_finish_and_some_fail() -> None:
    caller = playing(indexing="reads:1", stuck=("slow*",), fail_names=("*.bad",), empty_file="fail")
    collection_id, file_ids = attached(caller, ("slow.txt", b"a"), ("x.bad", b"a"), ("empty.txt", b""), ("b", b"\xff"))
    for _ in range(5):
        caller.call(endpoints.LIST_DOCUMENTS, collection_id=collection_id)
    documents = [caller.document(collection_id, file_id) for file_id in file_ids]
    assert [(str(document.status).rpartition("_")[2], document.error_message) for document in documents] == [
        ("PROCESSING", ""),
        ("FAILED", "failed on order of fail_names"),
        ("FAILED", "the file is empty"),
        ("FAILED", "File format not supported. The file does not contain readable text."),
    ]


def test_the_reason_of_a_failure_comes_with_it() -> None:
    caller = playing(indexing="reads:1", fail_names=("*",))
    collection_id, (file_id,) = attached(caller)
    seen = [caller.document(collection_id, file_id) for _ in range(2)]
    assert [document.error_message for document in seen] == ["", "failed on order of fail_names"]
    assert seen[1].last_indexed_at is None


def test_a_reindex_starts_over_and_failures_fail_again() -> None:
    caller = playing(indexing="reads:1")
    collection_id, file_ids = attached(caller, ("moby.txt", b"whales"), ("noise.bin", b"\xff"))
    for _ in range(5):
        caller.call(endpoints.LIST_DOCUMENTS, collection_id=collection_id)
    for file_id in file_ids:
        caller.call(endpoints.REINDEX_DOCUMENT, collection_id=collection_id, file_id=file_id)
    assert [caller.status(collection_id, file_id) for file_id in file_ids] == ["PROCESSING", "PROCESSING"]
    assert [caller.status(collection_id, file_id) for file_id in file_ids] == ["CHUNKED", "FAILED"]


def test_a_new_document_may_hide_from_reads() -> None:
    caller = playing(get_lag_reads=2, list_lag_reads=1)
    collection_id, (file_id,) = attached(caller)
    one = {"collection_id": collection_id, "file_id": file_id}
    assert caller.refused(endpoints.GET_DOCUMENT, **one)[0] == 404
    batch = {"collection_id": collection_id, "file_ids": [file_id]}
    assert caller.call(endpoints.BATCH_GET_DOCUMENTS, **batch).documents == ()
    assert caller.status(collection_id, file_id) == "PROCESSED"
    lists = [caller.call(endpoints.LIST_DOCUMENTS, collection_id=collection_id).documents for _ in range(2)]
    assert [len(documents) for documents in lists] == [0, 1]


def test_only_processed_documents_are_found() -> None:
    caller = playing(indexing="reads:1")
    collection_id, (file_id,) = attached(caller)
    for _ in range(4):
        assert caller.found("whales", collection_id) == []
        caller.status(collection_id, file_id)
    assert caller.found("whales", collection_id) == [file_id]


def test_search_may_lag_by_reads(clock: Clock) -> None:
    caller = playing(search_lag="reads:2")
    collection_id, (file_id,) = attached(caller)
    assert [caller.found("whales", collection_id) for _ in range(3)] == [[], [], [file_id]]


def test_search_may_lag_by_the_clock(clock: Clock) -> None:
    caller = playing(clock, search_lag="seconds:5", indexing="reads:1")
    collection_id, (file_id,) = attached(caller)
    for _ in range(5):
        caller.status(collection_id, file_id)
    clock.now += 4.9
    assert caller.found("whales", collection_id) == []
    clock.now += 0.1
    assert caller.found("whales", collection_id) == [file_id]


@pytest.mark.parametrize("delay", ["fast", "reads", "reads:0", "reads:x", "seconds:-1", "instant:1"])
def test_a_pace_that_is_none(delay: str) -> None:
    with pytest.raises(ValidationError, match=r"is not instant, reads:N or seconds:S"):
        Settings(indexing=delay)


def test_a_clock_that_is_set_back_does_no_harm(clock: Clock) -> None:
    caller = playing(clock, indexing="seconds:4")
    collection_id, (file_id,) = attached(caller)
    clock.now -= 100
    assert caller.status(collection_id, file_id) == "PROCESSING"


def test_a_reindex_does_not_hide_a_document_again() -> None:
    caller = playing(get_lag_reads=1)
    collection_id, (file_id,) = attached(caller)
    assert caller.send(endpoints.GET_DOCUMENT, collection_id=collection_id, file_id=file_id).status == 404
    caller.call(endpoints.REINDEX_DOCUMENT, collection_id=collection_id, file_id=file_id)
    assert caller.status(collection_id, file_id) == "PROCESSED"
