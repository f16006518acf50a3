"""From REST's JSON to that of the published types and back, by the table of differences and nothing else."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from google.protobuf.descriptor import Descriptor

from airflow_provider_xai_collections.api.protocol import Upload

from .differences import REST_ONLY, SPELT
from .published import Json


def published(rest: Json, kind: Descriptor) -> Json:
    """What REST says, as the published type spells it, without what REST alone has."""
    said = {}
    for name, value in rest.items():
        if f"{kind.full_name}.{name}" not in REST_ONLY:
            name, value = _renamed(name, value, kind)
            said[name] = _inside(name, value, kind, published)
    return said


def as_rest(said: Json, kind: Descriptor) -> Json:
    """What a published type says in an answer, as REST spells it."""
    return {
        SPELT.get(f"{kind.full_name}.{name}", name): _inside(name, value, kind, as_rest) for name, value in said.items()
    }


def _renamed(name: str, value: Any, kind: Descriptor) -> tuple[str, Any]:
    ours = {
        said: theirs.rpartition(".")[2] for theirs, said in SPELT.items() if theirs.startswith(f"{kind.full_name}.")
    }
    if name == "retrieval_mode":
        # The kind of retrieval is a word to REST and the name of the field to protobuf.
        tuning = {key: item for key, item in value.items() if key != "type"}
        return f"{value['type']}_retrieval", tuning
    if isinstance(value, Upload):
        content = base64.b64encode(value.open().read()).decode()
        return ours[name], value.filename if ours[name] == "name" else content
    if isinstance(value, int) and name in kind.fields_by_name and kind.fields_by_name[name].message_type:
        return name, datetime.fromtimestamp(value, UTC).isoformat().replace("+00:00", "Z")
    return ours.get(name, name), value


def _inside(name: str, value: Any, kind: Descriptor, turn: Callable[[Json, Descriptor], Json]) -> Any:
    """The value, its own parts turned too."""
    field = kind.fields_by_name.get(name)
    inner = field.message_type if field is not None else None
    if inner is None or inner.GetOptions().map_entry:
        return value
    if isinstance(value, list | tuple):
        return [turn(item, inner) for item in value]
    return turn(value, inner) if isinstance(value, dict) else value
