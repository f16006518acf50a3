"""What must change so that a collection is as wanted: decided purely."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_provider_xai_collections.api.collections import (
    Collection,
    CreateCollection,
    FieldDefinitionOperation,
    FieldDefinitionUpdate,
)
from airflow_provider_xai_collections.api.wire import Part
from airflow_provider_xai_collections.exceptions import XAIArgumentError


def changes_to_match(collection: Collection, wanted: CreateCollection) -> dict[str, Any]:
    """The parameters of an update that brings ``collection`` to ``wanted``; empty if nothing differs.

    Only what ``wanted`` sets is compared: what it leaves out, and fields that only the collection has, stay.

    :raises XAIArgumentError: a difference that no update can remove.
    """
    for name in ("index_configuration", "metric_space"):
        asked, held = getattr(wanted, name), getattr(collection, name)
        if asked is not None and held is not None and _differs(asked, held):
            raise XAIArgumentError(
                f"{collection.collection_id}: {name} is fixed when a collection is created, and differs from what is "
                "asked for. Create another collection, or leave the argument out"
            )
    changes: dict[str, Any] = {}
    for name in ("collection_description", "chunk_configuration"):
        asked = getattr(wanted, name)
        if asked is not None and _differs(asked, getattr(collection, name)):
            changes[name] = asked
    held_definitions = {definition.key: definition for definition in collection.field_definitions}
    updates = tuple(
        FieldDefinitionUpdate(field_definition=definition, operation=FieldDefinitionOperation.ADD)
        for definition in wanted.field_definitions or ()
        if _differs(definition, held_definitions.get(definition.key))
    )
    if updates:
        changes["field_definition_updates"] = updates
    return changes


def _differs(asked: Any, held: Any) -> bool:
    return not _agrees(_plain(asked), _plain(held))


def _agrees(asked: Any, held: Any) -> bool:
    """Whether ``held`` has everything ``asked`` has; the service adds defaults of its own."""
    if isinstance(asked, Mapping) and isinstance(held, Mapping):
        return all(_agrees(value, held.get(key)) for key, value in asked.items())
    return bool(asked == held)


def _plain(value: Any) -> Any:
    return value.model_dump(mode="json", exclude_none=True, exclude_unset=True) if isinstance(value, Part) else value
