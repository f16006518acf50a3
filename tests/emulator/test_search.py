"""Search: words in, passages out, best first."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_xai_collections.api import endpoints
from airflow_provider_xai_collections.emulator import Emulator, Settings
from airflow_provider_xai_collections.emulator.filters import Precedence

from .caller import Caller


def search(caller: Caller, query: str, collection_id: str, **params: Any) -> Any:
    source = {"collection_ids": [collection_id]}
    return caller.call(endpoints.SEARCH_DOCUMENTS, query=query, source=source, **params).matches


def shelf(caller: Caller) -> str:
    """Four documents on two subjects."""
    collection_id = caller.collection()
    for name, text, fields in (
        ("moby.txt", "whales whales whales and the sea", {"year": "1851", "genre": "novel"}),
        ("log.txt", "a ship on the sea met whales among many other things", {"year": "1820", "genre": "report"}),
        ("emma.txt", "a village and its matches", {"year": "1815", "genre": "novel"}),
        ("bleak.txt", "fog over the village of whales", {"year": "1853"}),
    ):
        caller.attach(collection_id, caller.file(name, text.encode()), **fields)
    return collection_id


def names(caller: Caller, matches: Any) -> list[str]:
    return [caller.call(endpoints.GET_FILE, file_id=match.file_id).filename for match in matches]


def test_the_best_passage_comes_first(caller: Caller) -> None:
    collection_id = shelf(caller)
    matches = search(caller, "Whale?", collection_id)
    assert names(caller, matches)[0] == "moby.txt"
    assert len(matches) == 3
    scores = [match.score for match in matches]
    assert scores == sorted(scores, reverse=True)
    assert all(0 < score < 1 for score in scores)
    assert matches[0].chunk_content == "whales whales whales and the sea"
    assert matches[0].collection_ids == (collection_id,)
    assert matches[0].fields == {"year": "1851", "genre": "novel"}
    assert matches[0].chunk_id.startswith("chunk_")


@pytest.mark.parametrize("query", ["???", '"', "zebra", "NEAR( *"])
def test_nothing_to_find(caller: Caller, query: str) -> None:
    assert search(caller, query, shelf(caller)) == ()


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ('genre = "novel"', {"moby.txt", "emma.txt"}),
        ('genre != "novel"', {"log.txt"}),
        ("year >= 1851", {"moby.txt", "bleak.txt"}),
        ("year < 1816 OR year > 1852", {"emma.txt", "bleak.txt"}),
        ('(genre = "novel" OR genre = "report") AND year < 1850', {"log.txt", "emma.txt"}),
        ("fields.year: 1820", {"log.txt"}),
        ('name: "emma"', {"emma.txt"}),
        ("colour = blue", set()),
        ("colour != blue", set()),
    ],
)
def test_filters(caller: Caller, wanted: str, expected: set[str]) -> None:
    assert set(names(caller, search(caller, "whales village", shelf(caller), filter=wanted))) == expected


def test_what_and_or_means_is_a_switch() -> None:
    # As AIP-160: (a or b) and c. As most languages: a or (b and c).
    wanted = 'genre = "report" OR genre = "novel" AND year > 1850'
    answers: tuple[tuple[Precedence, set[str]], ...] = (("or", {"moby.txt"}), ("and", {"log.txt", "moby.txt"}))
    for precedence, expected in answers:
        caller = Caller(Emulator(Settings(filter_precedence=precedence)))
        assert set(names(caller, search(caller, "sea village", shelf(caller), filter=wanted))) == expected


def test_at_most_ten_unless_told(caller: Caller) -> None:
    chunking = {"chars_configuration": {"max_chunk_size_chars": 6, "chunk_overlap_chars": 0}}
    collection_id, file_id = caller.collection(chunk_configuration=chunking), caller.file(content=b"whale " * 12)
    caller.attach(collection_id, file_id)
    assert len(search(caller, "whale", collection_id)) == 10
    assert len(search(caller, "whale", collection_id, limit=11)) == 11


def test_groups_give_their_best(caller: Caller) -> None:
    found = search(caller, "whales village", shelf(caller), group_by={"keys": ["genre"]})
    assert {match.fields.get("genre") for match in found} == {"novel", "report", None}
    assert len(found) == 3


def test_a_search_needs_a_query_and_collections_that_exist(caller: Caller) -> None:
    collection_id = shelf(caller)
    assert caller.refused(endpoints.SEARCH_DOCUMENTS, query="a", source={"collection_ids": ["c"]})[0] == 404
    wrong = {"query": "a", "source": {"collection_ids": [collection_id]}, "filter": "year >"}
    status, message = caller.refused(endpoints.SEARCH_DOCUMENTS, **wrong)
    assert (status, message) == (400, "filter: expected a value for year at character 7")


def test_other_collections_are_not_searched(caller: Caller) -> None:
    one, two = shelf(caller), shelf(caller)
    assert {match.collection_ids for match in search(caller, "whales", one)} == {(one,)}
    assert len(caller.found("whales", one, two)) == 6


def test_a_query_may_be_a_whole_page(caller: Caller) -> None:
    assert names(caller, search(caller, "whales " + "word " * 5000, shelf(caller)))[0] == "moby.txt"
