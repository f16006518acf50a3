"""All calls are tried under faults, and whatever is not as it should be in such a trial is noticed."""

from __future__ import annotations

import inspect
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any, TypeAlias

import pytest

from airflow_provider_xai_collections import operators as package
from airflow_provider_xai_collections.api.endpoints import ENDPOINTS
from airflow_provider_xai_collections.exceptions import XAIOutcomeUnknownError, XAITransportError
from airflow_provider_xai_collections.hooks.collections import XAICollectionsHook
from tests.chaos.endpoint_faults import warm_up
from tests.chaos.faulted import try_fault
from tests.chaos.faults import FAULTS, GATEWAY_FAULTS, Fault
from tests.chaos.given import Given
from tests.chaos.operations import OPERATIONS, Operation
from tests.chaos.report import Trial
from tests.chaos.server import KEYS, Server, server
from tests.chaos.tasks import TASKS

Try: TypeAlias = Callable[..., Trial]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with server() as running:
        warm_up(running, tmp_path_factory.mktemp("warm"))
        yield running


@pytest.fixture
def trial(running: Server, tmp_path: Path) -> Try:
    """``trial(operation, fault, times, on_the_loop=…)``."""
    return lambda *what, **how: try_fault(running, tmp_path, *what, **how)


def operation(name: str, **changes: Any) -> Operation:
    return replace(next(each for each in (*OPERATIONS, *TASKS) if each.name == name), **changes)


def fault(name: str) -> Fault:
    return next(each for each in FAULTS if each.name == name)


def test_every_endpoint_and_every_operator_but_the_syncs_is_tried() -> None:
    assert {each.faulted.name for each in OPERATIONS} == {endpoint.name for endpoint in ENDPOINTS}
    there = set()
    for module in iter_modules(package.__path__, f"{package.__name__}."):
        for name, kind in inspect.getmembers(import_module(module.name), inspect.isclass):
            if kind.__module__ == module.name and name.endswith("Operator") and not inspect.isabstract(kind):
                there.add(name)
    there = {name for name in there if not name.endswith(("BaseOperator", "XAICollectionOperator"))}
    assert {task.name.partition(":")[0] for task in TASKS} == {name for name in there if "Sync" not in name}


@pytest.mark.parametrize("gateway", GATEWAY_FAULTS, ids=lambda gateway: gateway.name)
def test_where_the_one_call_does_not_get_through_auto_takes_two(trial: Try, gateway: Fault) -> None:
    tried = trial(operation("XAIIngestDocumentsOperator: upload_document"), gateway, None)
    assert (tried.ended, tried.wrong) == ("done by two calls", ())
    tried = trial(operation("XAIIngestDocumentsOperator: upload_document by direct"), gateway, None)
    assert (tried.ended, tried.wrong) == ("XAIFailException", ())


def test_a_write_in_doubt_that_is_repeated_is_noticed(trial: Try) -> None:
    def stubborn(hook: XAICollectionsHook, given: Given) -> Any:
        try:
            return hook.create_collection(collection_name="new.md")
        except XAIOutcomeUnknownError:
            return hook.create_collection(collection_name="new.md")

    lost = fault("answer lost: reset after the work")
    tried = trial(operation("create_collection", by_hook=stubborn), lost, 1)
    assert "create_collection was done 2 times" in tried.wrong
    assert "what it does is there 2 times, and should be 1 times" in tried.wrong


def test_a_redirect_that_is_followed_is_noticed(trial: Try, running: Server) -> None:
    def obedient(hook: XAICollectionsHook, given: Given) -> Any:
        socket.create_connection(("127.0.0.1", running.forbidden.port)).close()
        return hook.get_collection(collection_id=given.collection_id)

    tried = trial(operation("get_collection", by_hook=obedient), fault("redirect to another host"), 1)
    assert tried.wrong == ("somebody has followed the redirect",)


def test_a_key_in_an_error_and_a_socket_left_open_are_noticed(trial: Try) -> None:
    opened = []

    def careless(hook: XAICollectionsHook, given: Given) -> Any:
        opened.append(socket.socket())
        try:
            return hook.get_collection(collection_id=given.collection_id)
        except XAITransportError as error:
            error.args = (f"{error} with {next(iter(KEYS.values()))}",)
            raise

    tried = trial(operation("get_collection", by_hook=careless), fault("reset during the answer"), None)
    assert "the error shows a key" in tried.wrong
    assert any("files and threads are open" in wrong for wrong in tried.wrong)
    opened[0].close()


def test_a_fault_that_does_not_happen_and_another_end_are_noticed(trial: Try) -> None:
    idle = operation("get_collection", by_hook=lambda hook, given: given.collections("moby")[0])
    assert trial(idle, fault("503"), 1).wrong == ("the fault happened 0 times, and should have 1 to 1 times",)
    (wrong,) = trial(
        operation("get_collection", right=lambda given, value: False), fault("503"), 1, on_the_loop=True
    ).wrong
    assert wrong.startswith("its value is Collection(")


def test_a_connection_reset_after_an_answer_may_leave_the_next_write_in_doubt(trial: Try) -> None:
    def reset(hook: XAICollectionsHook, given: Given) -> Any:
        hook.list_collections()
        raise XAIOutcomeUnknownError("create_collection: no usable answer")

    after = fault("reset after the answer")
    tried = trial(operation("XAICreateCollectionOperator: list_collections", by_hook=reset), after, 1)
    assert (tried.ended, tried.wrong) == ("XAIOutcomeUnknownError", ())
    assert trial(operation("list_collections", by_hook=reset), after, 1).wrong, "no call follows"


@pytest.mark.parametrize("name", ["429, Retry-After in seconds", "429, Retry-After as a date"])
def test_a_client_that_does_not_wait_as_asked_is_noticed(trial: Try, running: Server, name: str) -> None:
    def impatient(hook: XAICollectionsHook, given: Given) -> Any:
        try:
            return hook.get_collection(collection_id=given.collection_id)
        finally:
            running.clock.pauses.clear()

    (wrong,) = trial(operation("get_collection", by_hook=impatient), fault(name), 2).wrong
    assert wrong.startswith("it waited as asked 0 times, and tried again")
