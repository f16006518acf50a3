"""Lists of few documents and of many are made in different ways, and must not differ."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_xai_collections.api import endpoints
from airflow_provider_xai_collections.emulator import Emulator, Settings
from tests.support.caller import Caller, declared

KINDS = ("NAME", "SIZE", "AGE")
NAMES = ("b", "a", "c", "a", "b")  # names are not unique


@pytest.fixture(params=[0, 3, 1000])
def caller(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Caller:
    """The parameter is how many documents are few."""
    monkeypatch.setattr("airflow_provider_xai_collections.emulator.store._FEW", request.param)
    return Caller()


@pytest.fixture
def library(caller: Caller) -> str:
    """Three of Melville's and two of Austen's, among files of others and files of nobody."""
    library, other = (
        caller.collection(name, field_definitions=declared("author", "number")) for name in ("library", "other")
    )
    for number, name in enumerate(NAMES):
        mine, theirs = caller.file(f"{name}.txt", b"x" * (number % 3 + 1)), caller.file(f"{name}.txt")
        caller.attach(library, mine, author="Austen" if number % 2 else "Melville", number=str(number))
        caller.attach(other, theirs, author="Melville", number=str(number))
        caller.file("nobody.txt")
    return library


def walk(caller: Caller, **asked: Any) -> list[Any]:
    """Return all pages of a list, two documents each."""
    documents: list[Any] = []
    token = None
    while token or not documents:
        page = caller.call(endpoints.LIST_DOCUMENTS, limit=2, pagination_token=token, **asked)
        documents += page.documents
        if not (token := page.pagination_token):
            break
    return documents


def numbers(documents: list[Any]) -> list[int]:
    return [int(document.fields["number"]) for document in documents]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("order", ["ASCENDING", "DESCENDING"])
def test_pages_cover_a_list_once_in_its_order(caller: Caller, library: str, kind: str, order: str) -> None:
    asked = {"sort_by": f"DOCUMENTS_SORT_BY_{kind}", "order": f"ORDERING_{order}"}
    documents = walk(caller, collection_id=library, **asked)
    assert sorted(numbers(documents)) == [0, 1, 2, 3, 4]
    values = [
        {"NAME": each.name, "SIZE": each.file_metadata.size_bytes, "AGE": each.file_metadata.created_at}[kind]
        for each in documents
    ]
    assert values == sorted(values, reverse=order == "DESCENDING")


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ('fields.author:"Melville"', [0, 2, 4]),
        ('fields.author:"Austen" AND fields.number = "3"', [3]),
        ('fields.author:"Austen" AND fields.number:"2"', []),
        ('fields.author:"Austen" AND fields.author:"Melville"', []),
        ('fields.author:!"Austen"', [0, 2, 4]),
        ('fields.author:"Melville" AND name:"b"', [0, 4]),
        ('fields.nothing:"x"', []),
    ],
)
def test_a_filter_finds_what_it_names(caller: Caller, library: str, wanted: str, expected: list[int]) -> None:
    assert sorted(numbers(walk(caller, collection_id=library, filter=wanted))) == expected


def test_a_list_does_not_read_documents_with_other_fields() -> None:
    caller = Caller(Emulator(Settings(indexing="reads:1")))
    collection_id = caller.collection(field_definitions=declared("number"))
    file_ids = [caller.file(), caller.file()]
    for number, file_id in enumerate(file_ids):
        caller.attach(collection_id, file_id, number=str(number))
    caller.call(endpoints.LIST_DOCUMENTS, collection_id=collection_id, filter='fields.number:"1"')
    assert [caller.status(collection_id, file_id) for file_id in file_ids] == ["PROCESSING", "CHUNKED"]
