"""The metadata of documents: the same for all, or made for each by a user's function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from json import JSONDecodeError
from typing import Any, Self, TypeAlias

from airflow_provider_xai_collections.api.collections import Collection
from airflow_provider_xai_collections.api.identity import SourceDocument, check_fields
from airflow_provider_xai_collections.arguments import strings_by_key
from airflow_provider_xai_collections.exceptions import XAIArgumentError, XAISourceError

#: What Python raises where a function is wrong, and would be in a retry. Anything else may come from what it asks.
_MISTAKES = (ArithmeticError, AssertionError, AttributeError, LookupError, NameError, TypeError, ValueError)
#: Requires no field.
_ANY = Collection(collection_id="new")

Fields: TypeAlias = "Mapping[str, str] | Callable[[SourceDocument], Mapping[str, str]] | None"


@dataclass(frozen=True, slots=True)
class DocumentFields:
    """The argument ``fields``, read.

    :param shared: the fields of all documents, checked; ``None`` if a function makes them.
    :param make: that function.
    :param collection: it knows which fields are required; ``None`` if it does not exist yet.
    :param is_all: documents of the source have no fields of their own.
    """

    shared: Mapping[str, str] | None
    make: Callable[[SourceDocument], Any] | None
    collection: Collection | None
    is_all: bool = True

    @classmethod
    def read(cls, fields: Fields, collection: Collection | None, *, is_all: bool = True) -> Self:
        """Read the argument.

        :raises XAIArgumentError: it is neither a mapping nor a function, or not what the collection takes.
        """
        if callable(fields):
            return cls(None, fields, collection, is_all)
        shared = strings_by_key("fields", fields)
        check_fields(collection if is_all and collection else _ANY, shared)
        return cls(shared, None, collection, is_all)

    def of(self, source: SourceDocument) -> dict[str, str]:
        """Return the fields of one document: its own, and those of all or of the function.

        :raises XAIArgumentError: the function has a mistake, or the collection would refuse the fields.
        :raises XAISourceError: the function failed for another reason, such as a lost connection: a retry may work.
        """
        shared = self._made(source) if self.make else (self.shared or {})
        own = strings_by_key(f"the fields of {source.name}", source.fields) if source.fields else {}
        return check_fields(self.collection or _ANY, {**shared, **own})

    def _made(self, source: SourceDocument) -> dict[str, str]:
        try:
            made = self.make(source) if self.make else {}
        except Exception as error:
            what = f"fields(…) raised {type(error).__name__} for {source.name}: {error}"
            if isinstance(error, _MISTAKES) and not isinstance(error, JSONDecodeError):
                raise XAIArgumentError(f"{what}. Fix the function") from error
            raise XAISourceError(f"{what}. If that does not pass, fix the function") from error
        if not isinstance(made, Mapping):
            raise XAIArgumentError(
                f"fields(…) returned {type(made).__name__} for {source.name}; it must return strings by string"
            )
        return strings_by_key(f"fields(…) of {source.name}", made)
