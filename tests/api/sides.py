"""The two sides that a sync compares: documents of a source, and of a collection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from airflow_provider_xai_collections.api.identity import digest_of
from airflow_provider_xai_collections.api.sync_plan import HeldDocument, HeldState, SourceEntry, SyncPlan
from airflow_provider_xai_collections.api.syncing import Holdings, SyncRules, must_be_read, plan_sync

NEW, OLD = "new", "old"
#: When the rules are made: what was uploaded before, and is not done yet, is stuck.
LONG_AGO, STUCK_BEFORE, LATELY = 10.0, 100.0, 200.0


def an_entry(uri: str = "file:///a", **other: Any) -> SourceEntry:
    """A document of the source, which has the content and the fingerprint called new."""
    return SourceEntry(**{"uri": uri, "name": uri[8:], "size": 3, "fingerprint": NEW, "path": uri[7:], **other})


def held(file_id: str = "f", content_hash: str = NEW, state: str = "processed", **other: Any) -> HeldDocument:
    """A document of the collection, whose fingerprint is called like its content."""
    known = {"uri": "file:///a", "fingerprint": content_hash, "metadata": "", "created_at": LATELY, **other}
    return HeldDocument(file_id=file_id, content_hash=content_hash, state=HeldState(state), **known)


def rules(**other: Any) -> SyncRules:
    return SyncRules(stuck_before=STUCK_BEFORE, **other)


def planned(
    entries: Sequence[SourceEntry],
    documents: Sequence[HeldDocument],
    *,
    content: Mapping[str, str] | None = None,
    unread: Mapping[str, str] | None = None,
    **wanted: Any,
) -> SyncPlan:
    """Plan as an operator does: what must be read is read.

    :param content: hashes by URI; all that are not in it have the new one.
    """
    wishes = rules(**wanted)
    holdings = Holdings(documents, wishes)
    reading = {entry.uri for entry in must_be_read(entries, holdings, wishes)} - set(unread or {})
    read = {uri: (content or {}).get(uri, NEW) for uri in reading}
    return plan_sync(entries, holdings, wishes, read=read, unread=unread)


def year(number: str) -> str:
    """The digest of metadata."""
    return digest_of({"year": number})
