"""The same requests with httpx and nothing else: no checks, no retries, no model of an answer."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx

_CONTENT = b"# Document\n\nIt says little, and nobody has said it before.\n"
_TYPE = "text/markdown"
_UNIQUE = "airflow_version_key"


def getting(connection: Mapping[str, Any], collection_id: str) -> Callable[[], Any]:
    """Return what gets a collection, on a connection that stays open, and decodes the answer."""
    client = httpx.Client(headers={"authorization": f"Bearer {connection['password']}"}, trust_env=False, timeout=60)
    url = f"{connection['host']}/v1/collections/{collection_id}"
    return lambda: client.get(url).raise_for_status().json()


def placing(
    connection: Mapping[str, Any], count: int, concurrency: int, *, in_two_calls: bool = False
) -> Callable[[], None]:
    """Return what uploads and attaches so many documents, so many at a time, once it is called.

    Each thread has connections of its own, as ours have. What is loaded once is loaded before.

    :param in_two_calls: upload a file, then attach it; otherwise both by one call.
    """
    management = {"authorization": f"Bearer {connection['password']}"}
    api = {"authorization": f"Bearer {connection['extra']['api_key']}"}
    collections = f"{connection['host']}/v1/collections"
    files = f"{connection['extra']['api_host']}/v1/files"
    context, own = httpx.create_ssl_context(), threading.local()

    def client() -> httpx.Client:
        if not hasattr(own, "client"):
            own.client = httpx.Client(verify=context, trust_env=False, timeout=60)
        found: httpx.Client = own.client
        return found

    def place(number: int) -> None:
        name = f"{number:06d}.md"
        form = {"name": name, "content_type": _TYPE, "fields": json.dumps(_fields(number))}
        upload = {"data": (name, _CONTENT, _TYPE)}
        client().post(documents, headers=management, data=form, files=upload).raise_for_status().json()

    def place_in_two(number: int) -> None:
        upload = {"file": (f"{number:06d}.md", _CONTENT, _TYPE)}
        file_id = client().post(files, headers=api, files=upload).raise_for_status().json()["id"]
        attach = f"{documents}/{file_id}"
        client().post(attach, headers=management, json={"fields": _fields(number)}).raise_for_status()

    defined = [{"key": key, "unique": key == _UNIQUE} for key in _fields(0)]
    new = {"collection_name": "bare", "field_definitions": defined}
    made = client().post(collections, headers=management, json=new).raise_for_status()
    documents = f"{collections}/{made.json()['collection_id']}/documents"

    def place_all() -> None:
        with ThreadPoolExecutor(concurrency) as pool:
            for _ in pool.map(place_in_two if in_two_calls else place, range(count)):
                pass

    return place_all


def _fields(number: int) -> dict[str, str]:
    """Return fields as long as those that an ingestion writes, and as many."""
    return {
        "airflow_scope": "file:///folder/of/the/benchmark/documents",
        "airflow_source_uri": f"file:///folder/of/the/benchmark/documents/000/{number:06d}.md",
        "airflow_content_blake3": "0" * 64,
        _UNIQUE: f"{number:064d}",
    }
