"""The metadata that a sync gives its documents: the same for all, or what a user's function makes of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from json import JSONDecodeError
from typing import Any, Self, TypeAlias

from airflow_provider_xai_collections.api.collections import Collection
from airflow_provider_xai_collections.api.planning import SourceDocument, check_fields
from airflow_provider_xai_collections.arguments import strings_by_key
from airflow_provider_xai_collections.exceptions import XAIArgumentError, XAISourceError

#: What Python raises where a function is wrong, and would be in a retry. Others may be of what the function asks.
_MISTAKES = (ArithmeticError, AssertionError, AttributeError, LookupError, NameError, TypeError, ValueError)

Fields: TypeAlias = "Mapping[str, str] | Callable[[SourceDocument], Mapping[str, str]] | None"


@dataclass(frozen=True, slots=True)
class DocumentFields:
    """What the argument ``fields`` says.

    :param shared: the fields of all documents, checked; ``None`` if a function makes them.
    :param make: that function.
    :param collection: says which fields are required; ``None`` if it is not there yet.
    """

    shared: Mapping[str, str] | None
    make: Callable[[SourceDocument], Any] | None
    collection: Collection | None

    @classmethod
    def read(cls, fields: Fields, collection: Collection | None) -> Self:
        """
        :raises XAIArgumentError: they are neither, or not what the collection takes.
        """
        if callable(fields):
            return cls(None, fields, collection)
        return cls(_checked(strings_by_key("fields", fields), collection), None, collection)

    def of(self, source: SourceDocument) -> dict[str, str]:
        """The fields of one document.

        :raises XAIArgumentError: the user's function has a mistake, or returns what is no metadata.
        :raises XAISourceError: it raises something else, such as a failed connection: a retry may work.
        """
        if self.make is None:
            return dict(self.shared or {})
        try:
            made = self.make(source)
        except Exception as error:
            what = f"fields(…) raised {type(error).__name__} for {source.name}: {error}"
            if isinstance(error, _MISTAKES) and not isinstance(error, JSONDecodeError):
                raise XAIArgumentError(f"{what}. Mend the function") from error
            raise XAISourceError(f"{what}. If that does not pass, mend the function") from error
        if not isinstance(made, Mapping):
            raise XAIArgumentError(
                f"fields(…) returned {type(made).__name__} for {source.name}; it must return strings by string"
            )
        return _checked(strings_by_key(f"fields(…) of {source.name}", made), self.collection)


def _checked(fields: Mapping[str, str], collection: Collection | None) -> dict[str, str]:
    return check_fields(collection or Collection(collection_id="new"), fields)
