"""Celery's broker: a Redis of our own, where one is installed."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from redis import Redis
from redis.exceptions import ConnectionError as NotYet

from tests.system.processes import Process, free_port, until


def find_redis() -> str | None:
    """The server's program."""
    return shutil.which("redis-server")


class Broker:
    """A server on a loopback port, without a password. All that it is given to pass on is kept below ``home``.

    :param program: as :func:`find_redis` found it.
    """

    def __init__(self, program: str, home: Path, environment: Mapping[str, str]) -> None:
        port = free_port()
        self.url = f"redis://127.0.0.1:{port}/0"
        messages = home / "redis"
        messages.mkdir()
        settings = {
            "bind": "127.0.0.1",
            "port": str(port),
            "dir": str(messages),
            "save": "",
            # Every message, for the search for keys.
            "appendonly": "yes",
            "appendfsync": "no",
            "auto-aof-rewrite-percentage": "0",
        }
        switches = [word for name, value in settings.items() for word in (f"--{name}", value)]
        self._process = Process([program, *switches], log=home / "redis.log", environment=environment, cwd="/")
        self._redis = Redis.from_url(self.url)
        until(self._is_ready, "Redis answers")

    def _is_ready(self) -> bool:
        self._process.check()
        try:
            return bool(self._redis.ping())
        except NotYet:
            return False

    def stop(self) -> None:
        self._redis.close()
        self._process.stop()
