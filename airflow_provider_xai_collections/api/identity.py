"""The identity of a document: fields that this provider manages.

They are in the collection, so that a retry, another machine and the service itself recognise what is there.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from airflow_provider_xai_collections.api.collections import Collection, FieldDefinition
from airflow_provider_xai_collections.api.protocol import Upload
from airflow_provider_xai_collections.exceptions import XAIArgumentError

SCOPE = "airflow_scope"
SOURCE_URI = "airflow_source_uri"
#: BLAKE3, as the service uses: so what it has can be compared with what was sent.
CONTENT_HASH = "airflow_content_blake3"
SOURCE_FINGERPRINT = "airflow_source_fingerprint"
VERSION_KEY = "airflow_version_key"

#: Never ``required``: that would refuse documents which others add.
MANAGED_FIELDS = (
    FieldDefinition(key=SCOPE, description="The sync or ingestion that this document belongs to."),
    FieldDefinition(key=SOURCE_URI, description="Where this document comes from."),
    FieldDefinition(key=CONTENT_HASH, description="BLAKE3 hash of the content, in hex."),
    FieldDefinition(key=SOURCE_FINGERPRINT, description="Size and ETag or time of change of the source."),
    FieldDefinition(key=VERSION_KEY, unique=True, description="SHA-256 of scope, source URI, content and metadata."),
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
        """Return the file to send, under the type that its name and its first bytes promise.

        :raises XAIUnfitDocumentError: they promise none that xAI would index.
        :raises XAISourceError: the first bytes cannot be read.
        """
        return Upload(self.name, self.open, self.size, self.sent_type())


def version_key(scope: str, source: SourceDocument, metadata: str) -> str:
    """Return the unique value of a document, by scope, source, content and the digest of the user's fields."""
    parts = (scope, source.uri, source.content_hash, metadata)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def managed_fields(scope: str, source: SourceDocument, metadata: str) -> dict[str, str]:
    """Return the fields that make a document recognisable; ``metadata`` as of :func:`version_key`."""
    fingerprint = {} if source.fingerprint is None else {SOURCE_FINGERPRINT: source.fingerprint}
    return {
        SCOPE: scope,
        SOURCE_URI: source.uri,
        CONTENT_HASH: source.content_hash,
        **fingerprint,
        VERSION_KEY: version_key(scope, source, metadata),
    }


def fields_digest(fields: Mapping[str, str]) -> str:
    """Return a digest of the user's fields, without the managed ones; empty if there are none."""
    theirs = {key: value for key, value in fields.items() if key not in MANAGED_KEYS}
    return hashlib.sha256(json.dumps(theirs, sort_keys=True).encode()).hexdigest()[:32] if theirs else ""


def text_fields(fields: Mapping[str, str]) -> dict[str, str]:
    """Return the user's fields, if all have names and are text that can be sent; otherwise refuse them by name."""
    if "" in fields:
        raise XAIArgumentError("fields has an empty key. Give the field a name")
    if not all(isinstance(key, str) and isinstance(value, str) for key, value in fields.items()):
        raise XAIArgumentError(f"fields must be strings by string, and these are not: {_not_text(fields)}")
    if unsent := [key for key, value in fields.items() if not _can_be_sent(key + value)]:
        raise XAIArgumentError(f"fields must be text, and these have bytes that are none: {ascii(unsent)[1:-1]}")
    return dict(fields)


def check_fields(collection: Collection, fields: Mapping[str, str]) -> dict[str, str]:
    """Return the user's fields, unless one is no text, or ours, or one that the collection requires is missing."""
    text_fields(fields)
    if taken := sorted(MANAGED_KEYS & fields.keys()):
        raise XAIArgumentError(f"fields names {', '.join(taken)}, which this provider writes itself. Rename it")
    required = {definition.key for definition in collection.field_definitions if definition.required}
    if missing := sorted(required - fields.keys() - MANAGED_KEYS):
        raise XAIArgumentError(
            f"{collection.label} requires the field {', '.join(missing)} of every document. Pass it in fields={{...}}"
        )
    return dict(fields)


def _can_be_sent(text: str) -> bool:
    """Tell whether it is text: names on disk may have other bytes, which Python keeps as halves of characters."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _not_text(fields: Mapping[Any, Any]) -> str:
    return ", ".join(
        f"{key!r} ({type(value).__name__})"
        for key, value in fields.items()
        if not (isinstance(key, str) and isinstance(value, str))
    )
