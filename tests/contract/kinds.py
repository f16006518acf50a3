"""Kinds of JSON values in REST: those of protobuf's JSON, apart from what is listed as written otherwise.

Protobuf writes 64 bits as text and reads a number as well, and the other way round, so its parser notices neither.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from .differences import AS_NUMBER, UNIX_SECONDS
from .published import Json
from .translating import published_name

TIMESTAMP = "google.protobuf.Timestamp"
_KINDS: dict[int, tuple[type, ...]] = {
    FieldDescriptor.TYPE_BOOL: (bool,),
    FieldDescriptor.TYPE_ENUM: (str,),
    FieldDescriptor.TYPE_FLOAT: (int, float),
    FieldDescriptor.TYPE_INT32: (int,),
    FieldDescriptor.TYPE_INT64: (str,),
    FieldDescriptor.TYPE_MESSAGE: (dict,),
    FieldDescriptor.TYPE_STRING: (str,),
}


def of_another_kind(rest: Json, kind: Descriptor) -> Iterator[str]:
    """Yield the published names of values in an answer that are of another kind than REST writes. ``null`` is none."""
    for name, value in rest.items():
        field = kind.fields_by_name.get(published_name(name, kind))
        if field is not None and value is not None:
            yield from _of_another_kind(value, field)


def _of_another_kind(value: Any, field: FieldDescriptor) -> Iterator[str]:
    whole, parts, part = _taken_apart(value, field)
    if type(value) is not whole:
        yield field.full_name
        return
    for one in parts:
        if type(one) not in _kinds(part):
            yield field.full_name
        elif type(one) is dict:
            yield from of_another_kind(one, part.message_type)


def _taken_apart(value: Any, field: FieldDescriptor) -> tuple[type, Iterable[Any], FieldDescriptor]:
    """Return the type that the whole has to be, its single values, and the field that says what these have to be."""
    inner = field.message_type
    if inner is not None and inner.GetOptions().map_entry:
        return dict, value.values() if type(value) is dict else (), inner.fields_by_name["value"]
    if field.is_repeated:
        return list, value, field
    return type(value), [value], field


def _kinds(field: FieldDescriptor) -> tuple[type, ...]:
    if field.full_name in UNIX_SECONDS or field.full_name in AS_NUMBER:
        return (int,)
    if field.message_type is not None and field.message_type.full_name == TIMESTAMP:
        return (str,)
    return _KINDS[field.type]
