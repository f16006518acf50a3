"""Search: words in, passages out, best first."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_provider_xai_collections.api import endpoints
from airflow_provider_xai_collections.api.protocol import Host
from airflow_provider_xai_collections.emulator import Emulator, Settings
from airflow_provider_xai_collections.emulator.filters import Precedence
from tests.sample_documents import pdf
from tests.support.caller import Caller, declared, message_of, upload


def search(caller: Caller, query: str, collection_id: str, **params: Any) -> Any:
    source = {"collection_ids": [collection_id]}
    return caller.call(endpoints.SEARCH_DOCUMENTS, query=query, source=source, **params).matches


def shelf(caller: Caller) -> str:
    """Four documents on two subjects."""
    collection_id = caller.collection(field_definitions=declared("year", "genre"))
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
    file_id = matches[0].file_id
    assert matches[0].fields == {
        "year": "1851",
        "genre": "novel",
        "title": "moby.txt",
        "chroma:uri": f"{collection_id}/{file_id}",
    }
    assert matches[0].chunk_id == f"{file_id}_0"


def test_the_passages_of_a_document_are_numbered(caller: Caller) -> None:
    chunking = {"chars_configuration": {"max_chunk_size_chars": 6, "chunk_overlap_chars": 0}}
    collection_id, file_id = caller.collection(chunk_configuration=chunking), caller.file(content=b"whale " * 3)
    caller.attach(collection_id, file_id)
    numbers = {match.chunk_id for match in search(caller, "whale", collection_id)}
    assert numbers == {f"{file_id}_0", f"{file_id}_1", f"{file_id}_2"}


def test_a_field_of_the_document_wins_over_one_of_the_service(caller: Caller) -> None:
    collection_id = caller.collection(field_definitions=declared("title"))
    caller.attach(collection_id, caller.file(), title="Moby Dick")
    assert [match.fields["title"] for match in search(caller, "whales", collection_id)] == ["Moby Dick"]


def test_the_text_of_a_passage_may_be_json_around_it() -> None:
    caller = Caller(Emulator(Settings(json_chunks=True)))
    collection_id = caller.collection()
    caller.attach(collection_id, caller.file(content="Wale \u201cé\u201d".encode()))
    one = {"collection_id": collection_id, "name": "a.pdf", "content_type": "application/pdf"}
    caller.call(endpoints.UPLOAD_DOCUMENT, **one, upload=upload("a.pdf", pdf("of Wale")))
    found = {match.page_number: json.loads(match.chunk_content) for match in search(caller, "Wale", collection_id)}
    assert found == {
        None: [{"page_number": 0, "text": "Wale \u201cé\u201d"}],
        1: [{"page_number": 1, "text": "of Wale"}],
    }


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{", "the body is not JSON: "),
        (b"", "the body is not JSON: "),
        (b"[]", "the body must be a JSON object at line 1 column 2"),
        (b'{"query": "a"}', "missing field `source` at line 1 column 14"),
        (b'{"query": "a",\n "source": {}}\n', "source: missing field `collection_ids` at line 2 column 14"),
        (b'{"query": 1, "source": {"collection_ids": ["c"]}}', "query: Input should be a valid string at line 1"),
    ],
)
def test_a_body_that_is_no_search_is_answered_with_text(caller: Caller, body: bytes, message: str) -> None:
    reply = caller.raw("POST", "/v1/documents/search", body, host=Host.API)
    assert (reply.status, reply.headers["content-type"]) == (422, "text/plain; charset=utf-8")
    said = reply.body.decode()
    assert said.startswith(f"Failed to deserialize the JSON body into the target type: {message}")


def test_a_search_for_nothing_is_refused(caller: Caller) -> None:
    body = json.dumps({"query": "", "source": {"collection_ids": [caller.collection()]}}).encode()
    reply = caller.raw("POST", "/v1/documents/search", body, host=Host.API)
    assert reply.status == 400
    assert "query: String should have at least 1 character" in message_of(reply)


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
