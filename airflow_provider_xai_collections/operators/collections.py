"""Operators on collections."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import Context

from airflow_provider_xai_collections.airflow_errors import XAIFailException
from airflow_provider_xai_collections.arguments import (
    DEFAULT_CONN_ID,
    definitions_of,
    one_of,
    optional_text,
    part_of,
    strings_of,
    text_of,
    whole_number,
)
from airflow_provider_xai_collections.exceptions import XAIArgumentError, XAINotFoundError
from airflow_provider_xai_collections.operators.base import XAIBaseOperator, XAICollectionOperator
from airflow_provider_xai_collections.text import printable

if TYPE_CHECKING:
    from airflow_provider_xai_collections.api.collections import Collection, UpdateCollection
    from airflow_provider_xai_collections.api.reconciling import Changes


class IfExists(StrEnum):
    """The ways to go on if a collection of the name exists: take it, take it and change it to fit, or fail."""

    REUSE = "reuse"
    UPDATE = "update"
    FAIL = "fail"


class XAICreateCollectionOperator(XAIBaseOperator):
    """Create a collection, or take the one of that name. Returns its ``collection_id``.

    Safe to retry: a collection that an earlier try made is found by name. Source: REST reference,
    ``POST /v1/collections``.

    :param collection_name: compared exactly; several collections of the name are an error. (templated)
    :param if_exists: ``"reuse"`` it as it is; ``"update"`` description, chunking and field definitions to what is asked
        for here (fields are added or changed, never deleted; documents keep their chunks until they are reindexed);
        or ``"fail"``.
    :param index_configuration: ``{"model_name": ...}``, the embedding model. (templated)
    :param chunk_configuration: exactly one strategy, e.g. ``{"chars_configuration": {"max_chunk_size_chars": 2000,
        "chunk_overlap_chars": 200}}``. (templated)
    :param metric_space: one of ``HNSWMetric``.
    :param field_definitions: metadata fields of the documents: ``[{"key": ..., "required": ..., "unique": ...,
        "inject_into_chunk": ..., "description": ...}]``. (templated)
    :param collection_description: for people and models. (templated)
    :param team_id: the team to act for; by default the connection's, else the key's own. (templated)
    :param conn_id: the connection. (templated)
    """

    custom_operator_name = "xAI create collection"
    template_fields: Sequence[str] = (
        "collection_name",
        "index_configuration",
        "chunk_configuration",
        "field_definitions",
        "collection_description",
        "team_id",
        "conn_id",
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {
        "index_configuration": "json",
        "chunk_configuration": "json",
        "field_definitions": "json",
    }

    def __init__(
        self,
        *,
        collection_name: str,
        if_exists: str = IfExists.REUSE,
        index_configuration: Mapping[str, Any] | None = None,
        chunk_configuration: Mapping[str, Any] | None = None,
        metric_space: str | None = None,
        field_definitions: Sequence[Mapping[str, Any]] | None = None,
        collection_description: str | None = None,
        team_id: str | None = None,
        conn_id: str = DEFAULT_CONN_ID,
        **kwargs: Any,
    ) -> None:
        super().__init__(team_id=team_id, conn_id=conn_id, **kwargs)
        self.collection_name = collection_name
        self.if_exists = if_exists
        self.index_configuration = index_configuration
        self.chunk_configuration = chunk_configuration
        self.metric_space = metric_space
        self.field_definitions = field_definitions
        self.collection_description = collection_description

    def read_arguments(self) -> None:
        super().read_arguments()
        self.collection_name = text_of("collection_name", self.collection_name)
        self.index_configuration = part_of("index_configuration", self.index_configuration)
        self.chunk_configuration = part_of("chunk_configuration", self.chunk_configuration)
        self.collection_description = optional_text("collection_description", self.collection_description)
        if self.field_definitions is not None:
            self.field_definitions = definitions_of("field_definitions", self.field_definitions)

    def execute(self, context: Context) -> str:
        """Create the collection, or take the one that is there."""
        from airflow_provider_xai_collections.api.ensuring import ensure_collection
        from airflow_provider_xai_collections.api.reconciling import Changes
        from airflow_provider_xai_collections.manifests.results import ChangesManifest

        with self.at_work(context):
            policy = one_of("if_exists", self.if_exists, IfExists)
            settings = {
                "index_configuration": self.index_configuration,
                "chunk_configuration": self.chunk_configuration,
                "metric_space": self.metric_space,
                "field_definitions": self.field_definitions,
                "collection_description": self.collection_description,
            }
            ensured = self.hook.run(ensure_collection(self.collection_name, team_id=self.team, **settings))
            collection, changes = ensured.collection, Changes()
            if ensured.created:
                self.log.info("Created collection %s (%s)", collection.collection_id, self._shown_name)
            elif policy is IfExists.FAIL and not _made_by_an_earlier_try(collection, context):
                raise XAIFailException(
                    f"the collection {self.collection_name!r} exists ({collection.collection_id}) and "
                    "if_exists='fail'. Take another name, or if_exists='reuse'"
                )
            else:
                self.log.info("Found collection %s (%s)", collection.collection_id, self._shown_name)
                if policy is IfExists.UPDATE:
                    changes = self._update(collection, settings)
            report = ChangesManifest.of(collection.collection_id, changes, created=ensured.created)
            self.tell(context, report, documents=collection.documents_count)
            return collection.collection_id

    @property
    def _shown_name(self) -> str:
        return printable(repr(self.collection_name))

    def _update(self, collection: Collection, settings: Mapping[str, Any]) -> Changes:
        from airflow_provider_xai_collections.api.collections import CreateCollection
        from airflow_provider_xai_collections.api.reconciling import change_collection, update_to_match

        parameters = {"collection_name": self.collection_name, "team_id": self.team, **settings}
        update = update_to_match(collection, CreateCollection.model_validate(parameters))
        changes = self.hook.run(change_collection(update))
        self.log.info("Updated: %s", printable(str(changes)))
        return changes


def _made_by_an_earlier_try(collection: Collection, context: Context) -> bool:
    """Tell whether a collection that must not exist is this task's own, from a try that died before it could say so."""
    began, created = context["dag_run"].start_date, collection.created_at
    return context["ti"].try_number > 1 and began is not None and created is not None and created >= began


