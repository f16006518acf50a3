"""Bringing one source document into a collection, so that no crash, lost answer or rival doubles it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from airflow_provider_xai_collections.api.collections import Collection
from airflow_provider_xai_collections.api.documents import Document
from airflow_provider_xai_collections.api.endpoints import (
    GET_COLLECTION,
    LIST_DOCUMENTS,
    UPDATE_COLLECTION,
    UPLOAD_DOCUMENT,
    UPLOAD_FILE,
)
from airflow_provider_xai_collections.api.filters import quoted
from airflow_provider_xai_collections.api.flows import LOOKS, add_document, delete_file, list_all, remove_document
from airflow_provider_xai_collections.api.planning import (
    MANAGED_KEYS,
    SCOPE,
    SOURCE_URI,
    VERSION_KEY,
    Action,
    PlannedDocument,
    SourceDocument,
    managed_fields,
    missing_definitions,
)
from airflow_provider_xai_collections.api.protocol import Flow, Sleep, call
from airflow_provider_xai_collections.api.upload_method import UploadMethod
from airflow_provider_xai_collections.exceptions import (
    XAIConflictError,
    XAIError,
    XAIInvalidRequestError,
    XAIOutcomeUnknownError,
)

#: Uploads whose answer was lost before giving up; the pauses between them double from one second.
UPLOAD_TRIES = 5
#: Declarations of our fields whose answer was lost before giving up.
DECLARE_TRIES = 3


@dataclass(frozen=True, slots=True)
class Target:
    """Where documents go.

    :param scope: what the ingestion calls its own; part of every version key.
    """

    collection_id: str
    scope: str
    method: UploadMethod = UploadMethod.FILES
    team_id: str | None = None


@dataclass(frozen=True, slots=True)
class Placed:
    """A source that is in the collection now.

    :param added: this call put it there; ``False`` if it was there already.
    :param replaced: it took the place of a document that had failed.
    :param possible_orphans: files that nothing may refer to: of uploads whose answer was lost, and of the failed
        document that this one replaces.
    """

    file_id: str
    added: bool
    replaced: bool = False
    possible_orphans: int = 0


def declare_managed_fields(collection: Collection, *, team_id: str | None = None) -> Flow[Collection]:
    """Declare our fields on a collection. Declared ones are left as they are."""
    collection_id = collection.collection_id
    tries = 0
    while updates := missing_definitions(collection):
        tries += 1
        request = UPDATE_COLLECTION.request(
            collection_id=collection_id, field_definition_updates=updates, team_id=team_id
        )
        try:
            return (yield from call(request))
        except XAIOutcomeUnknownError:
            collection = yield from call(GET_COLLECTION.request(collection_id=collection_id, team_id=team_id))
            # To declare a field twice is to declare it once.
            if tries == DECLARE_TRIES and missing_definitions(collection):
                raise
    return collection


def knows_scopes(collection: Collection) -> bool:
    """Whether it may hold documents of a scope; what the service says to a filter by a field unknown to it is open."""
    return any(definition.key == SCOPE for definition in collection.field_definitions)


def documents_in_scope(target: Target) -> Flow[list[Document]]:
    """What this scope holds already."""
    return (yield from _having(target, SCOPE, target.scope))


def documents_of_source(target: Target, source: SourceDocument) -> Flow[list[Document]]:
    """What the collection holds of one source, in any version."""
    return (yield from _having(target, SOURCE_URI, source.uri))


def _having(target: Target, field: str, value: str) -> Flow[list[Document]]:
    """The documents with exactly this value; the service's filter may match more."""
    found = yield from list_all(
        LIST_DOCUMENTS,
        collection_id=target.collection_id,
        filter=f"fields.{field}:{quoted(value)}",
        team_id=target.team_id,
    )
    return [document for document in found if document.fields.get(field) == value]


def place(target: Target, planned: PlannedDocument, fields: Mapping[str, str]) -> Flow[Placed]:
    """Do what the plan says for one document, short of waiting for it to be processed."""
    source, held = planned.source, planned.held
    if held is not None:
        if planned.action is not Action.REPAIR:
            return Placed(held.file_id, added=False)
        yield from remove_document(target.collection_id, held.file_id, team_id=target.team_id)
    placed = yield from bring_in(target, source, {**fields, **managed_fields(target.scope, source)})
    if held is None:
        return placed
    # Its file stays: another collection may hold it, and no call tells.
    return replace(placed, replaced=placed.added, possible_orphans=placed.possible_orphans + 1)


