"""A collection by its name: each step scripted."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_xai_collections.api.collections import Collection, CollectionPage
from airflow_provider_xai_collections.api.endpoints import CREATE_COLLECTION, DELETE_COLLECTION, LIST_COLLECTIONS
from airflow_provider_xai_collections.api.ensuring import Ensured, ensure_collection, find_collections
from airflow_provider_xai_collections.api.protocol import Sleep
from airflow_provider_xai_collections.api.wire import Empty
from airflow_provider_xai_collections.exceptions import (
    XAIAmbiguousNameError,
    XAIArgumentError,
    XAIIncompleteListError,
    XAIOutcomeUnknownError,
)
from tests.api.driving import a_collection, play

LOST = XAIOutcomeUnknownError("the answer was lost")
BY_NAME = LIST_COLLECTIONS.request(filter='collection_name:"docs"', limit=100)
CREATE = CREATE_COLLECTION.request(collection_name="docs")
DELETE = DELETE_COLLECTION.request(collection_id="c2")
AT_ONE, AT_TWO, AT_THREE = (f"2026-01-01T0{hour}:00:00Z" for hour in (1, 2, 3))


def listed(*collections: Collection) -> CollectionPage:
    return CollectionPage(collections=collections)


def test_a_name_is_compared_exactly_because_the_service_matches_parts_of_it() -> None:
    page = listed(a_collection("c1", "docs"), a_collection("c2", "docs-old"), a_collection("c3", "Docs"))
    assert [found.collection_id for found in play(find_collections("docs"), (BY_NAME, page))] == ["c1"]


def test_a_name_cannot_break_out_of_the_filter() -> None:
    asked = LIST_COLLECTIONS.request(filter='collection_name:"a\\" OR \\""', limit=100, team_id="t")
    assert play(find_collections('a" OR "', team_id="t"), (asked, listed())) == []


def test_a_collection_that_exists_is_returned_and_not_made_again() -> None:
    assert play(ensure_collection("docs"), (BY_NAME, listed(a_collection()))) == Ensured(a_collection(), created=False)


def test_a_collection_that_is_not_there_is_made_as_asked() -> None:
    create = CREATE_COLLECTION.request(collection_name="docs", collection_description="ours", team_id="t")
    by_name = LIST_COLLECTIONS.request(filter='collection_name:"docs"', limit=100, team_id="t")
    flow = ensure_collection("docs", collection_description="ours", team_id="t")
    script = ((by_name, listed()), (create, a_collection()), (by_name, listed(a_collection())))
    assert play(flow, *script) == Ensured(a_collection(), created=True)


def test_a_collection_whose_create_lost_its_answer_is_found_by_name() -> None:
    script = ((BY_NAME, listed()), (CREATE, LOST), (BY_NAME, listed(a_collection())))
    assert play(ensure_collection("docs"), *script) == Ensured(a_collection(), created=True)


def test_a_collection_may_show_only_a_moment_after_a_lost_answer() -> None:
    script: tuple[Any, ...] = ((BY_NAME, listed()), (CREATE, LOST), (BY_NAME, listed()), (Sleep(1.0), None))
    found = play(ensure_collection("docs"), *script, (BY_NAME, listed(a_collection())))
    assert found == Ensured(a_collection(), created=True)


def test_a_create_that_left_nothing_to_find_stays_unknown() -> None:
    lag: tuple[Any, ...] = ((BY_NAME, listed()), (Sleep(1.0), None), (BY_NAME, listed()), (Sleep(2.0), None))
    with pytest.raises(XAIOutcomeUnknownError):
        play(ensure_collection("docs"), (BY_NAME, listed()), (CREATE, LOST), *lag, (BY_NAME, listed()))


def test_several_collections_with_the_name_are_an_error() -> None:
    two = listed(a_collection("c1"), a_collection("c2"))
    again = ((Sleep(1.0), None), (BY_NAME, two), (Sleep(2.0), None), (BY_NAME, two))
    with pytest.raises(XAIAmbiguousNameError, match=r"2 collections are called 'docs' \(c1, c2\)\. Pass the coll"):
        play(ensure_collection("docs"), (BY_NAME, two), *again)


def test_several_collections_after_a_lost_answer_are_an_error() -> None:
    two = listed(a_collection("c1"), a_collection("c2"))
    with pytest.raises(XAIAmbiguousNameError):
        play(ensure_collection("docs"), (BY_NAME, listed()), (CREATE, LOST), (BY_NAME, two))


def test_the_oldest_of_collections_created_at_the_same_time_stays() -> None:
    ours, theirs = a_collection("c2", created_at=AT_TWO), a_collection("c1", created_at=AT_ONE)
    made: tuple[Any, ...] = ((BY_NAME, listed()), (CREATE, ours))
    found = play(ensure_collection("docs"), *made, (BY_NAME, listed(ours, theirs)), (DELETE, Empty()))
    assert found == Ensured(theirs, created=False)
    younger = a_collection("c3", created_at=AT_THREE)
    found = play(ensure_collection("docs"), *made, (BY_NAME, listed(younger, ours)))
    assert found == Ensured(ours, created=True), "the other one gives way"


def test_a_collection_that_was_made_is_not_handed_out_before_lists_show_it() -> None:
    """A run that finds nothing by the name would create another one."""
    ours, theirs = a_collection("c2", created_at=AT_TWO), a_collection("c1", created_at=AT_ONE)
    made: tuple[Any, ...] = ((BY_NAME, listed()), (CREATE, ours))
    lag: tuple[Any, ...] = ((BY_NAME, listed()), (Sleep(1.0), None), (BY_NAME, listed()), (Sleep(2.0), None))
    assert play(ensure_collection("docs"), *made, *lag, (BY_NAME, listed(ours))) == Ensured(ours, created=True)
    rival = play(ensure_collection("docs"), *made, *lag, (BY_NAME, listed(theirs, ours)), (DELETE, Empty()))
    assert rival == Ensured(theirs, created=False)
    # What does not show for so long is taken as made: the answer of the create said so.
    assert play(ensure_collection("docs"), *made, *lag, (BY_NAME, listed())) == Ensured(ours, created=True)


def test_a_collection_whose_create_lost_its_answer_may_show_at_the_last_of_three_tries() -> None:
    lag: tuple[Any, ...] = ((BY_NAME, listed()), (Sleep(1.0), None), (BY_NAME, listed()), (Sleep(2.0), None))
    found = play(
        ensure_collection("docs"), (BY_NAME, listed()), (CREATE, LOST), *lag, (BY_NAME, listed(a_collection()))
    )
    assert found == Ensured(a_collection(), created=True)


def test_nothing_is_created_because_of_a_list_that_may_be_incomplete() -> None:
    others = CollectionPage(
        collections=tuple(a_collection(f"c{n}", f"docs-{n}") for n in range(100)), pagination_token="t"
    )
    next_ = LIST_COLLECTIONS.request(filter='collection_name:"docs"', limit=100, pagination_token="t")
    with pytest.raises(XAIIncompleteListError):
        play(ensure_collection("docs"), (BY_NAME, others), (next_, others))


def test_a_page_shorter_than_asked_for_does_not_hide_the_name() -> None:
    others = CollectionPage(
        collections=tuple(a_collection(f"c{n}", f"docs-{n}") for n in range(50)), pagination_token="t"
    )
    next_ = LIST_COLLECTIONS.request(filter='collection_name:"docs"', limit=100, pagination_token="t")
    found = play(ensure_collection("docs"), (BY_NAME, others), (next_, listed(a_collection())))
    assert found == Ensured(a_collection(), created=False)


def test_all_runs_choose_the_same_of_collections_that_are_equally_old() -> None:
    one, two = a_collection("c1", created_at=AT_ONE), a_collection("c2", created_at=AT_ONE)
    for ours, end in ((one, []), (two, [(DELETE, Empty())])):
        script = ((BY_NAME, listed()), (CREATE, ours), (BY_NAME, listed(one, two)), *end)
        assert play(ensure_collection("docs"), *script) == Ensured(one, created=not end)


def test_a_collection_that_another_run_is_about_to_delete_is_waited_for() -> None:
    one, two = a_collection("c1"), a_collection("c2")
    script = ((BY_NAME, listed(one, two)), (Sleep(1.0), None), (BY_NAME, listed(one)))
    assert play(ensure_collection("docs"), *script) == Ensured(one, created=False)


def test_settings_with_a_mistake_are_refused_before_anything_is_asked() -> None:
    with pytest.raises(XAIArgumentError):
        play(ensure_collection("docs", metric_space="round"))
