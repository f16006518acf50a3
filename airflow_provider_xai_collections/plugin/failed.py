"""Failed documents over all collections, grouped by the reason that xAI gave."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta

from airflow_provider_xai_collections.api.documents import Document
from airflow_provider_xai_collections.plugin.advice import advice_for
from airflow_provider_xai_collections.plugin.choices import number_of
from airflow_provider_xai_collections.plugin.documents import document_view
from airflow_provider_xai_collections.plugin.views import (
    CollectionView,
    DocumentView,
    FailedDocumentView,
    FailedGroup,
    FormValues,
    Run,
)

#: Days that can be looked back.
MAX_DAYS = 36_500


def failed_groups(
    documents: Mapping[str, Iterable[Document]], views: Mapping[str, CollectionView], choice: FormValues, now: datetime
) -> tuple[FailedGroup, ...]:
    """Group failed documents by their reason, the largest group first, the newest document first.

    :param documents: by id of the collection; ``views`` likewise.
    """
    groups: dict[str, list[FailedDocumentView]] = {}
    for collection_id, several in documents.items():
        collection = views[collection_id]
        naming = _runs_by_name(collection.runs)
        for document in several:
            failed = _failed(document_view(document), collection, naming)
            if _is_chosen(failed, choice, now):
                groups.setdefault(failed.document.reason, []).append(failed)
    made = [FailedGroup(reason, advice_for(reason), _newest_first(failed)) for reason, failed in groups.items()]
    return tuple(sorted(made, key=lambda group: -len(group.documents)))


def _newest_first(failed: Iterable[FailedDocumentView]) -> tuple[FailedDocumentView, ...]:
    return tuple(sorted(failed, key=lambda each: each.since.timestamp() if each.since else 0.0, reverse=True))


def _runs_by_name(runs: Iterable[Run]) -> Mapping[str, list[Run]]:
    """Return the runs that named a document among their problems, by that name, newest first."""
    naming: dict[str, list[Run]] = {}
    for run in runs:
        for name in {problem.name for problem in run.problems}:
            naming.setdefault(name, []).append(run)
    return naming


def _failed(document: DocumentView, collection: CollectionView, naming: Mapping[str, list[Run]]) -> FailedDocumentView:
    named = next((naming[name] for name in _names(document) if name in naming), [])
    return FailedDocumentView(
        document=document,
        collection=collection,
        since=document.uploaded,
        run=named[-1] if named else None,
        runs=len(named),
        is_new=len(named) <= 1 and _is_new(document, collection),  # each run may upload it again
    )


def _names(document: DocumentView) -> Iterator[str]:
    """Yield what a run may call a document: its name, or the end of its source, the longest first."""
    yield document.name
    _, *parts = document.source.split("/")
    for number in range(len(parts)):
        yield "/".join(parts[number:])


def _is_new(document: DocumentView, collection: CollectionView) -> bool:
    last = next((run for run in collection.runs if run.counts is not None), None)
    return bool(last and last.started and document.uploaded and document.uploaded >= last.started)


def _is_chosen(failed: FailedDocumentView, choice: FormValues, now: datetime) -> bool:
    text, days = choice.get("q").casefold(), number_of(choice, "since", 0, at_least=0, at_most=MAX_DAYS)
    if text and text not in failed.document.name.casefold() and text not in failed.document.source.casefold():
        return False
    if days:
        return failed.since is not None and now - failed.since <= timedelta(days=days)
    return True
