"""Delay of an effect: none, so many reads, or so many seconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Delay:
    """A delay: in ``reads`` it makes a test deterministic, in ``seconds`` a demo lively."""

    unit: Literal["instant", "reads", "seconds"]
    amount: float = 0.0

    @classmethod
    def parse(cls, text: str) -> Delay:
        """Read ``instant``, ``reads:3`` or ``seconds:2.5``."""
        unit, _, amount = text.partition(":")
        try:
            if text == "instant":
                return cls("instant")
            if unit == "reads" and int(amount) > 0:
                return cls("reads", int(amount))
            if unit == "seconds" and float(amount) >= 0:
                return cls("seconds", float(amount))
        except ValueError:
            pass
        raise ValueError(f"{text!r} is not instant, reads:N or seconds:S")
