"""Lists of many pages, names that are not unique, and collections that may be there already."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_provider_xai_collections.exceptions import (
    XAIAmbiguousNameError,
    XAIArgumentError,
    XAIIncompleteListError,
)
from airflow_provider_xai_collections.hooks.collections import XAICollectionsHook
from tests.conftest import RecordingEmulator, playing

from .asking import add_document

NAMES = ["a.txt", "b.txt", "c.txt", "d.txt", "e.txt"]


@pytest.fixture
def collection_id(hook: XAICollectionsHook, tmp_path: Path) -> str:
    """A collection of five documents."""
    collection_id = hook.create_collection(collection_name="Whales").collection_id
    for name in NAMES:
        add_document(hook, tmp_path, collection_id, name)
    return collection_id


ENDS = [playing(pagination_end=end) for end in ("absent", "empty", "always", "repeat")]


@pytest.mark.parametrize("emulator_settings", ENDS, ids=lambda settings: settings.pagination_end)
@pytest.mark.parametrize("limit", [2, 3, None])
def test_a_list_is_whole_whatever_its_pages_and_however_it_ends(
    hook: XAICollectionsHook, collection_id: str, limit: int | None
) -> None:
    documents = hook.list_documents(collection_id=collection_id, limit=limit, order="ORDERING_ASCENDING")
    assert [document.name for document in documents] == NAMES


@pytest.mark.parametrize("emulator_settings", ENDS[3:], ids=lambda settings: settings.pagination_end)
@pytest.mark.parametrize("limit", [1, 5])
def test_a_list_that_repeats_a_token_after_a_full_page_may_be_incomplete(
    hook: XAICollectionsHook, collection_id: str, limit: int
) -> None:
    with pytest.raises(XAIIncompleteListError, match=r"^list_documents\(.*After 5 items the service sent "):
        hook.list_documents(collection_id=collection_id, limit=limit)
    documents = hook.iter_documents(collection_id=collection_id, limit=limit, order="ORDERING_ASCENDING")
    assert [next(documents).name for _ in NAMES] == NAMES  # what was shown is handed out
    with pytest.raises(XAIIncompleteListError):
        next(documents)


def test_iterating_asks_for_a_page_when_it_needs_one(
    hook: XAICollectionsHook, emulator: RecordingEmulator, collection_id: str
) -> None:
    documents = hook.iter_documents(collection_id=collection_id, limit=2, order="ORDERING_ASCENDING")
    emulator.reset_log()
    assert [next(documents).name for _ in range(2)] == ["a.txt", "b.txt"]
    assert emulator.count("list_documents") == 1
    assert [document.name for document in documents] == ["c.txt", "d.txt", "e.txt"]
    assert emulator.count("list_documents") == 3


def test_all_pages_are_asked_for_alike(
    hook: XAICollectionsHook, emulator: RecordingEmulator, collection_id: str
) -> None:
    emulator.requests.clear()
    hook.list_documents(collection_id=collection_id, limit=2, filter='name:"txt"', order="ORDERING_ASCENDING")
    queries = [dict(request.query) for request in emulator.requests]
    assert len({query.pop("pagination_token", None) for query in queries}) == 3
    assert queries == [{"limit": "2", "filter": 'name:"txt"', "order": "ORDERING_ASCENDING"}] * 3


@pytest.mark.parametrize("limit", [101, -1])
def test_a_page_size_that_the_service_refuses_is_refused_here(hook: XAICollectionsHook, limit: int) -> None:
    with pytest.raises(XAIArgumentError, match="list_files: limit: "):
        hook.list_files(limit=limit)


def test_a_collection_is_created_once(hook: XAICollectionsHook, emulator: RecordingEmulator) -> None:
    made = hook.ensure_collection(collection_name="Whales", collection_description="Large")
    assert made.collection_description == "Large"
    assert hook.ensure_collection(collection_name="Whales").collection_id == made.collection_id
    assert emulator.count("create_collection") == 1


def test_a_name_that_several_carry_is_refused_with_their_ids(hook: XAICollectionsHook) -> None:
    twins = [hook.create_collection(collection_name="Whales").collection_id for _ in range(2)]
    with pytest.raises(XAIAmbiguousNameError, match="2 collections are called 'Whales'") as caught:
        hook.ensure_collection(collection_name="Whales")
    assert all(twin in str(caught.value) for twin in twins)
