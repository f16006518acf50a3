"""The rules of ``/v1/collections``. Methods are called as their endpoints are."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import replace

from airflow_provider_xai_collections.api.collections import (
    CollectionsSortBy,
    CreateCollection,
    FieldDefinition,
    FieldDefinitionOperation,
    FieldDefinitionUpdate,
    ListCollections,
    OneCollection,
    UpdateCollection,
    ValidateManagementKey,
)
from airflow_provider_xai_collections.api.wire import Ordering
from airflow_provider_xai_collections.emulator.context import Context
from airflow_provider_xai_collections.emulator.filters import parse_filter
from airflow_provider_xai_collections.emulator.matching import Fields, Fuzzy, Time, check_fields, matches
from airflow_provider_xai_collections.emulator.messages import Json
from airflow_provider_xai_collections.emulator.pages import Pager, Sort
from airflow_provider_xai_collections.emulator.records import CollectionRecord
from airflow_provider_xai_collections.emulator.refusals import Refused
from airflow_provider_xai_collections.emulator.store import Slice

_FILTERABLE = frozenset({"collection_id", "collection_name", "created_at", "documents_count"})
_SORT: Mapping[CollectionsSortBy, Sort[CollectionRecord]] = {
    CollectionsSortBy.NAME: ("c.name", lambda record: record.definition.collection_name),
    CollectionsSortBy.AGE: ("c.created_at", lambda record: record.created_at),
}


class CollectionRules:
    """Collections of the team, and the key that manages them."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def create_collection(self, params: CreateCollection) -> Json:
        """Create a collection; the same call twice makes two, as names are not unique."""
        keys = [definition.key for definition in params.field_definitions or ()]
        if len(keys) > len(set(keys)):
            raise Refused(400, "field_definitions: a key occurs twice")
        record = CollectionRecord(f"collection_{uuid.uuid4()}", self._context.clock(), params)
        self._context.store.save_collection(record)
        return self._shape(record)

    def get_collection(self, params: OneCollection) -> Json:
        return self._shape(self._context.collection(params.collection_id))

    def list_collections(self, params: ListCollections) -> Json:
        wanted = parse_filter(params.filter or "")
        check_fields(wanted, _FILTERABLE.__contains__)
        column, value = _SORT[params.sort_by or CollectionsSortBy.NAME]
        pager = Pager(params, self._context.settings.pagination_end, self._context.settings.max_page)
        part = Slice(column, params.order is not Ordering.ASCENDING, pager.after)
        found = (record for record in self._context.store.collections(part) if matches(wanted, self._fields(record)))
        page, token = pager.page(found, lambda record: (value(record), record.collection_id))
        return {**self._context.shapes.many("collections", [self._shape(record) for record in page]), **token}

    def update_collection(self, params: UpdateCollection) -> Json:
        """Change what is given. New chunking is for documents indexed from now on."""
        record = self._context.collection(params.collection_id)
        names = ("collection_name", "chunk_configuration", "collection_description")
        changes = {name: value for name in names if (value := getattr(params, name)) is not None}
        definitions = {definition.key: definition for definition in record.definition.field_definitions or ()}
        for update in params.field_definition_updates or ():
            self._update_field(params.collection_id, definitions, update)
        changes["field_definitions"] = tuple(definitions.values())
        changed = record.definition.model_copy(update=changes)
        self._context.store.save_collection(replace(record, definition=changed))
        return self._shape(self._context.collection(params.collection_id))

    def delete_collection(self, params: OneCollection) -> Json:
        """Delete a collection with its documents; the files stay."""
        self._context.collection(params.collection_id)
        self._context.store.delete_collection(params.collection_id)
        return {}

    def validate_management_key(self, params: ValidateManagementKey) -> Json:
        """Describe the key, which has been checked before, in camelCase unlike all else."""
        team_id = self._context.settings.team_id
        return {
            "apiKeyId": str(uuid.uuid5(uuid.NAMESPACE_URL, team_id)),
            "scope": "SCOPE_TEAM",
            "scopeId": team_id,
            "teamId": team_id,
            "name": "emulator",
            "acls": ["management:collections", "AddFileToCollection"],
        }

    def _update_field(
        self, collection_id: str, definitions: dict[str, FieldDefinition], update: FieldDefinitionUpdate
    ) -> None:
        """Update a field. Nothing says that values are checked when a field becomes unique."""
        field, settings = update.field_definition, self._context.settings
        if update.operation is FieldDefinitionOperation.DELETE:
            if definitions.pop(field.key, None) is None:
                raise Refused(400, f"field_definition_updates: there is no field {field.key} to delete")
            self._context.store.erase_field(collection_id, field.key)
        elif field.key in definitions and settings.add_existing_field == "refuse":
            raise Refused(400, f"field_definition_updates: the field {field.key} exists already")
        elif field.required and field.key not in definitions and settings.new_required_field == "refuse":
            raise Refused(400, f"field_definition_updates: the new field {field.key} cannot be required")
        else:
            definitions[field.key] = field

    def _shape(self, record: CollectionRecord) -> Json:
        return self._context.shapes.collection(record, self._context.store.totals(record.collection_id))

    def _fields(self, record: CollectionRecord) -> Fields:
        return {
            "collection_id": record.collection_id,
            "collection_name": Fuzzy(record.definition.collection_name),
            "created_at": Time(record.created_at),
            "documents_count": float(self._context.store.totals(record.collection_id).documents_count),
        }
