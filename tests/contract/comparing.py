"""Comparison of our models with the published types: every difference of fields and words, by its published name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, get_args

from google.protobuf.descriptor import Descriptor, EnumDescriptor
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from .differences import SPELT
from .published import message


@dataclass
class Differences:
    """The differences that were found."""

    ours_only: set[str] = field(default_factory=set)
    theirs_only: set[str] = field(default_factory=set)
    as_text: set[str] = field(default_factory=set)
    enums: set[type[StrEnum]] = field(default_factory=set)

    def compare(self, model: type[BaseModel], name: str) -> None:
        """Add those between a model and a message, and between all that is in them."""
        kind = message(name)
        ours = {info.alias or own: info for own, info in model.model_fields.items()}
        spelt = {one.name: SPELT.get(f"{name}.{one.name}", one.name) for one in kind.fields}
        self.ours_only |= {f"{name}.{own}" for own in ours.keys() - set(spelt.values())}
        self.theirs_only |= {f"{name}.{theirs}" for theirs, own in spelt.items() if own not in ours}
        for one in kind.fields:
            # What is spelt otherwise has its parts elsewhere; ``translating`` knows where.
            if one.name in ours:
                self._inside(ours[one.name], one.message_type, one.enum_type, f"{name}.{one.name}")

    def _inside(self, ours: FieldInfo, kind: Descriptor | None, words: EnumDescriptor | None, where: str) -> None:
        classes = list(_classes(ours.annotation))
        if words is not None:
            own = next((one for one in classes if issubclass(one, StrEnum)), None)
            if own is None:
                self.as_text.add(where)
            else:
                self.enums.add(own)
                known, published = {word.value for word in own}, set(words.values_by_name)
                self.ours_only |= {f"{words.full_name}.{word}" for word in known - published}
                self.theirs_only |= {f"{words.full_name}.{word}" for word in published - known}
        elif kind is not None:
            for model in classes:
                if issubclass(model, BaseModel):
                    self.compare(model, kind.full_name)


def _classes(annotation: Any) -> Iterator[type[Any]]:
    """Yield all classes that an annotation is made of."""
    if isinstance(annotation, type) and not get_args(annotation):
        yield annotation
    for part in get_args(annotation):
        yield from _classes(part)
