"""Stories that are all played at once on one Airflow, so that none waits for another, and that tests look at after."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import pytest

from tests.system.processes import PATIENCE
from tests.system.stack import Stack

#: Seconds until a story must be over, which may wait more than once.
LONG = 2 * PATIENCE

_PLAYS: dict[str, Callable[[Stack], Any]] = {}


def scenario(play: Callable[[Stack], object]) -> Callable[..., Any]:
    """Makes a fixture of a story: its value is what the story returns, or its failure.

    Its name must be known to no other.
    """
    name = play.__name__
    _PLAYS[name] = play

    @pytest.fixture(scope="session", name=name)
    def outcome(scenarios: Scenarios) -> Any:
        return scenarios.outcome(name)

    return outcome


class Scenarios:
    """The stories that run."""

    def __init__(self, stack: Stack, names: set[str]) -> None:
        self._stack = stack
        self._outcomes = {name: self._begin(play) for name, play in _PLAYS.items() if name in names}

    def _begin(self, play: Callable[[Stack], Any]) -> Future[Any]:
        future: Future[Any] = Future()

        def run() -> None:
            try:
                future.set_result(play(self._stack))
            except BaseException as error:
                future.set_exception(error)

        # A daemon: whoever interrupts the tests does not wait for a story to notice.
        threading.Thread(target=run, name=play.__name__, daemon=True).start()
        return future

    def outcome(self, name: str) -> Any:
        return self._outcomes[name].result(LONG)

    def wait_for_all(self) -> None:
        """Until each is over, well or badly."""
        for future in self._outcomes.values():
            future.exception(LONG)
