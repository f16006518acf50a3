"""Strategies: parameters that a caller may pass, from our models; answers that xAI may give, from its types."""

from __future__ import annotations

import types
from collections.abc import Iterable
from datetime import UTC, datetime
from enum import StrEnum
from io import BytesIO
from typing import Annotated, Any, Union, get_args, get_origin

from annotated_types import Ge, Le, MinLen
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from hypothesis import strategies as st
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from airflow_provider_xai_collections.api.chunking import ChunkConfiguration
from airflow_provider_xai_collections.api.files import FORBIDDEN_CATEGORIES, FORBIDDEN_IN_FILENAMES
from airflow_provider_xai_collections.api.protocol import Endpoint, Upload
from airflow_provider_xai_collections.api.wire import LARGEST_NUMBER

from .differences import UNIX_SECONDS
from .published import message

#: An id in a path; ``.`` and ``..`` are refused, because HTTP libraries would walk up by them.
IDS = st.text(min_size=1, max_size=8).filter(lambda text: text not in (".", ".."))
FILENAMES = st.text(
    st.characters(exclude_categories=sorted(FORBIDDEN_CATEGORIES), exclude_characters=FORBIDDEN_IN_FILENAMES),  # type: ignore[arg-type]
    min_size=1,
    max_size=12,
)
FIELDS = st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=3)
CONTENTS = st.binary(max_size=40)
UPLOADS = st.builds(lambda name, content: Upload(name, lambda: BytesIO(content), len(content)), FILENAMES, CONTENTS)


