"""Every endpoint of the client, called as users do, and what each call should come to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from airflow_provider_xai_collections.api import endpoints, flows
from airflow_provider_xai_collections.api.protocol import Endpoint, Flow, call
from airflow_provider_xai_collections.exceptions import XAIError
from airflow_provider_xai_collections.hooks.collections import XAICollectionsHook
from tests.chaos.given import FIELD, NAMES, NEW, SPARE, Given

_FIELDS = {FIELD: "Ahab"}
_DESCRIPTION = "about a whale"


class Doubt(Enum):
    """Reaction of a call to a lost answer to a write."""

    RAISES = "it raises: the caller must check"
    CHECKS = "it checks whether the work was done, and raises if it sees nothing"
    CHECKS_AND_REPEATS = "it checks, and repeats what was not done"
    REPEATS = "it repeats what may be left over, and tells of it"


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that users do.

    :param faulted: the call that the fault meets.
    :param flow: it as a flow, for the event loop; ``None`` for what only tasks do.
    :param right: whether it came to what it should.
    :param traces: how often what it does is there; ``None`` for what only reads.
    :param by_hook: it as a task does it, if there is a method of the hook.
    :param told: the error that is raised for that of the call.
    :param complaints: what else is wrong after it; it gets the value, or ``None`` after an error.
    :param other_way: it does without the call where a gateway in between does not take it.
    :param asks_again: it makes a call once more where the fault is a doubtful one.
    :param settings: switches of the emulator on which it is tried.
    """

    name: str
    faulted: Endpoint[Any]
    flow: Callable[[Given], Flow[Any]] | None
    right: Callable[[Given, Any], bool]
    traces: Callable[[Given], int] | None = None
    by_hook: Callable[[XAICollectionsHook, Given], Any] | None = None
    doubt: Doubt = Doubt.RAISES
    told: Callable[[type[XAIError]], type[Exception]] = lambda error: error
    complaints: Callable[[Given, Any], Iterable[str]] = lambda given, value: ()
    other_way: bool = False
    asks_again: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)

    def act(self, hook: XAICollectionsHook, given: Given) -> Any:
        return hook.run(self.as_flow(given)) if self.by_hook is None else self.by_hook(hook, given)

    def as_flow(self, given: Given) -> Flow[Any]:
        if self.flow is None:
            raise ValueError(f"{self.name} is nothing for an event loop")
        return self.flow(given)


def _new_documents(given: Given) -> int:
    return len(given.documents(having=lambda document: document.name == NEW))


def _operation(
    faulted: Endpoint[Any],
    params: Callable[[Given], Mapping[str, Any]],
    right: Callable[[Given, Any], bool],
    *,
    flow: Callable[..., Flow[Any]] | None = None,
    **more: Any,
) -> Operation:
    """An operation for which the hook has a method of the endpoint's name.

    :param params: of the method, and of the flow.
    :param flow: otherwise it is the call alone.
    """
    as_flow = flow or (lambda **found: call(faulted.request(**found)))
    more.setdefault("by_hook", lambda hook, given: getattr(hook, faulted.name)(**params(given)))
    return Operation(faulted.name, faulted, lambda given: as_flow(**params(given)), right, **more)


def _first(given: Given) -> dict[str, Any]:
    return {"collection_id": given.collection_id, "file_id": given.file_ids[0]}


def _all_of(endpoint: Endpoint[Any]) -> Callable[..., Flow[Any]]:
    return lambda **params: flows.list_all(endpoint, **params)


