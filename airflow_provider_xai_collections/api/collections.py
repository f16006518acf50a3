"""Collections: models and parameters. Source: REST reference, ``/v1/collections``; ``collections.proto``."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, TypeAlias

from pydantic import AfterValidator, ConfigDict, Field

from airflow_provider_xai_collections.api.chunking import ChunkConfiguration, sendable
from airflow_provider_xai_collections.api.wire import Answer, Id, Ordering, Params, Part, Token

PageSize: TypeAlias = Annotated[int, Field(ge=1, le=100)]
SendableChunking: TypeAlias = Annotated[ChunkConfiguration, AfterValidator(sendable)]


class CollectionsSortBy(StrEnum):
    """Order of a list of collections."""

    NAME = "COLLECTIONS_SORT_BY_NAME"
    AGE = "COLLECTIONS_SORT_BY_AGE"


class HNSWMetric(StrEnum):
    """Distance of the vector index; fixed once a collection exists."""

    UNKNOWN = "HNSW_METRIC_UNKNOWN"
    COSINE = "HNSW_METRIC_COSINE"
    EUCLIDEAN = "HNSW_METRIC_EUCLIDEAN"
    INNER_PRODUCT = "HNSW_METRIC_INNER_PRODUCT"


class FieldDefinitionOperation(StrEnum):
    """Change of a field definition. ``DELETE`` erases the field's value from every document."""

    ADD = "FIELD_DEFINITION_ADD"
    DELETE = "FIELD_DEFINITION_DELETE"


class FieldDefinition(Part):
    """A metadata field of a collection's documents.

    :param key: name of the field.
    :param required: documents without it are refused when attached.
    :param inject_into_chunk: prepend the value to each chunk.
    :param unique: a second document with the same value is refused.
    :param description: for people.
    """

    key: Annotated[str, Field(min_length=1)]
    required: bool = False
    inject_into_chunk: bool = False
    unique: bool = False
    description: str | None = None


class FieldDefinitionUpdate(Part):
    """One change to the field definitions of a collection."""

    field_definition: FieldDefinition
    operation: FieldDefinitionOperation


class IndexConfiguration(Part):
    """The embedding model of a collection; fixed once it exists."""

    # pydantic would reserve names that begin with ``model_``; this one is xAI's.
    model_config = ConfigDict(extra="ignore", frozen=True, protected_namespaces=())

    #: An answer may leave it out, as protobuf's JSON does with what is empty.
    model_name: str | None = None


def _named(index: IndexConfiguration) -> IndexConfiguration:
    if not index.model_name:
        raise ValueError("model_name is needed")
    return index


class Collection(Answer):
    """A collection as the service describes it."""

    collection_id: Id
    collection_name: str = ""
    created_at: datetime | None = None
    index_configuration: IndexConfiguration | None = None
    chunk_configuration: ChunkConfiguration | None = None
    documents_count: int = 0
    field_definitions: tuple[FieldDefinition, ...] = ()
    collection_description: str | None = None
    collection_type: str | None = None
    total_file_size: int | None = None
    #: In no published answer: ``None`` says nothing of the index.
    metric_space: Annotated[HNSWMetric | str | None, Field(union_mode="left_to_right")] = None

    @property
    def label(self) -> str:
        """Its name, for messages; its id if it has none."""
        return self.collection_name or self.collection_id


class CollectionPage(Answer):
    """One page of a list of collections."""

    collections: tuple[Collection, ...] = ()
    pagination_token: Token | None = None

    @property
    def items(self) -> tuple[Collection, ...]:
        return self.collections


class CreateCollection(Params):
    collection_name: Annotated[str, Field(min_length=1)]
    team_id: str | None = None
    index_configuration: Annotated[IndexConfiguration, AfterValidator(_named)] | None = None
    chunk_configuration: SendableChunking | None = None
    metric_space: HNSWMetric | None = None
    field_definitions: tuple[FieldDefinition, ...] | None = None
    collection_description: str | None = None

    @property
    def subject(self) -> str:
        return self.collection_name


class ListCollections(Params):
    team_id: str | None = None
    limit: PageSize | None = None
    order: Ordering | None = None
    sort_by: CollectionsSortBy | None = None
    pagination_token: str | None = None
    filter: str | None = None


class OneCollection(Params):
    collection_id: str
    team_id: str | None = None


class UpdateCollection(Params):
    collection_id: str
    team_id: str | None = None
    collection_name: Annotated[str, Field(min_length=1)] | None = None
    chunk_configuration: SendableChunking | None = None
    field_definition_updates: tuple[FieldDefinitionUpdate, ...] | None = None
    collection_description: str | None = None


class ValidateManagementKey(Params):
    """The key in the header is all this call needs."""


class ManagementKey(Answer):
    """A management key and its permissions. The wire spells this answer in camelCase."""

    api_key_id: str | None = Field(None, alias="apiKeyId")
    scope: str | None = None
    scope_id: str | None = Field(None, alias="scopeId")
    team_id: str | None = Field(None, alias="teamId")
    name: str | None = None
    acls: tuple[str, ...] = ()
