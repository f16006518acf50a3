"""The fixtures of the stage, for playing on the emulator."""

from __future__ import annotations

import pytest

from tests.operators.stage import FlyingTime, clock, xai

__all__ = ["clock", "xai"]


@pytest.fixture(autouse=True)
def _time_flies(clock: FlyingTime) -> None:
    """Let waits take no time in every test here."""
