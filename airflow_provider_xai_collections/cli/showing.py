"""Commands that show collections."""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from airflow_provider_xai_collections.api.collections import Collection
from airflow_provider_xai_collections.api.documents import Document, DocumentsSortBy, DocumentStatus
from airflow_provider_xai_collections.api.doubts import reason_of_failure
from airflow_provider_xai_collections.api.endpoints import LIST_COLLECTIONS, LIST_DOCUMENTS
from airflow_provider_xai_collections.api.flows import Pages, list_all
from airflow_provider_xai_collections.api.identity import MANAGED_KEYS, SCOPE, SOURCE_URI
from airflow_provider_xai_collections.api.protocol import Flow, call
from airflow_provider_xai_collections.api.wire import Ordering
from airflow_provider_xai_collections.cli.main import FINE, NOT_AS_WANTED
from airflow_provider_xai_collections.cli.output import SHOWN, Output, plain, size
from airflow_provider_xai_collections.cli.session import Session, open_session
from airflow_provider_xai_collections.exceptions import XAIError

#: Collections that are asked for their states at once.
AT_ONCE = 8
#: Documents up to which all are listed, to count them by scope; more only if asked to.
COUNTED = 2_000
#: Seconds after which a list that goes on says how far it is.
SILENT = 2.0


@dataclass(slots=True)
class DocumentStates:
    """The documents of a collection by state: those that are not processed are listed, which are few."""

    documents: int
    in_progress: int = 0
    failed: list[Document] = field(default_factory=list)

    def take(self, document: Document) -> None:
        """Count a document that is not processed."""
        match document.status:
            case DocumentStatus.PROCESSED:
                pass  # meanwhile
            case DocumentStatus.FAILED:
                self.failed.append(document)
            case _:
                self.in_progress += 1

    @property
    def counts(self) -> dict[str, int]:
        """The counts, by state."""
        processed = max(0, self.documents - self.in_progress - len(self.failed))
        return {"processed": processed, "in_progress": self.in_progress, "failed": len(self.failed)}


def ls(options: argparse.Namespace, output: Output) -> int:
    """List all collections."""
    with open_session(options.conn_id, options.team_id) as session:
        collections = session.run(list_all(LIST_COLLECTIONS, team_id=session.team_id))
        states = [{}] * len(collections) if options.quick else _all_states(session, collections)
    rows = [
        {
            "name": one.collection_name,
            "documents": one.documents_count,
            "bytes": one.total_file_size,
            **found,
            "created_at": one.created_at,
            "collection_id": one.collection_id,
        }
        for one, found in zip(collections, states, strict=True)
    ]
    if output.is_for_people:
        # A screen has no room for when they were made, nor for ids, unless only those tell two apart.
        hidden = {"created_at"} | ({"collection_id"} if len({row["name"] for row in rows}) == len(rows) else set())
        rows = [{name: value for name, value in row.items() if name not in hidden} for row in rows]
    output.rows(sorted(rows, key=lambda row: str(row["name"])), empty="There is no collection yet.")
    return FINE


def _all_states(session: Session, collections: list[Collection]) -> list[dict[str, int]]:
    found: dict[int, dict[str, int]] = {}
    flows = (_states(session, one) for one in collections)
    for position, outcome in session.run_many(flows, concurrency=AT_ONCE):
        if isinstance(outcome, XAIError):
            raise outcome
        found[position] = outcome.counts
    return [found[position] for position in range(len(collections))]


def _states(session: Session, collection: Collection) -> Flow[DocumentStates]:
    states = DocumentStates(collection.documents_count)
    not_processed = f"status:!{DocumentStatus.PROCESSED}"
    yield from _each(session, collection, states.take, filter=not_processed)
    return states


def _each(session: Session, collection: Collection, take: Callable[[Document], None], **query: Any) -> Flow[None]:
    """Hand on all documents of a list; of each page, memory keeps only the ids."""
    pages: Pages[Document] = Pages(
        LIST_DOCUMENTS, collection_id=collection.collection_id, team_id=session.team_id, **query
    )
    while (request := pages.next_request()) is not None:
        for document in pages.add_page((yield from call(request))):
            take(document)


