"""The stage of the operators' tests, for the tests of sensors."""

from __future__ import annotations

import pytest

from tests.operators.stage import FlyingTime, clock, dying, xai

__all__ = ["clock", "dying", "xai"]


@pytest.fixture(autouse=True)
def _time_flies(clock: FlyingTime) -> None:
    """For every test here."""
