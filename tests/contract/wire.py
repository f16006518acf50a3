"""Parameters of a request, read back from the bytes that the product's own HTTP client would send."""

from __future__ import annotations

import json
import re
from functools import partial
from io import BytesIO
from typing import Any
from urllib.parse import parse_qsl, unquote

import httpx

from airflow_provider_xai_collections.api.protocol import Endpoint, Request, Upload
from airflow_provider_xai_collections.client.exchange import HttpClient, sending
from airflow_provider_xai_collections.client.settings import ClientSettings, Service
from airflow_provider_xai_collections.emulator.multipart import parse_multipart

from .published import Json

SETTINGS = ClientSettings(
    management=Service("https://management-api.x.ai", "management"), api=Service("https://api.x.ai", "api")
)


def said(http: HttpClient, request: Request[Any]) -> Json:
    """Return all parameters of the request by name, from its path, query and body."""
    with sending(SETTINGS, http, request) as built:
        built.read()
    return {**_path(request.endpoint, built), **_query(request.endpoint, built), **_body(request.endpoint, built)}


def _path(endpoint: Endpoint[Any], built: httpx.Request) -> Json:
    pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(endpoint.path))
    found = re.fullmatch(pattern, built.url.raw_path.partition(b"?")[0].decode())
    assert found, built.url
    return {name: unquote(value, errors="strict") for name, value in found.groupdict().items()}


def _query(endpoint: Endpoint[Any], built: httpx.Request) -> Json:
    pairs = parse_qsl(built.url.query.decode(), keep_blank_values=True, strict_parsing=bool(built.url.query))
    repeated = {name for name in dict(pairs) if name == "file_ids"}
    return {name: [item for key, item in pairs if key == name] if name in repeated else value for name, value in pairs}


def _body(endpoint: Endpoint[Any], built: httpx.Request) -> Json:
    if not built.content:
        return {}
    if endpoint.has_json_body:
        assert built.headers["content-type"] == "application/json"
        parameters: Json = json.loads(built.content)
        return parameters
    form: Json = {}
    for part in parse_multipart(built.headers["content-type"], built.content):
        if part.name == endpoint.file_part:
            form["upload"] = Upload(part.filename or "", partial(BytesIO, part.content), len(part.content))
        else:
            text = part.content.decode()
            form[part.name] = json.loads(text) if part.name == "fields" else text
    return form
