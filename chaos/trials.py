"""What a trial is, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum


class Size(Enum):
    """How much is tried: in a minute with all the tests, in some minutes, or all there is."""

    SMALL = "small"
    MEDIUM = "medium"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class Trial:
    """One thing that was tried.

    :param group: the row of the table that it belongs to: trials of one group differ in what the table need not tell.
    :param what: what was tried, so exactly that it can be repeated with the seed.
    :param ended: how, in few words: ``done``, ``done by the retry``, ``refused: XAIServerError``.
    :param wrong: what is not as it should be at the end; empty if all is well.
    """

    group: str
    what: str
    ended: str
    wrong: tuple[str, ...] = field(default=())
