"""Airflow's metadata database: PostgreSQL where it is installed, else SQLite."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import sqlite3
import subprocess
from abc import ABC, abstractmethod
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.system.processes import Process, free_port, until

#: Where Debian puts it, and not on the path.
DEBIAN = Path("/usr/lib/postgresql")


class Database(ABC):
    """Where Airflow keeps everything.

    :param stories_at_once: how many scenarios it bears.
    """

    url: str
    stories_at_once: int

    @abstractmethod
    def dump(self) -> str:
        """Every row of every table, as text."""

    @abstractmethod
    def stop(self) -> None:
        """End it."""


def start_database(home: Path) -> Database:
    """The best database there is, below ``home``."""
    programs = find_postgresql()
    return SQLite(home / "airflow.db") if programs is None else PostgreSQL(programs, home)


def find_postgresql() -> Path | None:
    """The folder with ``initdb``, of the newest release that is here."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    folders = [path.parent for path in DEBIAN.glob("*/bin/initdb")]
    return max(folders, key=lambda folder: int(folder.parent.name), default=None)


class SQLite(Database):
    """A file, in the mode in which readers and a writer do not lock each other out.

    Airflow's components lock each other out all the same if much happens at once.
    """

    stories_at_once = 1

    def __init__(self, path: Path) -> None:
        self._path = path
        self.url = f"sqlite:///{path}"
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA journal_mode=WAL")

    def dump(self) -> str:
        with closing(sqlite3.connect(f"file:{self._path}?mode=ro", uri=True)) as connection:
            return "\n".join(connection.iterdump())

    def stop(self) -> None:
        """A file needs no end."""


class PostgreSQL(Database):
    """A cluster of our own on a loopback port, without passwords and without care for power cuts.

    It refuses to run as root, so under root it runs as the user whom its package made, or as nobody.
    """

    stories_at_once = 100

    def __init__(self, programs: Path, home: Path) -> None:
        self._programs = programs
        port = free_port()
        self._address = ["--host", "127.0.0.1", "--port", str(port), "--username", "airflow"]
        self.url = f"postgresql+psycopg2://airflow@127.0.0.1:{port}/airflow"
        data = home / "postgresql"
        data.mkdir(mode=0o700)
        user = _unprivileged() if os.geteuid() == 0 else None
        if user is not None:
            os.chown(data, user, user)
        identity: dict[str, Any] = {} if user is None else {"user": user, "group": user, "extra_groups": []}
        environment = {"LC_ALL": "C.UTF-8", "PATH": os.defpath}
        initialize: list[str | Path] = [
            programs / "initdb",
            "--pgdata",
            data,
            "--username",
            "airflow",
            "--auth",
            "trust",
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
            [programs / "postgres", "-D", data, *switches],
            log=home / "postgresql.log",
            environment=environment,
            stop_signal=signal.SIGQUIT,  # at once: nobody will ask it anything again
            cwd="/",
            **identity,
        )
        until(self._is_ready, "PostgreSQL answers")
        self._run("createdb", "airflow")

    def _is_ready(self) -> bool:
        self._process.check()
        return self._client("pg_isready").returncode == 0

    def _client(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        command: list[str | Path] = [self._programs / program, *self._address, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def _run(self, program: str, *arguments: str) -> str:
        result = self._client(program, *arguments)
        if result.returncode:
            raise AssertionError(f"{program}: {result.stderr}")
        return result.stdout

    def dump(self) -> str:
        return self._run("pg_dump", "--data-only", "airflow")

    def stop(self) -> None:
        self._process.stop()


def _unprivileged() -> int:
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_uid
        except KeyError:
            continue
    raise AssertionError("PostgreSQL does not run as root, and there is no user nobody")
