"""Fixtures of the hook's tests."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

import pytest

from airflow_provider_xai_collections.hooks.collections import XAICollectionsHook

from .asking import Ask, by_flow, by_method


@pytest.fixture
def hook(connection: str) -> Iterator[XAICollectionsHook]:
    """A hook for the default connection, which leads to the emulator."""
    hook = XAICollectionsHook(connection)
    yield hook
    hook.close()


@pytest.fixture(params=[by_method, by_flow])
def ask(request: pytest.FixtureRequest) -> Ask:
    """The two ways to call an endpoint: the test runs once with each."""
    way: Ask = request.param
    return way


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]) -> Callable[[], str]:
    """What was logged. Hooks log to standard output in Airflow 3, with ``logging`` in 2, as httpx does always."""
    caplog.set_level(logging.DEBUG)
    return lambda: caplog.text + "".join(capsys.readouterr())
