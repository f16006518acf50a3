"""The fixtures of the stage, and another host."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.operators.stage import FlyingTime, clock, folder, xai
from tests.operators.workers import cluster, many

from .elsewhere import Elsewhere, listening

__all__ = ["clock", "cluster", "folder", "many", "xai"]


@pytest.fixture(autouse=True)
def _time_flies(clock: FlyingTime) -> None:
    """For every test here."""


@pytest.fixture
def elsewhere() -> Iterator[Elsewhere]:
    """A host that is none of xAI's."""
    with listening() as place:
        yield place
