"""Difference between a collection and what is wanted of it, and the flow that changes it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from airflow_provider_xai_collections.api.collections import (
    Collection,
    CreateCollection,
    FieldDefinition,
    FieldDefinitionOperation,
    FieldDefinitionUpdate,
    UpdateCollection,
)
from airflow_provider_xai_collections.api.endpoints import GET_COLLECTION, UPDATE_COLLECTION
from airflow_provider_xai_collections.api.protocol import Flow, call
from airflow_provider_xai_collections.api.wire import Part
from airflow_provider_xai_collections.exceptions import (
    XAIArgumentError,
    XAIConflictError,
    XAIError,
    XAIInvalidRequestError,
    XAIOutcomeUnknownError,
)

#: Updates with a lost answer before giving up.
UPDATE_TRIES = 3
#: Parameters that an update can set, apart from fields.
SETTINGS = ("collection_name", "collection_description", "chunk_configuration")
#: Values (``False`` is a 0) that protobuf's JSON may leave out of an answer.
_LEFT_OUT = (0, "")


def update_to_match(collection: Collection, wanted: CreateCollection) -> UpdateCollection:
    """Return the update that makes ``collection`` as ``wanted`` and deletes nothing; refuse what no update can do."""
    for name in ("index_configuration", "metric_space"):
        asked, existing = getattr(wanted, name), getattr(collection, name)
        if asked is not None and _plain(existing) and _differs(asked, existing):
            raise XAIArgumentError(
                f"{collection.label}: {name} is fixed when a collection is created, and differs from what is asked "
                "for. Create another collection, or leave the argument out"
            )
    updates = tuple(
        FieldDefinitionUpdate(field_definition=definition, operation=FieldDefinitionOperation.ADD)
        for definition in wanted.field_definitions or ()
    )
    return UpdateCollection(
        collection_id=collection.collection_id,
        team_id=wanted.team_id,
        collection_description=wanted.collection_description,
        chunk_configuration=wanted.chunk_configuration,
        field_definition_updates=updates,
    )


def update_of(
    collection_id: str,
    *,
    team_id: str | None = None,
    add_fields: Sequence[Any] = (),
    delete_fields: Sequence[str] = (),
    **settings: Any,
) -> UpdateCollection:
    """Return an update, checked as when it is sent; refuse wrong parameters and fields that are named twice."""
    operations = [
        *({"field_definition": definition, "operation": FieldDefinitionOperation.ADD} for definition in add_fields),
        *(
            {"field_definition": {"key": key}, "operation": FieldDefinitionOperation.DELETE}
            for key in dict.fromkeys(delete_fields)
        ),
    ]
    parameters = {"collection_id": collection_id, "team_id": team_id, "field_definition_updates": operations} | settings
    UPDATE_COLLECTION.request(**parameters)
    update = UpdateCollection.model_validate(parameters)
    keys = Counter(one.field_definition.key for one in update.field_definition_updates or ())
    if twice := sorted(key for key, count in keys.items() if count > 1):
        raise XAIArgumentError(f"{', '.join(twice)}: a field can be added, changed or deleted once in an update")
    return update


def needed_of(update: UpdateCollection, collection: Collection) -> dict[str, Any]:
    """Return the parameters of ``update`` that would change something; none if the collection is like that already.

    A field that exists keeps what its new definition does not mention.
    """
    changes: dict[str, Any] = {}
    for name in SETTINGS:
        asked = getattr(update, name)
        if asked is not None and _differs(asked, getattr(collection, name)):
            changes[name] = asked
    existing = {definition.key: definition for definition in collection.field_definitions}
    needed = (
        _needed_update(one, existing.get(one.field_definition.key)) for one in update.field_definition_updates or ()
    )
    if updates := tuple(one for one in needed if one is not None):
        changes["field_definition_updates"] = updates
    return changes


def _needed_update(update: FieldDefinitionUpdate, existing: FieldDefinition | None) -> FieldDefinitionUpdate | None:
    if update.operation is FieldDefinitionOperation.DELETE:
        return None if existing is None else update
    if not _differs(update.field_definition, existing):
        return None
    if existing is None:
        return update
    merged = FieldDefinition.model_validate({**_plain(existing), **_plain(update.field_definition)})
    return FieldDefinitionUpdate(field_definition=merged, operation=update.operation)


@dataclass(frozen=True, slots=True)
class Changes:
    """Changes by an update, done or needed: settings by name, fields by key."""

    settings: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()

    @classmethod
    def of(cls, parameters: Mapping[str, Any], collection: Collection) -> Changes:
        """Return the changes that the parameters from :func:`needed_of` make in the collection."""
        existing = {definition.key for definition in collection.field_definitions}
        updates: tuple[FieldDefinitionUpdate, ...] = parameters.get("field_definition_updates", ())
        deleted = {one.field_definition.key for one in updates if one.operation is FieldDefinitionOperation.DELETE}
        keys = [one.field_definition.key for one in updates]
        return cls(
            settings=tuple(name for name in SETTINGS if name in parameters),
            added=tuple(key for key in keys if key not in existing),
            changed=tuple(key for key in keys if key in existing - deleted),
            deleted=tuple(key for key in keys if key in deleted),
        )

    def __str__(self) -> str:
        parts = {"set": self.settings, "add": self.added, "change": self.changed, "delete": self.deleted}
        verbs = [f"{verb} {', '.join(names)}" for verb, names in parts.items() if names]
        return "; ".join(verbs) or "nothing"


def change_collection(update: UpdateCollection, *, dry_run: bool = False) -> Flow[Changes]:
    """Send of ``update`` what would change something; with ``dry_run``, only tell what that is.

    Safe to repeat: after a lost answer, or a refusal that may follow from one, the collection is read again. An update
    that was done would be refused if it were sent again, because what it deletes is not there any more.
    """
    read = GET_COLLECTION.request(collection_id=update.collection_id, team_id=update.team_id)
    collection = yield from call(read)
    needed = needed_of(update, collection)
    changes = Changes.of(needed, collection)
    tries = 0
    while needed and not dry_run:
        request = UPDATE_COLLECTION.request(collection_id=update.collection_id, team_id=update.team_id, **needed)
        try:
            yield from call(request)
            return changes
        except (XAIConflictError, XAIInvalidRequestError, XAIOutcomeUnknownError) as error:
            refusal: XAIError = error
        tries += 1
        needed = needed_of(update, (yield from call(read)))
        if needed and (tries == UPDATE_TRIES or not isinstance(refusal, XAIOutcomeUnknownError)):
            raise refusal
    return changes


def _differs(asked: Any, existing: Any) -> bool:
    return not _agrees(_plain(asked), _plain(existing))


def _agrees(asked: Any, existing: Any) -> bool:
    """Tell whether ``existing`` has everything ``asked`` has; the service adds defaults of its own."""
    if isinstance(asked, Mapping) and isinstance(existing, Mapping):
        return all(_agrees(value, existing.get(key)) for key, value in asked.items())
    return bool(asked == existing) or (existing is None and asked in _LEFT_OUT)


def _plain(value: Any) -> Any:
    return value.model_dump(mode="json", exclude_none=True, exclude_unset=True) if isinstance(value, Part) else value
