from __future__ import annotations

import pytest

from airflow_provider_xai_collections.api.endpoints import SEARCH_DOCUMENTS
from airflow_provider_xai_collections.api.protocol import Response
from airflow_provider_xai_collections.api.search import SearchMatch
from airflow_provider_xai_collections.exceptions import XAIArgumentError

SOURCE = {"collection_ids": ["c1", "c2"]}


def test_a_search_is_one_json_body() -> None:
    request = SEARCH_DOCUMENTS.request(
        query="how long is the notice?",
        source=SOURCE,
        filter='(airflow_scope = "a") AND (year > 2020)',
        limit=5,
        instructions="Prefer the newest.",
        retrieval_mode={"type": "hybrid", "reranker": {"model": "grok"}},
        group_by={"keys": ["file_id"]},
    )
    assert request.path == "/v1/documents/search"
    assert request.json == {
        "query": "how long is the notice?",
        "source": SOURCE,
        "filter": '(airflow_scope = "a") AND (year > 2020)',
        "limit": 5,
        "instructions": "Prefer the newest.",
        "retrieval_mode": {"type": "hybrid", "reranker": {"model": "grok"}},
        "group_by": {"keys": ["file_id"]},
    }


@pytest.mark.parametrize(
    ("mistake", "named"),
    [
        ({"query": ""}, "query: "),
        ({"source": {"collection_ids": []}}, "source.collection_ids: "),
        ({"source": {"collections": ["c"]}}, "source: unknown: collections; known are collection_ids"),
        ({"limit": 0}, "limit: "),
        ({"limit": 2**31}, "limit: "),
        ({"retrieval_mode": {"type": "magic"}}, "retrieval_mode.type: "),
        ({"group_by": {"keys": []}}, "group_by.keys: "),
    ],
)
def test_a_search_the_service_would_refuse_is_not_sent(mistake: dict[str, object], named: str) -> None:
    with pytest.raises(XAIArgumentError) as caught:
        SEARCH_DOCUMENTS.request(**{"query": "q", "source": SOURCE, **mistake})
    assert str(caught.value).startswith(f"search_documents: {named}")


def test_matches_are_read() -> None:
    body = b"""{"matches": [{"file_id": "f", "chunk_id": "k", "chunk_content": "text", "score": 0.5,
        "collection_ids": ["c1"], "fields": {"year": "2024"}, "page_number": 3}, {"file_id": "g", "fields": null}]}"""
    first, second = SEARCH_DOCUMENTS.decode(Response(200, {}, body)).matches
    assert (first.file_id, first.score, first.fields, first.page_number) == ("f", 0.5, {"year": "2024"}, 3)
    assert (second.fields, second.page_number) == ({}, None)


def test_no_match_is_an_empty_answer() -> None:
    assert SEARCH_DOCUMENTS.decode(Response(200, {}, b'{"matches": null}')).matches == ()


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("a white whale", "a white whale"),
        ('[{"page_number": 0, "text": "a white whale"}]', "a white whale"),
        ('[{"page_number": 1, "text": "one"}, {"page_number": 2, "text": "two"}]', "one\n\ntwo"),
        ("[1] a footnote", "[1] a footnote"),
        ('["a", "list"]', '["a", "list"]'),
        ('[{"title": "no text"}]', '[{"title": "no text"}]'),
        ('[{"text": "good film", "label": "positive"}]', '[{"text": "good film", "label": "positive"}]'),
        ("[]", "[]"),
        ('{"text": "an object that a document holds"}', '{"text": "an object that a document holds"}'),
        ("", ""),
    ],
)
def test_the_text_of_a_passage_is_shown_without_the_json_around_it(content: str, text: str) -> None:
    assert SearchMatch(file_id="f", chunk_content=content).text == text
