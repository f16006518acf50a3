"""Hooks for the emulator, and documents to ask them for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TypeAlias

import pytest

from airflow_provider_xai_collections.hooks.collections import XAICollectionsHook
from tests.conftest import Connect

#: ``hook_with(password=None)``: a hook for the connection to the emulator, with these changes.
HookWith: TypeAlias = Callable[..., XAICollectionsHook]


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


@pytest.fixture
def hook(connection: str) -> Iterator[XAICollectionsHook]:
    """A hook for the default connection, which leads to the emulator."""
    with XAICollectionsHook(connection) as hook:
        yield hook


@pytest.fixture
def hook_with(connect: Connect) -> Iterator[HookWith]:
    """Makes hooks for connections that are changed as ``connect`` is told, and closes them after the test."""
    with ExitStack() as opened:
        yield lambda **changes: opened.enter_context(XAICollectionsHook(connect(**changes)))


@pytest.fixture
def whales(hook: XAICollectionsHook) -> str:
    """The id of a collection."""
    return hook.create_collection(collection_name="Whales").collection_id
