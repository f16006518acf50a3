"""List both sides in full, read what may have changed, and make the plan."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

from airflow_provider_xai_collections.api.collections import Collection, FieldDefinition
from airflow_provider_xai_collections.api.declaring import Declarations
from airflow_provider_xai_collections.api.documents import Document
from airflow_provider_xai_collections.api.endpoints import LIST_DOCUMENTS
from airflow_provider_xai_collections.api.ensuring import ensure_collection
from airflow_provider_xai_collections.api.filters import quoted
from airflow_provider_xai_collections.api.flows import MAX_PAGE, Pages
from airflow_provider_xai_collections.api.identity import MANAGED_KEYS, SCOPE, fields_digest
from airflow_provider_xai_collections.api.protocol import Flow, Now, call
from airflow_provider_xai_collections.api.upload_method import UploadMethod, UploadWay
from airflow_provider_xai_collections.api.uploading import Target, documents_of_source, knows_scopes
from airflow_provider_xai_collections.exceptions import (
    XAIArgumentError,
    XAIError,
    XAISourceError,
    XAIUnfitDocumentError,
)
from airflow_provider_xai_collections.hooks.progress import ProgressMeter
from airflow_provider_xai_collections.manifests.progress import Stage
from airflow_provider_xai_collections.sources.fields import DocumentFields
from airflow_provider_xai_collections.sources.items import Source, SourceItem
from airflow_provider_xai_collections.sync.documents import ExistingDocument
from airflow_provider_xai_collections.sync.options import SyncOptions
from airflow_provider_xai_collections.sync.plan import Comparison, Existing, Plan, to_read
from airflow_provider_xai_collections.text import counted, printable

T = TypeVar("T")


class Runner(Protocol):
    """Runs flows, as the hook does."""

    def run(self, flow: Flow[T]) -> T:
        """Run one flow to its end."""
        ...

    def run_many(self, flows: Iterable[Flow[T] | None], *, concurrency: int) -> Iterator[tuple[int, T | XAIError]]:
        """Run flows side by side, and yield the position and the value or error of each as it ends."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """The collection that documents go to, which may not exist yet.

    :param name: of the collection, or its id, for messages.
    :param collection: ``None``: it does not exist, and is to be created under its name.
    :param method: the calls by which documents are uploaded.
    :param declare_fields: declare the fields that documents have, and that the collection does not define.
    :param log: for what people read.
    """

    name: str
    collection: Collection | None
    method: UploadMethod = UploadMethod.AUTO
    declare_fields: bool = True
    team_id: str | None = None
    log: Any

    @property
    def may_hold_documents(self) -> bool:
        """Tell whether documents of a scope may be there."""
        return self.collection is not None and knows_scopes(self.collection)

    def create(self, definitions: Sequence[FieldDefinition]) -> Flow[Collection]:
        """Create the collection with these fields, unless somebody else has done so meanwhile.

        :raises XAIArgumentError: it would need fields that may not be declared.
        """
        theirs = [each.key for each in definitions if each.key not in MANAGED_KEYS]
        if theirs and not self.declare_fields:
            raise XAIArgumentError(
                f"{self.name} does not exist, and would not define {', '.join(theirs)}, which its documents are to "
                "have. Leave out declare_fields=False, or create it first with "
                f"XAICreateCollectionOperator(field_definitions={[{'key': key} for key in theirs]})"
            )
        flow = ensure_collection(self.name, team_id=self.team_id, field_definitions=list(definitions))
        return (yield from flow).collection

    def target(self, collection: Collection, scope: str) -> Target:
        """Return the collection as the target of documents."""
        way = UploadWay(self.method, on_change=self.log.warning)
        declared = Declarations.of(collection, self.team_id, may_declare=self.declare_fields, on_declared=self.log.info)
        return Target(collection.collection_id, scope, way, declared, collection.chunk_configuration, self.team_id)


@dataclass(frozen=True, slots=True)
class Listing:
    """Lists the collection and the source, and compares them.

    :param target: ``None``: the collection does not exist.
    :param progress: is told how far it is.
    """

    runner: Runner
    source: Source
    destination: Destination
    target: Target | None
    fields: DocumentFields
    options: SyncOptions
    progress: ProgressMeter

    def plan(self) -> Plan:
        """Compare the collection with the source.

        The collection is listed first: what another run attaches in between must not look as if the source had lost it.

        :raises XAISourceError: the source cannot be listed in full.
        :raises XAIIncompleteListError: the documents of the scope cannot.
        """
        existing = self._scope() if self.options.replace else None
        items = self.source.list()
        known = Existing(self._documents_of(items) if existing is None else existing, self.source.owns)
        read = self._read(to_read(items, known, self.options))
        unfit = {uri: str(one) for uri, one in read.items() if isinstance(one, XAIUnfitDocumentError)}
        comparison = Comparison(
            self.options,
            {uri: one for uri, one in read.items() if uri not in unfit},
            digest=self._digest if self.options.update_fields else None,
            usual_digest=self._usual_digest,
            is_direct=self.target is None or self.target.way.is_direct,
        )
        return comparison.plan((replace(item, unfit=unfit.get(item.uri, item.unfit)) for item in items), known)

    def _scope(self) -> list[ExistingDocument]:
        if self.target is None or not self.destination.may_hold_documents:
            return []
        return self.runner.run(list_scope(self.target))

    def _documents_of(self, items: Sequence[SourceItem]) -> list[ExistingDocument]:
        """Return what the collection holds of these items: all of the scope, unless one by one asks for less."""
        collection, target = self.destination.collection, self.target
        if collection is None or target is None or not self.destination.may_hold_documents:
            return []
        if collection.documents_count / MAX_PAGE <= len(items):
            return self._scope()
        flows = (documents_of_source(target, item.uri) for item in items)
        found = [document for documents in run_each(self.runner, flows, self.options) for document in documents]
        return list(_in_scope(found, target))

    def _read(self, items: Sequence[SourceItem]) -> dict[str, str | XAIError]:
        """Return the content hashes of documents that may have changed, or why they cannot be read, by URI."""
        if items:
            name, documents = printable(self.destination.name), counted(len(items), "document")
            self.destination.log.info("%s: reading %s that may have changed", name, documents)
            self.progress.enter(Stage.READING, len(items))
        read: dict[str, str | XAIError] = {}
        for uri, outcome in run_each(self.runner, (self._hashed(item) for item in items), self.options):
            read[uri] = outcome
            self.progress.step()
        return read

    def _hashed(self, item: SourceItem) -> Flow[tuple[str, str | XAIError]]:
        yield Now()
        try:
            return item.uri, self.source.open(item, "").content_hash
        except XAISourceError as error:
            return item.uri, error

    def _digest(self, item: SourceItem, content_hash: str) -> str:
        if self.fields.shared is not None and self.fields.is_all:
            return fields_digest(self.fields.shared)
        return fields_digest(self.fields.of(self.source.open(item, content_hash)))

    @property
    def _usual_digest(self) -> str | None:
        shared = self.fields.shared if self.fields.is_all and not self.options.update_fields else None
        return None if shared is None else fields_digest(shared)


def list_scope(target: Target) -> Flow[list[ExistingDocument]]:
    """List what the scope holds. Of each page only what is needed is kept: there may be very many documents."""
    where = f"fields.{SCOPE}:{quoted(target.scope)}"
    pages: Pages[Document] = Pages(
        LIST_DOCUMENTS, collection_id=target.collection_id, filter=where, team_id=target.team_id
    )
    found: list[ExistingDocument] = []
    while (request := pages.next_request()) is not None:
        found.extend(_in_scope(pages.add_page((yield from call(request))), target))
    return found


def _in_scope(documents: Iterable[Document], target: Target) -> Iterator[ExistingDocument]:
    """Read the documents of the scope: the service's filter may match more."""
    ours = (document for document in documents if document.fields.get(SCOPE) == target.scope)
    return (ExistingDocument.of(document, target.chunking) for document in ours)


def run_each(runner: Runner, flows: Iterable[Flow[T] | None], options: SyncOptions) -> Iterator[T]:
    """Run flows side by side, and yield their values as they end.

    :raises XAIError: one failed; those that run end before their next request.
    """
    for _, outcome in runner.run_many(flows, concurrency=options.concurrency):
        if isinstance(outcome, XAIError):
            raise outcome
        yield outcome
