"""What watches a trial of an endpoint notices what it is there to notice."""

from __future__ import annotations

import inspect
import socket
from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any, cast

import pytest

from airflow_provider_xai_collections import operators as package
from airflow_provider_xai_collections.api.endpoints import ENDPOINTS
from airflow_provider_xai_collections.exceptions import XAIOutcomeUnknownError, XAITransportError
from airflow_provider_xai_collections.hooks.collections import XAICollectionsHook
from chaos.cases.endpoint_faults import expected_error, trial
from chaos.faults import FAULTS, GATEWAY_FAULTS, Fault
from chaos.hosts import Place, open_place
from chaos.hurry import HurriedHook
from chaos.leftovers import warm_up
from chaos.operations import OPERATIONS, Operation
from chaos.scenes import Scene
from chaos.service import MANAGEMENT_KEY
from chaos.spoiling import DRIVERS
from chaos.tasks import TASKS

BY_HOOK, ON_THE_LOOP = DRIVERS


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    with open_place() as place:
        warm_up(place)
        yield place


def operators() -> set[str]:
    """Names of all that there are."""
    found = set()
    for module in iter_modules(package.__path__, f"{package.__name__}."):
        for name, kind in inspect.getmembers(import_module(module.name), inspect.isclass):
            if kind.__module__ == module.name and name.endswith("Operator") and not inspect.isabstract(kind):
                found.add(name)
    return {name for name in found if not name.endswith("BaseOperator")}


def operation(name: str, **changes: Any) -> Operation:
    return replace(next(each for each in OPERATIONS if each.name == name), **changes)


def fault(name: str) -> Fault:
    return next(each for each in FAULTS if each.name == name)


def test_every_endpoint_is_spoilt() -> None:
    assert {each.spoilt.name for each in OPERATIONS} == {endpoint.name for endpoint in ENDPOINTS}


def test_a_write_in_doubt_that_is_repeated_is_noticed(place: Place, tmp_path: Path) -> None:
    def stubborn(hook: XAICollectionsHook, scene: Scene) -> Any:
        try:
            return hook.create_collection(collection_name="new.md")
        except XAIOutcomeUnknownError:
            return hook.create_collection(collection_name="new.md")

    lost = fault("answer lost: reset after the work")
    tried = trial(place, tmp_path, operation("create_collection", by_hook=stubborn), lost, 1, BY_HOOK)
    assert "create_collection was done 2 times" in tried.wrong
    assert "what it does is there 2 times, and should be 1 times" in tried.wrong


def test_every_way_of_uploading_is_spoilt_at_each_of_its_calls() -> None:
    by_flow = {(each.name.split()[2].strip(",:"), each.spoilt.name) for each in OPERATIONS if "ingest" in each.name}
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
def test_where_the_one_call_does_not_get_through_auto_takes_two(place: Place, tmp_path: Path, gateway: Fault) -> None:
    tried = trial(place, tmp_path, operation("ingest by auto: upload_document"), gateway, None, BY_HOOK)
    assert (tried.ended, tried.wrong) == ("done by two calls", ())
    tried = trial(place, tmp_path, operation("ingest by direct: upload_document"), gateway, None, BY_HOOK)
    assert (tried.ended, tried.wrong) == ("XAIUnroutableError", ())


def test_auto_that_insists_on_the_one_call_is_noticed(place: Place, tmp_path: Path) -> None:
    stubborn = operation("ingest by direct: upload_document", other_way=True)
    (wrong,) = trial(place, tmp_path, stubborn, GATEWAY_FAULTS[0], 1, BY_HOOK).wrong
    assert wrong.startswith("it ended with XAIUnroutableError(")
    assert wrong.endswith("and should have with no error")


def test_a_redirect_that_is_followed_is_noticed(place: Place, tmp_path: Path) -> None:
    def obedient(hook: XAICollectionsHook, scene: Scene) -> Any:
        socket.create_connection(("127.0.0.1", place.elsewhere.port)).close()
        return hook.get_collection(collection_id=scene.collection_id)

    redirect = fault("redirect to another host")
    tried = trial(place, tmp_path, operation("get_collection", by_hook=obedient), redirect, 1, BY_HOOK)
    assert tried.wrong == ("somebody has followed the redirect",)


