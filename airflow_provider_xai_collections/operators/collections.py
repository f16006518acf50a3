"""Operators on collections."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, ClassVar

from airflow.providers.common.compat.sdk import Context

from airflow_provider_xai_collections.airflow_errors import XAIFailException, for_operator
from airflow_provider_xai_collections.api.collections import Collection, CreateCollection
from airflow_provider_xai_collections.api.flows import ensure_collection
from airflow_provider_xai_collections.api.reconciling import changes_to_match
from airflow_provider_xai_collections.exceptions import XAIArgumentError
from airflow_provider_xai_collections.operators.base import XAICollectionsBaseOperator


class IfExists(StrEnum):
    """What to do if a collection of the name exists: take it, take it and change it to fit, or fail."""

    REUSE = "reuse"
    UPDATE = "update"
    FAIL = "fail"


class XAICreateCollectionOperator(XAICollectionsBaseOperator):
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
    :param team_id: the team to act for, if neither key nor connection says. (templated)
    :param conn_id: the connection. (templated)
    """

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
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.collection_name = collection_name
        self.if_exists = if_exists
        self.index_configuration = index_configuration
        self.chunk_configuration = chunk_configuration
        self.metric_space = metric_space
        self.field_definitions = field_definitions
        self.collection_description = collection_description

    def execute(self, context: Context) -> str:
        with for_operator(), self.hook:
            try:
                policy = IfExists(self.if_exists)
            except ValueError:
                raise XAIArgumentError(
                    f"if_exists is {self.if_exists!r}; choose one of {', '.join(IfExists)}"
                ) from None
            settings = {
                "index_configuration": self.index_configuration,
                "chunk_configuration": self.chunk_configuration,
                "metric_space": self.metric_space,
                "field_definitions": self.field_definitions,
                "collection_description": self.collection_description,
            }
            ensured = self.hook.run(ensure_collection(self.collection_name, team_id=self.team, **settings))
            collection = ensured.collection
            if ensured.created:
                self.log.info("Created collection %s (%r)", collection.collection_id, self.collection_name)
            elif policy is IfExists.FAIL and not _made_by_an_earlier_try(collection, context):
                raise XAIFailException(
                    f"the collection {self.collection_name!r} exists ({collection.collection_id}) and "
                    "if_exists='fail'. Take another name, or if_exists='reuse'"
                )
            else:
                self.log.info("Found collection %s (%r)", collection.collection_id, self.collection_name)
                if policy is IfExists.UPDATE:
                    self._update(collection, settings)
            return collection.collection_id

    def _update(self, collection: Collection, settings: Mapping[str, Any]) -> None:
        wanted = CreateCollection.model_validate({"collection_name": self.collection_name, **settings})
        if changes := changes_to_match(collection, wanted):
            self.hook.update_collection(collection_id=collection.collection_id, team_id=self.team, **changes)
            self.log.info("Updated %s", ", ".join(changes))


def _made_by_an_earlier_try(collection: Collection, context: Context) -> bool:
    """Whether a collection that "must not exist" is this task's own, from a try that died before it could say so."""
    began, created = context["dag_run"].start_date, collection.created_at
    return context["ti"].try_number > 1 and began is not None and created is not None and created >= began