def bring_in(target: Target, source: SourceDocument, fields: dict[str, str]) -> Flow[Placed]:
    """Add a document with these fields, the managed ones included, unless the collection holds this version."""
    if target.method is UploadMethod.DIRECT:
        return _place_directly(target, source, fields)
    return _upload_and_add(target, source, fields)


def _upload_and_add(target: Target, source: SourceDocument, fields: dict[str, str]) -> Flow[Placed]:
    file_id, orphans = yield from _upload(source)
    try:
        yield from add_document(target.collection_id, file_id, fields=fields, team_id=target.team_id)
    except XAIOutcomeUnknownError:
        raise  # it may be attached, so the file stays
    except XAIError as error:
        try:
            yield from delete_file(file_id)  # nothing refers to it, and it would be billed
        except XAIError as why:
            error.args = (f"{error}. The uploaded file {file_id} could not be deleted ({why}): delete it by hand",)
        if isinstance(error, XAIConflictError | XAIInvalidRequestError):
            # A rival, or an earlier life of this task, holds the same version.
            if (document := (yield from _find(target, fields[VERSION_KEY]))) is not None:
                return Placed(document.file_id, added=False, possible_orphans=orphans)
        raise _unless_ours(error, fields) from None
    return Placed(file_id, added=True, possible_orphans=orphans)


def _upload(source: SourceDocument) -> Flow[tuple[str, int]]:
    """Upload a file. A lost answer cannot be looked up, so the upload is repeated and the loss counted."""
    request = UPLOAD_FILE.request(upload=source.upload)
    orphans = 0
    while True:
        try:
            return (yield from call(request)).id, orphans
        except XAIOutcomeUnknownError:
            orphans += 1
            if orphans == UPLOAD_TRIES:
                raise
            yield Sleep(2.0 ** (orphans - 1), jitter=1.0)


def _place_directly(target: Target, source: SourceDocument, fields: dict[str, str]) -> Flow[Placed]:
    request = UPLOAD_DOCUMENT.request(
        collection_id=target.collection_id,
        name=source.name,
        content_type=source.content_type,
        fields=fields,
        upload=source.upload,
    )
    lost = ""
    for turn in range(UPLOAD_TRIES):
        if turn:
            yield Sleep(2.0 ** (turn - 1), jitter=1.0)
        refusal: XAIError | None = None
        try:
            answer = yield from call(request)
            if answer.file_metadata is not None:
                return Placed(answer.file_metadata.file_id, added=True)
        except (XAIConflictError, XAIInvalidRequestError) as error:
            refusal = error
        except XAIOutcomeUnknownError as error:
            lost = f"; the last answer: {error}"  # the document is found below if it did arrive
        if (document := (yield from _find(target, fields[VERSION_KEY]))) is not None:
            return Placed(document.file_id, added=refusal is None)
        if refusal is not None:
            raise _unless_ours(refusal, fields) from None
    raise XAIOutcomeUnknownError(
        f"{request}: sent {UPLOAD_TRIES} times, and the collection does not show the document{lost}. Retry later: a "
        "copy that did arrive will be recognised by its version key. If it repeats, try upload_method='files'"
    )


def _unless_ours(refusal: XAIError, fields: Mapping[str, str]) -> XAIError:
    """A conflict over our own fields alone means that the version is there, not shown yet: worth a retry."""
    ours = fields.keys() <= MANAGED_KEYS
    if not (ours and isinstance(refusal, XAIConflictError)):
        return refusal
    return XAIError(f"{refusal}. The collection holds this version but does not show it yet: a retry will find it")


def _find(target: Target, key: str) -> Flow[Document | None]:
    """The document that holds this very version, looking more than once: a list may lag behind."""
    for turn in range(LOOKS):
        if turn:
            yield Sleep(float(turn))
        if found := (yield from _having(target, VERSION_KEY, key)):
            return found[0]
    return None
