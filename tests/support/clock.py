"""The clock of tests in which nobody waits: a pause takes no time, and the clock shows that it was made."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from airflow_provider_xai_collections.client.cancelling import CancelToken

_time, _monotonic, _sleep, _async_sleep = time.time, time.monotonic, time.sleep, asyncio.sleep
_pause = CancelToken.pause

#: Threads whose pauses are real, by how their names begin: those of a server. The others play clients.
SERVER_THREADS = ("emulator", "AnyIO")


@dataclass
class FlyingTime:
    """A clock that any pause but a server's moves on at once. ``pauses`` lists the seconds that were asked for."""

    pauses: list[float] = field(default_factory=list)

    def flies(self, seconds: float | None) -> bool:
        if not seconds or threading.current_thread().name.startswith(SERVER_THREADS):
            return False
        self.pauses.append(seconds)
        return True

    def time(self) -> float:
        return _time() + sum(self.pauses)

    def monotonic(self) -> float:
        return _monotonic() + sum(self.pauses)

    def sleep(self, seconds: float) -> None:
        _sleep(0 if self.flies(seconds) else seconds)

    async def async_sleep(self, seconds: float, result: Any = None) -> Any:
        return await _async_sleep(0 if self.flies(seconds) else seconds, result)

    def pause(self, token: CancelToken, seconds: float) -> None:
        _pause(token, 0 if self.flies(seconds) else seconds)

    def install(self, put: Callable[[str, Any], None]) -> None:
        """Make it the clock of this process. The die for jitter always shows the least.

        :param put: sets what a dotted name stands for.
        """
        put("time.time", self.time)
        put("airflow_provider_xai_collections.client.clock.monotonic", self.monotonic)
        put("time.sleep", self.sleep)
        put("asyncio.sleep", self.async_sleep)
        # As a function, which becomes a method of the token.
        put(
            "airflow_provider_xai_collections.client.cancelling.CancelToken.pause",
            lambda token, seconds: self.pause(token, seconds),
        )
        put("random.uniform", lambda least, most: least)
