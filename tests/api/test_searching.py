"""A search that has to find something: the rule by itself, and the flow led by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_xai_collections.api.endpoints import SEARCH_DOCUMENTS
from airflow_provider_xai_collections.api.protocol import Now, Request, Sleep
from airflow_provider_xai_collections.api.search import SearchMatch, SearchResults
from airflow_provider_xai_collections.api.searching import Expectation, search_until
from airflow_provider_xai_collections.exceptions import XAINotFoundError, XAIServerError, XAITimeoutError
from tests.api.driving import World, play

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


@given(st.lists(st.floats(0, 1), max_size=8), st.integers(0, 8), st.none() | st.floats(0, 1))
def test_it_is_content_exactly_if_enough_score_enough(scores: list[float], least: int, bar: float | None) -> None:
    matches = [a_match(str(number), score) for number, score in enumerate(scores)]
    enough = [score for score in scores if bar is None or score >= bar]
    content = len(enough) >= least and (bar is None or bool(enough))
    assert (Expectation(min_matches=least, min_score=bar).missing(matches) == "") is content


def asked(deadline: float) -> Request[SearchResults]:
    return replace(SEARCH, deadline=deadline)


def test_an_answer_as_expected_ends_it_at_once() -> None:
    flow = search_until(SEARCH, Expectation(min_matches=1), timeout=60, poll_interval=5)
    assert play(flow, (Now(), 1000.0), (asked(1060.0), found(*TWO))) == TWO


def test_nothing_expected_is_never_missing() -> None:
    flow = search_until(SEARCH, Expectation(), timeout=60, poll_interval=5)
    assert play(flow, (Now(), 1000.0), (asked(1060.0), found())) == ()


def test_it_searches_again_until_it_is_there() -> None:
    flow = search_until(SEARCH, Expectation(min_matches=1), timeout=60, poll_interval=5)
    end = play(
        flow,
        (Now(), 1000.0),
        (asked(1060.0), found()),
        (Now(), 1001.0),
        (Sleep(5), None),
        (asked(1060.0), found(*TWO)),
    )
    assert end == TWO


def test_the_last_search_is_at_the_deadline() -> None:
    flow = search_until(SEARCH, Expectation(file_ids=("c",)), timeout=8, poll_interval=5)
    with pytest.raises(XAITimeoutError) as raised:
        play(
            flow,
            (Now(), 1000.0),
            (asked(1008.0), found()),
            (Now(), 1000.0),
            (Sleep(5), None),
            (asked(1008.0), found()),
            (Now(), 1005.0),
            (Sleep(3), None),
            (asked(1008.0), found(*TWO)),
            (Now(), 1008.0),
        )
    assert str(raised.value) == (
        "search_documents(c): the search found no passage of c, after 8 seconds (passages: the best of 2 scores 0.9). "
        "Check that the documents are in the collection and processed, and that query and filter fit them"
    )


def test_an_answer_without_passages_has_no_best_score() -> None:
    world = World(lambda request: found())
    with pytest.raises(XAITimeoutError, match=r"found 0 passages instead of 1, after 60 .*\(passages: none\)"):
        world.run(search_until(SEARCH, Expectation(min_matches=1), timeout=60, poll_interval=5))
    assert len(world.requests) == 13


@pytest.mark.parametrize("error", [XAINotFoundError("no such collection", status=404), XAIServerError("busy")])
def test_an_error_is_not_searched_away(error: Exception) -> None:
    flow = search_until(SEARCH, Expectation(min_matches=1), timeout=60, poll_interval=5)
    with pytest.raises(type(error)):
        play(flow, (Now(), 1000.0), (asked(1060.0), error))
