"""Every endpoint of the client, called as users do, and what each call should come to."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from blake3 import blake3

from airflow_provider_xai_collections.api import endpoints, ensuring, flows, ingestion
from airflow_provider_xai_collections.api.declaring import Declarations
from airflow_provider_xai_collections.api.identity import MANAGED_FIELDS, VERSION_KEY, SourceDocument, managed_fields
from airflow_provider_xai_collections.api.protocol import Endpoint, Flow, call
from airflow_provider_xai_collections.api.upload_method import UploadMethod, UploadWay
from airflow_provider_xai_collections.api.uploading import Placed, Target
from airflow_provider_xai_collections.exceptions import XAIError, XAINotFoundError, XAIUnroutableError
from airflow_provider_xai_collections.hooks.collections import XAICollectionsHook
from chaos.scenes import CONTENT, FIELD, NAMES, NEW, Scene

_FIELDS = {FIELD: "Ahab"}
_DESCRIPTION = "about a whale"
_SCOPE = "chaos"


class Doubt(Enum):
    """What a call does when the answer to a write was lost."""

    RAISES = "it raises: the caller must look"
    LOOKS = "it looks whether the work was done, and raises if it sees nothing"
    LOOKS_AND_REPEATS = "it looks, and repeats what was not done"
    REPEATS = "it repeats what may be left over, and tells of it"


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that users do.

    :param spoilt: the call that the fault meets.
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
    spoilt: Endpoint[Any]
    flow: Callable[[Scene], Flow[Any]] | None
    right: Callable[[Scene, Any], bool]
    traces: Callable[[Scene], int] | None = None
    by_hook: Callable[[XAICollectionsHook, Scene], Any] | None = None
    doubt: Doubt = Doubt.RAISES
    told: Callable[[type[XAIError]], type[Exception]] = lambda error: error
    complaints: Callable[[Scene, Any], Iterable[str]] = lambda scene, value: ()
    other_way: bool = False
    asks_again: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)

    def act(self, hook: XAICollectionsHook, scene: Scene) -> Any:
        return hook.run(self.as_flow(scene)) if self.by_hook is None else self.by_hook(hook, scene)

    def as_flow(self, scene: Scene) -> Flow[Any]:
        if self.flow is None:
            raise ValueError(f"{self.name} is nothing for an event loop")
        return self.flow(scene)


def _source() -> SourceDocument:
    digest = blake3(CONTENT).hexdigest()
    return SourceDocument(
        "file:///library/new.md", NEW, len(CONTENT), digest, "text/markdown", _opened, sent_type=lambda: "text/markdown"
    )


def _opened() -> io.BytesIO:
    return io.BytesIO(CONTENT)


def _bring_in(method: UploadMethod) -> Callable[[Scene], Flow[Placed]]:
    def flow(scene: Scene) -> Flow[Placed]:
        target = Target(scene.collection_id, _SCOPE, UploadWay(method))
        fields = managed_fields(_SCOPE, _source())
        upload = yield from ingestion.prepare(target, _source(), fields)
        return (yield from ingestion.bring_in(target, upload, fields))

    return flow


def _declare(scene: Scene) -> Flow[None]:
    yield from Declarations(scene.empty.collection_id).require(each.key for each in MANAGED_FIELDS)


def _declarations(scene: Scene) -> int:
    """Count how often all our fields are declared on the collection that had none."""
    keys = [each.key for each in scene.collections(scene.empty.collection_name)[0].field_definitions]
    return min(keys.count(each.key) for each in MANAGED_FIELDS)


def _new_documents(scene: Scene) -> int:
    return len(scene.documents(having=lambda document: document.name == NEW))


def _orphans_untold(scene: Scene, value: Any) -> Iterable[str]:
    """A file that no document refers to, although the call ended well and did not say so."""
    spare = len(scene.files(NEW)) - _new_documents(scene)
    if value is not None and spare > value.possible_orphans:
        yield f"{spare} files are left over, and it told of {value.possible_orphans}"


def _names(items: Sequence[Any]) -> list[str]:
    return sorted(item.name for item in items)


def _is_new_document(scene: Scene, value: Any) -> bool:
    documents = scene.documents(having=lambda document: document.name == NEW)
    return [document.fields.get(VERSION_KEY) for document in documents] == [
        managed_fields(_SCOPE, _source())[VERSION_KEY]
    ] and value.file_id == documents[0].file_id


def told_by_gateway(error: type[XAIError]) -> type[XAIError]:
    """The error for a 404 to an upload, whose collection is there all the same."""
    return XAIUnroutableError if error is XAINotFoundError else error


def _ingestion(
    spoilt: Endpoint[Any], method: UploadMethod, doubt: Doubt = Doubt.RAISES, *, where: str = "", **more: Any
) -> Operation:
    """A document that is not there yet.

    :param where: the emulator is no usual one.
    """
    return Operation(
        f"ingest by {method}{where and f', {where}'}: {spoilt.name}",
        spoilt,
        _bring_in(method),
        _is_new_document,
        traces=None if spoilt.idempotent else _new_documents,
        doubt=doubt,
        complaints=_orphans_untold,
        asks_again=True,
        **more,
    )


#: Emulators on which it takes more than the one call, and why.
_BY_CITY: dict[str, Any] = {
    "where": "where the one call fails for the caller's city",
    "settings": {"direct_upload_answer": "error"},
}
_NOT_FOUND: dict[str, Any] = {
    "where": "where a gateway answers 404 to the one call",
    "settings": {"direct_upload_status": 404},
}
_NOT_ALLOWED: dict[str, Any] = {
    "where": "where a gateway answers 405 to the one call",
    "settings": {"direct_upload_status": 405},
}
_WITHOUT_ID: dict[str, Any] = {
    "where": "where the answer tells no id",
    "settings": {"direct_upload_answer": "empty"},
}

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "create_collection",
        endpoints.CREATE_COLLECTION,
        lambda scene: call(endpoints.CREATE_COLLECTION.request(collection_name=NEW)),
        lambda scene, value: value.collection_name == NEW,
        traces=lambda scene: len(scene.collections(NEW)),
        by_hook=lambda hook, scene: hook.create_collection(collection_name=NEW),
    ),
    Operation(
        "ensure_collection: create_collection",
        endpoints.CREATE_COLLECTION,
        lambda scene: ensuring.ensure_collection(NEW),
        lambda scene, value: value.collection.collection_name == NEW,
        traces=lambda scene: len(scene.collections(NEW)),
        doubt=Doubt.LOOKS,
    ),
    Operation(
        "list_collections",
        endpoints.LIST_COLLECTIONS,
        lambda scene: flows.list_all(endpoints.LIST_COLLECTIONS, limit=1),
        lambda scene, value: sorted(each.collection_name for each in value) == ["moby", "pequod", "rachel"],
        by_hook=lambda hook, scene: hook.list_collections(limit=1),
    ),
    Operation(
        "get_collection",
        endpoints.GET_COLLECTION,
        lambda scene: call(endpoints.GET_COLLECTION.request(collection_id=scene.collection_id)),
        lambda scene, value: (value.collection_id, value.documents_count) == (scene.collection_id, len(NAMES)),
        by_hook=lambda hook, scene: hook.get_collection(collection_id=scene.collection_id),
    ),
    Operation(
        "delete_collection",
        endpoints.DELETE_COLLECTION,
        lambda scene: flows.delete_collection(scene.collection_id),
        lambda scene, value: value is True,
        traces=lambda scene: 3 - len(scene.collections()),
        by_hook=lambda hook, scene: hook.delete_collection(collection_id=scene.collection_id),
    ),
    Operation(
        "update_collection",
        endpoints.UPDATE_COLLECTION,
        lambda scene: call(
            endpoints.UPDATE_COLLECTION.request(collection_id=scene.collection_id, collection_description=_DESCRIPTION)
        ),
        lambda scene, value: value.collection_description == _DESCRIPTION,
        traces=lambda scene: sum(each.collection_description == _DESCRIPTION for each in scene.collections()),
        by_hook=lambda hook, scene: hook.update_collection(
            collection_id=scene.collection_id, collection_description=_DESCRIPTION
        ),
    ),
    Operation(
        "declare fields: update_collection",
        endpoints.UPDATE_COLLECTION,
        _declare,
        lambda scene, value: _declarations(scene) == 1,
        traces=_declarations,
        doubt=Doubt.LOOKS_AND_REPEATS,
    ),
    Operation(
        "add_document",
        endpoints.ADD_DOCUMENT,
        lambda scene: flows.add_document(scene.collection_id, scene.spare_id, fields=_FIELDS),
        lambda scene, value: value is True,
        traces=lambda scene: len(scene.documents(having=lambda document: document.fields == _FIELDS)),
        by_hook=lambda hook, scene: hook.add_document(
            collection_id=scene.collection_id, file_id=scene.spare_id, fields=_FIELDS
        ),
        doubt=Doubt.LOOKS_AND_REPEATS,
    ),
    Operation(
        "list_documents",
        endpoints.LIST_DOCUMENTS,
        lambda scene: flows.list_all(endpoints.LIST_DOCUMENTS, collection_id=scene.collection_id, limit=2),
        lambda scene, value: _names(value) == list(NAMES),
        by_hook=lambda hook, scene: hook.list_documents(collection_id=scene.collection_id, limit=2),
    ),
    Operation(
        "get_document",
        endpoints.GET_DOCUMENT,
        lambda scene: flows.look(scene.collection_id, scene.file_ids[0]),
        lambda scene, value: value.file_id == scene.file_ids[0],
        by_hook=lambda hook, scene: hook.get_document(collection_id=scene.collection_id, file_id=scene.file_ids[0]),
    ),
    Operation(
        "reindex_document",
        endpoints.REINDEX_DOCUMENT,
        lambda scene: call(
            endpoints.REINDEX_DOCUMENT.request(collection_id=scene.collection_id, file_id=scene.file_ids[0])
        ),
        lambda scene, value: True,
        by_hook=lambda hook, scene: hook.reindex_document(collection_id=scene.collection_id, file_id=scene.file_ids[0]),
    ),
    Operation(
        "remove_document",
        endpoints.REMOVE_DOCUMENT,
        lambda scene: flows.remove_document(scene.collection_id, scene.file_ids[0]),
        lambda scene, value: value is True,
        traces=lambda scene: len(NAMES) - len(scene.documents()),
        by_hook=lambda hook, scene: hook.remove_document(collection_id=scene.collection_id, file_id=scene.file_ids[0]),
    ),
    Operation(
        "batch_get_documents",
        endpoints.BATCH_GET_DOCUMENTS,
        lambda scene: flows.batch_get_documents(scene.collection_id, (*scene.file_ids, scene.spare_id)),
        lambda scene, value: _names(value) == list(NAMES),
        by_hook=lambda hook, scene: hook.batch_get_documents(
            collection_id=scene.collection_id, file_ids=(*scene.file_ids, scene.spare_id)
        ),
    ),
    Operation(
        "upload_document",
        endpoints.UPLOAD_DOCUMENT,
        lambda scene: call(
            endpoints.UPLOAD_DOCUMENT.request(collection_id=scene.collection_id, name=NEW, upload=scene.upload)
        ),
        lambda scene, value: value.file_metadata.name == NEW,
        traces=_new_documents,
        by_hook=lambda hook, scene: hook.upload_document(collection_id=scene.collection_id, path=scene.path),
    ),
    _ingestion(endpoints.UPLOAD_DOCUMENT, UploadMethod.AUTO, Doubt.LOOKS_AND_REPEATS, other_way=True),
    _ingestion(endpoints.UPLOAD_DOCUMENT, UploadMethod.AUTO, Doubt.LOOKS_AND_REPEATS, other_way=True, **_WITHOUT_ID),
    _ingestion(endpoints.LIST_DOCUMENTS, UploadMethod.AUTO, **_WITHOUT_ID),
    _ingestion(endpoints.GET_COLLECTION, UploadMethod.AUTO, **_NOT_FOUND),
    _ingestion(endpoints.UPLOAD_FILE, UploadMethod.AUTO, Doubt.REPEATS, **_BY_CITY),
    _ingestion(endpoints.ADD_DOCUMENT, UploadMethod.AUTO, Doubt.LOOKS_AND_REPEATS, **_NOT_ALLOWED),
    _ingestion(endpoints.UPLOAD_DOCUMENT, UploadMethod.DIRECT, Doubt.LOOKS_AND_REPEATS, told=told_by_gateway),
    _ingestion(endpoints.UPLOAD_FILE, UploadMethod.FILES, Doubt.REPEATS),
    _ingestion(endpoints.ADD_DOCUMENT, UploadMethod.FILES, Doubt.LOOKS_AND_REPEATS),
    Operation(
        "validate_management_key",
        endpoints.VALIDATE_MANAGEMENT_KEY,
        lambda scene: call(endpoints.VALIDATE_MANAGEMENT_KEY.request()),
        lambda scene, value: value.name == "emulator",
        by_hook=lambda hook, scene: hook.validate_management_key(),
    ),
    Operation(
        "upload_file",
        endpoints.UPLOAD_FILE,
        lambda scene: call(endpoints.UPLOAD_FILE.request(upload=scene.upload)),
        lambda scene, value: value.filename == NEW,
        traces=lambda scene: len(scene.files(NEW)),
        by_hook=lambda hook, scene: hook.upload_file(path=scene.path),
    ),
    Operation(
        "list_files",
        endpoints.LIST_FILES,
        lambda scene: flows.list_all(endpoints.LIST_FILES, limit=2),
        lambda scene, value: {each.id for each in value} == {*scene.file_ids, scene.spare_id},
        by_hook=lambda hook, scene: hook.list_files(limit=2),
    ),
    Operation(
        "get_file",
        endpoints.GET_FILE,
        lambda scene: call(endpoints.GET_FILE.request(file_id=scene.spare_id)),
        lambda scene, value: value.id == scene.spare_id,
        by_hook=lambda hook, scene: hook.get_file(file_id=scene.spare_id),
    ),
    Operation(
        "delete_file",
        endpoints.DELETE_FILE,
        lambda scene: flows.delete_file(scene.spare_id),
        lambda scene, value: value is True,
        traces=lambda scene: 1 - len(scene.files("spare.md")),
        by_hook=lambda hook, scene: hook.delete_file(file_id=scene.spare_id),
    ),
    Operation(
        "search_documents",
        endpoints.SEARCH_DOCUMENTS,
        lambda scene: call(
            endpoints.SEARCH_DOCUMENTS.request(query="whale", source={"collection_ids": (scene.collection_id,)})
        ),
        lambda scene, value: {each.file_id for each in _matches(value)} == set(scene.file_ids),
        by_hook=lambda hook, scene: hook.search_documents(query="whale", collection_ids=[scene.collection_id]),
    ),
)


def _matches(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else value.matches
