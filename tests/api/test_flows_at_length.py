"""Lists, batches and waits of any size, against a service that answers in every way the contract leaves open."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_xai_collections.api.collections import CollectionPage
from airflow_provider_xai_collections.api.documents import Document, DocumentPage
from airflow_provider_xai_collections.api.endpoints import (
    BATCH_GET_DOCUMENTS,
    GET_COLLECTION,
    GET_DOCUMENT,
    LIST_COLLECTIONS,
    LIST_DOCUMENTS,
    LIST_FILES,
)
from airflow_provider_xai_collections.api.errors import error_from
from airflow_provider_xai_collections.api.files import File, FilePage
from airflow_provider_xai_collections.api.flows import (
    BATCH_SIZE,
    MAX_PAGE,
    MAX_SINGLE_GETS,
    batch_get_documents,
    list_all,
    wait_for_documents,
    watched_collection,
)
from airflow_provider_xai_collections.api.polling import Poller, WaitEnd, WaitResult, WaitRules
from airflow_provider_xai_collections.api.protocol import Now, Request, Response
from airflow_provider_xai_collections.exceptions import (
    XAIError,
    XAIIncompleteListError,
    XAIInvalidRequestError,
    XAINotFoundError,
    XAIServerError,
    XAITooLargeError,
)
from tests.api.driving import World, a_collection, a_document, play, some_documents

#: Pages as long as asked for; a service may cap them.
CAPS = st.none() | st.integers(1, MAX_PAGE)
# How a service may say that a list has ended: the token of the last page, given the one it was asked by and the first.
ENDS: dict[str, Callable[[str | None, str], str | None]] = {
    "no token": lambda asked, first: None,
    "an empty token": lambda asked, first: "",
    "one more token, to an empty page": lambda asked, first: "beyond",
    "the token it was asked by": lambda asked, first: asked or "beyond",
    "the first token again": lambda asked, first: first if asked else "beyond",
}


@given(
    total=st.integers(0, 350),
    limit=st.none() | st.integers(1, MAX_PAGE),
    cap=CAPS,
    end=st.sampled_from(sorted(ENDS)),
)
def test_a_list_is_complete_without_doubles_and_ends(total: int, limit: int | None, cap: int | None, end: str) -> None:
    asked_size = limit or MAX_PAGE
    size = min(asked_size, cap or asked_size)

    def answer(request: Request[Any]) -> FilePage:
        query = dict(request.query)
        assert (query["limit"], query["filter"], query["order"]) == (str(asked_size), "x", "asc")
        asked = query.get("pagination_token")
        start = int(asked) if asked and asked.isdigit() else total if asked else 0
        upto = min(start + size, total)
        token = str(upto) if upto < total else ENDS[end](asked, str(size))
        return FilePage(data=tuple(File(id=str(n)) for n in range(start, upto)), pagination_token=token)

    world = World(answer)
    try:
        files = world.run(list_all(LIST_FILES, limit=limit, filter="x", order="asc"))
    except XAIIncompleteListError:
        # A full page, and a token seen before: nobody can know whether that was all.
        assert end in ("the token it was asked by", "the first token again")
        assert total
        assert not total % size
        return
    assert [file.id for file in files] == [str(n) for n in range(total)]
    assert len(world.requests) <= total // size + 2


@given(total=st.integers(0, 350), size=st.integers(1, MAX_PAGE), tokens=st.sampled_from(["fresh", "one", "three"]))
def test_a_list_that_shows_one_page_again_is_never_taken_for_a_whole_one(total: int, size: int, tokens: str) -> None:
    """Each token leads to the first page again, as files have been seen to do; there, pages were as long as asked."""
    shown = min(total, size)
    turns = count()

    def answer(request: Request[Any]) -> FilePage:
        turn = next(turns) % {"fresh": 1_000_000, "one": 1, "three": 3}[tokens]
        return FilePage(data=tuple(File(id=str(n)) for n in range(shown)), pagination_token=f"t{turn}")

    world = World(answer)
    if total < size:
        assert len(world.run(list_all(LIST_FILES, limit=size))) == total
    else:
        with pytest.raises(XAIIncompleteListError):
            world.run(list_all(LIST_FILES, limit=size))
    assert len(world.requests) <= 2


def test_a_list_of_new_items_under_tokens_that_go_round_in_circles_ends_too() -> None:
    numbers = count()
    tokens = (f"t{turn % 3}" for turn in count())

    def answer(request: Request[Any]) -> CollectionPage:
        full = tuple(a_collection(str(next(numbers))) for _ in range(MAX_PAGE))
        return CollectionPage(collections=full, pagination_token=next(tokens))

    world = World(answer)
    with pytest.raises(XAIIncompleteListError, match="After 400 items the service sent the token of a page"):
        world.run(list_all(LIST_COLLECTIONS))
    assert len(world.requests) == 4


REFUSALS: list[XAIError] = [
    XAIInvalidRequestError("400", status=400),
    XAINotFoundError("404", status=404),
    XAITooLargeError("413", status=413),
]


@given(
    ids=st.lists(st.integers(0, 250).map(str), max_size=250),
    unknown=st.sets(st.integers(0, 250).map(str)),
    poisoned=st.sets(st.integers(0, 250).map(str), max_size=10),
    takes=st.integers(1, BATCH_SIZE + 10),
    data=st.data(),
)
@settings(max_examples=150)
def test_a_batch_finds_exactly_what_is_known_however_the_service_refuses(
    ids: list[str], unknown: set[str], poisoned: set[str], takes: int, data: st.DataObject
) -> None:
    poison = data.draw(st.sampled_from(REFUSALS[:2]))
    too_many = data.draw(st.sampled_from(REFUSALS))

    def one(file_id: str) -> Document:
        if file_id in unknown:
            raise XAINotFoundError("404", status=404)
        return a_document(file_id)

    def answer(request: Request[Any]) -> Any:
        if request.endpoint is GET_COLLECTION:
            return a_collection()
        if request.endpoint is GET_DOCUMENT:
            return one(request.subject.removeprefix("c/"))
        if request.endpoint is LIST_DOCUMENTS:
            return some_documents(*(a_document(str(n)) for n in range(251) if str(n) not in unknown))
        asked = [value for name, value in request.query if name == "file_ids"]
        if len(asked) > takes:
            raise too_many
        if poisoned & set(asked):
            raise poison
        return some_documents(*(a_document(file_id) for file_id in asked if file_id not in unknown))

    world = World(answer)
    found = [document.file_id for document in world.run(batch_get_documents("c", ids))]
    wanted = dict.fromkeys(ids)
    assert found == [file_id for file_id in wanted if file_id not in unknown]
    assert len(world.requests) <= 3 * len(wanted) + 2


@given(
    ids=st.lists(st.integers(0, 250).map(str), max_size=250, unique=True),
    unknown=st.sets(st.integers(0, 250).map(str)),
    refusal=st.sampled_from([400, 404, 405, 413, 414]),
    count_is_known=st.booleans(),
)
@settings(max_examples=150)
def test_documents_are_found_where_no_batch_is_taken(
    ids: list[str], unknown: set[str], refusal: int, count_is_known: bool
) -> None:
    there = [str(n) for n in range(251) if str(n) not in unknown]

    def answer(request: Request[Any]) -> Any:
        if request.endpoint is GET_COLLECTION:
            return a_collection(documents_count=len(there) if count_is_known else 0)
        if request.endpoint is GET_DOCUMENT:
            if (file_id := request.subject.removeprefix("c/")) in unknown:
                raise XAINotFoundError("404", status=404)
            return a_document(file_id)
        if request.endpoint is LIST_DOCUMENTS:
            start = int(dict(request.query).get("pagination_token", 0))
            token = str(start + MAX_PAGE) if start + MAX_PAGE < len(there) else None
            page = tuple(map(a_document, there[start : start + MAX_PAGE]))
            return DocumentPage(documents=page, pagination_token=token)
        raise error_of(refusal)

    world = World(answer)
    found = [document.file_id for document in world.run(batch_get_documents("c", ids))]
    assert found == [file_id for file_id in ids if file_id not in unknown]
    # Three batches of one, refused and asked for alone, with the batches that they were taken from; then at most a few
    # documents, or a list.
    assert len(world.requests) <= 1 + 3 * 3 + MAX_SINGLE_GETS


def error_of(status: int) -> XAIError:
    error = error_from(BATCH_GET_DOCUMENTS.request(collection_id="c", file_ids=["f"]), Response(status, {}, b""))
    assert error is not None
    return error


def test_a_batch_asks_no_more_than_one_call_is_known_to_take() -> None:
    world = World(lambda request: some_documents())
    world.run(batch_get_documents("c", map(str, range(2 * BATCH_SIZE + 1))))
    assert [len(request.query) for request in world.requests] == [BATCH_SIZE, BATCH_SIZE, 1]


def test_no_request_of_a_wait_is_retried_past_its_deadline() -> None:
    def answer(request: Request[Any]) -> Any:
        if request.endpoint is GET_COLLECTION:
            return a_collection()
        if request.endpoint is GET_DOCUMENT:
            return a_document("a")
        raise XAIInvalidRequestError("400", status=400)

    world = World(answer)
    world.run(batch_get_documents("c", ["a"], deadline=77.0))
    assert [request.deadline for request in world.requests] == [77.0, 77.0, 77.0]


# Waiting


def test_a_wait_without_documents_is_over_at_once() -> None:
    assert play(wait_for_documents("c", Poller([])), (Now(), 0.0)) == WaitResult(WaitEnd.SETTLED)


def test_a_wait_tells_how_far_it_is_after_each_poll() -> None:
    shown = iter([["a"], ["b"]])
    heard: list[int] = []
    world = World(lambda request: some_documents(*map(a_document, next(shown))))
    poller = Poller(["a", "b"])
    world.run(wait_for_documents("c", poller, on_progress=lambda poller: heard.append(poller.processed_count)))
    assert heard == [1, 2]


def test_a_wait_for_a_collection_that_vanishes_is_an_error() -> None:
    def answer(request: Request[Any]) -> Any:
        raise XAINotFoundError("does not exist", status=404)

    with pytest.raises(XAINotFoundError):
        World(answer).run(wait_for_documents("c", Poller(["a"])))


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
    world = World(answer, now=1_000.0, die=die)
    result = world.run(wait_for_documents("c", poller, on_progress=note))

    groups = [*result.processed, *(failed.file_id for failed in result.failed), *result.missing, *result.pending]
    assert sorted(groups) == sorted(histories)
    assert result.total == len(histories)
    assert world.now <= rules.deadline + 1e-6
    assert (result.end is WaitEnd.SETTLED) == (not result.pending)
    assert result.end is not WaitEnd.TIMED_OUT or world.now >= rules.deadline
    for file_id in result.processed:
        assert "PROCESSED" in histories[file_id]
    for failed in result.failed:
        assert "FAILED" in histories[failed.file_id]
    for file_id in result.missing:
        assert "absent" in histories[file_id]


BOOK = {"name": "b.pdf", "size_bytes": "32000", "content_type": "application/pdf"}
BYTES = {"bytes_configuration": {"max_chunk_size_bytes": 4000, "chunk_overlap_bytes": 800}}


@pytest.mark.parametrize("chunks", [10, 4])
def test_the_chunking_is_asked_for_once_and_only_if_it_tells(chunks: int) -> None:
    def answer(request: Request[Any]) -> Any:
        if request.endpoint is GET_COLLECTION:
            return a_collection(chunk_configuration=BYTES)
        return some_documents(a_document("b", file_metadata=BOOK, chunk_count=chunks))

    world = World(answer)
    result = world.run(wait_for_documents("c", Poller(["b"])))
    assert [doubt.file_id for doubt in result.doubts] == ["b"] * (chunks == 10)
    assert [each.endpoint for each in world.requests].count(GET_COLLECTION) == (chunks == 10)


def test_a_poll_that_cannot_read_the_chunking_is_repeated_and_no_doubt_is_lost() -> None:
    asked = 0

    def answer(request: Request[Any]) -> Any:
        nonlocal asked
        if request.endpoint is not GET_COLLECTION:
            return some_documents(a_document("b", file_metadata=BOOK, chunk_count=10))
        asked += 1
        if asked == 1:
            raise XAIServerError("busy", status=503)
        return a_collection(chunk_configuration=BYTES)

    result = World(answer).run(wait_for_documents("c", Poller(["b"])))
    assert (result.end, [doubt.file_id for doubt in result.doubts]) == (WaitEnd.SETTLED, ["b"])


def test_a_wait_for_a_collection_asks_for_the_chunking_at_its_first_poll() -> None:
    def answer(request: Request[Any]) -> Any:
        if request.endpoint is GET_COLLECTION:
            return a_collection(documents_count=1, chunk_configuration=BYTES)
        return some_documents(a_document("b", file_metadata=BOOK, chunk_count=10))

    world = World(answer)
    poller = world.run(watched_collection("c", WaitRules(), team_id="t"))
    ended = poller.handle_poll(0.0, [])
    assert ended is not None
    assert [doubt.file_id for doubt in ended.doubts] == ["b"]
    assert {dict(request.query).get("team_id") for request in world.requests} == {"t"}
