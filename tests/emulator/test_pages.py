"""Pages and the ends that a list may have."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_xai_collections.api import endpoints
from airflow_provider_xai_collections.emulator import Emulator, Settings
from tests.support.caller import Caller


def shelf(end: Any = "absent", size: int = 5) -> Caller:
    caller = Caller(Emulator(Settings(pagination_end=end, files_pagination_end=end)))
    for number in range(size):
        caller.collection(f"c{number}")
        caller.file(f"f{number}")
    return caller


def test_pages_cover_the_list_once_even_while_it_grows() -> None:
    caller = shelf()
    seen: list[str] = []
    token = None
    while token is not None or not seen:
        page = caller.call(endpoints.LIST_COLLECTIONS, limit=2, pagination_token=token)
        seen += [collection.collection_name for collection in page.collections]
        token = page.pagination_token
        caller.collection("c9")
    assert seen == ["c4", "c3", "c2", "c1", "c0"]


def test_equal_names_are_not_lost_between_pages() -> None:
    caller = Caller()
    ids = {caller.collection("same") for _ in range(5)}
    seen, token = set(), None
    for _ in range(3):
        page = caller.call(endpoints.LIST_COLLECTIONS, limit=2, pagination_token=token, order="ORDERING_ASCENDING")
        seen |= {collection.collection_id for collection in page.collections}
        token = page.pagination_token
    assert seen == ids


@pytest.mark.parametrize("endpoint", [endpoints.LIST_COLLECTIONS, endpoints.LIST_FILES])
def test_ends(endpoint: Any) -> None:
    assert "pagination_token" not in shelf("absent").send(endpoint).json()
    assert shelf("empty").send(endpoint).json()["pagination_token"] == ""

    always = shelf("always")
    first = always.call(endpoint)
    empty = always.call(endpoint, pagination_token=first.pagination_token)
    assert (len(first.items), len(empty.items)) == (5, 0)
    assert len({first.pagination_token, empty.pagination_token, None}) == 3

    repeat = shelf("repeat")
    page = repeat.call(endpoint, limit=3)
    last = repeat.call(endpoint, limit=3, pagination_token=page.pagination_token)
    assert last.pagination_token == page.pagination_token
    alone = repeat.call(endpoint)
    again = repeat.call(endpoint, pagination_token=alone.pagination_token)
    assert (again.items, again.pagination_token) == (alone.items, alone.pagination_token)


@pytest.mark.parametrize("endpoint", [endpoints.LIST_COLLECTIONS, endpoints.LIST_FILES])
def test_a_list_may_begin_again_and_again(endpoint: Any) -> None:
    caller = shelf("first_page")
    first = caller.call(endpoint, limit=2)
    again = caller.call(endpoint, limit=2, pagination_token=first.pagination_token)
    third = caller.call(endpoint, limit=2, pagination_token=again.pagination_token)
    assert len(first.items) == 2
    assert first.items == again.items == third.items
    assert len({first.pagination_token, again.pagination_token, third.pagination_token, None}) == 4
    assert caller.refused(endpoint, pagination_token="x")[0] == 400


@pytest.mark.parametrize("limit", [None, 2, 5])
def test_a_page_may_be_shorter_than_asked_for_and_not_the_last(limit: int | None) -> None:
    caller = Caller(Emulator(Settings(max_page=2)))
    collection_id = caller.collection()
    file_ids = {caller.file(f"f{number}") for number in range(5)}
    for file_id in file_ids:
        caller.attach(collection_id, file_id)
    sizes: list[int] = []
    seen: set[str] = set()
    token = None
    while token is not None or not seen:
        asked = {"collection_id": collection_id, "limit": limit, "pagination_token": token}
        page = caller.call(endpoints.LIST_DOCUMENTS, **asked)
        sizes.append(len(page.documents))
        seen |= {document.file_id for document in page.documents}
        token = page.pagination_token
    assert (sizes, seen) == ([2, 2, 1], file_ids)
    assert len(caller.call(endpoints.LIST_FILES, limit=1).data) == 1


def test_a_token_belongs_to_its_query() -> None:
    caller = shelf()
    token = caller.call(endpoints.LIST_COLLECTIONS, limit=2).pagination_token
    for change in ({"filter": "collection_name:c"}, {"order": "ORDERING_ASCENDING"}):
        status, message = caller.refused(endpoints.LIST_COLLECTIONS, pagination_token=token, **change)
        assert (status, "belongs to another query" in message) == (400, True)
    assert len(caller.call(endpoints.LIST_COLLECTIONS, limit=3, pagination_token=token).collections) == 3


@pytest.mark.parametrize("token", ["x", "bm8=", "MQ==", "é"])
def test_a_token_of_somebody_else(token: str) -> None:
    status, message = shelf().refused(endpoints.LIST_COLLECTIONS, pagination_token=token)
    assert (status, message) == (400, "pagination_token: not a token of this service")