OPERATIONS: tuple[Operation, ...] = (
    _operation(
        endpoints.CREATE_COLLECTION,
        lambda given: {"collection_name": NEW},
        lambda given, value: value.collection_name == NEW,
        traces=lambda given: len(given.collections(NEW)),
    ),
    _operation(
        endpoints.LIST_COLLECTIONS,
        lambda given: {"limit": 1},
        lambda given, value: sorted(each.collection_name for each in value) == ["moby", "pequod", "rachel"],
        flow=_all_of(endpoints.LIST_COLLECTIONS),
    ),
    _operation(
        endpoints.GET_COLLECTION,
        lambda given: {"collection_id": given.collection_id},
        lambda given, value: (value.collection_id, value.documents_count) == (given.collection_id, len(NAMES)),
    ),
    _operation(
        endpoints.DELETE_COLLECTION,
        lambda given: {"collection_id": given.collection_id},
        lambda given, value: value is True,
        flow=flows.delete_collection,
        traces=lambda given: 3 - len(given.collections()),
    ),
    _operation(
        endpoints.UPDATE_COLLECTION,
        lambda given: {"collection_id": given.collection_id, "collection_description": _DESCRIPTION},
        lambda given, value: value.collection_description == _DESCRIPTION,
        traces=lambda given: sum(each.collection_description == _DESCRIPTION for each in given.collections()),
    ),
    _operation(
        endpoints.ADD_DOCUMENT,
        lambda given: {"collection_id": given.collection_id, "file_id": given.spare_id, "fields": _FIELDS},
        lambda given, value: value is True,
        flow=flows.add_document,
        traces=lambda given: len(given.documents(having=lambda document: document.fields == _FIELDS)),
        doubt=Doubt.CHECKS_AND_REPEATS,
    ),
    _operation(
        endpoints.LIST_DOCUMENTS,
        lambda given: {"collection_id": given.collection_id, "limit": 2},
        lambda given, value: sorted(each.name for each in value) == list(NAMES),
        flow=_all_of(endpoints.LIST_DOCUMENTS),
    ),
    _operation(
        endpoints.GET_DOCUMENT,
        _first,
        lambda given, value: value.file_id == given.file_ids[0],
        flow=flows.find_document,
    ),
    _operation(endpoints.REINDEX_DOCUMENT, _first, lambda given, value: True),
    _operation(
        endpoints.REMOVE_DOCUMENT,
        _first,
        lambda given, value: value is True,
        flow=flows.remove_document,
        traces=lambda given: len(NAMES) - len(given.documents()),
    ),
    _operation(
        endpoints.BATCH_GET_DOCUMENTS,
        lambda given: {"collection_id": given.collection_id, "file_ids": (*given.file_ids, given.spare_id)},
        lambda given, value: sorted(each.name for each in value) == list(NAMES),
        flow=flows.batch_get_documents,
    ),
    _operation(
        endpoints.UPLOAD_DOCUMENT,
        lambda given: {"collection_id": given.collection_id, "name": NEW, "upload": given.upload},
        lambda given, value: value.file_metadata.name == NEW,
        traces=_new_documents,
        by_hook=lambda hook, given: hook.upload_document(collection_id=given.collection_id, path=given.path),
    ),
    _operation(
        endpoints.VALIDATE_MANAGEMENT_KEY,
        lambda given: {},
        lambda given, value: value.name == "emulator",
    ),
    _operation(
        endpoints.UPLOAD_FILE,
        lambda given: {"upload": given.upload},
        lambda given, value: value.filename == NEW,
        traces=lambda given: len(given.files(NEW)),
        by_hook=lambda hook, given: hook.upload_file(path=given.path),
    ),
    _operation(
        endpoints.LIST_FILES,
        lambda given: {"limit": 2},
        lambda given, value: {each.id for each in value} == {*given.file_ids, given.spare_id},
        flow=_all_of(endpoints.LIST_FILES),
    ),
    _operation(
        endpoints.GET_FILE,
        lambda given: {"file_id": given.spare_id},
        lambda given, value: value.id == given.spare_id,
    ),
    _operation(
        endpoints.DELETE_FILE,
        lambda given: {"file_id": given.spare_id},
        lambda given, value: value is True,
        flow=flows.delete_file,
        traces=lambda given: 1 - len(given.files(SPARE)),
    ),
    _operation(
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
