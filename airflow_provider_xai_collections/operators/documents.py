"""Operators on documents of a collection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import Context

from airflow_provider_xai_collections.arguments import (
    ids_of,
    mapping_of,
    one_of,
    optional_text,
    strings_by_key,
    text_of,
    whole_number,
)
from airflow_provider_xai_collections.exceptions import XAIArgumentError
from airflow_provider_xai_collections.last_words import INDEXES_ANEW
from airflow_provider_xai_collections.later import later
from airflow_provider_xai_collections.operators.base import XAICollectionsBaseOperator
from airflow_provider_xai_collections.operators.waiting import XAIDocumentsBaseOperator

if TYPE_CHECKING:
    from airflow_provider_xai_collections.api import endpoints, planning, protocol
    from airflow_provider_xai_collections.api import flows as api_flows
    from airflow_provider_xai_collections.api import removing as api_removing
    from airflow_provider_xai_collections.manifests import results
    from airflow_provider_xai_collections.operators import removing
else:
    endpoints = later("api.endpoints")
    planning = later("api.planning")
    api_flows = later("api.flows")
    protocol = later("api.protocol")
    api_removing = later("api.removing")
    results = later("manifests.results")
    removing = later("operators.removing")


class XAIAddDocumentsOperator(XAIDocumentsBaseOperator):
    """Attach files that xAI holds already, and wait until they are processed.

    Safe to retry: a file that is attached already is recognised. Returns a manifest with counts. Takes the arguments of
    :class:`~airflow_provider_xai_collections.operators.waiting.XAIDocumentsBaseOperator` as well.

    Source: REST reference, ``POST /v1/collections/{collection_id}/documents/{file_id}``.

    :param file_ids: the files. (templated)
    :param fields: metadata for all of them, strings to strings. (templated)
    :param document_fields: metadata by file id, on top of ``fields``. (templated)
    :param declare_fields: declare those of these fields that the collection does not define yet, as optional and not
        unique: xAI refuses documents with others. ``False`` refuses them here, by name.
    """

    template_fields: Sequence[str] = (
        "collection_id",
        "file_ids",
        "fields",
        "document_fields",
        "team_id",
        "conn_id",
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {
        "file_ids": "json",
        "fields": "json",
        "document_fields": "json",
    }

    def __init__(
        self,
        *,
        file_ids: Sequence[str] | Set[str],
        fields: Mapping[str, str] | None = None,
        document_fields: Mapping[str, Mapping[str, str]] | None = None,
        declare_fields: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.file_ids = file_ids
        self.fields = fields
        self.document_fields = document_fields
        self.declare_fields = declare_fields

    def read_arguments(self) -> None:
        super().read_arguments()
        self.file_ids = ids_of("file_ids", self.file_ids)

    def bring(self, context: Context) -> tuple[results.DocumentsManifest, list[str]]:
        file_ids = list(self.file_ids)
        if not file_ids:
            raise XAIArgumentError("file_ids is empty: there is nothing to attach")
        shared = strings_by_key("fields", self.fields)
        named = mapping_of("document_fields", self.document_fields)
        own = {
            text_of("a file id in document_fields", file_id): strings_by_key(f"document_fields[{file_id!r}]", fields)
            for file_id, fields in named.items()
        }
        if strangers := sorted(own.keys() - set(file_ids)):
            raise XAIArgumentError(f"document_fields names {', '.join(strangers)}, which file_ids does not")
        if keys := [key for fields in (shared, *own.values()) for key in planning.text_fields(fields)]:
            collection = self.hook.get_collection(collection_id=self.collection_id, team_id=self.team)
            declared = self.hook.declarations(collection, team_id=self.team, may_declare=self.declare_fields)
            self.hook.run(declared.require(keys))
        flows = (
            api_flows.add_document(
                self.collection_id,
                file_id,
                fields={**shared, **own.get(file_id, {})} or None,
                team_id=self.team,
            )
            for file_id in file_ids
        )
        added = self.run_each(file_ids, flows, what="attached")
        manifest = results.DocumentsManifest(
            version=1,
            collection_id=self.collection_id,
            total=len(file_ids),
            added=sum(added),
            already_there=len(added) - sum(added),
        )
        return manifest, file_ids


class XAIRemoveDocumentsOperator(XAICollectionsBaseOperator):
    """Take documents out of a collection, by ids, filter or scope, and their files if asked to. Returns counts.

    Safe to retry: a document that is not there is counted, and no error. Source: REST reference,
    ``DELETE /v1/collections/{collection_id}/documents/{file_id}``, ``DELETE /v1/files/{file_id}``.

    :param collection_id: the collection. (templated)
    :param file_ids: the documents. (templated)
    :param filter: instead of ``file_ids``: those that match, e.g. ``'fields.year:"1851"'``; beware that ``name``
        matches parts of names. See :class:`~airflow_provider_xai_collections.api.filters.ListFilter`. (templated)
    :param scope: instead of both: all that the syncs and ingestions of this scope brought in; compared exactly.
        (templated)
    :param delete_files: delete their files as well, which takes them from other collections if the service allows it;
        otherwise they stay in *Files*, and are billed.
    :param concurrency: how many documents are worked on at once, at least 1.
    """

    template_fields: Sequence[str] = ("collection_id", "file_ids", "filter", "scope", "team_id", "conn_id")
    template_fields_renderers: ClassVar[dict[str, str]] = {"file_ids": "json"}

    def __init__(
        self,
        *,
        collection_id: str,
        file_ids: Sequence[str] | Set[str] | None = None,
        filter: str | None = None,
        scope: str | None = None,
        delete_files: bool = False,
        concurrency: int = 8,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.collection_id = collection_id
        self.file_ids = file_ids
        self.filter = filter
        self.scope = scope
        self.delete_files = delete_files
        self.concurrency = concurrency

    def read_arguments(self) -> None:
        super().read_arguments()
        self.collection_id = text_of("collection_id", self.collection_id)
        self.filter = optional_text("filter", self.filter)
        if self.file_ids is not None:
            self.file_ids = ids_of("file_ids", self.file_ids)

    def execute(self, context: Context) -> dict[str, Any]:
        with self.at_work():
            whole_number("concurrency", self.concurrency, at_least=1)
            removal = api_removing.Removal(self.collection_id, self.team, delete_files=self.delete_files)
            file_ids = self._chosen(removal)
            manifest = removing.remove_each(self.hook, removal, file_ids, concurrency=self.concurrency, log=self.log)
            if manifest.missing:
                self.hook.run(removal.collection_exists())
            return self.tell(context, manifest)

    def _chosen(self, removal: api_removing.Removal) -> list[str]:
        if [self.file_ids, self.filter, self.scope].count(None) != 2:
            raise XAIArgumentError("pass file_ids, filter or scope: exactly one of them says what is removed")
        if self.file_ids is not None:
            removal.detach_first = True  # a retry has the same ids, so nothing is lost sight of
            return list(self.file_ids)
        if self.scope is not None:
            return self.hook.run(removal.listed_in_scope(text_of("scope", self.scope)))
        if not (self.filter or "").strip():
            raise XAIArgumentError("filter is empty: it would remove every document")
        return self.hook.run(removal.listed(filter=self.filter))


class Which(StrEnum):
    """Which documents are reindexed: those of ``file_ids``, all of the collection, or those that failed."""

    GIVEN = "given"
    ALL = "all"
    FAILED = "failed"


class XAIReindexDocumentsOperator(XAIDocumentsBaseOperator):
    """Index documents anew, after a change of chunking for instance, and wait until they are processed.

    Each is reindexed once. On Airflow 3.3, a task that was cut off while it waited goes on waiting at its retry; any
    other retry reindexes them again, which changes nothing but takes its time. Returns a manifest with counts. Takes
    the arguments of
    :class:`~airflow_provider_xai_collections.operators.waiting.XAIDocumentsBaseOperator` as well.

    Source: REST reference, ``PATCH /v1/collections/{collection_id}/documents/{file_id}``.

    :param which: ``"given"``: those of ``file_ids``; ``"all"`` of the collection; or ``"failed"``, those whose indexing
        failed. (templated)
    :param file_ids: the documents, with ``which="given"``. (templated)
    """

    does_again = INDEXES_ANEW
    template_fields: Sequence[str] = ("collection_id", "which", "file_ids", "team_id", "conn_id")
    template_fields_renderers: ClassVar[dict[str, str]] = {"file_ids": "json"}

    def __init__(
        self, *, which: str = Which.GIVEN, file_ids: Sequence[str] | Set[str] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.which = which
        self.file_ids = file_ids

    def read_arguments(self) -> None:
        super().read_arguments()
        if self.file_ids is not None:
            self.file_ids = ids_of("file_ids", self.file_ids)

    def bring(self, context: Context) -> tuple[results.DocumentsManifest, list[str]]:
        file_ids = self._chosen()
        requests = (
            endpoints.REINDEX_DOCUMENT.request(collection_id=self.collection_id, file_id=file_id, team_id=self.team)
            for file_id in file_ids
        )
        self.run_each(file_ids, (protocol.call(request) for request in requests), what="sent to be indexed anew")
        manifest = results.DocumentsManifest(
            version=1,
            collection_id=self.collection_id,
            total=len(file_ids),
            added=0,
            already_there=len(file_ids),
            reindexed=len(file_ids),
        )
        if not file_ids:
            self.log.info("%s: no document to reindex", self.collection_id)
        return manifest, file_ids

    def _chosen(self) -> list[str]:
        which = one_of("which", self.which, Which)
        if which is not Which.GIVEN:
            if self.file_ids is not None:
                raise XAIArgumentError(f"which={str(which)!r} goes without file_ids; with them, which is 'given'")
            return self.hook.run(
                api_flows.documents_to_reindex(self.collection_id, failed=which is Which.FAILED, team_id=self.team)
            )
        if file_ids := ids_of("file_ids", self.file_ids):
            return file_ids
        raise XAIArgumentError("file_ids is empty: there is nothing to reindex")
