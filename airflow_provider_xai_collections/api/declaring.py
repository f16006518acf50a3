"""Declaration of the fields that documents are about to have, as optional and not unique.

Seen: attaching a document with a field that is not in ``field_definitions`` fails with "Unknown field …".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from airflow_provider_xai_collections.api.collections import (
    Collection,
    FieldDefinition,
    FieldDefinitionOperation,
    FieldDefinitionUpdate,
)
from airflow_provider_xai_collections.api.endpoints import GET_COLLECTION, UPDATE_COLLECTION
from airflow_provider_xai_collections.api.identity import MANAGED_FIELDS
from airflow_provider_xai_collections.api.protocol import Flow, call
from airflow_provider_xai_collections.exceptions import (
    XAIArgumentError,
    XAIConflictError,
    XAIError,
    XAIInvalidRequestError,
    XAIOutcomeUnknownError,
)
from airflow_provider_xai_collections.text import printable

#: Declarations that were refused, or whose answer was lost, before giving up.
DECLARE_TRIES = 3

_MANAGED = {definition.key: definition for definition in MANAGED_FIELDS}


@dataclass(slots=True)
class Declarations:
    """The fields that a collection is known to define. All documents of a run share them.

    :param definitions: by key.
    :param may_declare: declare what is missing; otherwise refuse it, by name.
    :param on_declared: told which fields were declared, once of each.
    """

    collection_id: str
    team_id: str | None = None
    definitions: dict[str, FieldDefinition] = field(default_factory=dict)
    may_declare: bool = True
    on_declared: Callable[[str], None] = lambda message: None
    _label: str = field(init=False, default="")
    _told: set[str] = field(init=False, default_factory=set)

    @classmethod
    def of(cls, collection: Collection, team_id: str | None, **arguments: Any) -> Self:
        """Return the fields of a collection that was read a moment ago."""
        declared = cls(collection.collection_id, team_id, **arguments)
        declared.learn(collection)
        return declared

    def learn(self, collection: Collection) -> None:
        """Note the fields that a collection defines. What this run has declared stays: the answer may be older."""
        self._label = collection.label
        self.definitions.update({definition.key: definition for definition in collection.field_definitions})

    def missing(self, keys: Iterable[str]) -> list[FieldDefinition]:
        """Return the definitions that documents with these fields need and that are missing, or ours but not unique."""
        needed = [_MANAGED.get(key) or FieldDefinition(key=key) for key in dict.fromkeys(keys)]
        return [each for each in needed if not self._has(each)]

    def require(self, keys: Iterable[str]) -> Flow[None]:
        """Declare what documents with these fields need, or raise :class:`XAIArgumentError` if that is not allowed.

        Another task may declare the same at this moment, and the service may refuse the second of two; so after a
        refusal the collection is read again.
        """
        keys = tuple(keys)
        tries = 0
        while missing := self.missing(keys):
            if not self.may_declare:
                raise self._undeclared(missing)
            tries += 1
            error = yield from self._declare(missing)
            still = self.missing(keys)
            # A declaration whose answer was lost is repeated: to declare a field twice is to declare it once.
            final = len(still) == len(missing) and not isinstance(error, XAIOutcomeUnknownError)
            if error is not None and still and (final or tries == DECLARE_TRIES):
                raise error

    def _declare(self, missing: Sequence[FieldDefinition]) -> Flow[XAIError | None]:
        """Declare these fields; if that is refused, return the refusal and learn what is there."""
        updates = tuple(
            FieldDefinitionUpdate(field_definition=definition, operation=FieldDefinitionOperation.ADD)
            for definition in missing
        )
        request = UPDATE_COLLECTION.request(
            collection_id=self.collection_id, team_id=self.team_id, field_definition_updates=updates
        )
        try:
            yield from call(request)
        except (XAIConflictError, XAIInvalidRequestError, XAIOutcomeUnknownError) as error:
            request = GET_COLLECTION.request(collection_id=self.collection_id, team_id=self.team_id)
            self.learn((yield from call(request)))
            return error
        self.definitions.update({definition.key: definition for definition in missing})
        # Documents that are placed side by side may each have declared it.
        if new := [definition.key for definition in missing if definition.key not in self._told]:
            self._told.update(new)
            names = ", ".join(map(printable, new))
            self.on_declared(f"{printable(self._label)}: declared {names}, which its documents are about to have")
        return None

    def _has(self, needed: FieldDefinition) -> bool:
        there = self.definitions.get(needed.key)
        return there is not None and (there.unique or not needed.unique)

    def _undeclared(self, missing: Sequence[FieldDefinition]) -> XAIArgumentError:
        add_fields = [{"key": each.key, **({"unique": True} if each.unique else {})} for each in missing]
        fields = "field" if len(missing) == 1 else "fields"
        return XAIArgumentError(
            f"{self._label or self.collection_id} does not define the {fields} "
            f"{', '.join(each.key for each in missing)}, and xAI refuses documents with fields that are not defined. "
            f"Leave out declare_fields=False, or declare them with XAIUpdateCollectionOperator(add_fields={add_fields})"
        )
