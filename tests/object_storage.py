"""Object storages for tests: fsspec's own in memory, told to Airflow under any name and connection."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, ClassVar, TypeVar

from fsspec.implementations.memory import MemoryFileSystem  # type: ignore[import-untyped]

try:
    stores, registry = import_module("airflow.sdk.io.store"), import_module("airflow.sdk.io.fs")
except ImportError:  # Airflow 2
    stores, registry = import_module("airflow.io.store"), import_module("airflow.io")


class StorageDownError(Exception):
    """The libraries of storages have errors that are no ``OSError``."""


class FakeStorage(MemoryFileSystem):  # type: ignore[misc]
    """Objects by name, listed folder by folder. It counts what it is asked, and may be told to refuse."""

    protocol: ClassVar[str] = "sftp"
    cachable = False

    def __init__(self) -> None:
        super().__init__()
        self.store: dict[str, Any] = {}
        self.pseudo_dirs = [""]
        self.asked: Counter[str] = Counter()
        self._refusal: tuple[Exception, str, str] | None = None

    def refuse(self, error: Exception, what: str = "", ending: str = "") -> None:
        """From now on, raise this where a path that ends so is asked for; ``what``: for nothing but this."""
        self._refusal = (error, what, ending)

    def _ask(self, what: str, path: str) -> None:
        self.asked[what] += 1
        if self._refusal and what.startswith(self._refusal[1]) and path.endswith(self._refusal[2]):
            raise self._refusal[0]

    def told_of(self, info: dict[str, Any]) -> dict[str, Any]:
        return info

    def info(self, path: str, **kwargs: Any) -> Any:
        self._ask("info", path)
        return self.told_of(super().info(path, **kwargs))

    def ls(self, path: str, detail: bool = True, **kwargs: Any) -> Any:
        self._ask("ls", path)
        found = [self.told_of(info) for info in super().ls(path, detail=True, **kwargs)]
        return found if detail else [info["name"] for info in found]

    def _open(self, path: str, mode: str = "rb", **kwargs: Any) -> Any:
        self._ask(f"open {mode}", path)
        return super()._open(path, mode, **kwargs)


class FakeS3(FakeStorage):
    """Answers as s3fs does: names begin with the bucket, there are no folders, and ``find`` is one listing."""

    protocol: ClassVar[str] = "s3"
    root_marker = ""

    @classmethod
    def _strip_protocol(cls, path: Any) -> Any:
        if isinstance(path, list):
            return [cls._strip_protocol(each) for each in path]
        return str(path).removeprefix("s3://").rstrip("/")

    def put(self, name: str, data: bytes) -> None:
        """Write an object as other programs do: under any name."""
        with self.open("x", "wb") as stream:
            stream.write(data)
        self.store[name] = self.store.pop("x")

    def told_of(self, info: dict[str, Any]) -> dict[str, Any]:
        if info["type"] == "directory":
            return info
        digest = hashlib.md5(self.store[info["name"]].getvalue()).hexdigest()
        return {**info, "Key": info["name"], "ETag": f'"{digest}"', "LastModified": "ignored"}

    def find(self, path: str, maxdepth: Any = None, withdirs: bool = False, detail: bool = False, **kwargs: Any) -> Any:
        self._ask("find", path)
        path = self._strip_protocol(path)
        names = sorted(name for name in self.store if name.startswith(f"{path}/")) or [path] * (path in self.store)
        found = {name: self.told_of({"name": name, "type": "file", "size": self.store[name].size}) for name in names}
        return found if detail else list(found)


class CachingStorage(FakeStorage):
    """It remembers what it has listed, and tells of a file what the listing of its folder told, as many do."""

    def ls(self, path: str, detail: bool = True, **kwargs: Any) -> Any:
        path = f"/{path.strip('/')}"
        if path not in self.dircache:
            self.dircache[path] = super().ls(path, detail=True)
        return self.dircache[path] if detail else [info["name"] for info in self.dircache[path]]

    def info(self, path: str, **kwargs: Any) -> Any:
        path = f"/{path.strip('/')}"
        for info in self.dircache.get(path.rpartition("/")[0] or "/", ()):
            if info["name"] == path:
                return info
        return super().info(path, **kwargs)

    def invalidate_cache(self, path: str | None = None) -> None:
        """Forget what is at or below a path; all without one, as fsspec says it."""
        top = "/" if path is None else f"/{path.strip('/')}"
        for listed in list(self.dircache):
            if f"{listed}/".startswith(f"{top.rstrip('/')}/"):
                del self.dircache[listed]


class HasteStorage(CachingStorage):
    """One that forgets the path that it is told to, and nothing below it."""

    def invalidate_cache(self, path: str | None = None) -> None:
        if path is None:
            self.dircache.clear()
        self.dircache.pop(f"/{path}".replace("//", "/"), None)


F = TypeVar("F", bound=FakeStorage)


@contextmanager
def attached(fs: F, conn_id: str | None = None) -> Iterator[F]:
    """Airflow finds it as ``protocol://conn_id@``, without looking a connection up."""
    with nothing_attached(fs.protocol):
        stores.attach(fs.protocol, conn_id, fs=fs)
        yield fs


@contextmanager
def registered(protocol: str, make: Callable[[str | None], FakeStorage]) -> Iterator[None]:
    """Airflow calls ``make`` with the id of a connection, as it would call the provider of that storage."""
    before = registry._register_filesystems
    registry._register_filesystems = lambda: {protocol: make}  # type: ignore[attr-defined]
    try:
        with nothing_attached(protocol):
            yield
    finally:
        registry._register_filesystems = before  # type: ignore[attr-defined]


@contextmanager
def nothing_attached(protocol: str) -> Iterator[None]:
    before = dict(stores._STORE_CACHE)
    for key in [key for key, each in before.items() if each.protocol == protocol]:
        del stores._STORE_CACHE[key]
    try:
        yield
    finally:
        stores._STORE_CACHE.clear()
        stores._STORE_CACHE.update(before)
