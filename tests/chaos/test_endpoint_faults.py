"""All calls are tried under faults, and whatever is not as it should be in such a trial is noticed."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from airflow_provider_xai_collections.api.endpoints import ENDPOINTS
from airflow_provider_xai_collections.exceptions import XAIOutcomeUnknownError, XAITransportError
from airflow_provider_xai_collections.hooks.collections import XAICollectionsHook
from tests.chaos.endpoint_faults import try_fault, warm_up
from tests.chaos.faults import FAULTS
from tests.chaos.given import Given
from tests.chaos.operations import OPERATIONS
from tests.chaos.server import KEYS, Server, server

#: ``wrong_in(endpoint, fault, times, **changes of the operation)``.
WrongIn: TypeAlias = Callable[..., tuple[str, ...]]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with server() as running:
        warm_up(running, tmp_path_factory.mktemp("warm"))
        yield running


@pytest.fixture
def wrong_in(running: Server, tmp_path: Path) -> WrongIn:
    def tried(name: str, fault_name: str, times: int | None, **changes: Any) -> tuple[str, ...]:
        operation = next(each for each in OPERATIONS if each.faulted.name == name)
        fault = next(each for each in FAULTS if each.name == fault_name)
        return try_fault(running, tmp_path, replace(operation, **changes), fault, times).wrong

    return tried


def test_every_endpoint_is_tried() -> None:
    assert {each.faulted.name for each in OPERATIONS} == {endpoint.name for endpoint in ENDPOINTS}


def test_a_write_in_doubt_that_is_repeated_is_noticed(wrong_in: WrongIn) -> None:
    def stubborn(hook: XAICollectionsHook, given: Given) -> Any:
        try:
            return hook.create_collection(collection_name="new.md")
        except XAIOutcomeUnknownError:
            return hook.create_collection(collection_name="new.md")

    wrong = wrong_in("create_collection", "answer lost: reset after the work", 1, by_hook=stubborn)
    assert "create_collection was done 2 times" in wrong
    assert "what it does is there 2 times, and should be 1 times" in wrong


def test_a_key_in_an_error_and_a_socket_left_open_are_noticed(wrong_in: WrongIn) -> None:
    opened = []

    def careless(hook: XAICollectionsHook, given: Given) -> Any:
        opened.append(socket.socket())
        try:
            return hook.get_collection(collection_id=given.collection_id)
        except XAITransportError as error:
            error.args = (f"{error} with {next(iter(KEYS.values()))}",)
            raise

    wrong = wrong_in("get_collection", "reset during the answer", None, by_hook=careless)
    assert "the error shows a key" in wrong
    assert any("files and threads are open" in each for each in wrong)
    opened[0].close()


def test_a_fault_that_does_not_happen_and_another_end_are_noticed(wrong_in: WrongIn) -> None:
    idle = wrong_in("get_collection", "503", 1, by_hook=lambda hook, given: given.collections("moby")[0])
    assert idle == ("the fault happened 0 times, and should have 1 to 1 times",)
    (wrong,) = wrong_in("get_collection", "503", 1, right=lambda given, value: False)
    assert wrong.startswith("its value is Collection(")
