"""Flows, scripted step by step; lists, batches and waits also in any size, and with whatever a service may answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
    LIST_FILES,
    REMOVE_DOCUMENT,
)
from airflow_provider_xai_collections.api.errors import error_from
from airflow_provider_xai_collections.api.files import File, FilePage
from airflow_provider_xai_collections.api.flows import (
    ADD_TRIES,
    BATCH_SIZE,
    MAX_PAGE,
    MAX_SINGLE_GETS,
    add_document,
    all_documents,
    batch_get_documents,
    delete_collection,
    delete_file,
    documents_to_reindex,
    list_all,
    remove_document,
    wait_for_documents,
    watched_collection,
)
from airflow_provider_xai_collections.api.polling import Poller, WaitEnd, WaitResult, WaitRules
from airflow_provider_xai_collections.api.protocol import Endpoint, Now, Request, Response, Sleep
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
    XAIUnroutableError,
)
from airflow_provider_xai_collections.sync.listing import list_scope
from tests.support.driving import FlowDriver, a_collection, a_document, play, some_documents

#: A request, and its answer or the error it meets.
Turn: TypeAlias = tuple[Any, Any]

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


def holding(count: int) -> Turn:
    return GET_COLLECTION.request(collection_id="c"), a_collection(documents_count=count)


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


# How lists end


def page(ids: Iterable[int], token: str | None = None) -> CollectionPage:
    return CollectionPage(collections=tuple(a_collection(str(n)) for n in ids), pagination_token=token)


def pages(*turns: tuple[str | None, CollectionPage]) -> list[Turn]:
    """Pages of a list, each with the token that it is asked by."""
    return [(LIST_COLLECTIONS.request(limit=100, pagination_token=token), shown) for token, shown in turns]


FULL, SHORT = (None, page(range(100), "t1")), (None, page(range(30), "t1"))
CAPPED, CAPPED_TOO = (None, page(range(50), "t1")), ("t1", page(range(50, 100), "t2"))


@pytest.mark.parametrize(
    ("shown", "count"),
    [
        pytest.param([(None, page([]))], 0, id="nothing"),
        pytest.param([(None, page(range(100)))], 100, id="a full page without a token"),
        pytest.param([(None, page(range(100), ""))], 100, id="a full page with an empty token"),
        pytest.param([SHORT, ("t1", page(range(30, 130)))], 130, id="a short page in between"),
        pytest.param([SHORT, ("t1", page([], "t2"))], 30, id="an empty page after a short one"),
        pytest.param([FULL, ("t1", page([], "t2"))], 100, id="an empty page after a full one"),
        pytest.param([SHORT, ("t1", page(range(30)))], 30, id="nothing new after a short page"),
        pytest.param([SHORT, ("t1", page(range(30), "t2"))], 30, id="nothing new after a short page, but a token"),
        pytest.param([FULL, ("t1", page(range(100, 130), "t1"))], 130, id="a token seen before, after a short page"),
        pytest.param([FULL, ("t1", page(range(95, 120)))], 120, id="pages that overlap"),
    ],
)
def test_a_list_is_whole(shown: list[Any], count: int) -> None:
    listed = play(list_all(LIST_COLLECTIONS), *pages(*shown))
    assert [each.collection_id for each in listed] == [str(n) for n in range(count)]


@pytest.mark.parametrize(
    "shown",
    [
        pytest.param([FULL, ("t1", page(range(100), "t2"))], id="the same page, another token each time"),
        pytest.param([FULL, ("t1", page(range(100), "t1"))], id="the same page, one token"),
        pytest.param([FULL, ("t1", page(range(100)))], id="the same page, then no token"),
        pytest.param([FULL, ("t1", page(range(100, 200), "t1"))], id="the token it was asked by"),
        pytest.param(
            [FULL, ("t1", page(range(100, 200), "t2")), ("t2", page(range(200, 300), "t1"))], id="tokens in a circle"
        ),
        pytest.param([CAPPED, ("t1", page(range(50, 100), "t1"))], id="capped pages"),
        pytest.param([CAPPED, CAPPED_TOO, ("t2", page(range(50, 100), "t3"))], id="capped pages, then the same page"),
    ],
)
def test_a_list_that_may_be_incomplete_is_an_error(shown: list[Any]) -> None:
    with pytest.raises(XAIIncompleteListError, match=r"^list_collections\(\): the list may be incomplete\. After \d+"):
        play(list_all(LIST_COLLECTIONS), *pages(*shown))


def test_a_list_goes_on_from_a_token_it_is_given() -> None:
    flow = partial(list_all, LIST_COLLECTIONS, pagination_token="t")
    assert len(play(flow(), *pages(("t", page(range(100)))))) == 100
    assert len(play(flow(), *pages(("t", page(range(30), "t"))))) == 30
    with pytest.raises(XAIIncompleteListError):
        play(flow(), *pages(("t", page(range(100), "t"))))


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

    driver = FlowDriver(answer)
    try:
        files = driver.run(list_all(LIST_FILES, limit=limit, filter="x", order="asc"))
    except XAIIncompleteListError:
        # A full page, and a token seen before: nobody can know whether that was all.
        assert end in ("the token it was asked by", "the first token again")
        assert total
        assert not total % size
        return
    assert [file.id for file in files] == [str(n) for n in range(total)]
    assert len(driver.requests) <= total // size + 2


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
    driver = FlowDriver(lambda request: a_collection() if request.endpoint is GET_COLLECTION else first)
    with pytest.raises(XAIIncompleteListError, match="list_documents"):
        driver.run(flow())
    assert {request.endpoint for request in driver.requests} - {GET_COLLECTION} == {LIST_DOCUMENTS}


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


# Documents to index again


def test_all_or_only_failed_documents_are_reindexed_each_once_although_the_service_may_list_more() -> None:
    shown = some_documents(a_document("a"), a_document("b", DocumentStatus.FAILED), a_document("a"))
    everything, _ = listing()
    assert play(documents_to_reindex("c"), holding(2), (everything, shown)) == ["a", "b"]
    failed, _ = listing(filter="status:DOCUMENT_STATUS_FAILED")
    assert play(documents_to_reindex("c", failed=True), (failed, shown)) == ["b"]
