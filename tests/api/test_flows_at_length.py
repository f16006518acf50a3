"""Lists, batches and waits of any size, against a service that answers in every way the contract leaves open."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_xai_collections.api.collections import CollectionPage
from airflow_provider_xai_collections.api.endpoints import (
    BATCH_GET_DOCUMENTS,
    GET_COLLECTION,
    LIST_COLLECTIONS,
    LIST_FILES,
)
from airflow_provider_xai_collections.api.files import File, FilePage
from airflow_provider_xai_collections.api.flows import (
    BATCH_SIZE,
    MAX_PAGE,
    batch_get_documents,
    list_all,
    wait_for_documents,
)
from airflow_provider_xai_collections.api.polling import Poller, WaitEnd, WaitResult, WaitRules
from airflow_provider_xai_collections.api.protocol import Now, Request
from airflow_provider_xai_collections.exceptions import (
    XAIError,
    XAIInvalidRequestError,
    XAINotFoundError,
    XAIServerError,
    XAITooLargeError,
)
from tests.api.driving import World, a_collection, a_document, play, some_documents

# How a service may say that a list has ended: the token of the last page, given the one it was asked by and the first.
ENDS: dict[str, Callable[[str | None, str], str | None]] = {
    "no token": lambda asked, first: None,
    "an empty token": lambda asked, first: "",
    "one more token, to an empty page": lambda asked, first: "beyond",
    "the token it was asked by": lambda asked, first: asked or "beyond",
    "the first token again": lambda asked, first: first if asked else "beyond",
}


@given(total=st.integers(0, 350), limit=st.none() | st.integers(1, MAX_PAGE), end=st.sampled_from(sorted(ENDS)))
def test_a_list_is_complete_without_doubles_and_ends(total: int, limit: int | None, end: str) -> None:
    size = limit or MAX_PAGE

    def answer(request: Request[Any]) -> FilePage:
        query = dict(request.query)
        assert (query["limit"], query["filter"], query["order"]) == (str(size), "x", "asc")
        asked = query.get("pagination_token")
        start = int(asked) if asked and asked.isdigit() else total if asked else 0
        upto = min(start + size, total)
        token = str(upto) if upto < total else ENDS[end](asked, str(size))
        return FilePage(data=tuple(File(id=str(n)) for n in range(start, upto)), pagination_token=token)

    world = World(answer)
    files = world.run(list_all(LIST_FILES, limit=limit, filter="x", order="asc"))
    assert [file.id for file in files] == [str(n) for n in range(total)]
    assert len(world.requests) <= total // size + 2


def test_a_list_ends_when_its_tokens_go_round_in_circles() -> None:
    full = tuple(a_collection(str(n)) for n in range(MAX_PAGE))
    tokens = (f"t{turn % 3}" for turn in count())
    world = World(lambda request: CollectionPage(collections=full, pagination_token=next(tokens)))
    assert len(world.run(list_all(LIST_COLLECTIONS))) == 4 * MAX_PAGE


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

    def answer(request: Request[Any]) -> Any:
        if request.endpoint is GET_COLLECTION:
            return a_collection()
        asked = [value for name, value in request.query if name == "file_ids"]
        if len(asked) > takes:
            raise too_many
        if poisoned & set(asked):
            raise poison
        return some_documents(*(a_document(file_id) for file_id in asked if file_id not in unknown))

    world = World(answer)
    found = [document.file_id for document in world.run(batch_get_documents("c", ids))]
    wanted = dict.fromkeys(ids)
    assert found == [file_id for file_id in wanted if file_id not in unknown | poisoned]
    assert len(world.requests) <= 2 * len(wanted) + 1


def test_a_batch_asks_no_more_than_one_call_is_known_to_take() -> None:
    world = World(lambda request: some_documents())
    world.run(batch_get_documents("c", map(str, range(2 * BATCH_SIZE + 1))))
    assert [len(request.query) for request in world.requests] == [BATCH_SIZE, BATCH_SIZE, 1]


def test_whatever_a_wait_asks_is_not_retried_past_its_deadline() -> None:
    def answer(request: Request[Any]) -> Any:
        if request.endpoint is GET_COLLECTION:
            return a_collection()
        raise XAIInvalidRequestError("400", status=400)

    world = World(answer)
    world.run(batch_get_documents("c", ["a"], deadline=77.0))
    assert [request.deadline for request in world.requests] == [77.0, 77.0]


# Waiting


def test_a_wait_without_documents_is_over_at_once() -> None:
    assert play(wait_for_documents("c", Poller([])), (Now(), 0.0)) == WaitResult(WaitEnd.SETTLED)


def test_a_wait_tells_how_far_it_is_after_each_look() -> None:
    looks = iter([["a"], ["b"]])
    heard: list[int] = []
    world = World(lambda request: some_documents(*map(a_document, next(looks))))
    poller = Poller(["a", "b"])
    world.run(wait_for_documents("c", poller, tell=lambda poller: heard.append(poller.processed_count)))
    assert heard == [1, 2]


def test_a_wait_for_a_collection_that_vanishes_is_an_error() -> None:
    def answer(request: Request[Any]) -> Any:
        raise XAINotFoundError("gone", status=404)

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
        stall_after=st.none() | st.floats(1, 1000),
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
    result = world.run(wait_for_documents("c", poller, tell=note))

    groups = [*result.processed, *(failed.file_id for failed in result.failed), *result.missing, *result.pending]
    assert sorted(groups) == sorted(histories)
    assert result.total == len(histories)
    assert world.now <= rules.deadline + 1e-6
    assert (result.end is WaitEnd.SETTLED) == (not result.pending)
    assert result.end is not WaitEnd.TIMED_OUT or world.now >= rules.deadline
    assert result.end is not WaitEnd.STALLED or rules.stall_after is not None
    for file_id in result.processed:
        assert "PROCESSED" in histories[file_id]
    for failed in result.failed:
        assert "FAILED" in histories[failed.file_id]
    for file_id in result.missing:
        assert "absent" in histories[file_id]