def test_a_key_in_an_error_and_a_socket_left_open_are_noticed(place: Place, tmp_path: Path) -> None:
    opened = []

    def careless(hook: XAICollectionsHook, scene: Scene) -> Any:
        opened.append(socket.socket())
        try:
            return hook.get_collection(collection_id=scene.collection_id)
        except XAITransportError as error:
            error.args = (f"{error} with {MANAGEMENT_KEY}",)
            raise

    cut = fault("reset during the answer")
    tried = trial(place, tmp_path, operation("get_collection", by_hook=careless), cut, None, BY_HOOK)
    assert "the error shows a key" in tried.wrong
    assert any("files and threads are open" in wrong for wrong in tried.wrong)
    opened[0].close()


def test_a_fault_that_does_not_happen_is_noticed(place: Place, tmp_path: Path) -> None:
    idle = operation("get_collection", by_hook=lambda hook, scene: scene.collections("moby")[0])
    tried = trial(place, tmp_path, idle, fault("503"), 1, BY_HOOK)
    assert tried.wrong == ("the fault happened 0 times, and should have 1 to 1 times",)


def test_another_end_than_the_expected_one_is_noticed(place: Place, tmp_path: Path) -> None:
    assert expected_error(operation("get_collection"), fault("503"), 1) is None
    wrong_value = operation("get_collection", right=lambda scene, value: False)
    (wrong,) = trial(place, tmp_path, wrong_value, fault("503"), 1, ON_THE_LOOP).wrong
    assert wrong.startswith("its value is Collection(")


def test_a_connection_reset_after_an_answer_may_leave_the_next_write_in_doubt(place: Place, tmp_path: Path) -> None:
    def reset(hook: XAICollectionsHook, scene: Scene) -> Any:
        hook.list_collections()
        raise XAIOutcomeUnknownError("create_collection: no usable answer")

    task = next(task for task in TASKS if task.name == "XAICreateCollectionOperator: list_collections")
    tried = trial(place, tmp_path, replace(task, by_hook=reset), fault("reset after the answer"), 1, BY_HOOK)
    assert (tried.ended, tried.wrong) == ("XAIOutcomeUnknownError", ())
    alone = operation("list_collections", by_hook=reset)
    assert trial(place, tmp_path, alone, fault("reset after the answer"), 1, BY_HOOK).wrong, "no call follows"


def test_every_operator_of_a_single_request_or_few_is_spoilt_by_all_it_calls() -> None:
    """A sync has its own weather, and a sensor its odd statuses."""
    spoilt = {task.name.partition(":")[0] for task in TASKS}
    there = {name for name in operators() if "Sync" not in name}
    assert spoilt == there


def test_a_task_that_does_too_little_is_noticed(place: Place, tmp_path: Path) -> None:
    task = next(task for task in TASKS if task.name == "XAIDeleteCollectionOperator: delete_collection")
    lazy = replace(task, by_hook=lambda hook, scene: {"removed": 3, "files_deleted": 3, "collection_deleted": True})
    wrong = trial(place, tmp_path, lazy, fault("503"), 1, BY_HOOK).wrong
    assert any(each.startswith("its value is") for each in wrong)
    assert "what it does is there 0 times, and should be 1 times" in wrong


def test_a_client_that_does_not_wait_as_asked_is_noticed(place: Place, tmp_path: Path) -> None:
    def impatient(hook: XAICollectionsHook, scene: Scene) -> Any:
        try:
            return hook.get_collection(collection_id=scene.collection_id)
        finally:
            cast(HurriedHook, hook).pauses.clear()

    for form in ("seconds", "a date"):
        asked = fault(f"429, Retry-After {'as' if form == 'a date' else 'in'} {form}")
        spoilt = operation("get_collection", by_hook=impatient)
        assert trial(place, tmp_path, spoilt, asked, 2, BY_HOOK).wrong == (
            "it waited as asked 0 times, and tried again 2 times",
        )
