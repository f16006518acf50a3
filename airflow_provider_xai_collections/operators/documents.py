"""Operators on documents of a collection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import Context, conf

from airflow_provider_xai_collections.arguments import (
    DEFAULT_CONN_ID,
    ids_of,
    mapping_of,
    one_of,
    optional_text,
    strings_by_key,
    text_of,
    whole_number,
)
from airflow_provider_xai_collections.durations import Duration
from airflow_provider_xai_collections.exceptions import XAIArgumentError
from airflow_provider_xai_collections.on_kill import INDEXES_AGAIN
from airflow_provider_xai_collections.operators.base import XAICollectionOperator
from airflow_provider_xai_collections.operators.waiting import XAIWaitingOperator
from airflow_provider_xai_collections.text import printable

if TYPE_CHECKING:
    from airflow_provider_xai_collections.api.removing import Removal
    from airflow_provider_xai_collections.manifests.results import DocumentsManifest


class XAIAddDocumentsOperator(XAIWaitingOperator):
    """Attach files that xAI holds already, and wait until they are processed.

    Safe to retry: a file that is attached already is recognised. Returns a manifest with counts.

    Source: REST reference, ``POST /v1/collections/{collection_id}/documents/{file_id}``.

    :param file_ids: the files. (templated)
    :param collection_id: the collection, by its id. (templated)
    :param collection_name: or by its name, compared exactly. (templated)
    :param fields: metadata for all of them, strings to strings. (templated)
    :param document_fields: metadata by file id, on top of ``fields``. (templated)
    :param declare_fields: declare those of these fields that the collection does not define yet, as optional and not
        unique: xAI refuses documents with others. ``False`` refuses them here, by name.
    :param concurrency: how many documents are worked on at once, at least 1.
    :param wait_for_completion: wait until the documents are processed; ``False`` leaves that to a sensor.
    :param timeout: how long to wait, as a ``timedelta`` or in seconds. Each try has it again.
    :param poll_interval: the longest pause between two polls, as a ``timedelta`` or in seconds.
    :param max_failed: how many documents may fail before the task does: a count (1), or a share of the documents (0.05;
        1.0 is all); ``None`` for any number.
    :param deferrable: wait in the triggerer instead of a worker slot.
    :param team_id: the team to act for; by default the connection's, else the key's own. (templated)
    :param conn_id: the connection. (templated)
    """

    custom_operator_name = "xAI add documents"
    template_fields: Sequence[str] = (
        *("collection_id", "collection_name", "file_ids", "fields", "document_fields", "team_id", "conn_id"),
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
        collection_id: str | None = None,
        collection_name: str | None = None,
        fields: Mapping[str, str] | None = None,
        document_fields: Mapping[str, Mapping[str, str]] | None = None,
        declare_fields: bool = True,
        concurrency: int = 8,
        wait_for_completion: bool = True,
        timeout: Duration = timedelta(hours=1),
        poll_interval: Duration = 15.0,
        max_failed: float | None = 0,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        team_id: str | None = None,
        conn_id: str = DEFAULT_CONN_ID,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            collection_id=collection_id, collection_name=collection_name, team_id=team_id, conn_id=conn_id, **kwargs
        )
        self.file_ids = file_ids
        self.fields = fields
        self.document_fields = document_fields
        self.declare_fields = declare_fields
        self.concurrency = concurrency
        self.wait_for_completion = wait_for_completion
        self.timeout = timeout
        self.poll_interval = poll_interval
        self.max_failed = max_failed
        self.deferrable = deferrable

    def read_arguments(self) -> None:
        """Make a list of the ids, beside the other arguments."""
        super().read_arguments()
        self.file_ids = ids_of("file_ids", self.file_ids)
        if not self.file_ids:
            raise XAIArgumentError("file_ids is empty: there is nothing to attach")

    def work(self, collection_id: str) -> DocumentsManifest:
        """Attach the files."""
        from airflow_provider_xai_collections.api.flows import add_document
        from airflow_provider_xai_collections.manifests.base import all_or_none
        from airflow_provider_xai_collections.manifests.progress import Stage
        from airflow_provider_xai_collections.manifests.results import DocumentsManifest

        file_ids = list(self.file_ids)
        shared, own = strings_by_key("fields", self.fields), self._own_fields(file_ids)
        self._declare(collection_id, [shared, *own.values()])
        flows = (
            add_document(collection_id, file_id, fields={**shared, **own.get(file_id, {})} or None, team_id=self.team)
            for file_id in file_ids
        )
        added = sum(self.run_each(file_ids, flows, what="attached", stage=Stage.ATTACHING))
        return DocumentsManifest(
            collection_id=collection_id,
            total=len(file_ids),
            added=added,
            already_there=len(file_ids) - added,
            file_ids=all_or_none(file_ids),
        )

    def ids_to_wait_for(self, collection_id: str) -> Sequence[str]:
        """Return the ids of the files."""
        return list(self.file_ids)

    def _own_fields(self, file_ids: Sequence[str]) -> dict[str, dict[str, str]]:
        own = {
            text_of("a file id in document_fields", file_id): strings_by_key(f"document_fields[{file_id!r}]", fields)
            for file_id, fields in mapping_of("document_fields", self.document_fields).items()
        }
        if unknown := sorted(own.keys() - set(file_ids)):
            raise XAIArgumentError(f"document_fields names {', '.join(unknown)}, which file_ids does not")
        return own

    def _declare(self, collection_id: str, several: Sequence[Mapping[str, str]]) -> None:
        from airflow_provider_xai_collections.api.declaring import Declarations
        from airflow_provider_xai_collections.api.identity import text_fields

        if keys := [key for fields in several for key in text_fields(fields)]:
            collection = self.hook.get_collection(collection_id=collection_id, team_id=self.team)
            declared = Declarations.of(
                collection, self.team, may_declare=self.declare_fields, on_declared=self.log.info
            )
            self.hook.run(declared.require(keys))


class XAIRemoveDocumentsOperator(XAICollectionOperator):
    """Take documents out of a collection, by ids, filter or scope, and their files if asked to. Returns counts.

    Safe to retry: a document that is not there is counted, and no error. Source: REST reference,
    ``DELETE /v1/collections/{collection_id}/documents/{file_id}``, ``DELETE /v1/files/{file_id}``.

    :param collection_id: the collection, by its id. (templated)
    :param collection_name: or by its name, compared exactly. (templated)
    :param file_ids: the documents. (templated)
    :param filter: instead of ``file_ids``: those that match, e.g. ``'fields.year:"1851"'``; beware that ``name``
        matches parts of names. See :class:`~airflow_provider_xai_collections.api.filters.ListFilter`. (templated)
    :param scope: instead of both: all documents of the syncs and ingestions of this scope; compared exactly.
        (templated)
    :param delete_files: delete their files as well, which takes them from other collections if the service allows it;
        otherwise they stay in *Files*, and are billed.
    :param concurrency: how many documents are worked on at once, at least 1.
    :param team_id: the team to act for; by default the connection's, else the key's own. (templated)
    :param conn_id: the connection. (templated)
    """

    custom_operator_name = "xAI remove documents"
    template_fields: Sequence[str] = (
        *("collection_id", "collection_name", "file_ids", "filter", "scope", "team_id", "conn_id"),
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {"file_ids": "json"}

    def __init__(
        self,
        *,
        collection_id: str | None = None,
        collection_name: str | None = None,
        file_ids: Sequence[str] | Set[str] | None = None,
        filter: str | None = None,
        scope: str | None = None,
        delete_files: bool = False,
        concurrency: int = 8,
        team_id: str | None = None,
        conn_id: str = DEFAULT_CONN_ID,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            collection_id=collection_id, collection_name=collection_name, team_id=team_id, conn_id=conn_id, **kwargs
        )
        self.file_ids = file_ids
        self.filter = filter
        self.scope = scope
        self.delete_files = delete_files
        self.concurrency = concurrency

    def read_arguments(self) -> None:
        """Read what says which documents, beside the other arguments."""
        super().read_arguments()
        whole_number("concurrency", self.concurrency, at_least=1)
        self.filter = optional_text("filter", self.filter)
        if self.file_ids is not None:
            self.file_ids = ids_of("file_ids", self.file_ids)

    def execute(self, context: Context) -> dict[str, Any]:
        """Remove the documents."""
        from airflow_provider_xai_collections.api.removing import Removal
        from airflow_provider_xai_collections.operators.removing import remove_each

        with self.at_work(context):
            removal = Removal(self.existing_id(), self.team, delete_files=self.delete_files)
            file_ids = self._chosen(removal)
            if self.file_ids is None and not file_ids:
                self.log.warning(
                    "%s: no document is matched. Check the scope or the filter", printable(self.collection_label)
                )
            manifest = remove_each(self, removal, file_ids)
            if manifest.missing:
                self.hook.run(removal.collection_exists())
            return self.tell(context, manifest)

    def _chosen(self, removal: Removal) -> list[str]:
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
    """The documents that are reindexed: those of ``file_ids``, all of the collection, or those that failed."""

    GIVEN = "given"
    ALL = "all"
    FAILED = "failed"


class XAIReindexDocumentsOperator(XAIWaitingOperator):
    """Index documents again, after a change of chunking for instance, and wait until they are processed.

    A retry indexes them once more, which changes nothing but takes its time. Returns a manifest with counts.

    Source: REST reference, ``PATCH /v1/collections/{collection_id}/documents/{file_id}``.

    :param collection_id: the collection, by its id. (templated)
    :param collection_name: or by its name, compared exactly. (templated)
    :param which: ``"given"``: those of ``file_ids``; ``"all"`` of the collection; or ``"failed"``, those whose indexing
        failed. (templated)
    :param file_ids: the documents, with ``which="given"``. (templated)
    :param concurrency: how many documents are worked on at once, at least 1.
    :param wait_for_completion: wait until the documents are processed; ``False`` leaves that to a sensor.
    :param timeout: how long to wait, as a ``timedelta`` or in seconds. Each try has it again.
    :param poll_interval: the longest pause between two polls, as a ``timedelta`` or in seconds.
    :param max_failed: how many documents may fail before the task does: a count (1), or a share of the documents (0.05;
        1.0 is all); ``None`` for any number.
    :param deferrable: wait in the triggerer instead of a worker slot.
    :param team_id: the team to act for; by default the connection's, else the key's own. (templated)
    :param conn_id: the connection. (templated)
    """

    custom_operator_name = "xAI reindex"
    does_again = INDEXES_AGAIN
    template_fields: Sequence[str] = ("collection_id", "collection_name", "which", "file_ids", "team_id", "conn_id")
    template_fields_renderers: ClassVar[dict[str, str]] = {"file_ids": "json"}

    def __init__(
        self,
        *,
        collection_id: str | None = None,
        collection_name: str | None = None,
        which: str = Which.GIVEN,
        file_ids: Sequence[str] | Set[str] | None = None,
        concurrency: int = 8,
        wait_for_completion: bool = True,
        timeout: Duration = timedelta(hours=1),
        poll_interval: Duration = 15.0,
        max_failed: float | None = 0,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        team_id: str | None = None,
        conn_id: str = DEFAULT_CONN_ID,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            collection_id=collection_id, collection_name=collection_name, team_id=team_id, conn_id=conn_id, **kwargs
        )
        self.which = which
        self.file_ids = file_ids
        self.concurrency = concurrency
        self.wait_for_completion = wait_for_completion
        self.timeout = timeout
        self.poll_interval = poll_interval
        self.max_failed = max_failed
        self.deferrable = deferrable

    def read_arguments(self) -> None:
        """Read what says which documents, beside the other arguments."""
        super().read_arguments()
        which = one_of("which", self.which, Which)
        if which is Which.GIVEN:
            self.file_ids = ids_of("file_ids", () if self.file_ids is None else self.file_ids)
            if not self.file_ids:
                raise XAIArgumentError("file_ids is empty: there is nothing to reindex")
        elif self.file_ids is not None:
            raise XAIArgumentError(f"which={str(which)!r} goes without file_ids; with them, which is 'given'")

    def work(self, collection_id: str) -> DocumentsManifest:
        """Have the documents indexed again."""
        from airflow_provider_xai_collections.api.endpoints import REINDEX_DOCUMENT
        from airflow_provider_xai_collections.api.flows import documents_to_reindex
        from airflow_provider_xai_collections.api.protocol import call
        from airflow_provider_xai_collections.manifests.base import all_or_none
        from airflow_provider_xai_collections.manifests.progress import Stage
        from airflow_provider_xai_collections.manifests.results import DocumentsManifest

        file_ids = list(self.file_ids or ()) or self.hook.run(
            documents_to_reindex(collection_id, failed=self.which == Which.FAILED, team_id=self.team)
        )
        flows = (
            call(REINDEX_DOCUMENT.request(collection_id=collection_id, file_id=file_id, team_id=self.team))
            for file_id in file_ids
        )
        self.run_each(file_ids, flows, what="sent to be indexed again", stage=Stage.REINDEXING)
        if not file_ids:
            self.log.info("%s: no document to reindex", self.collection_label)
        return DocumentsManifest(
            collection_id=collection_id,
            total=len(file_ids),
            already_there=len(file_ids),
            reindexed=len(file_ids),
            file_ids=all_or_none(file_ids),
        )

    def ids_to_wait_for(self, collection_id: str) -> Sequence[str] | None:
        """Return the ids given; of all or of those that failed, the ones that are not processed yet."""
        return list(self.file_ids) if self.file_ids else None
