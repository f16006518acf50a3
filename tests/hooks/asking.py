"""Calls of an endpoint in both ways that the hook knows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

from airflow_provider_xai_collections.api.protocol import Endpoint, call
from airflow_provider_xai_collections.hooks.collections import XAICollectionsHook

#: ``ask(hook, ENDPOINT, **params)``: the value, or the items of a list.
Ask: TypeAlias = Callable[..., Any]

#: ``hook_with(password=None)``: a hook for the connection to the emulator, with these changes.
HookWith: TypeAlias = Callable[..., XAICollectionsHook]


def by_method(hook: XAICollectionsHook, endpoint: Endpoint[Any], **params: Any) -> Any:
    """Call it as a task does: ``hook.get_collection(...)``."""
    return getattr(hook, endpoint.name)(**params)


def by_flow(hook: XAICollectionsHook, endpoint: Endpoint[Any], **params: Any) -> Any:
    """Call it as a trigger does: ``await hook.arun(call(GET_COLLECTION.request(...)))``."""

    async def on_the_loop() -> Any:
        try:
            return await hook.arun(call(endpoint.request(**params)))
        finally:
            await hook.aclose()

    answer = asyncio.run(on_the_loop())
    return list(answer.items) if hasattr(answer, "items") else answer


def every(endpoint: Endpoint[Any], **params: Any) -> dict[str, Any]:
    """Return these parameters, of which none may be missing."""
    assert params.keys() == endpoint.params.model_fields.keys()
    return params


def add_file(hook: XAICollectionsHook, folder: Path, name: str, content: str = "a whale surfaced") -> str:
    """Upload a small text and return its file id."""
    (folder / name).write_text(content)
    return hook.upload_file(path=folder / name).id


def add_document(
    hook: XAICollectionsHook, folder: Path, collection_id: str, name: str, content: str = "a whale", **fields: str
) -> str:
    """Upload a small text, attach it, and return its file id."""
    file_id = add_file(hook, folder, name, content)
    assert hook.add_document(collection_id=collection_id, file_id=file_id, fields=fields)
    return file_id
