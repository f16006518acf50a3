"""The live suite on the emulator."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.conftest import API_KEY, MANAGEMENT_KEY
from tests.operators.stage import Xai

from .masking import PIECE, Mask
from .meter import Budget, Meter
from .playing import Outcome, play


def metering(budget: Budget | None = None) -> Meter:
    """Return a meter that knows the keys of ``connection``."""
    return Meter(budget or Budget(), Mask([MANAGEMENT_KEY, API_KEY]))


def played(
    connection: str, folder: Path, meter: Meter | None = None, told: list[str] | None = None, **chosen: Any
) -> Outcome:
    """Play a run, quietly.

    :param told: gets the lines of the terminal.
    """
    return play(
        connection,
        folder,
        meter or metering(),
        tell=(told if told is not None else []).append,
        poll_interval=0.02,
        patience=20.0,
        **chosen,
    )


def holds_nothing(xai: Xai) -> bool:
    return xai.hook.list_collections() == [] and xai.hook.list_files() == []


def shown(text: str) -> list[str]:
    """Return the pieces of the keys in a text."""
    pieces = [key[start : start + PIECE] for key in (MANAGEMENT_KEY, API_KEY) for start in range(len(key) - PIECE + 1)]
    return [piece for piece in pieces if piece in text]
