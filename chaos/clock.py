"""A clock that runs faster than the world's: a pause that a service asks for is made, and does not take that long."""

from __future__ import annotations

import time
from dataclasses import dataclass

_monotonic, _sleep = time.monotonic, time.sleep


@dataclass(frozen=True, slots=True)
class FastClock:
    """Processes that are told these figures have the same time.

    :param speed: its seconds in one of the world's.
    :param origin: what the machine's monotonic clock showed when this one showed ``epoch``.
    :param epoch: in seconds since the epoch of the world.
    """

    speed: float
    origin: float
    epoch: float

    @classmethod
    def started(cls, speed: float) -> FastClock:
        """One that shows the right time now."""
        return cls(speed, _monotonic(), time.time())

    def monotonic(self) -> float:
        return (_monotonic() - self.origin) * self.speed

    def time(self) -> float:
        return self.epoch + self.monotonic()

    def sleep(self, seconds: float) -> None:
        _sleep(seconds / self.speed)

    def install(self) -> None:
        """Make it the clock of this process, for good.

        Before what is timed is imported, as some of that takes hold of a clock for ever. Time-outs of sockets stay as
        they are: a machine that is busy must not look like a service that is down.
        """
        time.time, time.monotonic, time.sleep = self.time, self.monotonic, self.sleep  # type: ignore[assignment]  # for good

        from airflow_provider_xai_collections.client.stopping import Stop

        pause = Stop.pause

        def shorter(stop: Stop, seconds: float) -> None:
            pause(stop, seconds / self.speed)

        Stop.pause = shorter  # type: ignore[assignment, method-assign]  # for good
