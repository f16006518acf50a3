"""Flows that attach, get and remove documents, scripted step by step; batches also in any size."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_xai_collections.api.documents import Document, DocumentPage
from airflow_provider_xai_collections.api.endpoints import (
    ADD_DOCUMENT,
    BATCH_GET_DOCUMENTS,
    DELETE_COLLECTION,
    DELETE_FILE,
    GET_COLLECTION,
    GET_DOCUMENT,
    LIST_DOCUMENTS,
    REMOVE_DOCUMENT,
)
from airflow_provider_xai_collections.api.errors import error_from
from airflow_provider_xai_collections.api.flows import (
    ADD_TRIES,
    BATCH_SIZE,
    MAX_PAGE,
    MAX_SINGLE_GETS,
    add_document,
    batch_get_documents,
    delete_collection,
    delete_file,
    remove_document,
)
from airflow_provider_xai_collections.api.protocol import Endpoint, Request, Response, Sleep
from airflow_provider_xai_collections.api.wire import Empty
from airflow_provider_xai_collections.exceptions import (
    XAIAuthError,
    XAIConflictError,
    XAICreditsError,
    XAIError,
    XAIIncompleteListError,
    XAIInvalidRequestError,
    XAINotFoundError,
    XAIOutcomeUnknownError,
    XAIRateLimitError,
    XAIServerError,
    XAIUnroutableError,
)
from tests.support.driving import FlowDriver, Turn, a_collection, a_document, holding, play, some_documents

LOST = XAIOutcomeUnknownError("the answer was lost")
NOT_FOUND = XAINotFoundError("does not exist", status=404)
CLASH = XAIConflictError("clashes", status=409)
BAD = XAIInvalidRequestError("bad", status=400)
DENIED = XAIAuthError("no", status=403)
SLOW = XAIRateLimitError("slow down", status=429)
BUSY = XAIServerError("busy", status=503)
NO_BATCHES = XAIUnroutableError("405", status=405)


# Attach

ADD = ADD_DOCUMENT.request(collection_id="c", file_id="f")
GET = GET_DOCUMENT.request(collection_id="c", file_id="f")
UNANSWERED: Turn = (ADD, LOST)
SHOWN: Turn = (GET, a_document("f"))
NOT_SHOWN: Turn = (GET, NOT_FOUND)
NEVER_SHOWN: list[Turn] = [NOT_SHOWN, (Sleep(1.0), None), NOT_SHOWN, (Sleep(2.0), None), NOT_SHOWN]
LOST_ATTACH = [UNANSWERED, *NEVER_SHOWN]
MAY_BE_DONE = r"^slow down\. An earlier try may have been done all the same$"


@pytest.mark.parametrize(
    ("script", "is_ours"),
    [
        pytest.param([(ADD, Empty())], True, id="answered"),
        pytest.param([(ADD, CLASH), SHOWN], False, id="there already, says 409"),
        pytest.param([(ADD, BAD), SHOWN], False, id="there already, says 400"),
        pytest.param([UNANSWERED, SHOWN], True, id="it did arrive"),
        pytest.param([UNANSWERED, *NEVER_SHOWN[:4], SHOWN], True, id="it shows a moment later"),
        pytest.param([*LOST_ATTACH, (ADD, Empty())], True, id="it did not arrive"),
        pytest.param([*LOST_ATTACH, (ADD, CLASH), SHOWN], True, id="the second meets the first"),
    ],
)
def test_an_attach_is_done_by_this_call_or_was_done_before(script: list[Turn], is_ours: bool) -> None:
    assert play(add_document("c", "f"), *script) is is_ours


@pytest.mark.parametrize(
    ("script", "error", "said"),
    [
        pytest.param([(ADD, CLASH), NOT_SHOWN], XAIConflictError, "^clashes$", id="refused by 409"),
        pytest.param([(ADD, BAD), NOT_SHOWN], XAIInvalidRequestError, "^bad$", id="refused by 400"),
        pytest.param([(ADD, NOT_FOUND)], XAINotFoundError, "^does", id="no second request after 404"),
        pytest.param([(ADD, DENIED)], XAIAuthError, "^no$", id="no second request after 403"),
        pytest.param([(ADD, SLOW)], XAIRateLimitError, "^slow down$", id="no second request after 429"),
        pytest.param([(ADD, CLASH), (GET, BUSY)], XAIServerError, "^busy$", id="no look after a refusal"),
        pytest.param([UNANSWERED, (GET, BUSY)], XAIOutcomeUnknownError, "^busy", id="no look after a lost answer"),
        pytest.param([*LOST_ATTACH, (ADD, SLOW)], XAIOutcomeUnknownError, MAY_BE_DONE, id="the second fails"),
        pytest.param([*LOST_ATTACH, (ADD, CLASH), *NEVER_SHOWN], XAIConflictError, "^clashes$", id="refused then"),
        pytest.param(LOST_ATTACH * ADD_TRIES, XAIOutcomeUnknownError, "lost", id="all answers are lost"),
    ],
)
def test_an_attach_ends_with_an_error_that_says_if_it_may_be_done(
    script: list[Turn], error: type[XAIError], said: str
) -> None:
    with pytest.raises(error, match=said):
        play(add_document("c", "f"), *script)


def test_a_file_attached_with_other_fields_is_not_taken_for_ours() -> None:
    fields = {"year": "2024", "kind": "law"}
    clash = (ADD_DOCUMENT.request(collection_id="c", file_id="f", fields=fields), CLASH)
    more = (GET, a_document("f", fields={**fields, "by": "them"}))
    assert play(add_document("c", "f", fields=fields), clash, more) is False
    other = (GET, a_document("f", fields={**fields, "year": "2023"}))
    with pytest.raises(XAIConflictError, match=r"^add_document\(c/f\): the file is .* with other values of year\. Rem"):
        play(add_document("c", "f", fields=fields), clash, other)


# Batches


def batch(*file_ids: str) -> Any:
    return BATCH_GET_DOCUMENTS.request(collection_id="c", file_ids=file_ids)


def get(file_id: str) -> Any:
    return GET_DOCUMENT.request(collection_id="c", file_id=file_id)


def ids_of(documents: list[Document]) -> list[str]:
    return [document.file_id for document in documents]


EXISTS = holding(0)


@pytest.mark.parametrize(
    "error",
    [
        XAIInvalidRequestError("422", status=422),
        XAIAuthError("403", status=403),
        XAICreditsError("429", status=429),
        XAIUnroutableError("500", status=500),
        XAIServerError("503", status=503),
    ],
    ids=str,
)
def test_a_refusal_that_is_not_about_ids_is_raised(error: XAIError) -> None:
    with pytest.raises(type(error)):
        play(batch_get_documents("c", ["f"]), (batch("f"), error))


def test_neither_an_error_nor_a_missing_collection_is_taken_for_missing_documents() -> None:
    with pytest.raises(XAIAuthError):
        play(batch_get_documents("c", ["f"]), (batch("f"), BAD), EXISTS, (GET, DENIED))
    with pytest.raises(XAINotFoundError):
        play(batch_get_documents("c", ["f"]), (batch("f"), NOT_FOUND), (EXISTS[0], NOT_FOUND))


def test_batches_are_not_used_where_one_refuses_a_document_that_is_there() -> None:
    script = [(batch("a", "b", "c"), BAD), EXISTS, (batch("a"), BAD), (get("a"), a_document("a"))]
    rest = [(get("b"), a_document("b")), (get("c"), NOT_FOUND)]
    assert ids_of(play(batch_get_documents("c", ["a", "b", "c"]), *script, *rest)) == ["a", "b"]


def test_a_batch_that_works_for_one_is_halved_and_the_refused_one_asked_for() -> None:
    script: list[Turn] = [
        (batch(*"abcde"), BAD),
        EXISTS,
        (batch("a"), some_documents(a_document("a"))),
        (batch(*"bcde"), BAD),
        (batch("b", "c"), BAD),
        (batch("b"), BAD),
        (get("b"), a_document("b")),
        (batch("c"), some_documents(a_document("c"))),
        (batch("d", "e"), some_documents(a_document("d"))),
    ]
    assert ids_of(play(batch_get_documents("c", "abcde"), *script)) == [*"abcd"]


def test_a_service_that_stops_taking_batches_is_asked_for_none_again() -> None:
    first, second = [str(n) for n in range(50)], ["x", "y"]
    worked = (batch(*first), some_documents(a_document("0")))
    script = [worked, (batch(*second), NO_BATCHES), EXISTS, (get("x"), a_document("x")), (get("y"), NOT_FOUND)]
    assert ids_of(play(batch_get_documents("c", first + second), *script)) == ["0", "x"]


def documents_named(ids: list[str], token: str | None = None) -> DocumentPage:
    return DocumentPage(documents=tuple(map(a_document, ids)), pagination_token=token)


def test_many_documents_that_no_batch_tells_of_are_searched_in_the_list_until_all_are_found() -> None:
    ids = [f"f{n}" for n in range(MAX_SINGLE_GETS + 1)]
    others = [f"o{n}" for n in range(100)]

    def by(endpoint: Endpoint[Any], **params: Any) -> Any:
        return replace(endpoint.request(collection_id="c", team_id="t", **params), deadline=77.0)

    listed, next_ = (by(LIST_DOCUMENTS, limit=100, pagination_token=token) for token in (None, "t1"))
    start: list[Turn] = [(by(BATCH_GET_DOCUMENTS, file_ids=ids), NO_BATCHES), (by(GET_COLLECTION), a_collection())]
    first: Turn = (listed, documents_named([*others[1:], ids[3]], "t1"))
    flow = partial(batch_get_documents, "c", ids, team_id="t", deadline=77.0)
    assert ids_of(play(flow(), *start, first, (next_, documents_named(ids[::-1], "t2")))) == ids
    some = play(flow(), *start, first, (next_, documents_named(["o0", ids[0]])))
    assert ids_of(some) == [ids[0], ids[3]]
    with pytest.raises(XAIIncompleteListError):
        play(flow(), *start, (listed, documents_named(others, "t1")), (next_, documents_named(others, "t1")))


def test_a_list_that_takes_more_requests_than_the_documents_is_not_read() -> None:
    ids = [f"f{n}" for n in range(MAX_SINGLE_GETS + 1)]
    refused = [(batch(*ids), NO_BATCHES), holding((MAX_SINGLE_GETS + 1) * 100)]
    assert (
        ids_of(play(batch_get_documents("c", ids), *refused, *((get(each), a_document(each)) for each in ids))) == ids
    )


def service(there: Sequence[str], refuse: Callable[[list[str]], int], *, told: int = 0) -> FlowDriver:
    """A collection that tells a number of documents and has these. ``refuse`` returns the status of a batch."""

    def answer(request: Request[Any]) -> Any:
        if request.endpoint is GET_COLLECTION:
            return a_collection(documents_count=told)
        if request.endpoint is GET_DOCUMENT:
            if (file_id := request.subject.removeprefix("c/")) not in there:
                raise XAINotFoundError("404", status=404)
            return a_document(file_id)
        if request.endpoint is LIST_DOCUMENTS:
            start = int(dict(request.query).get("pagination_token", 0))
            token = str(start + MAX_PAGE) if start + MAX_PAGE < len(there) else None
            page = tuple(map(a_document, there[start : start + MAX_PAGE]))
            return DocumentPage(documents=page, pagination_token=token)
        asked = [value for name, value in request.query if name == "file_ids"]
        if (error := error_from(request, Response(refuse(asked), {}, b""))) is not None:
            raise error
        return some_documents(*(a_document(file_id) for file_id in asked if file_id in there))

    return FlowDriver(answer)


NUMBERS = [str(n) for n in range(251)]
SOME = st.lists(st.sampled_from(NUMBERS), max_size=250)
THERE = st.sets(st.sampled_from(NUMBERS)).map(lambda unknown: [each for each in NUMBERS if each not in unknown])
REFUSALS = [400, 404, 413]


@given(
    ids=SOME,
    there=THERE,
    poisoned=st.sets(st.sampled_from(NUMBERS), max_size=10),
    takes=st.integers(1, BATCH_SIZE + 10),
    poison=st.sampled_from(REFUSALS[:2]),
    too_many=st.sampled_from(REFUSALS),
)
@settings(max_examples=150)
def test_a_batch_finds_exactly_what_is_known_however_the_service_refuses(
    ids: list[str], there: list[str], poisoned: set[str], takes: int, poison: int, too_many: int
) -> None:
    def refuse(asked: list[str]) -> int:
        return too_many if len(asked) > takes else poison if poisoned & set(asked) else 200

    driver = service(there, refuse)
    found = [document.file_id for document in driver.run(batch_get_documents("c", ids))]
    wanted = list(dict.fromkeys(ids))
    assert found == [file_id for file_id in wanted if file_id in there]
    assert len(driver.requests) <= 3 * len(wanted) + 2


@given(ids=SOME, there=THERE, refusal=st.sampled_from([*REFUSALS, 405, 414]), count_is_known=st.booleans())
@settings(max_examples=150)
def test_documents_are_found_where_no_batch_is_taken(
    ids: list[str], there: list[str], refusal: int, count_is_known: bool
) -> None:
    driver = service(there, lambda asked: refusal, told=len(there) if count_is_known else 0)
    found = [document.file_id for document in driver.run(batch_get_documents("c", ids))]
    assert found == [file_id for file_id in dict.fromkeys(ids) if file_id in there]
    # Three batches of one, refused and asked for alone, with the batches that they were taken from; then at most a few
    # documents, or a list. A gateway that knows no such call is asked once.
    assert len(driver.requests) <= 1 + 3 * 3 + MAX_SINGLE_GETS
    batches = [request.endpoint for request in driver.requests].count(BATCH_GET_DOCUMENTS)
    assert refusal != 405 or batches == bool(ids)


def test_a_batch_asks_no_more_than_one_call_is_known_to_take() -> None:
    driver = service([], lambda asked: 200)
    driver.run(batch_get_documents("c", NUMBERS[: 2 * BATCH_SIZE + 1]))
    assert [len(request.query) for request in driver.requests] == [BATCH_SIZE, BATCH_SIZE, 1]


# Removal

LATE = XAINotFoundError("does not exist", status=404)
LATE.after_doubt = True
REMOVALS = pytest.mark.parametrize(
    ("remove", "request_"),
    [
        (
            partial(remove_document, "c", "f", team_id="t"),
            REMOVE_DOCUMENT.request(collection_id="c", file_id="f", team_id="t"),
        ),
        (partial(delete_collection, "c", team_id="t"), DELETE_COLLECTION.request(collection_id="c", team_id="t")),
        (partial(delete_file, "f"), DELETE_FILE.request(file_id="f")),
    ],
)


@REMOVALS
@pytest.mark.parametrize(
    ("answer", "removed"), [(Empty(), True), (NOT_FOUND, False), (LATE, True)], ids=["done", "nothing", "lost answer"]
)
def test_a_removal_tells_if_it_removed_something(remove: Any, request_: Any, answer: Any, removed: bool) -> None:
    assert play(remove(), (request_, answer)) is removed
