"""Refusals of what does not read as the parameters of a call, in the words of each host."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from airflow_provider_xai_collections.api.protocol import Endpoint, Host
from airflow_provider_xai_collections.api.wire import explain
from airflow_provider_xai_collections.emulator.refusals import Refused

#: Mistakes by which pydantic says that something is not there, or empty.
_EMPTY = frozenset({"missing", "string_too_short", "too_short"})


def refuse_body(endpoint: Endpoint[Any], body: bytes, why: str) -> Refused:
    """Return the refusal of a body that is not a JSON object."""
    return _unprocessable(body, why) if endpoint.host is Host.API else Refused(400, why)


def refuse_parameters(endpoint: Endpoint[Any], body: bytes, error: ValidationError) -> Refused:
    """Return the refusal of parameters that are missing, or not what they should be.

    The management host takes anything for a form and checks its fields; the API host reads a body into a type, or not.
    """
    mistakes = [
        (".".join(str(part) for part in mistake["loc"]), mistake["type"])
        for mistake in error.errors(include_url=False, include_input=False, include_context=False)
    ]
    if endpoint.host is Host.MANAGEMENT:
        empty = [endpoint.file_part if name == "upload" else name for name, kind in mistakes if kind in _EMPTY]
        return Refused(400, "".join(f"{name}: {_empty(name)}\n" for name in empty) or explain(error))
    name, kind = mistakes[0]
    if endpoint.has_json_body and kind == "missing":
        parents, _, own = name.rpartition(".")
        return _unprocessable(body, f"{parents}: missing field `{own}`" if parents else f"missing field `{own}`")
    if endpoint.has_json_body and kind.endswith(("_type", "_parsing")):
        return _unprocessable(body, explain(error))
    return Refused(400, explain(error))


def _empty(name: str | None) -> str:
    return f"Field is empty but must not be empty. [WKE=form-invalid:not-empty:{name}]"


def _unprocessable(body: bytes, why: str) -> Refused:
    """Return the answer of a server that found out at the end of the body."""
    lines = body.decode(errors="replace").rstrip().encode().split(b"\n")
    return Refused(
        422,
        f"Failed to deserialize the JSON body into the target type: {why} at line {len(lines)} column {len(lines[-1])}",
        shape="text",
    )
