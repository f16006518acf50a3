"""The live suite on the emulator, where waits take no time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from tests.operators.stage import FlyingTime, Xai, clock, xai

from .meter import Budget, Meter
from .playing import Outcome, play

__all__ = ["clock", "xai"]

Play: TypeAlias = Callable[..., Outcome]


@pytest.fixture
def played(connection: str, tmp_path: Path, clock: FlyingTime) -> Play:
    """``played(budget, scenarios=…, points=…)``: the outcome of a run."""

    def played(budget: Budget | None = None, **chosen: Any) -> Outcome:
        return play(connection, tmp_path, Meter(budget or Budget()), poll_interval=0.02, patience=20.0, **chosen)

    return played


def holds(xai: Xai) -> set[str]:
    """Return the ids of all collections and files that are there."""
    return {each.collection_id for each in xai.hook.list_collections()} | {each.id for each in xai.hook.list_files()}
