"""Base models of the wire: strict about what we send, tolerant about what we read."""

from __future__ import annotations

from enum import StrEnum
from functools import cache
from typing import Annotated, Any, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, model_validator

#: Validation context of parameters on their way out: a misspelt name in a nested part is refused, not dropped.
SENDING = {"sending": True}
#: Whole numbers of a request are 32 bits wide. Source: ``int32`` in ``types.proto`` and ``documents.proto``.
LARGEST_NUMBER = 2**31 - 1
#: An id in an answer. It will stand in paths, log lines and XComs, so it has to be one short word.
Id: TypeAlias = Annotated[str, Field(max_length=200, pattern=r"^[!-~]*$")]

#: A token of the next page. It will stand in an address.
Token: TypeAlias = Annotated[str, Field(max_length=4_000)]


class Ordering(StrEnum):
    """Direction of a list. Source: REST reference, ``order``."""

    UNKNOWN = "ORDERING_UNKNOWN"
    ASCENDING = "ORDERING_ASCENDING"
    DESCENDING = "ORDERING_DESCENDING"


class Params(BaseModel):
    """Parameters of one call. An unknown name is a mistake of the caller and refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    @property
    def subject(self) -> str:
        """The subject of the call, for messages, if its path does not say."""
        return ""


class Part(BaseModel):
    """A piece of a body. Read, unknown fields are ignored and ``null`` means absent, because the service grows."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _read_or_check(cls, data: Any, info: ValidationInfo) -> Any:
        if not isinstance(data, dict):
            return data
        if info.context is SENDING and cls.model_config.get("extra") != "allow":
            if unknown := sorted(map(str, data.keys() - cls.model_fields.keys())):
                raise ValueError(f"unknown: {', '.join(unknown)}; known are {', '.join(cls.model_fields)}")
        return {key: value for key, value in data.items() if value is not None}


class Answer(Part):
    """A whole answer. A body with fields but *none* of ours (an error with status 200, say) is no empty list."""

    @model_validator(mode="before")
    @classmethod
    def _recognise(cls, data: Any) -> Any:
        if isinstance(data, dict) and data:
            known = _wire_names(cls)
            if known and known.isdisjoint(data):
                raise ValueError(f"none of the fields {', '.join(sorted(known))} is there")
        return data


@cache
def _wire_names(model: type[BaseModel]) -> frozenset[str]:
    """Return the names of its fields on the wire; cached, for a list may have very many documents."""
    return frozenset(info.alias or name for name, info in model.model_fields.items())


class Empty(Answer):
    """The answer of calls that return nothing (``{}``, or no body at all)."""

    @model_validator(mode="before")
    @classmethod
    def _no_error(cls, data: Any) -> Any:
        if isinstance(data, dict) and "error" in data:
            raise ValueError("it carries an error")
        return data


def explain(error: ValidationError) -> str:
    """Return the mistakes in one line, by parameter, without the values (they may be secret or huge)."""
    mistakes = error.errors(include_url=False, include_input=False, include_context=False)
    named = [
        (".".join(str(part) for part in mistake["loc"]), mistake["msg"].removeprefix("Value error, "))
        for mistake in mistakes[:5]
    ]
    return "; ".join(f"{where}: {what}" if where else what for where, what in named)
