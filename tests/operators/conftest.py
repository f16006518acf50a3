"""The fixtures of the stage, for the tests of operators."""

from __future__ import annotations

import pytest

from tests.operators.stage import FlyingTime, clock, crowd, dying, folder, xai

__all__ = ["clock", "crowd", "dying", "folder", "xai"]


@pytest.fixture(autouse=True)
def _time_flies(clock: FlyingTime) -> None:
    """For every test here."""
