"""Every endpoint of the client, called as users do, and what each call should come to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from airflow_provider_xai_collections.api import endpoints, flows
from airflow_provider_xai_collections.api.protocol import Endpoint, Flow, call
from airflow_provider_xai_collections.hooks.collections import XAICollectionsHook
from tests.chaos.given import FIELD, NAMES, NEW, SPARE, Given

_FIELDS = {FIELD: "Ahab"}
_DESCRIPTION = "about a whale"


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that users do.

    :param faulted: the call that the fault meets.
    :param params: of the flow, and of the hook's method.
    :param right: whether it came to what it should.
    :param flow: for the event loop; ``None`` if it is the call alone.
    :param traces: how often what it does is there; ``None`` for what only reads.
    :param by_hook: as a task does it; ``None`` if that is the method of the endpoint's name.
    :param checks: after a lost answer it checks what was done, and repeats what was not; otherwise it raises.
    """

    faulted: Endpoint[Any]
    params: Callable[[Given], Mapping[str, Any]]
    right: Callable[[Given, Any], bool]
    flow: Callable[..., Flow[Any]] | None = None
    traces: Callable[[Given], int] | None = None
    by_hook: Callable[[XAICollectionsHook, Given], Any] | None = None
    checks: bool = False

    def act(self, hook: XAICollectionsHook, given: Given) -> Any:
        """Do it as a task does."""
        if self.by_hook is not None:
            return self.by_hook(hook, given)
        return getattr(hook, self.faulted.name)(**self.params(given))

    def as_flow(self, given: Given) -> Flow[Any]:
        """Return what a trigger runs."""
        params = self.params(given)
        return call(self.faulted.request(**params)) if self.flow is None else self.flow(**params)


def _first(given: Given) -> dict[str, Any]:
    return {"collection_id": given.collection_id, "file_id": given.file_ids[0]}


def _all_of(endpoint: Endpoint[Any]) -> Callable[..., Flow[Any]]:
    return lambda **params: flows.list_all(endpoint, **params)


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        endpoints.CREATE_COLLECTION,
        lambda given: {"collection_name": NEW},
        lambda given, value: value.collection_name == NEW,
        traces=lambda given: len(given.collections(NEW)),
    ),
    Operation(
        endpoints.LIST_COLLECTIONS,
        lambda given: {"limit": 1},
        lambda given, value: sorted(each.collection_name for each in value) == ["moby", "pequod", "rachel"],
        flow=_all_of(endpoints.LIST_COLLECTIONS),
    ),
    Operation(
        endpoints.GET_COLLECTION,
        lambda given: {"collection_id": given.collection_id},
        lambda given, value: (value.collection_id, value.documents_count) == (given.collection_id, len(NAMES)),
    ),
    Operation(
        endpoints.DELETE_COLLECTION,
        lambda given: {"collection_id": given.collection_id},
        lambda given, value: value is True,
        flow=flows.delete_collection,
        traces=lambda given: 3 - len(given.collections()),
    ),
    Operation(
        endpoints.UPDATE_COLLECTION,
        lambda given: {"collection_id": given.collection_id, "collection_description": _DESCRIPTION},
        lambda given, value: value.collection_description == _DESCRIPTION,
        traces=lambda given: sum(each.collection_description == _DESCRIPTION for each in given.collections()),
    ),
    Operation(
        endpoints.ADD_DOCUMENT,
        lambda given: {"collection_id": given.collection_id, "file_id": given.spare_id, "fields": _FIELDS},
        lambda given, value: value is True,
        flow=flows.add_document,
        traces=lambda given: len(given.documents(having=lambda document: document.fields == _FIELDS)),
        checks=True,
    ),
    Operation(
        endpoints.LIST_DOCUMENTS,
        lambda given: {"collection_id": given.collection_id, "limit": 2},
        lambda given, value: sorted(each.name for each in value) == list(NAMES),
        flow=_all_of(endpoints.LIST_DOCUMENTS),
    ),
    Operation(
        endpoints.GET_DOCUMENT,
        _first,
        lambda given, value: value.file_id == given.file_ids[0],
        flow=flows.find_document,
    ),
    Operation(endpoints.REINDEX_DOCUMENT, _first, lambda given, value: True),
    Operation(
        endpoints.REMOVE_DOCUMENT,
        _first,
        lambda given, value: value is True,
        flow=flows.remove_document,
        traces=lambda given: len(NAMES) - len(given.documents()),
    ),
    Operation(
        endpoints.BATCH_GET_DOCUMENTS,
        lambda given: {"collection_id": given.collection_id, "file_ids": (*given.file_ids, given.spare_id)},
        lambda given, value: sorted(each.name for each in value) == list(NAMES),
        flow=flows.batch_get_documents,
    ),
    Operation(
        endpoints.UPLOAD_DOCUMENT,
        lambda given: {"collection_id": given.collection_id, "name": NEW, "upload": given.upload},
        lambda given, value: value.file_metadata.name == NEW,
        traces=lambda given: len(given.documents(having=lambda document: document.name == NEW)),
        by_hook=lambda hook, given: hook.upload_document(collection_id=given.collection_id, path=given.path),
    ),
    Operation(
        endpoints.VALIDATE_MANAGEMENT_KEY,
        lambda given: {},
        lambda given, value: value.name == "emulator",
    ),
    Operation(
        endpoints.UPLOAD_FILE,
        lambda given: {"upload": given.upload},
        lambda given, value: value.filename == NEW,
        traces=lambda given: len(given.files(NEW)),
        by_hook=lambda hook, given: hook.upload_file(path=given.path),
    ),
    Operation(
        endpoints.LIST_FILES,
        lambda given: {"limit": 2},
        lambda given, value: {each.id for each in value} == {*given.file_ids, given.spare_id},
        flow=_all_of(endpoints.LIST_FILES),
    ),
    Operation(
        endpoints.GET_FILE,
        lambda given: {"file_id": given.spare_id},
        lambda given, value: value.id == given.spare_id,
    ),
    Operation(
        endpoints.DELETE_FILE,
        lambda given: {"file_id": given.spare_id},
        lambda given, value: value is True,
        flow=flows.delete_file,
        traces=lambda given: 1 - len(given.files(SPARE)),
    ),
    Operation(
        endpoints.SEARCH_DOCUMENTS,
        lambda given: {"query": "whale", "collection_ids": [given.collection_id]},
        lambda given, value: {each.file_id for each in getattr(value, "matches", value)} == set(given.file_ids),
        flow=lambda **params: call(
            endpoints.SEARCH_DOCUMENTS.request(
                query=params["query"], source={"collection_ids": params["collection_ids"]}
            )
        ),
    ),
)
