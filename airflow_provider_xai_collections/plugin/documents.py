"""The documents of one collection: what a list of them asks for, and how each is shown."""

from __future__ import annotations

from airflow_provider_xai_collections.api.collections import Collection
from airflow_provider_xai_collections.api.documents import Document, DocumentsSortBy, DocumentStatus, ListDocuments
from airflow_provider_xai_collections.api.filters import ListFilter
from airflow_provider_xai_collections.api.identity import MANAGED_KEYS, SCOPE, SOURCE_URI
from airflow_provider_xai_collections.api.wire import Ordering
from airflow_provider_xai_collections.plugin.views import DocumentView, FieldView, FormValues, StateView, Tone

#: Documents of a page.
PER_PAGE = 50

PROCESSED = StateView(Tone.OK, "Processed", "ok")
IN_PROGRESS = StateView(Tone.RUN, "In progress", "run")
FAILED = StateView(Tone.BAD, "Failed", "bad", needs_a_look=True)

ONLY_FAILED = ListFilter.where("status", ":", DocumentStatus.FAILED)
NOT_PROCESSED = ListFilter.where("status", "!=", DocumentStatus.PROCESSED)
_STATES = {
    "processed": ListFilter.where("status", ":", DocumentStatus.PROCESSED),
    "in_progress": NOT_PROCESSED & ListFilter.where("status", "!=", DocumentStatus.FAILED),
    "failed": ONLY_FAILED,
}
_ORDERS = {
    "oldest": (DocumentsSortBy.AGE, Ordering.ASCENDING),
    "largest": (DocumentsSortBy.SIZE, Ordering.DESCENDING),
    "name": (DocumentsSortBy.NAME, Ordering.ASCENDING),
}


def wanted(collection_id: str, choice: FormValues) -> ListDocuments:
    """Return what to ask xAI for: one page, in the order and of the state, name and scope that were chosen."""
    filters = [_STATES[choice.get("state")]] if choice.get("state") in _STATES else []
    if name := choice.get("q"):
        filters.append(ListFilter.where("name", ":", name))
    if scope := choice.get("scope"):
        filters.append(ListFilter.where(f"fields.{SCOPE}", ":", scope))
    sort_by, order = _ORDERS.get(choice.get("sort"), (DocumentsSortBy.AGE, Ordering.DESCENDING))
    return ListDocuments(
        collection_id=collection_id,
        limit=PER_PAGE,
        sort_by=sort_by,
        order=order,
        filter=" AND ".join(filters) or None,
        pagination_token=choice.get("token") or None,
    )


def document_view(document: Document) -> DocumentView:
    """Return a document as people see it."""
    state = _state(document)
    return DocumentView(
        file_id=document.file_id,
        name=document.name,
        source=document.fields.get(SOURCE_URI, ""),
        state=state,
        bytes=document.file_metadata.size_bytes,
        chunks=document.chunk_count,
        fields={key: value for key, value in document.fields.items() if key not in MANAGED_KEYS},
        uploaded=document.file_metadata.created_at,
        indexed=document.last_indexed_at if state is PROCESSED else None,
        reason=_reason(document, state),
        scope=document.fields.get(SCOPE, ""),
    )


def _state(document: Document) -> StateView:
    match document.status:
        case DocumentStatus.PROCESSED:
            return PROCESSED
        case DocumentStatus.FAILED:
            return FAILED
        case _:
            return IN_PROGRESS


def _reason(document: Document, state: StateView) -> str:
    if state is FAILED:
        return document.error_message or "the service gave no reason"
    if state is IN_PROGRESS and document.chunk_count:
        return f"{document.chunks_processed_count or 0:,} of {document.chunk_count:,} chunks"
    return ""


def field_views(collection: Collection) -> tuple[FieldView, ...]:
    """Return the fields that its documents can have, the provider's own last."""
    views = [
        FieldView(
            key=each.key,
            is_required=each.required,
            is_unique=each.unique,
            is_in_chunks=each.inject_into_chunk,
            is_managed=each.key in MANAGED_KEYS,
            description=each.description or "",
        )
        for each in collection.field_definitions
    ]
    return tuple(sorted(views, key=lambda view: view.is_managed))


def settings_of(collection: Collection) -> dict[str, str]:
    """Return the settings of a collection, as people read them."""
    chunking, index = collection.chunk_configuration, collection.index_configuration
    settings = {
        "Created": f"{collection.created_at:%-d %b %Y %H:%M} UTC" if collection.created_at else "",
        "Description": collection.collection_description or "",
        "Model": (index.model_name if index else None) or "",
        "Metric": str(collection.metric_space or ""),
    }
    if chunking is not None:
        for name, value in chunking.strategies.items():
            sizes = value if isinstance(value, dict) else value.model_dump(exclude_none=True)
            settings["Chunks"] = f"{_in_words(name.removesuffix('_configuration'))}: " + ", ".join(
                f"{_in_words(key)} {size}" for key, size in sizes.items()
            )
        settings["Name in each chunk"] = "yes" if chunking.inject_name_into_chunks else "no"
    return {name: value for name, value in settings.items() if value}


def _in_words(name: str) -> str:
    return name.replace("_", " ")
