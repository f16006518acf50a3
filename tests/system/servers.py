"""Airflow's metadata database and Celery's broker: servers of our own, as Debian's packages bring them."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.system.processes import Process, free_port, until

#: Where Debian puts PostgreSQL, and not on the path.
DEBIAN = Path("/usr/lib/postgresql")


def program(name: str, package: str) -> Path:
    """The file of a program, of the newest release that is here."""
    if found := shutil.which(name):
        return Path(found)
    releases = sorted(DEBIAN.glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]))
    if not releases:
        raise AssertionError(f"no {name} on this machine: apt-get install {package}")
    return releases[-1]


class PostgreSQL:
    """A cluster on a loopback port, without passwords and without care for power cuts.

    It refuses to run as root, so under root it runs as the user whom its package made, or as nobody.
    """

    def __init__(self, home: Path) -> None:
        self._programs = program("initdb", "postgresql").resolve().parent
        port = free_port()
        self._address = ["--host", "127.0.0.1", "--port", str(port), "--username", "airflow"]
        self.url = f"postgresql+psycopg2://airflow@127.0.0.1:{port}/airflow"
        data = home / "postgresql"
        data.mkdir(mode=0o700)
        identity: dict[str, Any] = {}
        if os.geteuid() == 0:
            user = _unprivileged()
            os.chown(data, user, user)
            identity = {"user": user, "group": user, "extra_groups": []}
        environment = {"LC_ALL": "C.UTF-8", "PATH": os.defpath}
        initialize: list[str | Path] = [
            self._programs / "initdb",
            "--pgdata",
            data,
            "--username=airflow",
            "--auth=trust",
            "--no-sync",
        ]
        subprocess.run(initialize, env=environment, cwd="/", stdout=subprocess.DEVNULL, check=True, **identity)
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(port),
            "unix_socket_directories": "",
            "max_connections": "200",
            "fsync": "off",
            "synchronous_commit": "off",
            "full_page_writes": "off",
        }
        switches = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        self._process = Process(
            [self._programs / "postgres", "-D", data, *switches],
            log=home / "postgresql.log",
            environment=environment,
            stop_signal=signal.SIGQUIT,  # at once: nobody will ask it anything again
            cwd="/",
            **identity,
        )
        self.stop = self._process.stop
        until(self._is_ready, "PostgreSQL answers")
        self._run("createdb", "airflow")

    def _is_ready(self) -> bool:
        self._process.check()
        return self._client("pg_isready").returncode == 0

    def _client(self, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        command: list[str | Path] = [self._programs / name, *self._address, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def _run(self, name: str, *arguments: str) -> str:
        result = self._client(name, *arguments)
        assert result.returncode == 0, f"{name}: {result.stderr}"
        return result.stdout

    def dump(self) -> str:
        """Every row of every table, as text."""
        return self._run("pg_dump", "--data-only", "airflow")


def _unprivileged() -> int:
    users = {user.pw_name: user.pw_uid for user in pwd.getpwall()}
    return users.get("postgres") or users["nobody"]


class Redis:
    """A server on a loopback port, without a password. All that it is given to pass on is kept below ``home``."""

    def __init__(self, home: Path, environment: Mapping[str, str]) -> None:
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
        command: list[str | Path] = [program("redis-server", "redis-server"), *switches]
        # Nobody waits until it listens: before Celery's workers are there, Airflow's database has to be set up.
        self.process = Process(command, log=home / "redis.log", environment=environment, cwd="/")
