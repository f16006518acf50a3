"""Fixtures of the client's tests."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from .driving import Run, RunMany, run_async, run_many_async, run_many_sync, run_sync


@pytest.fixture(params=[run_sync, run_async])
def run(request: pytest.FixtureRequest) -> Run:
    """Either driver."""
    chosen: Run = request.param
    return chosen


@pytest.fixture(params=[run_many_sync, run_many_async])
def run_many(request: pytest.FixtureRequest) -> RunMany:
    """Either driver, for many flows."""
    chosen: RunMany = request.param
    return chosen


@pytest.fixture
def no_long_pause() -> Iterator[None]:
    """Fails the test if it takes as long as a pause that it is about."""
    start = time.monotonic()
    yield
    assert time.monotonic() - start < 10
