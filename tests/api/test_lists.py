"""Lists: whole, or an error, however a service may end them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_xai_collections.api.collections import CollectionPage
from airflow_provider_xai_collections.api.endpoints import (
    GET_COLLECTION,
    LIST_COLLECTIONS,
    LIST_DOCUMENTS,
    LIST_FILES,
)
from airflow_provider_xai_collections.api.files import File, FilePage
from airflow_provider_xai_collections.api.flows import (
    MAX_PAGE,
    documents_to_reindex,
    list_all,
    watched_collection,
)
from airflow_provider_xai_collections.api.polling import WaitRules
from airflow_provider_xai_collections.api.protocol import Request
from airflow_provider_xai_collections.api.removing import Removal
from airflow_provider_xai_collections.api.uploading import Target, documents_in_scope
from airflow_provider_xai_collections.exceptions import XAIIncompleteListError
from airflow_provider_xai_collections.sync.listing import list_scope
from tests.support.driving import FlowDriver, Turn, a_collection, a_document, play, some_documents


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
    first = some_documents(*(a_document(f"f{n}") for n in range(100))).model_copy(update={"pagination_token": "t1"})
    driver = FlowDriver(lambda request: a_collection() if request.endpoint is GET_COLLECTION else first)
    with pytest.raises(XAIIncompleteListError, match="list_documents"):
        driver.run(flow())
    assert {request.endpoint for request in driver.requests} - {GET_COLLECTION} == {LIST_DOCUMENTS}