class XAIUpdateCollectionOperator(XAICollectionOperator):
    """Change a collection: what is given and differs, and nothing else. Returns a manifest of what changed.

    Safe to retry. Documents keep their chunks when the chunking changes, until they are reindexed. Source: REST
    reference, ``PUT /v1/collections/{collection_id}``.

    :param collection_id: the collection, by its id. (templated)
    :param collection_name: or by its name, compared exactly. (templated)
    :param new_collection_name: its new name. (templated)
    :param collection_description: its new description. (templated)
    :param chunk_configuration: its new chunking, exactly one strategy. (templated)
    :param add_fields: definitions of fields to add, or to change where the key exists: ``[{"key": ..., "unique": ...,
        "inject_into_chunk": ..., "description": ...}]``. What a definition does not mention stays. A new field cannot
        be required. (templated)
    :param delete_fields: keys of fields to delete, which erases their values from every document. (templated)
    :param allow_field_delete: that the values may be erased: without it, ``delete_fields`` is refused.
    :param dry_run: log and return what would change, and change nothing.
    :param team_id: the team to act for; by default the connection's, else the key's own. (templated)
    :param conn_id: the connection. (templated)
    """

    custom_operator_name = "xAI update collection"
    template_fields: Sequence[str] = (
        "collection_id",
        "collection_name",
        "new_collection_name",
        "collection_description",
        "chunk_configuration",
        "add_fields",
        "delete_fields",
        "team_id",
        "conn_id",
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {
        "chunk_configuration": "json",
        "add_fields": "json",
        "delete_fields": "json",
    }

    def __init__(
        self,
        *,
        collection_id: str | None = None,
        collection_name: str | None = None,
        new_collection_name: str | None = None,
        collection_description: str | None = None,
        chunk_configuration: Mapping[str, Any] | None = None,
        add_fields: Sequence[Mapping[str, Any]] | None = None,
        delete_fields: Sequence[str] | Set[str] | None = None,
        allow_field_delete: bool = False,
        dry_run: bool = False,
        team_id: str | None = None,
        conn_id: str = DEFAULT_CONN_ID,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            collection_id=collection_id, collection_name=collection_name, team_id=team_id, conn_id=conn_id, **kwargs
        )
        self.new_collection_name = new_collection_name
        self.collection_description = collection_description
        self.chunk_configuration = chunk_configuration
        self.add_fields = add_fields
        self.delete_fields = delete_fields
        self.allow_field_delete = allow_field_delete
        self.is_dry_run = dry_run  # Airflow's operators have a method ``dry_run``

    def read_arguments(self) -> None:
        super().read_arguments()
        self.new_collection_name = optional_text("new_collection_name", self.new_collection_name)
        self.collection_description = optional_text("collection_description", self.collection_description)
        self.chunk_configuration = part_of("chunk_configuration", self.chunk_configuration)
        if self.add_fields is not None:
            self.add_fields = definitions_of("add_fields", self.add_fields)
        if self.delete_fields is not None:
            self.delete_fields = strings_of("delete_fields", self.delete_fields, "keys of fields")

    def execute(self, context: Context) -> dict[str, Any]:
        """Send what differs."""
        from airflow_provider_xai_collections.api.reconciling import change_collection
        from airflow_provider_xai_collections.manifests.results import ChangesManifest

        with self.at_work(context):
            collection_id = self.existing_id()
            changes = self.hook.run(change_collection(self._update(collection_id), dry_run=self.is_dry_run))
            said = "%s: would %s" if self.is_dry_run else "%s: %s"
            self.log.info(said, *map(printable, (self.collection_label, str(changes))))
            if "chunk_configuration" in changes.settings:
                self.log.info("Documents keep their chunks until they are reindexed: XAIReindexDocumentsOperator")
            return self.tell(context, ChangesManifest.of(collection_id, changes, dry_run=self.is_dry_run))

    def _update(self, collection_id: str) -> UpdateCollection:
        from airflow_provider_xai_collections.api.reconciling import update_of

        delete_fields = list(self.delete_fields or ())
        if delete_fields and not self.allow_field_delete:
            raise XAIArgumentError(
                f"delete_fields names {', '.join(delete_fields)}: deleting a field erases its values from every "
                "document. If that is meant, pass allow_field_delete=True"
            )
        return update_of(
            collection_id,
            team_id=self.team,
            collection_name=self.new_collection_name,
            collection_description=self.collection_description,
            chunk_configuration=self.chunk_configuration,
            add_fields=self.add_fields or (),
            delete_fields=delete_fields,
        )


class IfMissing(StrEnum):
    """The ways to go on if there is nothing to delete: be content, or fail."""

    SKIP = "skip"
    FAIL = "fail"


class XAIDeleteCollectionOperator(XAICollectionOperator):
    """Delete a collection, and its files if asked to. Returns a manifest with counts.

    Safe to retry, and good as a teardown: ``XAIDeleteCollectionOperator(...).as_teardown(setups=create)``. Source: REST
    reference, ``DELETE /v1/collections/{collection_id}``, ``DELETE /v1/files/{file_id}``.

    :param collection_id: the collection, by its id. (templated)
    :param collection_name: or by its name, compared exactly. (templated)
    :param if_missing: ``"skip"``: a collection that is not there is what was wanted; or ``"fail"``, except when this
        task tries again, because then it may have been its own doing.
    :param delete_files: delete the files of its documents first, which takes them from other collections as well if the
        service allows it; otherwise they stay in *Files*, and are billed.
    :param concurrency: with ``delete_files``: how many documents are worked on at once, at least 1.
    :param team_id: the team to act for; by default the connection's, else the key's own. (templated)
    :param conn_id: the connection. (templated)
    """

    custom_operator_name = "xAI delete collection"
    template_fields: Sequence[str] = ("collection_id", "collection_name", "team_id", "conn_id")

    def __init__(
        self,
        *,
        collection_id: str | None = None,
        collection_name: str | None = None,
        if_missing: str = IfMissing.SKIP,
        delete_files: bool = False,
        concurrency: int = 8,
        team_id: str | None = None,
        conn_id: str = DEFAULT_CONN_ID,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            collection_id=collection_id, collection_name=collection_name, team_id=team_id, conn_id=conn_id, **kwargs
        )
        self.if_missing = if_missing
        self.delete_files = delete_files
        self.concurrency = concurrency

    def execute(self, context: Context) -> dict[str, Any]:
        """Delete the files, then the collection."""
        from airflow_provider_xai_collections.api.flows import delete_collection
        from airflow_provider_xai_collections.api.removing import Removal
        from airflow_provider_xai_collections.manifests.results import RemovalManifest
        from airflow_provider_xai_collections.operators.removing import remove_each

        with self.at_work(context):
            policy = one_of("if_missing", self.if_missing, IfMissing)
            whole_number("concurrency", self.concurrency, at_least=1)
            try:
                removal = Removal(self.existing_id(), self.team, delete_files=self.delete_files)
                file_ids = self.hook.run(removal.everything()) if self.delete_files else []
                self.hook.run(removal.collection_exists())
            except XAINotFoundError:
                if policy is IfMissing.FAIL and context["ti"].try_number == 1:
                    raise
                self.log.info("Collection %s is not there: nothing to delete", printable(self.collection_label))
                return self.tell(context, RemovalManifest(collection_id=self.collection_id or ""), documents=0)
            manifest = remove_each(self, removal, file_ids)
            self.hook.run(delete_collection(removal.collection_id, team_id=self.team))
            self.log.info("Deleted collection %s", printable(self.collection_label))
            return self.tell(context, manifest.model_copy(update={"collection_deleted": True}), documents=0)
