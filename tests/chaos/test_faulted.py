"""Faults in the trials of an endpoint are noticed: each kind of thing that is there to be noticed."""

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
from tests.chaos.faulted import expected_error, try_fault
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


def operators() -> set[str]:
    """Names of all that there are."""
    found = set()
    for module in iter_modules(package.__path__, f"{package.__name__}."):
        for name, kind in inspect.getmembers(import_module(module.name), inspect.isclass):
            if kind.__module__ == module.name and name.endswith("Operator") and not inspect.isabstract(kind):
                found.add(name)
    return {name for name in found if not name.endswith(("BaseOperator", "XAICollectionOperator"))}


def operation(name: str, **changes: Any) -> Operation:
    return replace(next(each for each in OPERATIONS if each.name == name), **changes)


def fault(name: str) -> Fault:
    return next(each for each in FAULTS if each.name == name)


def test_every_endpoint_is_faulted() -> None:
    assert {each.faulted.name for each in OPERATIONS} == {endpoint.name for endpoint in ENDPOINTS}


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


def test_every_way_of_uploading_is_faulted_at_each_of_its_calls() -> None:
    by_flow = {(each.name.split()[2].strip(",:"), each.faulted.name) for each in OPERATIONS if "ingest" in each.name}
    assert {call for way, call in by_flow if way == "auto"} == {
        *("upload_document", "list_documents", "get_collection", "upload_file", "add_document")
    }
    assert {(way, call) for way, call in by_flow if way != "auto"} == {
        *(("direct", "upload_document"), ("files", "upload_file"), ("files", "add_document"))
    }
    by_task = {each.name for each in TASKS if "Ingest" in each.name}
    of_task = "XAIIngestDocumentsOperator: "
    assert by_task >= {f"{of_task}upload_document", f"{of_task}upload_file", f"{of_task}upload_document by direct"}
    assert by_task >= {f"{of_task}upload_file by files", f"{of_task}add_document by files"}


@pytest.mark.parametrize("gateway", GATEWAY_FAULTS, ids=lambda gateway: gateway.name)
def test_where_the_one_call_does_not_get_through_auto_takes_two(trial: Try, gateway: Fault) -> None:
    tried = trial(operation("ingest by auto: upload_document"), gateway, None)
    assert (tried.ended, tried.wrong) == ("done by two calls", ())
    tried = trial(operation("ingest by direct: upload_document"), gateway, None)
    assert (tried.ended, tried.wrong) == ("XAIUnroutableError", ())


def test_auto_that_insists_on_the_one_call_is_noticed(trial: Try) -> None:
    stubborn = operation("ingest by direct: upload_document", other_way=True)
    (wrong,) = trial(stubborn, GATEWAY_FAULTS[0], 1).wrong
    assert wrong.startswith("it ended with XAIUnroutableError(")
    assert wrong.endswith("and should have with no error")


def test_a_redirect_that_is_followed_is_noticed(trial: Try, running: Server) -> None:
    def obedient(hook: XAICollectionsHook, given: Given) -> Any:
        socket.create_connection(("127.0.0.1", running.forbidden.port)).close()
        return hook.get_collection(collection_id=given.collection_id)

    redirect = fault("redirect to another host")
    tried = trial(operation("get_collection", by_hook=obedient), redirect, 1)
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

    cut = fault("reset during the answer")
    tried = trial(operation("get_collection", by_hook=careless), cut, None)
    assert "the error shows a key" in tried.wrong
    assert any("files and threads are open" in wrong for wrong in tried.wrong)
    opened[0].close()


def test_a_fault_that_does_not_happen_is_noticed(trial: Try) -> None:
    idle = operation("get_collection", by_hook=lambda hook, given: given.collections("moby")[0])
    tried = trial(idle, fault("503"), 1)
    assert tried.wrong == ("the fault happened 0 times, and should have 1 to 1 times",)


def test_another_end_than_the_expected_one_is_noticed(trial: Try) -> None:
    assert expected_error(operation("get_collection"), fault("503"), 1) is None
    wrong_value = operation("get_collection", right=lambda given, value: False)
    (wrong,) = trial(wrong_value, fault("503"), 1, on_the_loop=True).wrong
    assert wrong.startswith("its value is Collection(")


def test_a_connection_reset_after_an_answer_may_leave_the_next_write_in_doubt(trial: Try) -> None:
    def reset(hook: XAICollectionsHook, given: Given) -> Any:
        hook.list_collections()
        raise XAIOutcomeUnknownError("create_collection: no usable answer")

    task = next(task for task in TASKS if task.name == "XAICreateCollectionOperator: list_collections")
    tried = trial(replace(task, by_hook=reset), fault("reset after the answer"), 1)
    assert (tried.ended, tried.wrong) == ("XAIOutcomeUnknownError", ())
    alone = operation("list_collections", by_hook=reset)
    assert trial(alone, fault("reset after the answer"), 1).wrong, "no call follows"


def test_every_operator_of_a_single_request_or_few_is_faulted_by_all_it_calls() -> None:
    """A sync has cases of its own, and so does the sensor."""
    faulted = {task.name.partition(":")[0] for task in TASKS}
    there = {name for name in operators() if "Sync" not in name}
    assert faulted == there


def test_a_task_that_does_too_little_is_noticed(trial: Try) -> None:
    task = next(task for task in TASKS if task.name == "XAIDeleteCollectionOperator: delete_collection")
    lazy = replace(task, by_hook=lambda hook, given: {"removed": 3, "files_deleted": 3, "collection_deleted": True})
    wrong = trial(lazy, fault("503"), 1).wrong
    assert any(each.startswith("its value is") for each in wrong)
    assert "what it does is there 0 times, and should be 1 times" in wrong


def test_a_client_that_does_not_wait_as_asked_is_noticed(trial: Try, running: Server) -> None:
    def impatient(hook: XAICollectionsHook, given: Given) -> Any:
        try:
            return hook.get_collection(collection_id=given.collection_id)
        finally:
            running.clock.pauses.clear()

    for form in ("seconds", "a date"):
        asked = fault(f"429, Retry-After {'as' if form == 'a date' else 'in'} {form}")
        faulted = operation("get_collection", by_hook=impatient)
        (wrong,) = trial(faulted, asked, 2).wrong
        assert wrong.startswith("it waited as asked 0 times, and tried again")
