"""Flows of a few requests, each step scripted. Lists, batches and waits of any size are in test_flows_at_length."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from airflow_provider_xai_collections.api.collections import CollectionPage
from airflow_provider_xai_collections.api.documents import Document, DocumentPage, DocumentStatus
from airflow_provider_xai_collections.api.endpoints import (
    ADD_DOCUMENT,
    BATCH_GET_DOCUMENTS,
    DELETE_COLLECTION,
    DELETE_FILE,
    GET_COLLECTION,
    GET_DOCUMENT,
    LIST_COLLECTIONS,
    LIST_DOCUMENTS,
    REMOVE_DOCUMENT,
)
from airflow_provider_xai_collections.api.files import DeletedFile
from airflow_provider_xai_collections.api.flows import (
    ADD_TRIES,
    MAX_SINGLE_GETS,
    add_document,
    all_documents,
    batch_get_documents,
    delete_collection,
    delete_file,
    documents_to_reindex,
    find_document,
    list_all,
    remove_document,
    watched_collection,
)
from airflow_provider_xai_collections.api.polling import WaitEnd, WaitResult, WaitRules
from airflow_provider_xai_collections.api.protocol import Endpoint, Flow, Now, Request, Sleep
from airflow_provider_xai_collections.api.removing import Removal
from airflow_provider_xai_collections.api.uploading import Target, documents_in_scope
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
    XAITooLargeError,
    XAIUnroutableError,
)
from airflow_provider_xai_collections.sync.listing import list_scope
from tests.api.driving import World, a_collection, a_document, play, some_documents

LOST = XAIOutcomeUnknownError("the answer was lost")
NOT_FOUND = XAINotFoundError("does not exist", status=404)
CLASH = XAIConflictError("clashes", status=409)
BAD = XAIInvalidRequestError("bad", status=400)

ADD = ADD_DOCUMENT.request(collection_id="c", file_id="f")
GET = GET_DOCUMENT.request(collection_id="c", file_id="f")
BATCH = BATCH_GET_DOCUMENTS.request(collection_id="c", file_ids=["f"])
EXISTS = GET_COLLECTION.request(collection_id="c")
NONE: tuple[Any, Any] = (GET, NOT_FOUND)


# Attach


def test_an_attach_that_is_answered_is_done() -> None:
    assert play(add_document("c", "f"), (ADD, Empty())) is True


@pytest.mark.parametrize("refusal", [CLASH, BAD])
def test_a_refusal_may_mean_that_it_is_attached_already(refusal: XAIError) -> None:
    assert play(add_document("c", "f"), (ADD, refusal), (GET, a_document("f"))) is False


@pytest.mark.parametrize("refusal", [CLASH, BAD])
def test_a_refusal_of_what_is_not_there_is_raised(refusal: XAIError) -> None:
    with pytest.raises(type(refusal)):
        play(add_document("c", "f"), (ADD, refusal), (GET, NOT_FOUND))


@pytest.mark.parametrize("error", [NOT_FOUND, XAIAuthError("no", status=403), XAIRateLimitError("slow", status=429)])
def test_other_errors_are_raised_without_a_second_request(error: XAIError) -> None:
    with pytest.raises(type(error)):
        play(add_document("c", "f"), (ADD, error))


def test_an_attach_with_a_lost_answer_is_looked_up() -> None:
    assert play(add_document("c", "f"), (ADD, LOST), (GET, a_document("f"))) is True


def test_a_document_may_show_only_a_moment_after_a_lost_answer() -> None:
    pauses: tuple[Any, ...] = ((ADD, LOST), NONE, (Sleep(1.0), None), NONE, (Sleep(2.0), None))
    assert play(add_document("c", "f"), *pauses, (GET, a_document("f"))) is True


THREE_TRIES: tuple[Any, ...] = (NONE, (Sleep(1.0), None), NONE, (Sleep(2.0), None), NONE)


def test_an_attach_that_did_not_arrive_is_sent_again() -> None:
    assert play(add_document("c", "f"), (ADD, LOST), *THREE_TRIES, (ADD, Empty())) is True


def test_a_second_attach_that_meets_the_first_counts_as_ours() -> None:
    script: tuple[Any, ...] = ((ADD, LOST), *THREE_TRIES, (ADD, CLASH), (GET, a_document("f")))
    assert play(add_document("c", "f"), *script) is True


def test_a_second_attach_that_is_refused_and_not_there_is_raised_as_refused() -> None:
    with pytest.raises(XAIConflictError):
        play(add_document("c", "f"), (ADD, LOST), *THREE_TRIES, (ADD, CLASH), *THREE_TRIES)


def test_a_second_attach_that_fails_leaves_the_outcome_unknown() -> None:
    slow = XAIRateLimitError("slow down", status=429)
    with pytest.raises(XAIOutcomeUnknownError, match=r"^slow down\. An earlier try may have been done all the same$"):
        play(add_document("c", "f"), (ADD, LOST), *THREE_TRIES, (ADD, slow))


@pytest.mark.parametrize("lost_first", [False, True])
def test_an_error_after_a_lost_answer_leaves_the_outcome_unknown(lost_first: bool) -> None:
    broken = XAIServerError("out of order", status=503)
    first, kind = ((ADD, LOST), XAIOutcomeUnknownError) if lost_first else ((ADD, CLASH), XAIServerError)
    with pytest.raises(kind, match="out of order"):
        play(add_document("c", "f"), first, (GET, broken))


def test_an_attach_whose_answers_are_all_lost_stays_unknown() -> None:
    with pytest.raises(XAIOutcomeUnknownError):
        play(add_document("c", "f"), *((ADD, LOST), *THREE_TRIES) * ADD_TRIES)


def test_a_file_attached_with_other_fields_is_not_taken_for_ours() -> None:
    add = ADD_DOCUMENT.request(collection_id="c", file_id="f", fields={"year": "2024", "kind": "law"})
    attached = a_document("f", fields={"year": "2023", "kind": "law"})
    with pytest.raises(XAIConflictError, match=r"^add_document\(c/f\): the file is .* with other values of year\. Rem"):
        play(add_document("c", "f", fields={"year": "2024", "kind": "law"}), (add, CLASH), (GET, attached))


def test_a_file_attached_with_more_fields_than_ours_is_ours() -> None:
    add = ADD_DOCUMENT.request(collection_id="c", file_id="f", fields={"year": "2024"})
    attached = a_document("f", fields={"year": "2024", "kind": "law"})
    assert play(add_document("c", "f", fields={"year": "2024"}), (add, CLASH), (GET, attached)) is False


# One document


def test_a_document_is_found_or_not() -> None:
    assert play(find_document("c", "f"), (GET, a_document("f"))) == a_document("f")
    with pytest.raises(XAINotFoundError):
        play(find_document("c", "f"), (GET, NOT_FOUND))


def test_tries_pause_in_between_but_not_after_the_last() -> None:
    with pytest.raises(XAINotFoundError):
        play(find_document("c", "f", tries=2), (GET, NOT_FOUND), (Sleep(1.0), None), (GET, NOT_FOUND))


# Batches and lists


def test_a_batch_asks_for_each_id_once_and_in_order() -> None:
    asked = BATCH_GET_DOCUMENTS.request(collection_id="c", file_ids=["b", "a"], team_id="t")
    found = some_documents(a_document("b"))
    assert play(batch_get_documents("c", ["b", "a", "b"], team_id="t"), (asked, found)) == [a_document("b")]


def test_no_ids_ask_for_nothing() -> None:
    assert play(batch_get_documents("c", [])) == []


REFUSALS: list[XAIError] = [
    BAD,
    NOT_FOUND,
    XAIUnroutableError("405", status=405),
    XAITooLargeError("413", status=413),
    XAITooLargeError("414", status=414),
]
EVERY_REFUSAL = pytest.mark.parametrize("refusal", REFUSALS, ids=str)
CHECKED: tuple[Any, Any] = (EXISTS, a_collection())


@EVERY_REFUSAL
def test_an_id_the_service_refuses_in_a_batch_is_asked_for_alone(refusal: XAIError) -> None:
    assert play(batch_get_documents("c", ["f"]), (BATCH, refusal), CHECKED, (GET, a_document("f"))) == [a_document("f")]
    assert play(batch_get_documents("c", ["f"]), (BATCH, refusal), CHECKED, (GET, NOT_FOUND)) == []


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
        play(batch_get_documents("c", ["f"]), (BATCH, error))


@EVERY_REFUSAL
def test_an_error_of_the_second_question_is_no_absence(refusal: XAIError) -> None:
    with pytest.raises(XAIAuthError):
        play(batch_get_documents("c", ["f"]), (BATCH, refusal), CHECKED, (GET, XAIAuthError("403", status=403)))


def batch(*file_ids: str) -> Any:
    return BATCH_GET_DOCUMENTS.request(collection_id="c", file_ids=file_ids)


def get(file_id: str) -> Any:
    return GET_DOCUMENT.request(collection_id="c", file_id=file_id)


@pytest.mark.parametrize("refusal", [each for each in REFUSALS if each is not REFUSALS[2]], ids=str)
def test_batches_are_not_used_where_one_refuses_a_document_that_is_there(refusal: XAIError) -> None:
    script = [(batch("a", "b", "c"), refusal), CHECKED, (batch("a"), refusal), (get("a"), a_document("a"))]
    rest = [(get("b"), a_document("b")), (get("c"), NOT_FOUND)]
    found = play(batch_get_documents("c", ["a", "b", "c"]), *script, *rest)
    assert [document.file_id for document in found] == ["a", "b"]


def test_a_service_that_takes_no_batch_is_asked_for_none_again() -> None:
    script = [(batch("a", "b"), REFUSALS[2]), CHECKED, (get("a"), NOT_FOUND), (get("b"), a_document("b"))]
    assert play(batch_get_documents("c", ["a", "b"]), *script) == [a_document("b")]


def test_a_batch_that_works_for_one_is_halved_and_the_refused_one_asked_for() -> None:
    script: list[tuple[Any, Any]] = [
        (batch("a", "b", "c"), BAD),
        CHECKED,
        (batch("a"), some_documents(a_document("a"))),
        (batch("b", "c"), BAD),
        (batch("b"), BAD),
        (get("b"), a_document("b")),
        (batch("c"), some_documents(a_document("c"))),
    ]
    found = play(batch_get_documents("c", ["a", "b", "c"]), *script)
    assert [document.file_id for document in found] == ["a", "b", "c"]


def test_a_service_that_stops_taking_batches_is_asked_for_none_again() -> None:
    first, second = [str(n) for n in range(50)], ["x", "y"]
    script: list[tuple[Any, Any]] = [
        (batch(*first), some_documents(a_document("0"))),
        (batch(*second), REFUSALS[2]),
        CHECKED,
        (get("x"), a_document("x")),
        (get("y"), NOT_FOUND),
    ]
    assert [each.file_id for each in play(batch_get_documents("c", first + second), *script)] == ["0", "x"]


def test_batches_are_not_used_after_they_refused_a_few_missing_documents() -> None:
    ids = ["a", "b", "c", "d", "e"]
    script: list[tuple[Any, Any]] = [(batch(*ids), NOT_FOUND), CHECKED]
    script += [(batch("a"), NOT_FOUND), (get("a"), NOT_FOUND), (batch("b", "c", "d", "e"), NOT_FOUND)]
    script += [(batch("b"), NOT_FOUND), (get("b"), NOT_FOUND), (batch("c", "d", "e"), NOT_FOUND)]
    script += [(batch("c"), NOT_FOUND), (get("c"), NOT_FOUND), (get("d"), a_document("d")), (get("e"), NOT_FOUND)]
    assert play(batch_get_documents("c", ids), *script) == [a_document("d")]


def documents_named(ids: list[str], token: str | None = None) -> DocumentPage:
    return DocumentPage(documents=tuple(map(a_document, ids)), pagination_token=token)


def test_many_documents_that_no_batch_tells_of_are_searched_in_the_list_until_all_are_found() -> None:
    ids = [f"f{n}" for n in range(MAX_SINGLE_GETS + 1)]
    others = [f"o{n}" for n in range(100)]

    def by(endpoint: Endpoint[Any], **params: Any) -> Any:
        return replace(endpoint.request(collection_id="c", team_id="t", **params), deadline=77.0)

    listed, next_ = (by(LIST_DOCUMENTS, limit=100, pagination_token=token) for token in (None, "t1"))
    asked, exists = by(BATCH_GET_DOCUMENTS, file_ids=ids), by(GET_COLLECTION)
    start: list[tuple[Any, Any]] = [(asked, REFUSALS[2]), (exists, a_collection())]
    first: tuple[Any, Any] = (listed, documents_named([*others[1:], ids[3]], "t1"))
    flow = partial(batch_get_documents, "c", ids, team_id="t", deadline=77.0)
    assert [each.file_id for each in play(flow(), *start, first, (next_, documents_named(ids[::-1], "t2")))] == ids
    some = play(flow(), *start, first, (next_, documents_named(["o0", ids[0]])))
    assert [each.file_id for each in some] == [ids[0], ids[3]]
    with pytest.raises(XAIIncompleteListError):
        play(flow(), *start, (listed, documents_named(others, "t1")), (next_, documents_named(others, "t1")))


def test_a_list_that_takes_more_requests_than_the_documents_is_not_read() -> None:
    ids = [f"f{n}" for n in range(MAX_SINGLE_GETS + 1)]
    large = (EXISTS, a_collection(documents_count=(MAX_SINGLE_GETS + 1) * 100))
    script: list[tuple[Any, Any]] = [
        (batch(*ids), REFUSALS[2]),
        large,
        *((get(each), a_document(each)) for each in ids),
    ]
    assert [each.file_id for each in play(batch_get_documents("c", ids), *script)] == ids


def test_a_collection_that_does_not_exist_is_not_taken_for_missing_documents() -> None:
    with pytest.raises(XAINotFoundError):
        play(batch_get_documents("c", ["f"]), (BATCH, NOT_FOUND), (EXISTS, NOT_FOUND))


UNPROCESSED = "status:!DOCUMENT_STATUS_PROCESSED"


def listing(*documents: Document, filter: str | None = None) -> tuple[Any, Any]:
    return LIST_DOCUMENTS.request(collection_id="c", filter=filter, limit=100), some_documents(*documents)


def holding(count: int) -> tuple[Any, Any]:
    return EXISTS, a_collection(documents_count=count)


def test_a_wait_for_a_collection_watches_what_is_not_processed() -> None:
    found = listing(
        a_document("a"), a_document("b", DocumentStatus.FAILED), a_document("c", "DREAMING"), filter=UNPROCESSED
    )
    poller = play(watched_collection("c", WaitRules()), found, (Now(), 0.0))
    assert poller.pending == ("c",)
    ended = poller.handle_poll(1.0, [a_document("c")])
    assert ended is not None
    assert (ended.processed, [each.file_id for each in ended.failed]) == (("c",), ["b"])


def test_what_a_wait_watches_can_be_narrowed() -> None:
    narrow = 'fields.year:"2024"'
    found = listing(a_document("b", "DREAMING"), filter=f"{narrow} AND {UNPROCESSED}")
    assert play(watched_collection("c", WaitRules(), filter=narrow), found, (Now(), 0.0)).pending == ("b",)


def test_where_all_of_a_collection_is_processed_all_of_it_counts() -> None:
    everything = listing(*map(a_document, "abc"))
    poller = play(
        watched_collection("c", WaitRules()), listing(filter=UNPROCESSED), holding(3), everything, (Now(), 0.0)
    )
    ended = poller.handle_poll(0.0, [])
    assert ended is not None
    assert (ended.end, ended.processed) == (WaitEnd.SETTLED, ("a", "b", "c"))


def test_a_list_that_shows_less_than_there_is_ends_no_wait() -> None:
    lagging = [listing(filter=UNPROCESSED), holding(2), listing(), (Sleep(1.0), None), holding(2)]
    found = listing(a_document("a"), a_document("b", "DREAMING"))
    assert play(watched_collection("c", WaitRules()), *lagging, found, (Now(), 0.0)).pending == ("b",)
    one = listing(a_document("a"))
    with pytest.raises(XAIIncompleteListError, match="says that it has 2 documents, and its list shows 1"):
        play(all_documents("c"), *lagging[1:], one, (Sleep(2.0), None), holding(2), one)


def test_a_first_poll_that_fails_is_repeated_as_the_rules_say() -> None:
    busy = XAIServerError("busy", status=503)
    asked, _ = listing(filter=UNPROCESSED)
    patient = WaitRules(deadline=60.0, poll_interval=10.0, max_failures=2)
    failed = [(asked, busy), (Now(), 0.0), (Sleep(8.0, jitter=2.0), None)]
    found = listing(a_document("b", "DREAMING"), filter=UNPROCESSED)
    assert play(watched_collection("c", patient), *failed, found, (Now(), 2.0)).pending == ("b",)
    for rules, now, error in (
        (replace(patient, max_failures=0), 0.0, busy),
        (replace(patient, deadline=0.0), 0.0, busy),
        (patient, 0.0, NOT_FOUND),
    ):
        with pytest.raises(type(error)):
            play(watched_collection("c", rules), (asked, error), (Now(), now))


def test_a_poll_that_cannot_read_the_chunking_is_repeated_too() -> None:
    patient = WaitRules(deadline=60.0, poll_interval=10.0, max_failures=2)
    asked, page = listing(
        a_document("a", "DREAMING", chunk_count=100, file_metadata={"name": "a.pdf"}), filter=UNPROCESSED
    )
    failed = [(EXISTS, XAIServerError("busy", status=503)), (Now(), 0.0), (Sleep(8.0, jitter=2.0), None)]
    script = [(asked, page), *failed, (asked, page), (EXISTS, a_collection()), (Now(), 2.0)]
    poller = play(watched_collection("c", patient), *script)
    assert poller.pending == ("a",)
    assert poller.chunking is not None


def said_meanwhile(flow: Flow[Any], *answers: Any) -> list[tuple[str, str]]:
    """Return what the log says about the pauses of a flow."""
    left = iter(answers)

    def answer(_: Request[Any]) -> Any:
        if isinstance(each := next(left), XAIError):
            raise each
        return each

    world = World(answer)
    world.run(flow)
    return [(pause.then, pause.reason) for pause in world.pauses]


def test_polls_that_are_repeated_say_why() -> None:
    holds, found = a_collection(documents_count=2), some_documents(a_document("a"), a_document("b"))
    busy = XAIServerError("busy", status=503)
    first = said_meanwhile(watched_collection("c", WaitRules(max_failures=2)), busy, found, holds, found)
    assert first == [("the next poll", "busy")]
    lagging = said_meanwhile(all_documents("c"), holds, some_documents(a_document("a")), holds, found)
    assert lagging == [("the next list", "this one shows 1 of 2 documents")]
    nothing = [holds, some_documents()]
    narrow = said_meanwhile(all_documents("c", filter="f"), *nothing, *nothing, *nothing)
    assert narrow == [("the next list", "this one shows no match of the filter")] * 2


def test_a_filter_that_matches_nothing_is_believed_after_some_tries() -> None:
    narrow = 'name:"x"'
    first = listing(filter=f"{narrow} AND {UNPROCESSED}")
    nothing = [holding(2), listing(filter=narrow), (Sleep(1.0), None), holding(2), listing(filter=narrow)]
    flow = watched_collection("c", WaitRules(), filter=narrow)
    again = [(Sleep(2.0), None), holding(2), listing(filter=narrow)]
    assert play(flow, first, *nothing, *again, (Now(), 0.0)).pending == ()
    flow = watched_collection("c", WaitRules(), filter=narrow)
    late = listing(a_document("a"), filter=narrow)
    assert play(flow, first, holding(2), late, (Now(), 0.0)).processed_count == 1
    assert play(all_documents("c", filter=narrow), holding(0), listing(filter=narrow)) == []


def test_a_collection_without_documents_is_waited_for_no_longer() -> None:
    poller = play(
        watched_collection("c", WaitRules()), listing(filter=UNPROCESSED), holding(0), listing(), (Now(), 0.0)
    )
    assert poller.handle_poll(0.0, []) == WaitResult(WaitEnd.SETTLED)


# How lists end


def page(ids: Iterable[int], token: str | None = None) -> CollectionPage:
    return CollectionPage(collections=tuple(a_collection(str(n)) for n in ids), pagination_token=token)


def pages(*turns: tuple[str | None, CollectionPage]) -> list[tuple[Any, Any]]:
    """Pages of a list, each with the token that it is asked by."""
    return [(LIST_COLLECTIONS.request(limit=100, pagination_token=token), shown) for token, shown in turns]


def listed(*turns: tuple[str | None, CollectionPage]) -> list[int]:
    return [int(each.collection_id) for each in play(list_all(LIST_COLLECTIONS), *pages(*turns))]


@pytest.mark.parametrize("token", [None, ""])
@pytest.mark.parametrize("size", [0, 30, 100])
def test_a_page_without_a_token_is_the_last_and_costs_no_further_request(token: str | None, size: int) -> None:
    assert listed((None, page(range(size), token))) == [*range(size)]


def test_a_page_shorter_than_asked_for_is_no_end() -> None:
    shown = [(None, page(range(50), "t1")), ("t1", page(range(50, 80), "t2")), ("t2", page(range(80, 130)))]
    assert listed(*shown) == [*range(130)]


@pytest.mark.parametrize("size", [30, 100])
def test_an_empty_page_is_an_end_whatever_it_carries(size: int) -> None:
    assert listed((None, page(range(size), "t1")), ("t1", page([], "t2"))) == [*range(size)]


@pytest.mark.parametrize("token", [None, "t1", "t2"])
def test_a_page_with_nothing_new_is_the_end_after_a_short_page(token: str | None) -> None:
    assert listed((None, page(range(30), "t1")), ("t1", page(range(30), token))) == [*range(30)]


def test_a_token_seen_before_is_the_end_after_a_short_page() -> None:
    shown = [(None, page(range(100), "t1")), ("t1", page(range(100, 200), "t2")), ("t2", page(range(200, 230), "t1"))]
    assert listed(*shown) == [*range(230)]


def test_what_two_pages_show_counts_once() -> None:
    assert listed((None, page(range(100), "t1")), ("t1", page(range(95, 120)))) == [*range(120)]


INCOMPLETE: dict[str, list[tuple[str | None, CollectionPage]]] = {
    "the same page, another token each time": [(None, page(range(100), "t1")), ("t1", page(range(100), "t2"))],
    "the same page, one token": [(None, page(range(100), "t1")), ("t1", page(range(100), "t1"))],
    "the same page, then no token": [(None, page(range(100), "t1")), ("t1", page(range(100)))],
    "a token seen before": [(None, page(range(100), "t1")), ("t1", page(range(100, 200), "t1"))],
    "capped pages": [(None, page(range(50), "t1")), ("t1", page(range(50, 100), "t1"))],
    "capped pages, then the same page": [
        (None, page(range(50), "t1")),
        ("t1", page(range(50, 100), "t2")),
        ("t2", page(range(50, 100), "t3")),
    ],
}


@pytest.mark.parametrize("shown", INCOMPLETE.values(), ids=INCOMPLETE)
def test_a_list_that_may_be_incomplete_is_an_error(shown: list[tuple[str | None, CollectionPage]]) -> None:
    with pytest.raises(XAIIncompleteListError, match=r"^list_collections\(\): the list may be incomplete\. After \d+"):
        play(list_all(LIST_COLLECTIONS), *pages(*shown))


def test_a_list_goes_on_from_a_token_it_is_given() -> None:
    flow = partial(list_all, LIST_COLLECTIONS, pagination_token="t")
    assert len(play(flow(), *pages(("t", page(range(100)))))) == 100
    assert len(play(flow(), *pages(("t", page(range(30), "t"))))) == 30
    with pytest.raises(XAIIncompleteListError):
        play(flow(), *pages(("t", page(range(100), "t"))))


NEVER_WHOLE = [
    partial(documents_to_reindex, "c"),
    partial(watched_collection, "c", WaitRules()),
    partial(list_scope, Target("c", "s")),
    partial(documents_in_scope, Target("c", "s")),
    Removal("c").listed,
]


@pytest.mark.parametrize("flow", NEVER_WHOLE, ids=["reindex", "wait", "sync", "scope", "removal"])
def test_no_work_is_done_on_documents_of_a_list_that_may_be_incomplete(flow: Any) -> None:
    first = documents_named([f"f{n}" for n in range(100)], "t1")
    world = World(lambda request: a_collection() if request.endpoint is GET_COLLECTION else first)
    with pytest.raises(XAIIncompleteListError, match="list_documents"):
        world.run(flow())
    assert {request.endpoint for request in world.requests} - {GET_COLLECTION} == {LIST_DOCUMENTS}


# Removal

REMOVALS: list[tuple[Any, Any]] = [
    (
        partial(remove_document, "c", "f", team_id="t"),
        REMOVE_DOCUMENT.request(collection_id="c", file_id="f", team_id="t"),
    ),
    (partial(delete_collection, "c", team_id="t"), DELETE_COLLECTION.request(collection_id="c", team_id="t")),
    (partial(delete_file, "f"), DELETE_FILE.request(file_id="f")),
]


@pytest.mark.parametrize(("remove", "request_"), REMOVALS)
def test_a_removal_tells_that_something_was_removed(remove: Any, request_: Any) -> None:
    answer = DeletedFile(id="f") if request_.endpoint is DELETE_FILE else Empty()
    assert play(remove(), (request_, answer)) is True


@pytest.mark.parametrize(("remove", "request_"), REMOVALS)
def test_a_removal_of_nothing_is_no_error(remove: Any, request_: Any) -> None:
    assert play(remove(), (request_, NOT_FOUND)) is False


@pytest.mark.parametrize(("remove", "request_"), REMOVALS)
def test_a_removal_whose_answer_was_lost_counts(remove: Any, request_: Any) -> None:
    error = XAINotFoundError("does not exist", status=404)
    error.after_doubt = True
    assert play(remove(), (request_, error)) is True


@pytest.mark.parametrize(("remove", "request_"), REMOVALS)
def test_a_removal_that_is_not_allowed_is_an_error(remove: Any, request_: Any) -> None:
    with pytest.raises(XAIAuthError):
        play(remove(), (request_, XAIAuthError("no", status=403)))


# Documents to index again


def test_all_documents_are_reindexed_each_once() -> None:
    exists = GET_COLLECTION.request(collection_id="c", team_id="t"), a_collection(documents_count=2)
    listed = LIST_DOCUMENTS.request(collection_id="c", limit=100, team_id="t")
    page = some_documents(a_document("a"), a_document("b", DocumentStatus.FAILED), a_document("a"))
    assert play(documents_to_reindex("c", team_id="t"), exists, (listed, page)) == ["a", "b"]


def test_only_failed_documents_are_reindexed_although_the_service_may_list_more() -> None:
    listed = LIST_DOCUMENTS.request(collection_id="c", filter="status:DOCUMENT_STATUS_FAILED", limit=100)
    page = some_documents(a_document("a"), a_document("b", DocumentStatus.FAILED))
    assert play(documents_to_reindex("c", failed=True), (listed, page)) == ["b"]
