"""Parameters of a request, checked by the same models that the client sends with.

Unknown keys of a JSON body are ignored, as by the service [rec]. Unknown query parameters and form fields are a 400: of
those nothing is known, and a mistake in a client is better found here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from io import BytesIO
from typing import Any, get_origin

from pydantic import ValidationError

from airflow_provider_xai_collections.api.protocol import Endpoint, Host, Upload
from airflow_provider_xai_collections.api.wire import Params
from airflow_provider_xai_collections.emulator.messages import HttpRequest
from airflow_provider_xai_collections.emulator.multipart import FormPart, parse_multipart
from airflow_provider_xai_collections.emulator.refusals import Refused
from airflow_provider_xai_collections.emulator.routes import Route
from airflow_provider_xai_collections.emulator.unreadable import refuse_body, refuse_parameters


def read_params(route: Route, request: HttpRequest) -> Params:
    """Read and check the parameters.

    :raises Refused: naming each parameter that is wrong.
    """
    endpoint = route.endpoint
    if endpoint.file_part:
        given = _multipart(endpoint.file_part, request)
    elif endpoint.has_json_body:
        given = _query(endpoint.params, request) | _json(endpoint, request.body)
    else:
        given = _query(endpoint.params, request)
    if twice := sorted(given.keys() & route.ids.keys()):
        raise Refused(400, f"{', '.join(twice)}: belongs in the path only")
    try:
        return endpoint.params.model_validate({**given, **route.ids})
    except ValidationError as error:
        raise refuse_parameters(endpoint, request.body, error) from None


def _query(params: type[Params], request: HttpRequest) -> dict[str, Any]:
    """Read the query. A name that may be repeated becomes a list; so does another one, and fails its check."""
    values: dict[str, list[str]] = {}
    for name, value in request.query:
        values.setdefault(name, []).append(value)
    return {name: items if len(items) > 1 or _is_list(params, name) else items[0] for name, items in values.items()}


def _is_list(params: type[Params], name: str) -> bool:
    field = params.model_fields.get(name)
    return field is not None and get_origin(field.annotation) is tuple


def _json(endpoint: Endpoint[Any], body: bytes) -> dict[str, Any]:
    """Return the keys that the call knows; ``null`` means as much as no key at all."""
    if not body.strip() and endpoint.host is Host.MANAGEMENT:
        return {}
    try:
        payload = json.loads(body)
    except ValueError as error:
        raise refuse_body(endpoint, body, f"the body is not JSON: {error}") from None
    if not isinstance(payload, dict):
        raise refuse_body(endpoint, body, "the body must be a JSON object")
    # The reference's example of PUT is in camelCase; POST bodies have keys of users in them (``fields``).
    snaked: dict[str, Any] = _snake(payload) if endpoint.method == "PUT" else payload
    return {name: value for name, value in snaked.items() if name in endpoint.params.model_fields and value is not None}


def _snake(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower(): _snake(item) for name, item in value.items()}
    return [_snake(item) for item in value] if isinstance(value, list) else value


def _multipart(file_part: str, request: HttpRequest) -> dict[str, Any]:
    parts = parse_multipart(request.headers.get("content-type", ""), request.body)
    given: dict[str, Any] = {}
    for part in parts:
        if part.name == file_part:
            given["upload"] = _upload(part)
        elif part.name == "expires_after" and "upload" in given:
            raise Refused(400, "expires_after must come before the file")
        else:
            given[part.name] = _form_value(part)
    return given


def _form_value(part: FormPart) -> Any:
    text = part.content.decode(errors="replace")
    if part.name != "fields":
        return text
    try:
        return json.loads(text)
    except ValueError as error:
        raise Refused(400, f"fields: not JSON: {error}") from None


def _upload(part: FormPart) -> Upload:
    return Upload(part.filename or "", lambda: BytesIO(part.content), len(part.content))