def parameters(endpoint: Endpoint[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Parameters that a caller may pass to this endpoint, as plain values."""
    special: dict[str, st.SearchStrategy[Any]] = dict.fromkeys(endpoint.path_params, IDS)
    if endpoint.name == "list_files":  # text to us, because the reference has no words for it; the published type has
        words = message("xai_api.ListFilesRequest").fields_by_name["order"].enum_type.values_by_name
        special["order"] = st.sampled_from(sorted(words))
    if endpoint.name == "upload_document":
        special["name"] = FILENAMES
    if endpoint.name == "create_collection":  # a model may be left out when read, not when sent
        special["index_configuration"] = st.fixed_dictionaries({"model_name": st.text(min_size=1, max_size=8)})
    return _object(endpoint.params, special)


def _object(model: type[BaseModel], special: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    made = {
        name: special[name] if name in special else _value(field.annotation, field.metadata)
        for name, field in model.model_fields.items()
    }
    required = {name: value for name, value in made.items() if model.model_fields[name].is_required()}
    optional = {name: value for name, value in made.items() if name not in required}
    return st.fixed_dictionaries(required, optional=optional)


def _value(kind: Any, limits: Iterable[Any] = ()) -> st.SearchStrategy[Any]:
    """A value of a parameter's type, within its limits."""
    limits = [one for limit in limits for one in (limit.metadata if isinstance(limit, FieldInfo) else [limit])]
    inner = [one for one in get_args(kind) if one is not type(None)]
    shortest = next((limit.min_length for limit in limits if isinstance(limit, MinLen)), 0)
    match get_origin(kind) or kind:
        case origin if origin is Annotated:
            return _value(inner[0], [*limits, *inner[1:]])
        case origin if origin in (Union, types.UnionType):
            return st.one_of(*(_value(one, limits) for one in inner))
        case origin if origin is tuple:
            return st.lists(_value(inner[0]), min_size=shortest, max_size=3)
        case origin if origin is dict:
            return FIELDS
        case origin if origin is bool:
            return st.booleans()
        case origin if origin is int:
            lowest = next((int(limit.ge) for limit in limits if isinstance(limit, Ge)), 0)  # type: ignore[call-overload]
            highest = next(int(limit.le) for limit in limits if isinstance(limit, Le))  # type: ignore[call-overload]
            return st.integers(lowest, highest)
        case origin if origin is str:
            return st.text(min_size=shortest, max_size=8)
        case origin if origin is Upload:
            return UPLOADS
        case origin if issubclass(origin, StrEnum):
            return st.sampled_from([word.value for word in origin])
        case origin if origin is ChunkConfiguration:
            return chunk_configurations()
        case origin:
            return _object(origin, {})


@st.composite
def chunk_configurations(draw: st.DrawFn) -> dict[str, Any]:
    """A single chunking strategy, whose chunks move forward, beside the switches."""
    names = [name for name in ChunkConfiguration.model_fields if name.endswith("_configuration")]
    name = draw(st.sampled_from(names))
    size = draw(st.integers(1, LARGEST_NUMBER))
    model = next((one for one in get_args(ChunkConfiguration.model_fields[name].annotation)), None)
    fields = model.model_fields if isinstance(model, type) and issubclass(model, BaseModel) else {}
    strategy: dict[str, Any] = {}
    for field in fields:
        if field.startswith("max_"):
            strategy[field] = size
        elif field.startswith("chunk_overlap"):
            strategy[field] = draw(st.integers(0, size - 1))
        else:
            strategy[field] = draw(st.text(max_size=8))
    switches = st.fixed_dictionaries(
        {}, optional={"strip_whitespace": st.booleans(), "inject_name_into_chunks": st.booleans()}
    )
    return {name: strategy, **draw(switches)}


#: What an answer always has: without it, it is not this thing. Protobuf has no way to say so.
ANSWERED_IDS = frozenset({"collection_id", "file_id", "id"})
ALWAYS = ANSWERED_IDS | {"file_metadata", "key"}


def answers(kind: Descriptor) -> st.SearchStrategy[dict[str, Any]]:
    """Any message of this type, as arguments of the published type's JSON."""
    required = {field.name: _published(field) for field in kind.fields if field.name in ALWAYS}
    optional = {field.name: _published(field) for field in kind.fields if field.name not in ALWAYS}
    # Of a oneof at most one may be there.
    groups = [group.fields for group in kind.oneofs if len(group.fields) > 1]
    return st.fixed_dictionaries(required, optional=optional).map(
        lambda said: {name: value for name, value in said.items() if not _is_second(name, said, groups)}
    )


def _is_second(name: str, said: dict[str, Any], groups: list[Any]) -> bool:
    return any(
        name in (names := [field.name for field in group if field.name in said]) and name != names[0]
        for group in groups
    )


def _published(field: FieldDescriptor) -> st.SearchStrategy[Any]:
    inner = field.message_type
    if inner is not None and inner.GetOptions().map_entry:
        return FIELDS
    one = answers(inner) if inner is not None else _scalar(field)
    if inner is not None and inner.full_name == "google.protobuf.Timestamp":
        one = _WHOLE_SECONDS if field.full_name in UNIX_SECONDS else _TIMES
    return st.lists(one, max_size=3) if field.is_repeated else one


def _spelt(time: datetime) -> str:
    return time.isoformat().replace("+00:00", "Z")


def _until(year: int) -> st.SearchStrategy[datetime]:
    return st.datetimes(datetime(1970, 1, 1), datetime(year, 1, 1), timezones=st.just(UTC))


_TIMES = _until(9999).map(_spelt)
#: From 2603 on our models, as pydantic does, take seconds for milliseconds.
_WHOLE_SECONDS = _until(2603).map(lambda time: _spelt(time.replace(microsecond=0)))


def _scalar(field: FieldDescriptor) -> st.SearchStrategy[Any]:
    match field.type:
        case FieldDescriptor.TYPE_ENUM:
            return st.sampled_from(sorted(field.enum_type.values_by_name))
        case FieldDescriptor.TYPE_INT32:
            return st.integers(-(2**31), 2**31 - 1)
        case FieldDescriptor.TYPE_INT64:
            return st.integers(-(2**63), 2**63 - 1)
        case FieldDescriptor.TYPE_BOOL:
            return st.booleans()
        case FieldDescriptor.TYPE_FLOAT:
            # Not the very largest: protobuf spells it with so few digits that it does not read it again.
            return st.floats(-(2.0**100), 2.0**100, width=32)
        case _ if field.name in ANSWERED_IDS:
            return st.text(st.characters(min_codepoint=ord("!"), max_codepoint=ord("~")), min_size=1, max_size=8)
        case _:
            return st.text(min_size=int(field.name in ALWAYS), max_size=8)
