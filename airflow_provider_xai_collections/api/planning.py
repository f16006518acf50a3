"""The identity of a document, and what an ingestion must do for it: decided purely.

Identity lives in the collection, in fields this provider manages, so that a retry, another machine and the service
itself recognise what is already there.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, BinaryIO

from airflow_provider_xai_collections.api.collections import Collection, FieldDefinition
from airflow_provider_xai_collections.api.documents import Document, DocumentStatus
from airflow_provider_xai_collections.api.protocol import Upload
from airflow_provider_xai_collections.exceptions import XAIArgumentError

SCOPE = "airflow_scope"
SOURCE_URI = "airflow_source_uri"
#: BLAKE3, because the service hashes content so as well: what it holds can be compared with what was sent.
CONTENT_HASH = "airflow_content_blake3"
SOURCE_FINGERPRINT = "airflow_source_fingerprint"
VERSION_KEY = "airflow_version_key"

#: Never ``required``: a document that somebody else adds must not be refused for our sake.
MANAGED_FIELDS = (
    FieldDefinition(key=SCOPE, description="What ingested this document."),
    FieldDefinition(key=SOURCE_URI, description="Where this document comes from."),
    FieldDefinition(key=CONTENT_HASH, description="BLAKE3 hash of the content, in hex."),
    FieldDefinition(key=SOURCE_FINGERPRINT, description="Size and ETag or time of change of the source."),
    FieldDefinition(key=VERSION_KEY, unique=True, description="SHA-256 of scope, source URI and content hash."),
)
MANAGED_KEYS = frozenset(definition.key for definition in MANAGED_FIELDS)


@dataclass(frozen=True, slots=True)
class SourceDocument:
    """A document outside the collection, hashed.

    :param uri: where it is; with ``scope`` and ``content_hash`` its identity.
    :param name: the file name xAI will show.
    :param size: bytes.
    :param content_hash: BLAKE3 of the content, in hex.
    :param content_type: MIME type by name, or ``None`` if the name tells nothing.
    :param open: returns a fresh stream of the content.
    :param sent_type: returns the MIME type under which it is sent, by its name and its first bytes.
    :param fields: metadata of this document alone.
    :param fingerprint: what tells without reading that the content is the same; ``None`` if nothing does.
    """

    uri: str
    name: str
    size: int
    content_hash: str
    content_type: str | None
    open: Callable[[], BinaryIO] = field(repr=False, compare=False)
    sent_type: Callable[[], str] = field(repr=False, compare=False)
    fields: Mapping[str, str] = field(default_factory=dict, compare=False)
    fingerprint: str | None = field(default=None, compare=False)

    def upload(self) -> Upload:
        """The file to send, under the type that its name and its first bytes promise.

        :raises XAIUnfitDocumentError: they promise none that xAI would index.
        :raises XAISourceError: the first bytes cannot be read.
        """
        return Upload(self.name, self.open, self.size, self.sent_type())


def version_key(scope: str, source: SourceDocument, metadata: str | None = None) -> str:
    """The value no two documents of a collection share: one per scope, source and content.

    :param metadata: where other metadata makes another version: its :func:`digest_of`, which is empty if there is none.
    """
    parts = (scope, source.uri, source.content_hash, *([] if metadata is None else [metadata]))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def managed_fields(scope: str, source: SourceDocument, metadata: str | None = None) -> dict[str, str]:
    fingerprint = {} if source.fingerprint is None else {SOURCE_FINGERPRINT: source.fingerprint}
    return {
        SCOPE: scope,
        SOURCE_URI: source.uri,
        CONTENT_HASH: source.content_hash,
        **fingerprint,
        VERSION_KEY: version_key(scope, source, metadata),
    }


def digest_of(fields: Mapping[str, str]) -> str:
    """A digest of what users say of a document, without what we do; empty if they say nothing."""
    theirs = {key: value for key, value in fields.items() if key not in MANAGED_KEYS}
    return hashlib.sha256(json.dumps(theirs, sort_keys=True).encode()).hexdigest()[:32] if theirs else ""


def text_fields(fields: Mapping[str, str]) -> dict[str, str]:
    """The user's fields, if they are text that can be sent.

    :raises XAIArgumentError: they are not, naming those that are not, or one has no name.
    """
    if "" in fields:
        raise XAIArgumentError("fields has an empty key. Give the field a name")
    if not all(isinstance(key, str) and isinstance(value, str) for key, value in fields.items()):
        raise XAIArgumentError(f"fields must be strings by string, and these are not: {_not_text(fields)}")
    if unsent := [key for key, value in fields.items() if not _can_be_sent(key + value)]:
        raise XAIArgumentError(f"fields must be text, and these hold bytes that are none: {ascii(unsent)[1:-1]}")
    return dict(fields)


def check_fields(collection: Collection, fields: Mapping[str, str]) -> dict[str, str]:
    """The user's fields, refused before anything is sent where the service would refuse them.

    :raises XAIArgumentError: not text, ours, or one that the collection requires is missing.
    """
    text_fields(fields)
    if taken := sorted(MANAGED_KEYS & fields.keys()):
        raise XAIArgumentError(f"fields names {', '.join(taken)}, which this provider writes itself. Rename it")
    required = {definition.key for definition in collection.field_definitions if definition.required}
    if missing := sorted(required - fields.keys() - MANAGED_KEYS):
        raise XAIArgumentError(
            f"the collection {collection.collection_id} requires the field {', '.join(missing)} of every document. "
            "Pass it in fields={...}"
        )
    return dict(fields)


def _can_be_sent(text: str) -> bool:
    """Names on disk may hold bytes that are no text, which Python keeps as halves of characters."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _not_text(fields: Mapping[Any, Any]) -> str:
    return ", ".join(
        f"{key!r} ({type(value).__name__})"
        for key, value in fields.items()
        if not (isinstance(key, str) and isinstance(value, str))
    )


