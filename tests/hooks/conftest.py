"""Fixtures of the hook's tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from airflow_provider_xai_collections.hooks.collections import XAICollectionsHook
from tests.conftest import Connect

from .asking import Ask, HookWith, by_flow, by_method


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


@pytest.fixture(params=[by_method, by_flow])
def ask(request: pytest.FixtureRequest) -> Ask:
    """The two ways to call an endpoint: the test runs once with each."""
    way: Ask = request.param
    return way
