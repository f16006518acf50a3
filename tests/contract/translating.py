"""Translation of REST's JSON to that of the published types and back, by the table of differences alone."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from google.protobuf.descriptor import Descriptor

from airflow_provider_xai_collections.api.protocol import Upload

from .differences import AS_NUMBER, RECORDED_ONLY, REST_ONLY, SPELT, UNIX_SECONDS
from .published import Json


def published(rest: Json, kind: Descriptor) -> Json:
    """Return REST's JSON as the published type spells it, without the parts that REST alone has."""
    said = {}
    for name, value in rest.items():
        if f"{kind.full_name}.{name}" not in {*REST_ONLY, *RECORDED_ONLY}:
            name, value = _renamed(name, value, kind)
            said[name] = _inside(name, value, kind, published)
    return said


def as_rest(said: Json, kind: Descriptor) -> Json:
    """Return an answer of a published type as REST spells it."""
    rest = {}
    for name, value in said.items():
        full = f"{kind.full_name}.{name}"
        rest[SPELT.get(full, name)] = _inside(name, _as_written(full, value), kind, as_rest)
    return rest


def published_name(name: str, kind: Descriptor) -> str:
    """Return the published name of a field of REST."""
    of_kind = {said: full for full, said in SPELT.items() if full.rpartition(".")[0] == kind.full_name}
    return of_kind.get(name, name).rpartition(".")[2]


def _renamed(name: str, value: Any, kind: Descriptor) -> tuple[str, Any]:
    if name == "retrieval_mode":
        # The kind of retrieval is a word to REST and the name of the field to protobuf.
        tuning = {key: item for key, item in value.items() if key != "type"}
        return f"{value['type']}_retrieval", tuning
    if isinstance(value, Upload):
        content = base64.b64encode(value.open().read()).decode()
        theirs = published_name(name, kind)
        return theirs, value.filename if theirs == "name" else content
    if f"{kind.full_name}.{name}" in UNIX_SECONDS and type(value) is int:
        return name, datetime.fromtimestamp(value, UTC).isoformat().replace("+00:00", "Z")
    return published_name(name, kind), value


def _as_written(name: str, value: Any) -> Any:
    """Return the number that REST writes where protobuf's JSON has text."""
    if name in UNIX_SECONDS:
        return int(datetime.fromisoformat(value).timestamp())
    return int(value) if name in AS_NUMBER else value


def _inside(name: str, value: Any, kind: Descriptor, turn: Callable[[Json, Descriptor], Json]) -> Any:
    """Return the value with its own parts translated too."""
    field = kind.fields_by_name.get(name)
    inner = field.message_type if field is not None else None
    if inner is None or inner.GetOptions().map_entry:
        return value
    if isinstance(value, list | tuple):
        return [turn(item, inner) for item in value]
    return turn(value, inner) if isinstance(value, dict) else value
