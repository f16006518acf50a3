"""Tasks with the calls that operators make: each operator once for each call that may go wrong under it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from airflow_provider_xai_collections.airflow_errors import XAIFailException
from airflow_provider_xai_collections.api import endpoints
from airflow_provider_xai_collections.api.protocol import Endpoint
from airflow_provider_xai_collections.exceptions import (
    XAIError,
    XAINotFoundError,
    XAIRateLimitError,
    XAIUnroutableError,
)
from airflow_provider_xai_collections.hooks.collections import XAICollectionsHook
from airflow_provider_xai_collections.operators.collections import (
    XAICreateCollectionOperator,
    XAIDeleteCollectionOperator,
    XAIUpdateCollectionOperator,
)
from airflow_provider_xai_collections.operators.documents import (
    XAIAddDocumentsOperator,
    XAIReindexDocumentsOperator,
    XAIRemoveDocumentsOperator,
)
from airflow_provider_xai_collections.operators.files import XAIDeleteUnattachedFilesOperator
from airflow_provider_xai_collections.operators.ingest import XAIIngestDocumentsOperator
from airflow_provider_xai_collections.operators.search import XAISearchDocumentsOperator
from tests.chaos.given import NAMES, NEW, SPARE, Given
from tests.chaos.operations import Doubt, Operation
from tests.operators.stage import run

_DESCRIPTION = "about a whale"
_WAITING = {"poll_interval": 1.0, "timeout": 3600.0, "deferrable": False}


def _together(error: type[XAIError]) -> type[XAIError]:
    """What stands for the errors of several documents, if a retry may help one."""
    return XAIRateLimitError if error is XAIRateLimitError else XAIError


def _task(
    kind: Callable[..., Any],
    arguments: Callable[[Given], Mapping[str, Any]],
    right: Callable[[Given, Any], bool],
    **always: Any,
) -> Callable[..., Operation]:
    """Return what makes an operation of a call that is faulted, and of more arguments of the task."""

    def of(
        faulted: Endpoint[Any],
        chosen: Callable[[Given], Mapping[str, Any]] = lambda given: {},
        way: str = "",
        **more: Any,
    ) -> Operation:
        def execute(hook: XAICollectionsHook, given: Given) -> Any:
            method = {"upload_method": way} if way else {}
            task = kind(task_id="faulted", conn_id=hook.conn_id, **arguments(given), **chosen(given), **method)
            task.__dict__["hook"] = hook  # the impatient one
            return run(task)

        name = f"{kind.__name__}: {faulted.name}{way and f' by {way}'}"
        if settings := more.get("settings"):
            name += f", {settings}"
        return Operation(name, faulted, flow=None, right=right, by_hook=execute, **always, **more)

    return of


def _described(given: Given) -> int:
    return sum(each.collection_description == _DESCRIPTION for each in given.collections())


def _new_documents(given: Given) -> int:
    listed = given.all_of(endpoints.LIST_DOCUMENTS, collection_id=given.empty_id)
    return sum(document.name == NEW for document in listed)


def _orphans_untold(given: Given, value: Any) -> Iterable[str]:
    spare = len(given.files(NEW)) - _new_documents(given)
    if value is not None and spare > value["possible_orphans"]:
        yield f"{spare} files are left over, and it told of {value['possible_orphans']}"


def _first(given: Given) -> dict[str, Any]:
    return {"file_ids": [given.file_ids[0]]}


def _without_route(error: type[XAIError]) -> type[Exception]:
    """Return the error of a task that insists on the one call: where no way leads to it, no retry does either. (A 404
    tells of no way if the collection is there all the same.)"""
    return XAIFailException if error in (XAIUnroutableError, XAINotFoundError) else error


_create = _task(
    XAICreateCollectionOperator,
    lambda given: {"collection_name": NEW},
    lambda given, value: [each.collection_id for each in given.collections(NEW)] == [value],
)
_update = _task(
    XAIUpdateCollectionOperator,
    lambda given: {"collection_id": given.collection_id, "collection_description": _DESCRIPTION},
    lambda given, value: _described(given) == 1 and value["settings"] == ["collection_description"],
)
_delete = _task(
    XAIDeleteCollectionOperator,
    lambda given: {"collection_id": given.collection_id, "delete_files": True, "concurrency": 1},
    lambda given, value: (
        (value["removed"], value["files_deleted"], value["collection_deleted"]) == (len(NAMES), len(NAMES), True)
        and len(given.collections()) == 2
        and not any(given.files(name) for name in NAMES)
    ),
)
_remove = _task(
    XAIRemoveDocumentsOperator,
    lambda given: {"collection_id": given.collection_id, "delete_files": True, "concurrency": 1},
    lambda given, value: (
        (value["removed"], value["missing"], value["files_deleted"]) == (1, 0, 1)
        and sorted(each.name for each in given.documents()) == list(NAMES[1:])
        and not given.files(NAMES[0])
    ),
)
_reindex = _task(
    XAIReindexDocumentsOperator,
    lambda given: {"collection_id": given.collection_id, **_first(given), **_WAITING},
    lambda given, value: (value["reindexed"], value["wait"]["processed"]) == (1, 1),
)
_add = _task(
    XAIAddDocumentsOperator,
    lambda given: {"collection_id": given.collection_id, "file_ids": [given.spare_id], **_WAITING},
    lambda given, value: (value["added"], value["wait"]["processed"], len(given.documents())) == (1, 1, 4),
)
_clear = _task(
    XAIDeleteUnattachedFilesOperator,
    lambda given: {"older_than": 0.001, "dry_run": False, "concurrency": 1},
    lambda given, value: (value["deleted"], value["kept"]) == (1, 0) and not given.files(SPARE),
)
#: Into a collection on which our fields are not declared yet.
_ingest = _task(
    XAIIngestDocumentsOperator,
    lambda given: {"collection_id": given.empty_id, "paths": str(given.path), **_WAITING},
    lambda given, value: (value["added"], value["in_progress"], _new_documents(given)) == (1, 0, 1),
    complaints=_orphans_untold,
    asks_again=True,
)
_search = _task(
    XAISearchDocumentsOperator,
    lambda given: {"query": "whale", "collection_ids": [given.collection_id]},
    lambda given, value: {each["file_id"] for each in value["matches"]} == set(given.file_ids),
)

_CREATED: dict[str, Any] = {"doubt": Doubt.CHECKS, "traces": lambda given: len(given.collections(NEW))}
_INGESTED: dict[str, Any] = {"doubt": Doubt.CHECKS_AND_REPEATS, "traces": _new_documents}
#: The answer to the one call tells no id.
_WITHOUT_ID: dict[str, Any] = {"settings": {"direct_upload_answer": "empty"}}
_UPLOADED: dict[str, Any] = {"doubt": Doubt.REPEATS, "traces": _new_documents}

TASKS: tuple[Operation, ...] = (
    _create(endpoints.LIST_COLLECTIONS),
    _create(endpoints.CREATE_COLLECTION, **_CREATED),
    _update(endpoints.GET_COLLECTION),
    _update(endpoints.UPDATE_COLLECTION, doubt=Doubt.CHECKS_AND_REPEATS, traces=_described),
    _delete(endpoints.GET_COLLECTION),
    _delete(endpoints.LIST_DOCUMENTS),
    _delete(endpoints.DELETE_FILE, told=_together),
    _delete(endpoints.REMOVE_DOCUMENT, told=_together),
    _delete(endpoints.DELETE_COLLECTION, traces=lambda given: 3 - len(given.collections())),
    _remove(endpoints.LIST_DOCUMENTS, lambda given: {"filter": f'name:"{NAMES[0]}"'}),
    _remove(endpoints.REMOVE_DOCUMENT, _first, told=_together),
    _remove(endpoints.DELETE_FILE, _first, told=_together),
    _reindex(endpoints.REINDEX_DOCUMENT, told=_together),
    _reindex(endpoints.BATCH_GET_DOCUMENTS),
    _add(endpoints.ADD_DOCUMENT, doubt=Doubt.CHECKS_AND_REPEATS, told=_together),
    _add(endpoints.BATCH_GET_DOCUMENTS),
    _clear(endpoints.LIST_FILES),
    _clear(endpoints.LIST_COLLECTIONS),
    _clear(endpoints.GET_COLLECTION),
    _clear(endpoints.LIST_DOCUMENTS),
    _clear(endpoints.BATCH_GET_DOCUMENTS),
    _clear(endpoints.DELETE_FILE, told=_together),
    _ingest(endpoints.GET_COLLECTION),
    _ingest(endpoints.UPDATE_COLLECTION, doubt=Doubt.CHECKS_AND_REPEATS),
    _ingest(endpoints.UPLOAD_DOCUMENT, other_way=True, **_INGESTED),
    _ingest(endpoints.UPLOAD_DOCUMENT, other_way=True, **_WITHOUT_ID, **_INGESTED),
    _ingest(endpoints.LIST_DOCUMENTS, **_WITHOUT_ID),
    _ingest(endpoints.UPLOAD_FILE, settings={"direct_upload_answer": "error"}, **_UPLOADED),
    _ingest(endpoints.UPLOAD_FILE, settings={"direct_upload_status": 404}, **_UPLOADED),
    _ingest(endpoints.ADD_DOCUMENT, settings={"direct_upload_status": 405}, **_INGESTED),
    _ingest(endpoints.UPLOAD_DOCUMENT, way="direct", told=_without_route, **_INGESTED),
    _ingest(endpoints.UPLOAD_FILE, way="files", **_UPLOADED),
    _ingest(endpoints.ADD_DOCUMENT, way="files", **_INGESTED),
    _ingest(endpoints.BATCH_GET_DOCUMENTS),
    _search(endpoints.SEARCH_DOCUMENTS),
)
