"""What tasks do with the calls that operators make: each operator once for each call that may go wrong under it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from airflow_provider_xai_collections.operators.ingestion import XAIIngestDocumentsOperator

from airflow_provider_xai_collections.airflow_errors import XAIFailException
from airflow_provider_xai_collections.api import endpoints
from airflow_provider_xai_collections.api.protocol import Endpoint
from airflow_provider_xai_collections.exceptions import XAIError, XAIRateLimitError, XAIUnroutableError
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
from airflow_provider_xai_collections.operators.search import XAISearchDocumentsOperator
from chaos.operations import Doubt, Operation, told_by_gateway
from chaos.scenes import NAMES, NEW, SPARE, Scene

_DESCRIPTION = "about a whale"
#: Operators that wait for documents look at them so often, by the clock of the hurried hook.
_WAITING = {"poll_interval": 1.0, "timeout": 3600.0, "deferrable": False}


def _together(error: type[XAIError]) -> type[XAIError]:
    """What stands for the errors of several documents, if a retry may mend one."""
    return XAIRateLimitError if error is XAIRateLimitError else XAIError


def _executed(kind: Callable[..., Any], **arguments: Any) -> Callable[[XAICollectionsHook], Any]:
    """As a worker does it, but for the hook, which hurries."""

    def execute(hook: XAICollectionsHook) -> Any:
        task = kind(task_id="spoilt", conn_id=hook.conn_id, **arguments)
        task.__dict__["hook"] = hook
        began = datetime.now(UTC)
        instance = SimpleNamespace(try_number=1, max_tries=1, start_date=began)
        context = {"ti": instance, "dag_run": SimpleNamespace(start_date=began)}
        return inspect.unwrap(type(task).execute)(task, context)

    return execute


def _of(
    kind: Callable[..., Any],
    arguments: Callable[[Scene], Mapping[str, Any]],
    right: Callable[[Scene, Any], bool],
    spoilt: Endpoint[Any],
    **more: Any,
) -> Operation:
    return Operation(
        f"{kind.__name__}: {spoilt.name}",
        spoilt,
        flow=None,
        right=right,
        by_hook=lambda hook, scene: _executed(kind, **arguments(scene))(hook),
        **more,
    )


def _creation(spoilt: Endpoint[Any], **more: Any) -> Operation:
    return _of(
        XAICreateCollectionOperator,
        lambda scene: {"collection_name": NEW},
        lambda scene, value: [each.collection_id for each in scene.collections(NEW)] == [value],
        spoilt,
        **more,
    )


def _described(scene: Scene) -> int:
    return sum(each.collection_description == _DESCRIPTION for each in scene.collections())


def _update(spoilt: Endpoint[Any], **more: Any) -> Operation:
    return _of(
        XAIUpdateCollectionOperator,
        lambda scene: {"collection_id": scene.collection_id, "collection_description": _DESCRIPTION},
        lambda scene, value: _described(scene) == 1 and value["settings"] == ["collection_description"],
        spoilt,
        **more,
    )


def _deletion(spoilt: Endpoint[Any], **more: Any) -> Operation:
    return _of(
        XAIDeleteCollectionOperator,
        lambda scene: {"collection_id": scene.collection_id, "delete_files": True, "concurrency": 1},
        lambda scene, value: (
            (value["removed"], value["files_deleted"], value["collection_deleted"]) == (len(NAMES), len(NAMES), True)
            and len(scene.collections()) == 2
            and not any(scene.files(name) for name in NAMES)
        ),
        spoilt,
        **more,
    )


def _removal(spoilt: Endpoint[Any], which: Callable[[Scene], Mapping[str, Any]], **more: Any) -> Operation:
    return _of(
        XAIRemoveDocumentsOperator,
        lambda scene: {"collection_id": scene.collection_id, "delete_files": True, "concurrency": 1, **which(scene)},
        lambda scene, value: (
            (value["removed"], value["missing"], value["files_deleted"]) == (1, 0, 1)
            and sorted(each.name for each in scene.documents()) == list(NAMES[1:])
            and not scene.files(NAMES[0])
        ),
        spoilt,
        **more,
    )


def _reindexing(spoilt: Endpoint[Any], **more: Any) -> Operation:
    return _of(
        XAIReindexDocumentsOperator,
        lambda scene: {"collection_id": scene.collection_id, "file_ids": [scene.file_ids[0]], **_WAITING},
        lambda scene, value: (value["reindexed"], value["wait"]["processed"]) == (1, 1),
        spoilt,
        **more,
    )


def _clearance(spoilt: Endpoint[Any], **more: Any) -> Operation:
    return _of(
        XAIDeleteUnattachedFilesOperator,
        lambda scene: {"older_than": 0.001, "dry_run": False, "concurrency": 1},
        lambda scene, value: (value["deleted"], value["kept"]) == (1, 0) and not scene.files(SPARE),
        spoilt,
        **more,
    )


def _addition(spoilt: Endpoint[Any], **more: Any) -> Operation:
    return _of(
        XAIAddDocumentsOperator,
        lambda scene: {"collection_id": scene.collection_id, "file_ids": [scene.spare_id], **_WAITING},
        lambda scene, value: (value["added"], value["wait"]["processed"], len(scene.documents())) == (1, 1, 4),
        spoilt,
        **more,
    )


def _new_documents(scene: Scene) -> int:
    listed = scene.all_of(endpoints.LIST_DOCUMENTS, collection_id=scene.empty.collection_id)
    return sum(document.name == NEW for document in listed)


def _orphans_untold(scene: Scene, value: Any) -> Iterable[str]:
    spare = len(scene.files(NEW)) - _new_documents(scene)
    if value is not None and spare > value["possible_orphans"]:
        yield f"{spare} files are left over, and it told of {value['possible_orphans']}"


def _ingestion(spoilt: Endpoint[Any], upload_method: str = "", **more: Any) -> Operation:
    """Into a collection on which our fields are not declared yet.

    :param upload_method: the default one if it is empty.
    """
    chosen = {"upload_method": upload_method} if upload_method else {}
    ingestion = _of(
        XAIIngestDocumentsOperator,
        lambda scene: {
            "collection_id": scene.empty.collection_id,
            "paths": str(scene.path),
            **chosen,
            **_WAITING,
        },
        lambda scene, value: (value["added"], value["wait"]["processed"], _new_documents(scene)) == (1, 1, 1),
        spoilt,
        complaints=_orphans_untold,
        asks_again=True,
        **more,
    )
    return replace(ingestion, name=f"{ingestion.name} by {upload_method}") if upload_method else ingestion


def _without_route(error: type[XAIError]) -> type[Exception]:
    """The error of a task that insists on the one call: where no way leads to it, no retry does either."""
    return XAIFailException if told_by_gateway(error) is XAIUnroutableError else _together(error)


TASKS: tuple[Operation, ...] = (
    _creation(endpoints.LIST_COLLECTIONS),
    _creation(endpoints.CREATE_COLLECTION, doubt=Doubt.LOOKS, traces=lambda scene: len(scene.collections(NEW))),
    _update(endpoints.GET_COLLECTION),
    _update(endpoints.UPDATE_COLLECTION, doubt=Doubt.LOOKS_AND_REPEATS, traces=_described),
    _deletion(endpoints.GET_COLLECTION),
    _deletion(endpoints.LIST_DOCUMENTS),
    _deletion(endpoints.DELETE_FILE, told=_together),
    _deletion(endpoints.REMOVE_DOCUMENT, told=_together),
    _deletion(endpoints.DELETE_COLLECTION, traces=lambda scene: 3 - len(scene.collections())),
    _removal(endpoints.LIST_DOCUMENTS, lambda scene: {"filter": f'name:"{NAMES[0]}"'}),
    _removal(endpoints.REMOVE_DOCUMENT, lambda scene: {"file_ids": [scene.file_ids[0]]}, told=_together),
    _removal(endpoints.DELETE_FILE, lambda scene: {"file_ids": [scene.file_ids[0]]}, told=_together),
    _reindexing(endpoints.REINDEX_DOCUMENT, told=_together),
    _reindexing(endpoints.BATCH_GET_DOCUMENTS),
    _addition(endpoints.ADD_DOCUMENT, doubt=Doubt.LOOKS_AND_REPEATS, told=_together),
    _addition(endpoints.BATCH_GET_DOCUMENTS),
    _clearance(endpoints.LIST_FILES),
    _clearance(endpoints.LIST_COLLECTIONS),
    _clearance(endpoints.GET_COLLECTION),
    _clearance(endpoints.LIST_DOCUMENTS),
    _clearance(endpoints.BATCH_GET_DOCUMENTS),
    _clearance(endpoints.DELETE_FILE, told=_together),
    _ingestion(endpoints.GET_COLLECTION),
    _ingestion(endpoints.UPDATE_COLLECTION, doubt=Doubt.LOOKS_AND_REPEATS),
    _ingestion(
        endpoints.UPLOAD_DOCUMENT,
        doubt=Doubt.LOOKS_AND_REPEATS,
        told=_together,
        traces=_new_documents,
        other_way=True,
    ),
    _ingestion(
        endpoints.UPLOAD_FILE,
        doubt=Doubt.REPEATS,
        told=_together,
        traces=_new_documents,
        settings={"direct_upload_answer": "error"},
    ),
    _ingestion(
        endpoints.UPLOAD_DOCUMENT, "direct", doubt=Doubt.LOOKS_AND_REPEATS, told=_without_route, traces=_new_documents
    ),
    _ingestion(endpoints.UPLOAD_FILE, "files", doubt=Doubt.REPEATS, told=_together, traces=_new_documents),
    _ingestion(endpoints.ADD_DOCUMENT, "files", doubt=Doubt.LOOKS_AND_REPEATS, told=_together, traces=_new_documents),
    _ingestion(endpoints.BATCH_GET_DOCUMENTS),
    _of(
        XAISearchDocumentsOperator,
        lambda scene: {"query": "whale", "collection_ids": [scene.collection_id]},
        lambda scene, value: {each["file_id"] for each in value["matches"]} == set(scene.file_ids),
        endpoints.SEARCH_DOCUMENTS,
    ),
)
