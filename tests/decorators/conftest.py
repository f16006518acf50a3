"""The fixtures of the stage, for the tests of decorators."""

from __future__ import annotations

import pytest

from tests.operators.stage import FlyingTime, clock, folder, xai

__all__ = ["clock", "folder", "xai"]


@pytest.fixture(autouse=True)
def _time_flies(clock: FlyingTime) -> None:
    """For every test here."""
