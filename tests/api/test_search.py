"""A search that has to find something, the rule by itself and the flow led by hand; and what it finds."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from airflow_provider_xai_collections.api.endpoints import SEARCH_DOCUMENTS
from airflow_provider_xai_collections.api.protocol import Now, Sleep
from airflow_provider_xai_collections.api.search import Expectation, SearchMatch, SearchResults, search_until
from airflow_provider_xai_collections.exceptions import XAINotFoundError, XAIServerError, XAITimeoutError
from tests.support.driving import FlowDriver, play

SEARCH = SEARCH_DOCUMENTS.request(query="whale", source={"collection_ids": ["c"]})


def a_match(file_id: str, score: float = 0.5) -> SearchMatch:
    return SearchMatch(file_id=file_id, score=score, chunk_content="Call me Ishmael.")


def found(*matches: SearchMatch) -> SearchResults:
    return SearchResults(matches=matches)


TWO = (a_match("a", 0.9), a_match("b", 0.4))


@pytest.mark.parametrize(
    ("wanted", "missing"),
    [
        ({}, ""),
        ({"min_matches": 2}, ""),
        ({"min_matches": 3}, "2 passages instead of 3"),
        ({"min_score": 0.9}, ""),
        ({"min_score": 0.95}, "0 passages scoring 0.95 or more instead of 1"),
        ({"min_score": 0.5, "min_matches": 2}, "1 passage scoring 0.5 or more instead of 2"),
        ({"file_ids": ("b", "a")}, ""),
        ({"file_ids": ("a", "c", "d")}, "no passage of c, d"),
        ({"file_ids": ("b",), "min_score": 0.5}, "no passage scoring 0.5 or more of b"),
        ({"file_ids": ("c",), "min_matches": 3}, "2 passages instead of 3; no passage of c"),
    ],
)
def test_what_is_missing(wanted: dict[str, Any], missing: str) -> None:
    assert Expectation(**wanted).missing(TWO) == missing


def test_only_the_first_of_many_files_are_named() -> None:
    said = Expectation(file_ids=tuple(f"file_{number}" for number in range(30))).missing(())
    assert said.endswith("file_8, file_9, …")
    assert "file_10" not in said


# The flow

FLOW = partial(search_until, SEARCH, timeout=8, poll_interval=5)
ASKED = replace(SEARCH, deadline=1008.0)
BEGUN: tuple[Any, Any] = (Now(), 1000.0)


@pytest.mark.parametrize(("wanted", "matches"), [(Expectation(min_matches=1), TWO), (Expectation(), ())])
def test_an_answer_as_expected_ends_it_at_once(wanted: Expectation, matches: tuple[SearchMatch, ...]) -> None:
    assert play(FLOW(wanted), BEGUN, (ASKED, found(*matches))) == matches


def test_it_searches_again_until_it_is_there_or_the_deadline() -> None:
    again = [BEGUN, (ASKED, found()), (Now(), 1000.0), (Sleep(5), None), (ASKED, found()), (Now(), 1005.0)]
    last: tuple[Any, Any] = (Sleep(3), None)
    wanted = Expectation(file_ids=("c",))
    there = a_match("c")
    assert play(FLOW(wanted), *again, last, (ASKED, found(there))) == (there,)
    with pytest.raises(XAITimeoutError) as raised:
        play(FLOW(wanted), *again, last, (ASKED, found(*TWO)), (Now(), 1008.0))
    assert str(raised.value) == (
        "search_documents(c): the search found no passage of c, after 8 seconds (passages: the best of 2 scores 0.9). "
        "Check that the documents are in the collection and processed, and that query and filter fit them"
    )


def test_an_answer_without_passages_has_no_best_score() -> None:
    with pytest.raises(XAITimeoutError, match=r"found 0 passages instead of 1, after 8 .*\(passages: none\)"):
        FlowDriver(lambda request: found()).run(FLOW(Expectation(min_matches=1)))


@pytest.mark.parametrize("error", [XAINotFoundError("no such collection", status=404), XAIServerError("busy")])
def test_an_error_is_not_searched_away(error: Exception) -> None:
    with pytest.raises(type(error)):
        play(FLOW(Expectation(min_matches=1)), BEGUN, (ASKED, error))


# A passage


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("a white whale", None),
        ('[{"page_number": 0, "text": "a white whale"}]', "a white whale"),
        ('[{"page_number": 1, "text": "one"}, {"page_number": 2, "text": "two"}]', "one\n\ntwo"),
        ("[1] a footnote", None),
        ('["a", "list"]', None),
        ('[{"title": "no text"}]', None),
        ('[{"text": "good film", "label": "positive"}]', None),
        ("[]", None),
        ('{"text": "an object that a document holds"}', None),
        ("", None),
    ],
)
def test_the_text_of_a_passage_is_shown_without_the_json_around_it(content: str, text: str | None) -> None:
    assert SearchMatch(file_id="f", chunk_content=content).text == (content if text is None else text)