class Action(StrEnum):
    """What a source document needs.

    ``ADD``: it is not there. ``KEEP``: it is there and processed. ``AWAIT``: it is there and in progress. ``REPAIR``:
    it is there and failed, so it is removed and added anew.
    """

    ADD = "add"
    KEEP = "keep"
    AWAIT = "await"
    REPAIR = "repair"


@dataclass(frozen=True, slots=True)
class PlannedDocument:
    """A source, the document that holds this very version of it (if any), and what to do."""

    source: SourceDocument
    held: Document | None

    @property
    def action(self) -> Action:
        if self.held is None:
            return Action.ADD
        match self.held.status:
            case DocumentStatus.PROCESSED:
                return Action.KEEP
            case DocumentStatus.FAILED:
                return Action.REPAIR
            case _:
                return Action.AWAIT


def keeps_other_fields(planned: PlannedDocument, fields: Mapping[str, str]) -> bool:
    """Whether the document stays as it is although ``fields`` ask for other values."""
    if planned.held is None or planned.action is Action.REPAIR:
        return False
    held = planned.held.fields
    return any(held.get(key) != value for key, value in fields.items())


@dataclass(frozen=True, slots=True)
class IngestPlan:
    """What to do with each source, and how many documents hold other content of the same sources (left alone)."""

    documents: tuple[PlannedDocument, ...]
    older_versions: int

    def __str__(self) -> str:
        counts = Counter(planned.action for planned in self.documents)
        return ", ".join(f"{counts[action]} to {action}" for action in Action if counts[action]) or "nothing to do"


def plan_ingestion(scope: str, sources: Iterable[SourceDocument], existing: Iterable[Document]) -> IngestPlan:
    """Compare the sources with the documents the collection holds."""
    held: dict[str, Document] = {}
    versions: dict[str, set[str]] = {}
    for document in existing:
        if (key := document.fields.get(VERSION_KEY)) and document.fields.get(SCOPE) == scope:
            held[key] = max(held.get(key, document), document, key=_progress)
            versions.setdefault(document.fields.get(SOURCE_URI, ""), set()).add(key)
    planned, older = [], 0
    for source in sources:
        key = version_key(scope, source)
        planned.append(PlannedDocument(source, held.get(key)))
        older += len(versions.get(source.uri, set()) - {key})
    return IngestPlan(tuple(planned), older)


def _progress(document: Document) -> int:
    """Which copy to go on with, should the service ever hold two of one version: the one furthest along."""
    match document.status:
        case DocumentStatus.PROCESSED:
            return 2
        case DocumentStatus.FAILED:
            return 0
        case _:
            return 1
