"""Upload one document into a collection, so that no crash, lost answer or other run doubles it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from airflow_provider_xai_collections.api.chunking import ChunkConfiguration
from airflow_provider_xai_collections.api.collections import Collection
from airflow_provider_xai_collections.api.content_types import needs_extraction
from airflow_provider_xai_collections.api.declaring import Declarations
from airflow_provider_xai_collections.api.documents import Document
from airflow_provider_xai_collections.api.endpoints import GET_COLLECTION, LIST_DOCUMENTS, UPLOAD_DOCUMENT, UPLOAD_FILE
from airflow_provider_xai_collections.api.files import MAX_UPLOAD_BYTES, MEGABYTE
from airflow_provider_xai_collections.api.filters import quoted
from airflow_provider_xai_collections.api.flows import LOOKUPS, add_document, delete_file, list_all
from airflow_provider_xai_collections.api.identity import (
    MANAGED_KEYS,
    SCOPE,
    SOURCE_URI,
    VERSION_KEY,
    SourceDocument,
)
from airflow_provider_xai_collections.api.protocol import Flow, Sleep, Upload, call
from airflow_provider_xai_collections.api.upload_method import UploadMethod, UploadWay
from airflow_provider_xai_collections.exceptions import (
    XAIConflictError,
    XAIError,
    XAIInvalidRequestError,
    XAINotFoundError,
    XAIOutcomeUnknownError,
    XAISourceError,
    XAIUnfitDocumentError,
    XAIUnroutableError,
)

#: Uploads whose answer was lost before giving up; the pauses between them double from one second.
UPLOAD_TRIES = 5


@dataclass(frozen=True, slots=True)
class Target:
    """The collection that documents go to.

    :param scope: of the sync or ingestion; part of every version key.
    :param way: by which they go.
    :param declared: the fields that the collection defines, declared as documents need them; ``None`` takes it for
        granted that they are.
    :param chunking: of the collection, if it is known.
    """

    collection_id: str
    scope: str
    way: UploadWay = field(default_factory=UploadWay)
    declared: Declarations | None = None
    chunking: ChunkConfiguration | None = None
    team_id: str | None = None

    def defines_unique(self, keys: Iterable[str]) -> bool:
        """Tell whether one of these fields may be declared unique in the collection."""
        if self.declared is None:
            return any(True for _ in keys)
        definitions = (self.declared.definitions.get(key) for key in keys)
        return any(definition is not None and definition.unique for definition in definitions)


@dataclass(frozen=True, slots=True)
class Placed:
    """A document that is in the collection now.

    :param added: this call put it there; ``False`` if it was there already.
    :param possible_orphans: uploads whose answer was lost: their files may exist, attached to nothing.
    :param warning: why its text may not be found, although nothing failed; empty if nothing suggests that.
    """

    file_id: str
    added: bool
    possible_orphans: int = 0
    warning: str = ""


def knows_scopes(collection: Collection) -> bool:
    """Tell whether it may hold documents of a scope; how the service filters by a field unknown to it is open."""
    return any(definition.key == SCOPE for definition in collection.field_definitions)


def documents_in_scope(target: Target) -> Flow[list[Document]]:
    """List the documents of the scope."""
    return (yield from _having(target, SCOPE, target.scope))


def documents_of_source(target: Target, uri: str) -> Flow[list[Document]]:
    """List the documents of one source, in any version."""
    return (yield from _having(target, SOURCE_URI, uri))


def _having(target: Target, field: str, value: str) -> Flow[list[Document]]:
    """List the documents with exactly this value; the service's filter may match more."""
    found = yield from list_all(
        LIST_DOCUMENTS,
        collection_id=target.collection_id,
        filter=f"fields.{field}:{quoted(value)}",
        team_id=target.team_id,
    )
    return [document for document in found if document.fields.get(field) == value]


def prepare(target: Target, source: SourceDocument, fields: Mapping[str, str]) -> Flow[Upload]:
    """Return what to send, after declaring the fields it needs: before a document is removed to make room for it.

    Refuse what xAI would not index, what is too large for the calls of the run, and fields that may not be declared.
    """
    upload = source.upload()
    if not target.way.is_direct:
        _check_size_for_two_calls(target, upload)
    if target.declared is not None:
        yield from target.declared.require(fields)
    return upload


def upload_and_attach(target: Target, upload: Upload, fields: dict[str, str]) -> Flow[Placed]:
    """Add a document with these fields, the managed ones included, unless the collection has this version."""
    if target.way.is_direct:
        try:
            return (yield from _upload_if_routed(target, upload, fields))
        except XAIUnroutableError as error:
            if target.way.method is not UploadMethod.AUTO:
                raise XAIUnroutableError(
                    f"{error}; or upload in two calls, with upload_method='auto' or 'files'", status=error.status
                ) from None
            target.way.change(str(error))
    return (yield from _upload_and_add(target, upload, fields))


