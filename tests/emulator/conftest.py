"""Fixtures of the emulator's tests."""

from __future__ import annotations

import pytest

from tests.support.caller import Caller, Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def caller() -> Caller:
    """An emulator as it comes: in memory, indexing at once."""
    return Caller()
