"""A collection by its name: each step scripted."""

from __future__ import annotations

from typing import Any, TypeAlias

import pytest

from airflow_provider_xai_collections.api.collections import Collection, CollectionPage
from airflow_provider_xai_collections.api.endpoints import CREATE_COLLECTION, DELETE_COLLECTION, LIST_COLLECTIONS
from airflow_provider_xai_collections.api.ensuring import Ensured, ensure_collection, find_collections
from airflow_provider_xai_collections.api.protocol import Sleep
from airflow_provider_xai_collections.api.wire import Empty
from airflow_provider_xai_collections.exceptions import (
    XAIAmbiguousNameError,
    XAIArgumentError,
    XAIError,
    XAIIncompleteListError,
    XAIOutcomeUnknownError,
)
from tests.support.driving import a_collection, play

#: A request, and its answer or the error it meets.
Turn: TypeAlias = tuple[Any, Any]


def by_name(name: str = "docs", **params: Any) -> Any:
    return LIST_COLLECTIONS.request(filter=f'collection_name:"{name}"', limit=100, **params)


def shown(*collections: Collection) -> Turn:
    return by_name(), CollectionPage(collections=collections)


def a_page_of_others(size: int) -> Turn:
    others = tuple(a_collection(f"other{n}", f"docs-{n}") for n in range(size))
    return by_name(), CollectionPage(collections=others, pagination_token="t")


ONE = a_collection("c1", created_at="2026-01-01T01:00:00Z")
TWO = a_collection("c2", created_at="2026-01-01T02:00:00Z")
TWIN = a_collection("c2", created_at="2026-01-01T01:00:00Z")
THREE = a_collection("c3", created_at="2026-01-01T03:00:00Z")
CREATE = CREATE_COLLECTION.request(collection_name="docs")
NONE = shown()
MADE: list[Turn] = [NONE, (CREATE, TWO)]
LOST: list[Turn] = [NONE, (CREATE, XAIOutcomeUnknownError("the answer was lost"))]
LAG: list[Turn] = [NONE, (Sleep(1.0), None), NONE, (Sleep(2.0), None)]
DELETE: Turn = (DELETE_COLLECTION.request(collection_id="c2"), Empty())
TWICE: list[Turn] = [shown(ONE, TWO), (Sleep(1.0), None), shown(ONE, TWO), (Sleep(2.0), None), shown(ONE, TWO)]
NEXT = by_name(pagination_token="t")


@pytest.mark.parametrize(
    ("script", "found", "created"),
    [
        pytest.param([shown(ONE)], ONE, False, id="it exists"),
        pytest.param([a_page_of_others(50), (NEXT, shown(ONE)[1])], ONE, False, id="it is on the second page"),
        pytest.param([*TWICE[:2], shown(ONE)], ONE, False, id="another run deletes one of two"),
        pytest.param([*LOST, shown(ONE)], ONE, True, id="the answer is lost"),
        pytest.param([*LOST, *LAG, shown(ONE)], ONE, True, id="the answer is lost, and it shows late"),
        pytest.param([*MADE, shown(TWO)], TWO, True, id="it is made"),
        pytest.param([*MADE, shown(TWO, ONE), DELETE], ONE, False, id="an older one stays"),
        pytest.param([*MADE, shown(THREE, TWO)], TWO, True, id="a younger one gives way"),
        pytest.param([NONE, (CREATE, ONE), shown(TWIN, ONE)], ONE, True, id="of the same age, the first by id stays"),
        pytest.param([NONE, (CREATE, TWIN), shown(ONE, TWIN), DELETE], ONE, False, id="and the other gives way"),
        # Before lists show it, a run that finds nothing by the name would create another one.
        pytest.param([*MADE, *LAG, shown(TWO)], TWO, True, id="it shows late"),
        pytest.param([*MADE, *LAG, shown(ONE, TWO), DELETE], ONE, False, id="it shows late, beside an older one"),
        pytest.param([*MADE, *LAG, NONE], TWO, True, id="it never shows: the answer of the create said so"),
    ],
)
def test_there_is_one_collection_of_the_name_in_the_end(script: list[Turn], found: Collection, created: bool) -> None:
    assert play(ensure_collection("docs"), *script) == Ensured(found, created=created)


@pytest.mark.parametrize(
    ("script", "error", "said"),
    [
        pytest.param([*LOST, *LAG, NONE], XAIOutcomeUnknownError, "lost", id="nothing to find after a lost answer"),
        pytest.param(TWICE, XAIAmbiguousNameError, r"2 collections are called 'docs' \(c1, c2\)\. Pass", id="two"),
        pytest.param([*LOST, shown(ONE, TWO)], XAIAmbiguousNameError, "2 coll", id="two after a lost answer"),
        pytest.param(
            [a_page_of_others(100), (NEXT, a_page_of_others(100)[1])],
            XAIIncompleteListError,
            "may be incomplete",
            id="the list may be incomplete",
        ),
    ],
)
def test_nothing_is_created_in_doubt(script: list[Turn], error: type[XAIError], said: str) -> None:
    with pytest.raises(error, match=said):
        play(ensure_collection("docs"), *script)


def test_a_collection_is_made_as_asked_for_the_team_that_asks() -> None:
    settings = {"collection_description": "ours", "team_id": "t"}
    asked, create = by_name(team_id="t"), CREATE_COLLECTION.request(collection_name="docs", **settings)
    script = ((asked, CollectionPage()), (create, ONE), (asked, CollectionPage(collections=(ONE,))))
    assert play(ensure_collection("docs", **settings), *script) == Ensured(ONE, created=True)


def test_settings_with_a_mistake_are_refused_before_anything_is_asked() -> None:
    with pytest.raises(XAIArgumentError):
        play(ensure_collection("docs", metric_space="round"))


def test_a_name_is_compared_exactly_because_the_service_matches_parts_of_it() -> None:
    others = (a_collection("c2", "docs-old"), a_collection("c3", "Docs"))
    assert play(find_collections("docs"), shown(ONE, *others)) == [ONE]
    assert play(find_collections('a" OR "'), (by_name('a\\" OR \\"'), CollectionPage())) == []