def _upload_if_routed(target: Target, upload: Upload, fields: dict[str, str]) -> Flow[Placed]:
    """Upload in one call, or raise :class:`XAIUnroutableError` if a gateway does not route it.

    A 404 may mean that, or that the collection is not there, or is too new to be found: so the collection is read, and
    the call made once more.
    """
    try:
        return (yield from _upload_directly(target, upload, fields))
    except XAINotFoundError:
        yield from call(GET_COLLECTION.request(collection_id=target.collection_id, team_id=target.team_id))
    try:
        return (yield from _upload_directly(target, upload, fields))
    except XAINotFoundError as error:
        raise XAIUnroutableError(
            f"{error}. But the collection is there, so a gateway in between may not know this call: check the host in "
            "the connection",
            status=error.status,
        ) from None


def _upload_and_add(target: Target, upload: Upload, fields: dict[str, str]) -> Flow[Placed]:
    file_id, orphans = yield from _upload(target, upload)
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
            # Another run, or an earlier try of this task, has attached the same version.
            if (document := (yield from _find(target, fields[VERSION_KEY]))) is not None:
                return Placed(document.file_id, added=False, possible_orphans=orphans)
        raise _unless_ours(target, error, fields) from None
    return Placed(file_id, added=True, possible_orphans=orphans, warning=_warning(target, upload))


def _warning(target: Target, upload: Upload) -> str:
    """Say that a document, whose text has to be extracted, went by the calls where that has been seen to fail."""
    if not target.way.reason or not needs_extraction(upload.content_type or ""):
        return ""
    return (
        "it went in two calls, POST /v1/files and attach, by which xAI has been seen to index raw bytes, or nothing, "
        f"of {upload.content_type}: check that a search finds its text"
    )


def _check_size_for_two_calls(target: Target, upload: Upload) -> None:
    """Refuse what only the one call takes. If the run has changed to two, the next run may send it."""
    if upload.size <= MAX_UPLOAD_BYTES:
        return
    message = (
        f"{upload.filename} has {upload.size / MEGABYTE:.1f} MB, above the {MAX_UPLOAD_BYTES // MEGABYTE} MB that "
        "POST /v1/files takes"
    )
    if target.way.reason:
        raise XAISourceError(f"{message}, and this run uploads that way because {target.way.reason}")
    raise XAIUnfitDocumentError(f"{message}. Split it, or leave it out with exclude")


def _upload(target: Target, upload: Upload) -> Flow[tuple[str, int]]:
    """Upload a file, again if the answer was lost; return its id and the number of lost answers."""
    _check_size_for_two_calls(target, upload)
    request = UPLOAD_FILE.request(upload=upload)
    orphans = 0
    while True:
        try:
            return (yield from call(request)).id, orphans
        except XAIOutcomeUnknownError as error:
            orphans += 1
            if orphans == UPLOAD_TRIES:
                raise
            yield _before_upload(orphans, str(error))


def _before_upload(turn: int, why: str) -> Sleep:
    """Return the pause after so many uploads whose answer was lost."""
    return Sleep(2.0 ** (turn - 1), jitter=1.0, then=f"upload {turn + 1} of {UPLOAD_TRIES}", reason=why)


def _upload_directly(target: Target, upload: Upload, fields: dict[str, str]) -> Flow[Placed]:
    request = UPLOAD_DOCUMENT.request(
        collection_id=target.collection_id,
        name=upload.filename,
        content_type=upload.content_type,
        fields=fields,
        upload=upload,
    )
    lost = why = ""
    for turn in range(UPLOAD_TRIES):
        if turn:
            yield _before_upload(turn, why)
        refusal: XAIError | None = None
        taken = False
        try:
            answer = yield from call(request)
            if answer.file_metadata is not None:
                return Placed(answer.file_metadata.file_id, added=True)
            taken = True
        except (XAIConflictError, XAIInvalidRequestError) as error:
            refusal = error
        except XAIOutcomeUnknownError as error:
            why = str(error)
            lost = f"; the last answer: {why}"  # the document is found below if it did arrive
        if (document := (yield from _find(target, fields[VERSION_KEY]))) is not None:
            return Placed(document.file_id, added=refusal is None)
        if taken:
            raise XAIError(
                f"{request}: xAI took the document without saying its id, and does not show it yet. It is not sent "
                "again: a retry will find it"
            )
        if refusal is not None:
            raise _unless_ours(target, refusal, fields) from None
    raise XAIOutcomeUnknownError(
        f"{request}: sent {UPLOAD_TRIES} times, and the collection does not show the document{lost}. Retry later: a "
        "copy that did arrive will be recognised by its version key. If only this call fails, upload_method='files' "
        "goes another way"
    )


def _unless_ours(target: Target, refusal: XAIError, fields: Mapping[str, str]) -> XAIError:
    """Return the refusal, or what it means if it is about our own version key: the version is there, not shown yet."""
    if not isinstance(refusal, XAIConflictError) or target.defines_unique(fields.keys() - MANAGED_KEYS):
        return refusal
    return XAIError(f"{refusal}. The collection has this version but does not show it yet: a retry will find it")


def _find(target: Target, key: str) -> Flow[Document | None]:
    """Find the document of this very version, in more than one lookup: a list may lag behind."""
    for turn in range(LOOKUPS):
        if turn:
            yield Sleep(float(turn))
        if found := (yield from _having(target, VERSION_KEY, key)):
            return found[0]
    return None
