"""A team without credits: which calls are refused, and how."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_xai_collections.api import endpoints
from airflow_provider_xai_collections.emulator import Emulator, HttpReply, Settings, Store
from tests.support.caller import Caller, upload

TEAM = "00000006-0000-4000-8000-000000000006"
MESSAGE = (
    f"Your team {TEAM} has either used all available credits or reached its monthly spending limit. "
    "To continue making API requests, please purchase more credits or raise your spending limit."
)


def answers(out_of_credits: Any) -> dict[str, HttpReply]:
    """The answer of each call that may be refused, in a team that has collections from better times."""
    store = Store()
    collection_id = Caller(Emulator(store=store)).collection()
    caller = Caller(Emulator(Settings(team_id=TEAM, out_of_credits=out_of_credits), store))
    loose = Caller(Emulator(store=store)).file()
    one = {"collection_id": collection_id}
    return {
        "upload_file": caller.send(endpoints.UPLOAD_FILE, upload=upload("a.txt")),
        "upload_document": caller.send(endpoints.UPLOAD_DOCUMENT, **one, name="b.txt", upload=upload("b.txt")),
        "add_document": caller.send(endpoints.ADD_DOCUMENT, **one, file_id=loose),
        "create_collection": caller.send(endpoints.CREATE_COLLECTION, collection_name="another"),
        "search_documents": caller.send(
            endpoints.SEARCH_DOCUMENTS, query="whales", source={"collection_ids": [collection_id]}
        ),
        "list_collections": caller.send(endpoints.LIST_COLLECTIONS),
    }


def refused(replies: dict[str, HttpReply], status: int) -> set[str]:
    assert {reply.status for reply in replies.values()} <= {200, status}
    return {name for name, reply in replies.items() if reply.status == status}


@pytest.mark.parametrize(
    ("choice", "status", "expected"),
    [
        (None, 429, set()),
        ("429", 429, {"create_collection", "search_documents"}),
        (429, 429, {"create_collection", "search_documents"}),
        ("403", 403, {"create_collection", "search_documents"}),
        (
            "429_everywhere",
            429,
            {"create_collection", "search_documents", "upload_file", "upload_document", "add_document"},
        ),
    ],
)
def test_which_calls_are_refused(choice: Any, status: int, expected: set[str]) -> None:
    assert refused(answers(choice), status) == expected


def test_each_host_says_it_in_its_own_shape_and_names_no_time_to_come_back() -> None:
    replies = answers("429")
    assert replies["create_collection"].json() == {"code": 8, "message": MESSAGE, "details": []}
    assert replies["search_documents"].json() == {"code": "Some resource has been exhausted", "error": MESSAGE}
    assert not any("retry-after" in reply.headers for reply in replies.values())


def test_the_newer_refusal_has_one_shape() -> None:
    replies = answers("403")
    for name in ("create_collection", "search_documents"):
        assert replies[name].json() == {"code": "permission-denied", "error": MESSAGE}


def test_it_comes_before_a_check_of_the_parameters() -> None:
    caller = Caller(Emulator(Settings(out_of_credits="429")))
    assert caller.raw("POST", "/v1/collections", b'{"name": "a"}').status == 429
