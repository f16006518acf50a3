"""The two sides of a plan, as tests write them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from airflow_provider_xai_collections.api.doubts import Doubt
from airflow_provider_xai_collections.exceptions import XAIError
from airflow_provider_xai_collections.sources.items import SourceItem
from airflow_provider_xai_collections.sync.documents import ExistingDocument, Row, State
from airflow_provider_xai_collections.sync.options import SyncOptions
from airflow_provider_xai_collections.sync.plan import Comparison, Existing, Plan

URI = "file:///docs/a.md"
NEW, OLD = "new content", "old content"
ALTERED = Doubt("f", "a.md", "xAI has other content than was sent", altered=True)


def an_item(uri: str = URI, **changes: Any) -> SourceItem:
    usual = {"name": uri.rpartition("/")[2], "size": 3, "fingerprint": "3-mtime:1"}
    return SourceItem(uri, **{**usual, **changes})


def a_document(file_id: str = "f", content: str = NEW, state: str = "processed", **changes: Any) -> ExistingDocument:
    usual: dict[str, Any] = {"uri": URI, "fingerprint": "3-mtime:1", "fields_digest": "", "size": 3, "created_at": 1.0}
    return ExistingDocument(**{**usual, "file_id": file_id, "content_hash": content, "state": State(state), **changes})


def existing(*documents: ExistingDocument) -> Existing:
    return Existing(documents, lambda uri: uri.startswith("file:///docs/"))


def planned(
    items: Iterable[SourceItem],
    documents: Iterable[ExistingDocument] = (),
    read: Mapping[str, str | XAIError] | None = None,
    *,
    digest: Any = None,
    usual_digest: str | None = None,
    is_direct: bool = True,
    **options: Any,
) -> Plan:
    comparison = Comparison(SyncOptions(scope="s", **options), read or {}, digest, usual_digest, is_direct)
    return comparison.plan(items, existing(*documents))


def the_row(*documents: ExistingDocument, item: SourceItem | None = None, **wanted: Any) -> Row:
    [row] = planned([item or an_item()], documents, **wanted).rows
    return row