def status(options: argparse.Namespace, output: Output) -> int:
    """Show one collection; exit code 1 if documents have failed."""
    with open_session(options.conn_id, options.team_id) as session:
        collection = session.existing(options.collection)
        states = session.run(_states(session, collection))
        newest = _newest(session, collection)
        counts_scopes = options.scopes or collection.documents_count <= COUNTED
        scopes = _scopes(session, collection, output) if counts_scopes else None
    chunking = collection.chunk_configuration
    answer: dict[str, Any] = {
        "name": collection.collection_name,
        "collection_id": collection.collection_id,
        "description": collection.collection_description or "",
        "created_at": collection.created_at,
        "documents": collection.documents_count,
        "bytes": collection.total_file_size,
        **states.counts,
        "newest": newest
        and {"name": newest.name, "file_id": newest.file_id, "created_at": newest.file_metadata.created_at},
        "chunking": chunking.model_dump(exclude_none=True) if chunking else None,
        "fields": [each.key for each in collection.field_definitions if each.key not in MANAGED_KEYS],
        "scopes": scopes,
        "problems": list(_problems(states.failed)),
    }
    if output.is_for_people:
        _show_status(output, answer)
    else:
        output.document(answer)
    return NOT_AS_WANTED if states.failed else FINE


def _problems(failed: Iterable[Document]) -> Iterator[dict[str, str]]:
    for each in failed:
        uri = each.fields.get(SOURCE_URI, "")
        yield {"name": each.name, "file_id": each.file_id, "uri": uri, "reason": reason_of_failure(each)}


def _newest(session: Session, collection: Collection) -> Document | None:
    """Return the youngest document: the first of the list by age, from whichever end xAI counts it."""
    ends: list[Document] = []
    for order in (Ordering.ASCENDING, Ordering.DESCENDING):
        request = LIST_DOCUMENTS.request(
            collection_id=collection.collection_id,
            team_id=session.team_id,
            limit=1,
            sort_by=DocumentsSortBy.AGE,
            order=order,
        )
        ends.extend(session.run(call(request)).documents)
    dated = (each for each in ends if each.file_metadata.created_at is not None)
    return max(dated, key=lambda each: str(each.file_metadata.created_at), default=None)


def _scopes(session: Session, collection: Collection, output: Output) -> dict[str, int]:
    """Count all documents by scope, and say how far that is where it takes long."""
    scopes: Counter[str] = Counter()
    seen, told = 0, time.monotonic()

    def take(document: Document) -> None:
        nonlocal seen, told
        seen += 1
        if SCOPE in document.fields:
            scopes[document.fields[SCOPE]] += 1
        if time.monotonic() - told > SILENT:
            told = time.monotonic()
            output.say(f"{seen:,} of {collection.documents_count:,} documents read")

    session.run(_each(session, collection, take))
    return dict(scopes.most_common())


def _show_status(output: Output, answer: dict[str, Any]) -> None:
    problems, scopes, newest = answer.pop("problems"), answer.pop("scopes"), answer["newest"]
    answer |= {
        "bytes": None if answer["bytes"] is None else size(answer["bytes"]),
        "chunking": _chunking(answer["chunking"]),
        "newest": newest and f"{newest['name']} ({plain(newest['created_at'])})",
    }
    if scopes is None:
        answer["scopes"] = "not counted: that takes a request for each hundred documents; --scopes does it"
    output.document({key: value for key, value in answer.items() if value not in (None, "", [])})
    if scopes:
        rows = [{"scope": scope, "documents": count} for scope, count in scopes.items()]
        output.out.print()
        output.rows(rows)
    if problems:
        output.out.print()
        output.rows([{"failed": each["name"], "reason": each["reason"]} for each in problems[:SHOWN]])
        if len(problems) > SHOWN:
            output.say(f"and {len(problems) - SHOWN} more: -o json shows all")


def _chunking(told: dict[str, Any] | None) -> str:
    strategies = {name: value for name, value in (told or {}).items() if isinstance(value, dict)}
    return "; ".join(
        f"{name.removesuffix('_configuration')}: {', '.join(f'{key} {value}' for key, value in sizes.items())}"
        for name, sizes in strategies.items()
    )
