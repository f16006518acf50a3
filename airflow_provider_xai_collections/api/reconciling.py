"""What must change so that a collection is as wanted, and the flow that changes it."""

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
#: What an update can set, apart from fields.
SETTINGS = ("collection_name", "collection_description", "chunk_configuration")
#: Values (``False`` is a 0) that protobuf's JSON may leave out of an answer.
_LEFT_OUT = (0, "")


def update_to_match(collection: Collection, wanted: CreateCollection) -> UpdateCollection:
    """The update that brings ``collection`` to ``wanted``.

    What ``wanted`` leaves out, and fields that only the collection has, stay.

    :raises XAIArgumentError: a difference that no update can remove.
    """
    for name in ("index_configuration", "metric_space"):
        asked, held = getattr(wanted, name), getattr(collection, name)
        if asked is not None and _plain(held) and _differs(asked, held):
            raise XAIArgumentError(
                f"{collection.collection_id}: {name} is fixed when a collection is created, and differs from what is "
                "asked for. Create another collection, or leave the argument out"
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
    """An update, checked as it will be when it is sent.

    :raises XAIArgumentError: naming the parameter, or the fields that are named twice.
    """
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
    """The parameters of ``update`` that would change something; empty if the collection is like that already.

    A field that exists keeps what its new definition does not mention.
    """
    changes: dict[str, Any] = {}
    for name in SETTINGS:
        asked = getattr(update, name)
        if asked is not None and _differs(asked, getattr(collection, name)):
            changes[name] = asked
    held = {definition.key: definition for definition in collection.field_definitions}
    wanted = (_needed_update(one, held.get(one.field_definition.key)) for one in update.field_definition_updates or ())
    if updates := tuple(one for one in wanted if one is not None):
        changes["field_definition_updates"] = updates
    return changes


def _needed_update(update: FieldDefinitionUpdate, held: FieldDefinition | None) -> FieldDefinitionUpdate | None:
    if update.operation is FieldDefinitionOperation.DELETE:
        return None if held is None else update
    if not _differs(update.field_definition, held):
        return None
    if held is None:
        return update
    merged = FieldDefinition.model_validate({**_plain(held), **_plain(update.field_definition)})
    return FieldDefinitionUpdate(field_definition=merged, operation=update.operation)


@dataclass(frozen=True, slots=True)
class Changes:
    """What an update changed, or would: settings by name, fields by key."""

    settings: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()

    @classmethod
    def of(cls, parameters: Mapping[str, Any], collection: Collection) -> Changes:
        """Of the parameters that :func:`needed_of` found for the collection."""
        held = {definition.key for definition in collection.field_definitions}
        updates: tuple[FieldDefinitionUpdate, ...] = parameters.get("field_definition_updates", ())
        deleted = {one.field_definition.key for one in updates if one.operation is FieldDefinitionOperation.DELETE}
        keys = [one.field_definition.key for one in updates]
        return cls(
            settings=tuple(name for name in SETTINGS if name in parameters),
            added=tuple(key for key in keys if key not in held),
            changed=tuple(key for key in keys if key in held - deleted),
            deleted=tuple(key for key in keys if key in deleted),
        )

    def __str__(self) -> str:
        parts = {"set": self.settings, "add": self.added, "change": self.changed, "delete": self.deleted}
        said = [f"{verb} {', '.join(names)}" for verb, names in parts.items() if names]
        return "; ".join(said) or "nothing"


def change_collection(update: UpdateCollection, *, dry_run: bool = False) -> Flow[Changes]:
    """Send of ``update`` what would change something. ``dry_run`` only looks.

    Safe to repeat: after a lost answer, or a refusal that may follow from one, the collection tells what is still to be
    done. Sent blindly once more, an update that was done would be refused, for what it deletes is gone.
    """
    look = GET_COLLECTION.request(collection_id=update.collection_id, team_id=update.team_id)
    collection = yield from call(look)
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
        needed = needed_of(update, (yield from call(look)))
        if needed and (tries == UPDATE_TRIES or not isinstance(refusal, XAIOutcomeUnknownError)):
            raise refusal
    return changes


def _differs(asked: Any, held: Any) -> bool:
    return not _agrees(_plain(asked), _plain(held))


def _agrees(asked: Any, held: Any) -> bool:
    """Whether ``held`` has everything ``asked`` has; the service adds defaults of its own."""
    if isinstance(asked, Mapping) and isinstance(held, Mapping):
        return all(_agrees(value, held.get(key)) for key, value in asked.items())
    return bool(asked == held) or (held is None and asked in _LEFT_OUT)


def _plain(value: Any) -> Any:
    return value.model_dump(mode="json", exclude_none=True, exclude_unset=True) if isinstance(value, Part) else value
